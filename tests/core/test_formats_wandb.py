"""Runs of Weights & Biases: facts, points in every spelling, parts of a resumed run, states, console and media."""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import writers
from exptui.discover import scan
from exptui.formats.wandb_part import kinds_of
from wandb_writer import (
    BLOCK,
    START,
    Followed,
    exit_record,
    field,
    history,
    item,
    log,
    output,
    points,
    rows,
    run,
    stamp,
    summary,
    version,
)  # fmt: skip

NUMBERS = st.floats() | st.integers(-(2**70), 2**70)
WORDS = st.sampled_from(["text", "", True, False, None, [1.5], {"a": {"b": 2.5}}, 'quo"te'])
KEYS = st.sampled_from(["loss", "val/łoss", "ł", "x" * 150, "_step2", "\n", "m\x12"])
LOGGED = st.lists(st.dictionaries(KEYS, NUMBERS | WORDS, max_size=6), max_size=25)


def flat(key: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [one for inner, deep in value.items() for one in flat(f"{key}.{inner}", deep)]
    return [(key, value)]


def expected(logged: list[dict[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for step, row in enumerate(logged):
        for key, value in (one for pair in row.items() for one in flat(*pair)):
            if type(value) in (int, float):
                found.setdefault(key, []).append((repr(float(step)), repr(float(value))))
    return found


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    logged=LOGGED, cuts=st.lists(st.floats(0, 1), max_size=6), turn=st.integers(0, 3), nested=st.booleans(),
    budget=st.sampled_from([1, 1 << 20]),
)  # fmt: skip
def test_a_log_written_in_any_pieces_gives_every_point_that_was_logged(
    logged: list[dict[str, Any]],
    cuts: list[float],
    turn: int,
    nested: bool,
    budget: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    told = [history(at + 3, at, row, nested=nested, turn=at * turn) for at, row in enumerate(logged)]
    filler = summary(2, {"note": "x" * BLOCK})
    content = log([version(), run(), *told[:5], filler, *told[5:], exit_record(0)])
    followed = Followed(tmp_path_factory.mktemp("r"), budget)
    followed.log.touch()
    start = 0
    for end in sorted({*(int(cut * len(content)) for cut in cuts), len(content)}):
        writers.append(followed.log, content[start:end])
        followed.read()
        start = end
    assert followed.points() == expected(logged)
    assert followed.problems() == []
    assert followed.record().status == "finished"


@pytest.mark.parametrize("every", [1, 3, 10])
def test_many_records_of_one_shape_are_read_as_they_are_one_by_one(every: int, tmp_path: Path) -> None:
    rng = random.Random(every)
    logged: list[dict[str, Any]] = []
    for at in range(700):
        row = {"loss": rng.random() * 10.0 ** rng.randrange(-12, 12), "n": rng.randrange(100)}
        if at % every == 0:
            row["val"] = rng.choice([0.5, math.nan, math.inf, -math.inf])
        if at % 97 == 5:
            row["note"] = "a word"  # type: ignore[assignment]
        logged.append(row)
    told = [history(300_000 + at, at, row) for at, row in enumerate(logged)]
    followed = Followed(tmp_path, 20_000)
    followed.write([version(), run(), *told])
    assert followed.points() == expected(logged)


def test_a_record_without_a_step_item_takes_the_records_own_step(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    bare = field(1, 4) + field(2, item("loss", 2.5))
    followed.write([version(), run(), field(1, 3) + field(2, item("loss", 1.5) + field(2, field(1, 29))), bare])
    assert followed.points() == {"loss": [("29.0", "1.5"), ("0.0", "2.5")]}


def test_what_a_run_record_says_are_facts(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    config = {"lr": 0.1, "data": {"split": [1, 2]}, "_wandb": {}, "bad": b"NaN"}
    late = field(1, 5) + field(5, item(["data", "name"], "digits") + item("late", True, nested=False))
    removed = field(1, 6) + field(5, field(2, field(1, b"lr")))
    environment = field(1, 7) + field(26, field(1, b"Linux") + field(2, b"CPython 3.11") + field(5, b"--fast")
                                      + field(5, b"1") + field(6, b"train.py") + field(12, b"box"))  # fmt: skip
    goal = field(1, 8) + field(12, field(1, b"val/acc") + field(8, 2))
    followed.write([
        version(),
        run(config=config, name="bold-sea-1", notes="why", tags=["a", "b"], group="g", job_type="train", sweep="s1",
            host="box", project="p", git=("https://git.invalid/x", "9f2c")),
        late, removed, environment, goal,
        summary(9, {"loss": 0.5, "best_epoch": 7, ("loss", "max"): 3.0}), *rows(2),
    ])  # fmt: skip
    record = followed.record()
    assert record.tracker_id == "abc123"
    assert (record.name, record.notes, record.tags, record.group) == ("bold-sea-1", "why", ("a", "b"), "g")
    assert math.isnan(record.params["bad"])
    told = {key: value for key, value in record.params.items() if key != "bad"}
    assert told == {"data": {"split": [1, 2], "name": "digits"}, "late": True}
    assert record.created == START
    assert record.goals == {"val/acc": "max"}
    assert record.summary == {"best_epoch": 7}
    assert record.environment == {
        "project": "p", "job_type": "train", "sweep": "s1", "host": "box", "git.remote": "https://git.invalid/x",
        "git.commit": "9f2c", "platform": "Linux", "python": "CPython 3.11", "program": "train.py",
        "args": ["--fast", "1"],
    }  # fmt: skip


def test_a_log_that_says_nothing_yet_is_told_of_by_the_files_beside_it(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    followed.log.touch()
    files = followed.log.parent / "files"
    files.mkdir()
    (files / "config.yaml").write_text("wandb_version: 1\nlr:\n  desc: null\n  value: 0.5\n_wandb:\n  value: {}\n")
    (files / "wandb-metadata.json").write_text(json.dumps({"program": "t.py", "startedAt": "2026-11-24T15:41:47Z"}))
    (files / "output.log").write_text("hello\n")
    followed.read()
    record = followed.record()
    assert (record.tracker_id, record.params, record.environment["program"]) == ("abc123", {"lr": 0.5}, "t.py")
    assert record.console == "run-20261124_100000-abc123/files/output.log"
    assert record.problems == ()
    followed.write([version(), run(config={"lr": 0.25})])
    assert followed.record().params == {"lr": 0.25}


@pytest.mark.parametrize(
    ("root", "path"), [("", "wandb/run-1-a"), ("wandb", "run-1-a"), ("wandb/run-1-a", ".")]
)  # fmt: skip
def test_a_run_is_found_from_above_and_from_within_and_once(root: str, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "run-1-a"
    folder.mkdir(parents=True)
    (folder / "run-a.wandb").write_bytes(log([version()]))
    (tmp_path / "wandb" / "latest-run").symlink_to("run-1-a")
    found = scan(str(tmp_path / root)).sources
    assert list(found) == [(path, "wandb")]


def test_the_parts_of_a_resumed_run_are_one_run_in_the_order_of_their_times(tmp_path: Path) -> None:
    followed = Followed(tmp_path, place="run-20261124_090000-abc123")
    later = followed.part("offline-run-20261124_100000-abc123")
    followed.write([version(), run(config={"lr": 1, "a": 1}, name="n"), *rows(5), exit_record(1)])
    assert followed.record().status == "failed"
    later.write_bytes(b"")
    followed.read()
    assert followed.record().status == "failed"
    later.write_bytes(log([version(), run(config={"lr": 2}, start=START + 60), *rows(5, 5)]))
    followed.read()
    record = followed.record(START + 30)
    assert followed.points()["loss"] == points(5) + points(5, 5)
    assert (record.status, record.params, record.name, record.created) == ("running", {"lr": 2, "a": 1}, "n", START)
    writers.append(later, log([version(), run(config={"lr": 2}, start=START + 60), *rows(5, 5), exit_record(0)])[
        later.stat().st_size :
    ])  # fmt: skip
    followed.read()
    assert followed.record().status == "finished"
    earliest = followed.part("run-20261124_080000-abc123")
    earliest.write_bytes(log([version(), run(), *rows(2, 100)]))
    followed.reading = None
    followed.read()
    assert followed.points()["loss"] == points(2, 100) + points(5) + points(5, 5)


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [(0, "finished", "code 0"), (1, "failed", "code 1"), (255, "interrupted", "Ctrl-C"), (-9, "failed", "code -9")],
)
def test_the_exit_record_is_the_end(code: int, status: str, word: str, tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    followed.write([version(), run(), *rows(2), exit_record(code)])
    assert followed.record().status == status
    assert word in followed.record().status_evidence


@pytest.mark.parametrize(
    ("producer", "silence", "status"),
    [
        ("0.31.0", 50, "running"), ("0.31.0", 300, "stalled"), ("0.31.0", 700, "crashed"),
        ("0.19.11", 50, "running"), ("0.19.11", 500, "running"), ("0.19.11", 700, "crashed"),
    ],
)  # fmt: skip
def test_silence_is_judged_by_how_the_writer_buffers(
    producer: str, silence: float, status: str, tmp_path: Path
) -> None:
    followed = Followed(tmp_path)
    now = 1_900_000_000.0
    told = [history(at, at, {"loss": 1.0}, time=now - silence - 10 + at) for at in range(10)]
    followed.log.write_bytes(log([version(producer), run(), *told]))
    os.utime(followed.log, (now - silence, now - silence))
    followed.read()
    assert followed.record(now).status == status


def test_a_run_whose_machine_is_heard_of_is_not_given_up_between_two_points(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    stats = field(1, 9) + field(7, field(2, stamp(START + 1000.5)) + field(3, field(1, b"cpu") + field(16, b"12.5"))
                                + field(3, field(1, b"gpu.0.name") + field(16, b'"A100"')))  # fmt: skip
    followed.write([version(), run(), *rows(3), stats])
    assert followed.record(START + 1010).status != "crashed"
    assert {name: list(one.value) for name, one in followed.system.items()} == {"cpu": [12.5]}
    assert list(followed.system["cpu"].step) == [1000.5]


@pytest.mark.parametrize("content", [b"", log([])])
def test_a_log_that_only_waits_is_neither_empty_nor_crashed(content: bytes, tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    followed.log.write_bytes(content)
    followed.read()
    written = followed.log.stat().st_mtime
    assert followed.record(written + 100).status == "running"
    assert followed.record(written + 5000).status == "unknown"
    assert followed.problems() == []


def test_what_was_printed_comes_in_whole_lines(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    told = [output("epo"), output("oops", error=True), output("ch 1"), output("\n"), output("\n", error=True)]
    bar = [output(f"\r{at}%") for at in range(0, 101, 10)]
    followed.write([version(), run(), *told, *bar])
    assert [(line.text, line.is_error) for line in followed.console] == [("epoch 1", False), ("oops", True)]
    assert followed.console[0].time == START
    followed.write([version(), run(), *told, *bar, output("\r\nlast"), exit_record(0)])
    assert [line.text for line in followed.console] == ["epoch 1", "oops", "100%", "last"]


def test_media_are_told_of_and_are_no_metrics(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    image = {("im", "_type"): "image-file", ("im", "path"): "media/a.png", ("im", "width"): 8, "loss": 1.0}
    several = {("many", "_type"): "images/separated", ("many", "filenames"): ["media/b.png", "../c.png"],
               ("many", "count"): 2}  # fmt: skip
    table = {"t": {"_type": "table-file", "path": "/etc/passwd", "nrows": 3}, ("h", "bins"): [1, 2],
             ("h", "_type"): "histogram"}  # fmt: skip
    followed.write([version(), run(), history(3, 0, image), history(4, 1, several), history(5, 2, table)])
    files = "run-20261124_100000-abc123/files/"
    assert [(one.name, one.step, one.kind, one.path) for one in followed.record().media] == [
        ("im", 0.0, "image-file", files + "media/a.png"),
        ("many", 1.0, "images/separated", files + "media/b.png"), ("many", 1.0, "images/separated", None),
        ("h", 2.0, "histogram", None), ("t", 2.0, "table-file", None),
    ]  # fmt: skip
    assert followed.points() == {"loss": [("0.0", "1.0")]}


def test_damage_marks_the_run_and_keeps_what_is_whole(tmp_path: Path) -> None:
    rng = random.Random(3)
    image = {("im", "_type"): "image-file", ("im", "path"): "x.png"}
    told = [version(), run(config={"a": {"b": 1}}), *rows(20), history(99, 21, image), output("x\n"), exit_record(0)]
    for number in range(150):
        spoilt = [bytearray(one) for one in told]
        for _ in range(rng.randrange(1, 8)):
            one = rng.choice(spoilt)
            one[rng.randrange(len(one))] = rng.randrange(256)
        followed = Followed(tmp_path / str(number))
        followed.write([bytes(one[: rng.randrange(len(one) + 1)] if rng.random() < 0.1 else one) for one in spoilt])
        assert all("cannot be read" not in what for _, what in followed.problems())


def test_records_are_sorted_the_same_together_and_one_by_one() -> None:
    for first in (1, 100, 2**14 - 3, 2**21 - 3, 2**28 - 3, 2**35):
        records = [history(first + at, 1, {"a": 1.0}) for at in range(6)]
        assert kinds_of(records) == bytes([18] * 6)
        assert kinds_of([*records, b"", b"\x08", field(1, 1) + field(18, b""), b"\x12\x00"])[-4:-2] == b"\0\0"
    assert kinds_of([field(1, 1) + field(3, b"")]) == b"\x1a"
