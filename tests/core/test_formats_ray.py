"""Ray Tune: trials of an experiment, and the state file that tells how they ended."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directories import Directory, make_old, survives_damage, write_events, write_json, write_lines

NAME = "tr_99eb7_00000_0_lr=0.1,momentum=0.9_2026-11-24"


def report(at: int, **more: Any) -> dict[str, Any]:
    ray = {"pid": 7, "time_total_s": 0.5, "time_this_iter_s": 0.1, "trial_id": "99eb7", "hostname": "box"}
    step = {"training_iteration": at, "timestamp": int(time.time()), "done": False}
    config = {"lr": 0.1, "net": {"depth": 3}}
    return {"loss": 1 / at, "global_step": at * 10, **ray, **step, "config": config, **more}


def trial(experiment: Path, name: str = NAME, reports: int = 3) -> Path:
    folder = experiment / name
    write_json(folder / "params.json", {"lr": 0.1, "net": {"depth": 3}})
    write_lines(folder / "result.json", *(report(at) for at in range(1, reports + 1)))
    (folder / "progress.csv").write_text("loss,training_iteration\n1.0,1\n")
    write_events(folder / "events.out.tfevents.1.box")
    return folder


def told(**status: str) -> str:
    """The experiment's state; a name may also be given as a folder's."""
    data = [
        [json.dumps({"status": one, "relative_logdir": name, "config": {"lr": 0.5}}), json.dumps({"start_time": 5.0})]
        for name, one in status.items()
    ]
    return json.dumps({"trial_data": data, "runner_data": {"_stopper": {"value": "8005952c"}}})


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.mark.parametrize("with_state", [True, False])
def test_a_trial_is_shown_once_with_what_its_training_reported(with_state: bool, directory: Directory) -> None:
    trial(directory.root / "exp")
    if with_state:
        (directory.root / "exp" / "experiment_state-1.json").write_text(told(**{NAME: "RUNNING"}))
    directory.read()
    record = directory.record()
    assert directory.formats() == [("ray_tune", f"exp/{NAME}")]
    assert directory.points() == {
        "loss": [(1, 1.0), (2, 0.5), (3, 1 / 3)],
        "global_step": [(1, 10.0), (2, 20.0), (3, 30.0)],
    }
    assert (record.params, record.name) == ({"lr": 0.1, "net": {"depth": 3}}, NAME)
    assert record.group == ("exp" if with_state else None)
    assert record.status == "running"


def test_every_trial_has_the_state_that_the_experiment_says(directory: Directory) -> None:
    statuses = {"a": "TERMINATED", "b": "ERROR", "c": "RUNNING", "d": "PENDING"}
    for name in statuses:
        trial(directory.root / "exp", name)
    (directory.root / "exp" / "b" / "error.txt").write_text("Traceback\nValueError: boom\n")
    (directory.root / "exp" / "experiment_state-1.json").write_text(told(**dict.fromkeys(statuses, "RUNNING")))
    (directory.root / "exp" / "experiment_state-2.json").write_text(told(**statuses))
    directory.read()
    records = {path: one.runs[""].record("x", one.source, 0.0) for (path, _), one in directory._readings.items()}
    found = {path: (one.status, one.created) for path, one in records.items()}
    assert found == {
        "exp/a": ("finished", 5.0), "exp/b": ("failed", 5.0), "exp/c": ("running", 5.0), "exp/d": ("running", 5.0),
    }  # fmt: skip
    assert records["exp/b"].status_evidence == "the experiment's state says ERROR: ValueError: boom"


def test_an_error_is_an_end_unless_the_trial_went_on(directory: Directory) -> None:
    folder = trial(directory.root)
    (folder / "error.txt").write_text("ValueError: boom\n")
    make_old(folder / "result.json", 60)
    directory.read()
    record = directory.record()
    assert (record.status, record.status_evidence) == ("failed", "it left error.txt: ValueError: boom")
    make_old(folder / "error.txt", 90)
    write_lines(folder / "result.json", report(4))
    directory.read()
    assert directory.record().status == "running"


def test_a_state_in_progress_leaves_what_it_said_before(directory: Directory) -> None:
    trial(directory.root / "exp")
    state = directory.root / "exp" / "experiment_state-1.json"
    state.write_text(told(**{NAME: "TERMINATED"}))
    directory.read()
    whole = state.read_text()
    for half in (whole[:40], ""):
        state.write_text(half)
        directory.read()
        assert (directory.record().status, directory.problems()) == ("finished", [])
    make_old(state)
    directory.read()
    assert (directory.record().status, len(directory.problems())) == ("finished", 1)


def test_a_trial_that_has_not_reported_is_shown_by_its_params(directory: Directory) -> None:
    write_json(directory.root / "exp" / NAME / "params.json", {"lr": 0.1})
    (directory.root / "exp" / "experiment_state-1.json").write_text(told(**{NAME: "RUNNING"}))
    directory.read()
    assert (directory.formats(), directory.record().params) == ([("ray_tune", f"exp/{NAME}")], {"lr": 0.1})


def test_reports_grow_and_a_deleted_trial_starts_over(directory: Directory) -> None:
    folder = trial(directory.root)
    directory.read()
    write_lines(folder / "result.json", report(4, loss=float("nan"), nested={"acc": 0.5}))
    directory.read()
    assert directory.points()["nested.acc"] == [(4, 0.5)]
    assert (directory.record().metrics["loss"].nan, directory.restarts) == (1, 1)
    shutil.rmtree(folder)
    trial(directory.root, reports=1)
    directory.read()
    assert directory.points()["loss"] == [(1, 1.0)]


def test_other_results_beside_params_are_no_trial(directory: Directory) -> None:
    write_json(directory.root / "a" / "result.json", {"accuracy": 0.5})
    write_json(directory.root / "a" / "params.json", {"lr": 0.1})
    directory.read()
    assert directory.formats() == []


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("ray")
    trial(root / "exp")
    (root / "exp" / "experiment_state-1.json").write_text(told(**{NAME: "RUNNING"}))
    survives_damage(root, seed, heals=False)
