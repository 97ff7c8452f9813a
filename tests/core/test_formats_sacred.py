"""Sacred's FileStorageObserver: documents that are rewritten while the run lives."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directories import Directory, make_old, survives_damage, write_json


def beat(ago: float = 0.0) -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - ago, UTC).replace(tzinfo=None).isoformat()


def observe(root: Path, status: str = "RUNNING", values: list[Any] | None = None, **run: Any) -> Path:
    folder = root / "sacred" / "1"
    document = {"status": status, "heartbeat": beat(), "experiment": {"name": "digits"}, "start_time": beat(60), **run}
    write_json(folder / "run.json", document)
    write_json(folder / "config.json", {"lr": 0.1, "shape": {"py/tuple": [1, 2]}, "seed": 7})
    (folder / "cout.txt").write_text("epoch 1\n")
    if values is not None:
        steps = list(range(len(values)))
        told = {"steps": steps, "values": values, "timestamps": [BEGAN] * len(steps)}
        write_json(folder / "metrics.json", {"loss": told})
    return folder


BEGAN = beat(60)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_params_name_console_and_points(directory: Directory) -> None:
    wrapped = {"dtype": "float64", "py/object": "numpy.float64", "value": 0.5}
    folder = observe(directory.root, values=[1.5, wrapped, math.nan])
    directory.read()
    record = directory.record()
    assert directory.formats() == [("sacred", "sacred/1")]
    assert (record.name, record.params) == ("digits", {"lr": 0.1, "shape": [1, 2], "seed": 7})
    assert record.console == "sacred/1/cout.txt"
    assert directory.points()["loss"][:2] == [(0, 1.5), (1, 0.5)]
    assert (record.metrics["loss"].nan, record.status) == (1, "running")
    (folder / "info.json").write_text('{"best": 0.5, "table": [1]}')
    directory.read()
    assert directory.record().summary == {"best": 0.5}


@pytest.mark.parametrize(
    ("status", "expected"),
    [("COMPLETED", "finished"), ("FAILED", "failed"), ("INTERRUPTED", "interrupted"), ("TIMEOUT", "interrupted")],
)
def test_the_end_is_what_run_json_says(status: str, expected: str, directory: Directory) -> None:
    observe(directory.root, status, result=0.75, fail_trace=["Traceback\n", "ValueError: boom\n"])
    directory.read()
    record = directory.record()
    assert (record.status, record.status_evidence) == (expected, f"run.json says {status}: ValueError: boom")
    assert record.summary == {"result": 0.75}


@pytest.mark.parametrize("copied", [False, True])
def test_a_heart_that_stopped_beating_is_a_crash(copied: bool, directory: Directory) -> None:
    folder = observe(directory.root, heartbeat=beat(3600 if not copied else 86400), values=[1.0])
    for path in folder.iterdir():
        make_old(path, 3600)
    directory.read()
    assert directory.record().status == "crashed"
    observe(directory.root, values=[1.0, 2.0])
    directory.read()
    assert directory.record().status == "running"


def test_a_rewrite_in_progress_is_waited_for_and_tells_only_what_is_new(directory: Directory) -> None:
    folder = observe(directory.root, values=[3.0, math.nan])
    directory.read()
    whole = (folder / "metrics.json").read_text()
    for half in ("", whole[: len(whole) // 2]):
        for name in ("metrics.json", "run.json", "config.json"):
            (folder / name).write_text(half)
        directory.read()
        assert (directory.problems(), directory.record().status, directory.record().name) == ([], "running", "digits")
    observe(directory.root, values=[3.0, math.nan, 1.0])
    directory.read()
    assert (len(directory.points()["loss"]), directory.chunks, directory.restarts) == (3, 3, 1)


def test_another_run_in_the_same_place_starts_over(directory: Directory) -> None:
    observe(directory.root, values=[3.0, 2.0])
    directory.read()
    observe(directory.root, values=[9.0])
    directory.read()
    assert directory.points() == {"loss": [(0, 9.0)]}


def test_git_and_host_are_told(directory: Directory) -> None:
    experiment = {"name": "x", "repositories": [{"commit": "abc", "dirty": True}], "dependencies": ["numpy==2.0"]}
    observe(directory.root, experiment=experiment, host={"hostname": "trainbox", "ENV": {"TOKEN": "secret"}})
    directory.read()
    told = {"host": "trainbox", "packages": ["numpy==2.0"], "git.commit": "abc", "git.dirty": True}
    assert directory.record().environment == told


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda one: st.lists(one) | st.dictionaries(st.text(max_size=5), one),
)
KEYS = st.sampled_from(["status", "heartbeat", "experiment", "host", "meta", "fail_trace"])


@settings(max_examples=25, deadline=None)
@given(run=st.dictionaries(KEYS, JSON), told=JSON)
def test_documents_may_hold_anything(run: dict[str, Any], told: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = Directory(tmp_path_factory.mktemp("sacred"))
    folder = observe(directory.root, **{"status": "RUNNING", **run})
    write_json(folder / "metrics.json", {"loss": {"steps": told, "values": told, "timestamps": told}, "acc": told})
    write_json(folder / "info.json", {"a": told})
    directory.read()
    assert [one for one in directory.problems() if "Error" in one] == []


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("sacred")
    observe(root, values=[1.0, 0.5, 0.25])
    survives_damage(root, seed)
