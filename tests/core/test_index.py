"""The index makes a second start instant and is never believed when it could be wrong."""

from __future__ import annotations

import builtins
import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import exptui.discover
from exptui.documents import from_document, to_document
from exptui.follow import Follower
from exptui.index import RunIndex, decode, encode
from exptui.records import MetricSummary, RunRecord
from watched import log_of
from writers import append, json_line, native_run, python

LONG_AGO = time.time() - 10_000


def age(root: Path, moment: float = LONG_AGO) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            os.utime(os.path.join(folder, name), (moment, moment))


def look(root: Path, cache: Path | None) -> dict[str, RunRecord]:
    records: dict[str, RunRecord] = {}
    for batch in Follower(str(root), RunIndex(cache) if cache else None, clock=lambda: LONG_AGO + 9000).once():
        for gone in batch.gone:
            records.pop(gone, None)
        records.update((one.id, one) for one in batch.records)
    return records


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for at in range(5):
        rows: list[dict[str, Any]] = [{"step": step, "time": LONG_AGO, "loss": step / 3} for step in range(20)]
        rows[3]["loss"] = "NaN"
        params = {"lr": 0.1, "layers": [1, 2], "note": "größe \ud800"}
        native_run(folder / f"r{at}", rows, name="n", params=params, tags=["a"], goals={"loss": "min"})
    (folder / "t").mkdir()
    (folder / "t/metrics.csv").write_bytes(log_of("csv", [{"loss": 1.5}, {"loss": 2.5}]))
    (folder / "bad").mkdir()
    (folder / "bad/metrics.jsonl").write_bytes(json_line({"step": 1, "x": 1e308}) + b"oops\ntorn")
    age(folder)
    return folder


