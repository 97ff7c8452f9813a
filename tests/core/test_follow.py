"""One look at a directory, and what the follower says of runs that are damaged, silent or gone."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import exptui.sources
import writers
from exptui.follow import Follower
from exptui.formats.jsonlines import JsonLines
from exptui.records import Batch, RunRecord
from exptui.sources import Sources
from following import Following
from writers import native_run

NOW = 1_800_000_000.0


def once(follower: Follower) -> dict[str, RunRecord]:
    records: dict[str, RunRecord] = {}
    for batch in follower.once():
        for gone in batch.gone:
            records.pop(gone, None)
        records.update((one.id, one) for one in batch.records)
    return records


def look(root: Path, now: float = NOW) -> dict[str, RunRecord]:
    return once(Follower(str(root), clock=lambda: now))


def silent_run(root: Path, gap: float, silence: float, **document: Any) -> Path:
    """A run that logged every `gap` seconds and fell silent `silence` seconds before NOW."""
    last = NOW - silence
    rows = [{"step": at, "time": last - gap * (40 - at), "loss": 1.0} for at in range(41)]
    run = native_run(root / "r", rows, status="running", **document)
    for file in run.iterdir():
        os.utime(file, (last, last))
    return run


@pytest.mark.parametrize(
    ("gap", "silence", "status"),
    [(1.0, 50, "running"), (1.0, 70, "crashed"), (60.0, 500, "running"), (60.0, 700, "crashed")],
)
def test_a_run_is_silent_by_its_own_rhythm(gap: float, silence: float, status: str, tmp_path: Path) -> None:
    silent_run(tmp_path, gap, silence)
    assert look(tmp_path)["r"].status == status


@pytest.mark.parametrize(("silence", "status"), [(50, "running"), (70, "stalled"), (700, "stalled")])
def test_a_silent_run_whose_heart_beats_is_stalled(silence: float, status: str, tmp_path: Path) -> None:
    silent_run(tmp_path, 1.0, silence, heartbeat=NOW - 5)
    run = look(tmp_path)["r"]
    assert run.status == status
    assert "heartbeat 5s ago" in run.status_evidence


def test_a_log_without_end_marks_stalls_and_is_unknown_after_long(tmp_path: Path) -> None:
    rows = [{"step": at, "time": NOW - 40 + at, "loss": 1.0} for at in range(41)]
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(b"".join(map(writers.json_line, rows)))
    os.utime(log, (NOW, NOW))
    states = {age: look(tmp_path, NOW + age)["metrics.jsonl"].status for age in (1, 59, 61, 599, 601, 1e6)}
    assert states == {1: "running", 59: "running", 61: "stalled", 599: "stalled", 601: "unknown", 1e6: "unknown"}


@pytest.mark.parametrize("beat", ["NaN", "Infinity", "1e400", "1" + "0" * 400, '"NaN"', "true", "[]", '"tomorrow"'])
def test_moments_that_are_none_are_not_believed(beat: str, tmp_path: Path) -> None:
    run = silent_run(tmp_path, 1.0, 9000.0)
    text = json.dumps({"schema": "exptui/1", "id": "r", "status": "running", "heartbeat": 0, "created_at": 1})
    (run / "run.json").write_text(text.replace('"heartbeat": 0', f'"heartbeat": {beat}').replace("1}", f"{beat}}}"))
    os.utime(run / "run.json", (NOW - 9000, NOW - 9000))
    record = look(tmp_path)["r"]
    assert (record.status, record.created, record.problems) == ("crashed", None, ())


def test_a_damaged_run_marks_only_itself(tmp_path: Path) -> None:
    native_run(tmp_path / "good", [{"step": 1, "loss": 0.5}])
    native_run(tmp_path / "bad", [{"step": 1, "loss": 0.5}])
    (tmp_path / "bad/run.json").write_bytes(b'{"schema": "exptui/1", "id": ')
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise/events.tfevents.1").write_bytes(os.urandom(5000))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/run.json").write_bytes(b'{"schema": "exptui/1", "params": ' + b"[" * 200_000)
    runs = look(tmp_path)
    assert runs["good"].problems == ()
    assert "no valid JSON" in str(runs["bad"].problems)
    assert runs["bad"].metrics["loss"].last == 0.5
    assert "damaged from here on" in str(runs["noise"].problems)
    assert "cannot be read" in str(runs["deep"].problems)


def test_a_reader_that_fails_unexpectedly_marks_only_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        native_run(tmp_path / name, [{"step": 1, "loss": 0.5}])
    real = JsonLines.read

    def failing(log: JsonLines, budget: int) -> Any:
        if "/a/" in log._tail.tail.path:
            raise ZeroDivisionError("never thought of")
        return real(log, budget)

    monkeypatch.setattr(JsonLines, "read", failing)
    runs = look(tmp_path)
    assert "ZeroDivisionError: never thought of" in str(runs["a"].problems)
    assert (runs["b"].problems, runs["b"].metrics["loss"].last) == ((), 0.5)


def test_a_run_json_written_in_two_halves_is_read_when_whole(tmp_path: Path) -> None:
    run = native_run(tmp_path / "r", [{"step": 1, "loss": 0.5}], id="other", name="Anna")
    whole = (run / "run.json").read_bytes()
    (run / "run.json").write_bytes(whole[:30])
    with Following(tmp_path) as live:
        live.until(lambda: live.ids() == {"r"})
        live.want("r", "other")
        live.until(lambda: live.points("r"))
        (run / "run.json").write_bytes(whole)
        live.until(lambda: live.ids() == {"other"})
        live.until(lambda: live.points("other") == {"loss": [("1.0", "0.5")]})
    record = live.run("other")
    assert record is not None
    assert (record.name, record.problems) == ("Anna", ())


def test_a_file_that_could_not_be_opened_is_read_once_it_can_be_though_it_did_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = native_run(tmp_path / "r", [{"step": 1, "loss": 0.5}], status="running")
    long_ago = time.time() - 100
    for file in run.iterdir():
        os.utime(file, (long_ago, long_ago))
    refused, real = [True], os.open

    def refusing(path: Any, *arguments: Any, **options: Any) -> int:
        if refused[0] and str(path).endswith("/metrics.jsonl"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)
    with Following(tmp_path) as live:
        live.until(lambda: (one := live.run("r")) and "Too many open files" in str(one.problems))
        refused[0] = False
        live.until(lambda: (one := live.run("r")) and one.metrics and not one.problems)


def test_a_directory_that_cannot_be_listed_for_a_while_keeps_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_run(tmp_path / "sub/r", [{"step": 1, "loss": 0.5}])
    native_run(tmp_path / "s", [{"step": 1, "loss": 0.5}])
    disk = Sources(str(tmp_path))
    disk.scan()
    real = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("/sub"):
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    for _ in range(4):
        disk.scan()
        assert disk.drop_missing() == frozenset()
    assert "Input/output error" in str(disk.problems)
    (tmp_path / "s/run.json").unlink()
    (tmp_path / "s/metrics.jsonl").unlink()
    disk.scan()
    disk.scan()
    assert disk.drop_missing() == {("s", "native")}


def test_hints_cannot_make_a_slow_scan_run_all_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = exptui.sources.scan

    def slow(root: str) -> Any:
        time.sleep(0.05)
        return real(root)

    monkeypatch.setattr(exptui.sources, "scan", slow)
    disk = Sources(str(tmp_path))
    disk.scan()
    disk.note_changed([str(tmp_path)])
    assert 0.5 < disk.scan_due - time.monotonic() <= 2.0


def test_a_run_without_its_log_has_no_points_any_more(tmp_path: Path) -> None:
    run = native_run(tmp_path / "r", [{"step": 1, "loss": 0.5}], status="running")
    with Following(tmp_path) as live:
        live.until(lambda: (one := live.run("r")) and one.metrics)
        (run / "metrics.jsonl").unlink()
        live.until(lambda: (one := live.run("r")) and not one.metrics)
        (run / "metrics.jsonl").write_bytes(writers.json_line({"step": 5, "loss": 7.0}))
        live.until(lambda: (one := live.run("r")) and one.metrics and one.metrics["loss"].count == 1)


def test_the_heir_of_a_removed_copy_takes_the_id_that_a_fresh_look_would_give_it(tmp_path: Path) -> None:
    first = native_run(tmp_path / "a", [{"step": 1, "loss": 1.0}], id="shared")
    native_run(tmp_path / "b", [{"step": 2, "loss": 2.0}], id="shared")
    with Following(tmp_path) as live:
        live.until(lambda: live.ids() == {"shared", "b"})
        live.want("shared")
        live.until(lambda: live.points("shared") == {"loss": [("1.0", "1.0")]})
        for file in first.iterdir():
            file.unlink()
        live.until(lambda: live.ids() == {"shared"})
        live.until(lambda: live.points("shared") == {"loss": [("2.0", "2.0")]})
        native_run(first, [{"step": 3, "loss": 3.0}], id="shared")
        live.until(lambda: live.ids() == {"shared", "b"})
        live.until(lambda: live.points("shared") == {"loss": [("3.0", "3.0")]})
    assert {one.id for one in look(tmp_path).values()} == live.ids()


def test_batches_of_a_pass_end_with_everything_read(tmp_path: Path) -> None:
    for name in range(40):
        native_run(tmp_path / f"r{name}", [{"step": 1, "loss": 0.5}])
    batches: list[Batch] = list(Follower(str(tmp_path)).once())
    assert batches[-1].progress.caught_up
    assert batches[-1].progress.read == 40
    assert sorted(one.id for batch in batches for one in batch.records) == sorted(f"r{at}" for at in range(40))
