"""Runs of SwanLab: scalars with steps of their own, facts from the log and beside it, ends, media and lines."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import writers
from wandb_writer import BLOCK, START, SWANLAB, Followed, field, log, stamp

NAME = "run-abc123.swanlab"


def record(number: int, kind: int, body: bytes) -> bytes:
    return field(1, number) + field(2, stamp(START)) + field(kind, body)


def start(**told: str) -> bytes:
    texts = {1: "project", 4: "name", 5: "notes", 6: "tag", 7: "group", 10: "id"}
    body = b"".join(field(at, told[name].encode()) for at, name in texts.items() if name in told)
    return record(-1, 10, body + field(12, stamp(START)))


def scalar(key: str, step: int, value: float) -> bytes:
    content = field(1, value) if value or math.copysign(1, value) < 0 else b""
    return record(
        5, 13, field(1, key.encode()) + field(2, step) + field(3, 1) + field(4, stamp(START)) + field(5, content)
    )


def finish(state: int, error: str = "") -> bytes:
    return record(-2, 11, field(1, state) + (field(2, error.encode()) if error else b""))


def line(text: str) -> bytes:
    return record(6, 16, field(1, text.encode()) + field(3, stamp(START + 1)))


def swan(tmp_path: Path, budget: int = 1 << 20) -> Followed:
    followed = Followed(tmp_path, budget)
    followed.log = followed.log.with_name(NAME)
    return followed


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(st.tuples(st.sampled_from(["loss", "val/Güte"]), st.integers(-5, 2**40), st.floats()), max_size=30),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    budget=st.sampled_from([1, 1 << 20]),
)
def test_a_log_written_in_any_pieces_gives_every_point_that_was_logged(
    told: list[tuple[str, int, float]], cuts: list[float], budget: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scalars = [scalar(*one) for one in told]
    content = log([start(id="abc123"), *scalars[:3], line("x" * BLOCK), *scalars[3:], finish(1)], SWANLAB)
    followed = swan(tmp_path_factory.mktemp("r"), budget)
    followed.log.touch()
    begin = 0
    for end in sorted({*(int(cut * len(content)) for cut in cuts), len(content)}):
        writers.append(followed.log, content[begin:end])
        followed.read()
        begin = end
    expected: dict[str, list[tuple[str, str]]] = {}
    for key, step, value in told:
        expected.setdefault(key, []).append((repr(float(step)), repr(value)))
    assert followed.points() == expected
    assert followed.problems() == []
    assert followed.record().status == "finished"


def test_facts_come_from_the_log_and_from_the_files_beside_it(tmp_path: Path) -> None:
    followed = swan(tmp_path)
    files = followed.log.parent / "files"
    files.mkdir()
    (files / "config.yaml").write_text("lr:\n  desc: ''\n  sort: 0\n  value: 0.5\nlayers:\n  value: [1, 2]\n")
    runtime = {"hostname": "box", "python_version": "3.11", "command": "train.py"}
    (files / "swanlab-metadata.json").write_text(
        json.dumps({"runtime": runtime, "git": {"commit": "9f", "branch": None}})
    )
    followed.write(
        [start(id="abc123", name="n", notes="why", tag="t", group="g", project="p"), scalar("a", 1, 2.0)], SWANLAB
    )
    found = followed.record()
    assert (found.tracker_id, found.name, found.notes, found.tags, found.group) == ("abc123", "n", "why", ("t",), "g")
    assert found.params == {"lr": 0.5, "layers": [1, 2]}
    assert found.created == START
    assert found.environment == {
        "project": "p", "host": "box", "python": "3.11", "command": "train.py", "git.commit": "9f",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status"), [(1, "finished"), (2, "failed"), (3, "interrupted"), (7, "unknown"), (0, "unknown")]
)
def test_the_finish_record_is_the_end(state: int, status: str, tmp_path: Path) -> None:
    followed = swan(tmp_path)
    followed.write([start(), scalar("a", 1, 2.0), finish(state, "boom")], SWANLAB)
    found = followed.record()
    if status == "unknown":
        assert found.signs.end is None
    else:
        assert (found.status, found.status_evidence.endswith(": boom")) == (status, True)


@pytest.mark.parametrize(("silence", "status"), [(60, "running"), (500, "running"), (700, "crashed")])
def test_the_buffer_explains_ten_minutes_of_silence(silence: float, status: str, tmp_path: Path) -> None:
    followed = swan(tmp_path)
    followed.write([start(), scalar("a", 1, 2.0)], SWANLAB)
    assert followed.record(START + silence).status == status


@pytest.mark.parametrize("content", [b"", SWANLAB])
def test_a_log_that_only_waits_is_neither_empty_nor_crashed(content: bytes, tmp_path: Path) -> None:
    followed = swan(tmp_path)
    followed.log.write_bytes(content)
    followed.read()
    assert followed.record(followed.log.stat().st_mtime + 5000).status == "unknown"
    assert followed.record().tracker_id == "abc123"
    assert followed.problems() == []


def test_another_version_is_refused_with_words(tmp_path: Path) -> None:
    followed = swan(tmp_path)
    followed.write([start()], SWANLAB[:6] + b"\x01")
    assert followed.problems() == [(0, "written in version 1 of its format, which is not known")]


def test_media_lines_and_the_machines_load_are_no_metrics(tmp_path: Path) -> None:
    followed = swan(tmp_path)
    items = b"".join(field(1, field(1, name.encode())) for name in ("a.png", "../b.png"))
    image = record(7, 14, field(1, b"pictures") + field(2, 4) + field(3, 2) + field(5, items))
    column = record(8, 12, field(1, 2) + field(2, 1) + field(3, b"cpu.pct"))
    followed.write([start(), column, scalar("cpu.pct", 0, 3.0), scalar("loss", 1, 2.0), image, line("hello")], SWANLAB)
    folder = "run-20261124_100000-abc123/"
    assert [(one.name, one.step, one.kind, one.path) for one in followed.record().media] == [
        ("pictures", 4.0, "image", folder + "media/image/a.png"), ("pictures", 4.0, "image", None),
    ]  # fmt: skip
    assert set(followed.series) == {"loss"}
    assert set(followed.system) == {"cpu.pct"}
    assert [(one.text, one.time) for one in followed.console] == [("hello", START + 1.0)]


def test_a_log_written_anew_leaves_no_point_of_the_old_one(tmp_path: Path) -> None:
    followed = swan(tmp_path)
    followed.write([start(), scalar("old", 1, 2.0)], SWANLAB)
    writers.write_atomically(followed.log, log([start(), scalar("new", 1, 3.0)], SWANLAB))
    followed.read()
    assert followed.points() == {"new": [("1.0", "3.0")]}


def test_damage_marks_the_run_and_keeps_what_is_whole(tmp_path: Path) -> None:
    rng = random.Random(4)
    told = [start(name="n", id="x"), *(scalar("loss", at, 0.5) for at in range(10)), line("x"), finish(2, "boom")]
    for number in range(100):
        spoilt = [bytearray(one) for one in told]
        for _ in range(rng.randrange(1, 8)):
            one = rng.choice(spoilt)
            one[rng.randrange(len(one))] = rng.randrange(256)
        followed = swan(tmp_path / str(number))
        followed.write(map(bytes, spoilt), SWANLAB)
        assert all("cannot be read" not in what for _, what in followed.problems())