def reads(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """From now on, the run files that are opened."""
    opened: list[str] = []
    real, real_open = os.open, builtins.open

    def noting(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).startswith(f"{root}/"):
            opened.append(str(path))
        return real(path, *arguments, **options)

    def noting_open(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).startswith(f"{root}/"):
            opened.append(str(path))
        return real_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", noting)
    monkeypatch.setattr(builtins, "open", noting_open)
    return opened


def test_a_second_start_tells_every_run_before_it_reads_any_file(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = look(root, tmp_path / "cache")
    opened = reads(monkeypatch, root)
    batches = Follower(str(root), RunIndex(tmp_path / "cache"), clock=lambda: LONG_AGO + 9000).once()
    told = {one.id: one for one in next(batches).records}
    assert told == first
    assert len(told) == 7
    assert opened == []
    # The scan looks at the heads of what may be a log; no run is read.
    anything = b'step,x\n{"a":1}\n'
    monkeypatch.setattr(exptui.discover, "_head", lambda folder, name: Path(os.devnull).read_bytes() or anything)
    opened.clear()
    rest = [one for batch in batches for one in batch.records if one.format == "native"]
    assert rest == []
    assert [path for path in opened if "/r" in path] == []


def test_changed_new_and_removed_runs_are_noticed_at_the_next_start(root: Path, tmp_path: Path) -> None:
    look(root, tmp_path / "cache")
    append(root / "r0/metrics.jsonl", json_line({"step": 99, "loss": 9.0}))
    native_run(root / "new", [{"step": 1, "loss": 1}])
    for file in (root / "r1").iterdir():
        file.unlink()
    native_run(root / "r2", [{"step": 1, "acc": 0.5}])
    found = look(root, tmp_path / "cache")
    assert set(found) == {"r0", "r2", "r3", "r4", "new", "t/metrics.csv", "bad/metrics.jsonl"}
    assert found["r0"].metrics["loss"].last == 9.0
    assert set(found["r2"].metrics) == {"acc"}
    assert found == look(root, None)


def test_a_file_written_a_moment_before_it_was_read_is_read_again(root: Path, tmp_path: Path) -> None:
    log = root / "r0/metrics.jsonl"
    moment = LONG_AGO + 9000 - 0.5
    os.utime(log, (moment, moment))
    look(root, tmp_path / "cache")
    changed = log.read_bytes().replace(b"0.3333333333333333", b"7.7777777777777777")
    assert len(changed) == log.stat().st_size
    with open(log, "r+b") as file:
        file.write(changed)
    os.utime(log, (moment, moment))
    assert look(root, tmp_path / "cache")["r0"].metrics["loss"].max == pytest.approx(7.7777777)


def test_nothing_is_written_when_nothing_changed(root: Path, tmp_path: Path) -> None:
    look(root, tmp_path / "cache")
    file = tmp_path / "cache/index.json"
    before = file.stat()
    look(root, tmp_path / "cache")
    after = file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_runs_directory_is_never_written_to(root: Path, tmp_path: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        paths = sorted(root.rglob("*"))
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]

    before = state()
    look(root, tmp_path / "cache")
    look(root, tmp_path / "cache")
    assert state() == before


def mutations(content: bytes, rng: random.Random) -> list[bytes]:
    found = [
        b"",
        b"\n",
        b"{}",
        b"null\n{}",
        content[:-1],
        content + b" ",
        content * 2,
        content[1:],
        bytes(len(content)),
    ]
    body = content.partition(b"\n")[2]
    found += [encode({}).replace(b":1,", b":2,"), b'{"exptui_index":99,"crc":0}\n' + body, b"[" * 100_000]
    for _ in range(190):
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        found.append(bytes(damaged) if rng.random() < 0.7 else content[: rng.randrange(len(content))])
    return found


def test_no_damage_to_the_index_changes_what_is_known(root: Path, tmp_path: Path) -> None:
    fresh = look(root, None)
    cache = tmp_path / "cache"
    look(root, cache)
    good = (cache / "index.json").read_bytes()
    for damaged in mutations(good, random.Random(3)):
        (cache / "index.json").write_bytes(damaged)
        assert look(root, cache) == fresh, damaged[:200]
        if damaged != good:
            assert (cache / "index.damaged").read_bytes() == damaged
        assert decode((cache / "index.json").read_bytes())["runs"].keys() == decode(good)["runs"].keys()


def test_a_record_survives_the_index_to_its_last_digit() -> None:
    summary = MetricSummary(4, float("inf"), 3.0, 0.0, -1e308, 1.0, 5e-324, 2.0, 1, 1)
    record = RunRecord(id="r\udcff", format="csv", path="a\nb", metrics={"x": summary}, tags=("t",), created=0.1)
    back = from_document(json.loads(json.dumps(to_document(record))))
    assert back == record
    broken = replace(record, metrics={"x": replace(summary, last=float("nan"))})
    again = from_document(json.loads(json.dumps(to_document(broken))))
    assert again.metrics["x"].last != again.metrics["x"].last


LOOKING = """
import sys
from pathlib import Path
from exptui.follow import Follower
from exptui.index import RunIndex
for turn in range(12):
    index = RunIndex(Path(sys.argv[2]))
    records = {}
    for batch in Follower(sys.argv[1], index).once():
        for one in batch.gone: records.pop(one, None)
        for one in batch.records: records[one.id] = one
    with open(sys.argv[1] + "/" + sys.argv[3] + "/metrics.jsonl", "a") as file:
        file.write('{"step": 1, "loss": 2}\\n')
    assert len(records) == 7, sorted(records)
    assert not index._storage.quarantined
    index._storage.close()
"""


def test_several_processes_share_an_index_without_harm(root: Path, tmp_path: Path) -> None:
    looking = [python(LOOKING, root, tmp_path / "cache", f"r{at}") for at in range(3)]
    assert [process.wait(60) for process in looking] == [0, 0, 0]
    tables = decode((tmp_path / "cache/index.json").read_bytes())
    assert len(tables["runs"]) == 7
    assert look(root, tmp_path / "cache") == look(root, None)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"index.json", "index.lock"}


def test_an_index_that_cannot_be_written_costs_only_time(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert look(root, tmp_path / "cache") == look(root, None)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["index.lock"]
    monkeypatch.undo()
    (tmp_path / "blocked").write_bytes(b"")
    assert look(root, tmp_path / "blocked/cache") == look(root, None)
