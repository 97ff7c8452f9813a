"""ClearML's offline mode: lists of events, typed params, and zeros that may hide NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import writers
from directories import Directory, survives_damage, write_json, write_lines
from exptui.discover import scan


def scalar(at: int, value: float, title: str = "train", series: str = "loss") -> dict[str, Any]:
    return {"timestamp": 1_700_000_000_000 + at, "iter": at, "metric": title, "variant": series, "value": value}


def offline(root: Path, *batches: list[dict[str, Any]]) -> Path:
    folder = root / "offline-1"
    general = {
        "lr": {"value": "0.1", "type": "float"}, "layers": {"value": "[8, 'x']", "type": "list/int"},
        "name": {"value": "12", "type": "str"}, "flag": {"value": "True", "type": "bool"},
        "odd": {"value": "__import__('os')", "type": "list"},
    }  # fmt: skip
    params = {"General": general, "Model": {"depth": {"value": "3", "type": "int"}}}
    write_json(folder / "task.json", {"id": "offline-1", "name": "digits", "tags": ["demo"], "hyperparams": params})
    write_lines(folder / "metrics.jsonl", *batches)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_events_are_points_and_params_have_their_types(directory: Directory) -> None:
    folder = offline(directory.root, [scalar(1, 2.5), scalar(1, 40.0, ":monitor:gpu", "gpu_0")], [scalar(2, 1.5)])
    directory.read()
    record = directory.record()
    assert directory.formats() == [("clearml_offline", "offline-1")]
    assert directory.points() == {"train/loss": [(1, 2.5), (2, 1.5)]}
    assert record.params == {
        "lr": 0.1, "layers": [8, "x"], "name": "12", "flag": True, "odd": "__import__('os')", "Model/depth": 3,
    }  # fmt: skip
    assert (record.name, record.tracker_id, record.tags, record.problems) == ("digits", "offline-1", ("demo",), ())
    write_lines(folder / "metrics.jsonl", [scalar(3, 1.0)])
    directory.read()
    assert (len(directory.points()["train/loss"]), directory.restarts) == (3, 1)


def test_a_zero_may_have_been_nan_and_says_so(directory: Directory) -> None:
    offline(directory.root, [scalar(1, 0.0), scalar(2, 0.0), scalar(3, 1.0)])
    directory.read()
    [problem] = directory.problems()
    assert problem == "ClearML writes NaN and infinity as 0: 2 value(s) of 0 may be no numbers"


def test_the_log_is_the_console(directory: Directory) -> None:
    folder = offline(directory.root, [scalar(1, 1.0)])
    write_lines(folder / "log.jsonl", [{"timestamp": 1_700_000_000_000, "level": "error", "msg": "one\ntwo"}])
    [source] = scan(str(directory.root)).sources.values()
    read = source.format.reader(str(directory.root), source).read(source.files, 1 << 20)
    lines = [line for delta in read for line in delta.console]
    assert [(line.text, line.time, line.is_error) for line in lines] == [
        ("one", 1_700_000_000.0, True),
        ("two", 1_700_000_000.0, True),
    ]


def test_lines_that_are_no_events_are_counted_and_a_torn_one_waited_for(directory: Directory) -> None:
    folder = offline(directory.root, [scalar(1, 1.0)])
    writers.append(folder / "metrics.jsonl", b'5\n[1, {"iter": null}]\n' + b"[" * 50_000 + b'\n[{"iter": 2')
    directory.read()
    assert directory.points() == {"train/loss": [(1, 1.0)]}
    assert directory.problems() == [
        "2 line(s) are no list of events; skipped",
        "unfinished last line; waiting for the rest",
    ]


def test_a_new_run_in_the_same_place_starts_over(directory: Directory) -> None:
    folder = offline(directory.root, [scalar(1, 1.0), scalar(2, 1.0)])
    directory.read()
    (folder / "metrics.jsonl").unlink()
    directory.read()
    assert directory.series["offline-1", "clearml_offline"] == {}
    write_lines(folder / "metrics.jsonl", [scalar(1, 9.0)])
    directory.read()
    assert directory.points() == {"train/loss": [(1, 9.0)]}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("clearml")
    offline(root, [scalar(at, 1 / at) for at in range(1, 20)])
    survives_damage(root, seed, heals=False)
