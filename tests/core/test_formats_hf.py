"""Hugging Face Trainer: states in checkpoints, the final state, resumes and rotation."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directories import Directory, make_old, survives_damage, write_events, write_json


def state(steps: int, max_steps: int = 100, scale: float = 1.0, **more: Any) -> dict[str, Any]:
    rows = [{"epoch": at / 10, "loss": scale / at, "step": at} for at in range(10, steps + 1, 10)]
    return {"global_step": steps, "log_history": rows, "max_steps": max_steps, "num_train_epochs": 10, **more}


def save(output: Path, steps: int, **more: Any) -> None:
    write_json(output / f"checkpoint-{steps}" / "trainer_state.json", state(steps, **more))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def losses(directory: Directory) -> list[float]:
    return [step for step, _ in directory.points()["loss"]]


def test_the_checkpoint_with_the_largest_step_is_shown_and_read_on(output: Path) -> None:
    save(output, 20)
    save(output, 100, max_steps=400)
    directory = Directory(output.parent)
    directory.read()
    assert directory.formats() == [("hf_trainer", "out")]
    assert losses(directory) == list(range(10, 101, 10))
    assert directory.record().status == "running"
    save(output, 200, max_steps=400)
    shutil.rmtree(output / "checkpoint-20")
    directory.read()
    assert losses(directory) == list(range(10, 201, 10))
    assert (directory.chunks, directory.restarts) == (20 * 2, 1)


def test_the_final_state_marks_the_end(output: Path) -> None:
    save(output, 60)
    write_json(output / "trainer_state.json", state(80, best_metric=0.5))
    write_json(output / "train_results.json", {"train_loss": 0.25})
    directory = Directory(output.parent)
    directory.read()
    record = directory.record()
    assert (record.status, record.metrics["loss"].last_step) == ("finished", 80)
    assert record.summary == {"best_metric": 0.5, "train_loss": 0.25}
    assert record.params == {"max_steps": 100, "num_train_epochs": 10}


def test_all_steps_done_is_an_end_and_a_resume_takes_it_back(output: Path) -> None:
    save(output, 100)
    directory = Directory(output.parent)
    directory.read()
    assert directory.record().status == "finished"
    save(output, 150, max_steps=300)
    directory.read()
    assert directory.record().status == "running"


def test_a_resume_that_rewrites_the_history_starts_the_run_over(output: Path) -> None:
    save(output, 40)
    directory = Directory(output.parent)
    directory.read()
    save(output, 60, scale=2.0)
    directory.read()
    assert directory.restarts == 2
    assert directory.points()["loss"] == [(at, 2.0 / at) for at in range(10, 61, 10)]


def test_silence_without_a_final_state_is_unknown(output: Path) -> None:
    save(output, 40)
    make_old(output / "checkpoint-40" / "trainer_state.json")
    directory = Directory(output.parent)
    directory.read()
    assert directory.record().status == "unknown"


def test_a_half_written_state_leaves_the_one_before_without_a_word(output: Path) -> None:
    save(output, 20)
    newest = output / "checkpoint-30" / "trainer_state.json"
    newest.parent.mkdir()
    newest.write_bytes(b'{"global_step": 30, "log_history": [{"lo')
    directory = Directory(output.parent)
    directory.read()
    assert (losses(directory), directory.problems()) == ([10, 20], [])
    make_old(newest)
    directory.read()
    assert (losses(directory), len(directory.problems())) == ([10, 20], 1)
    shutil.rmtree(newest.parent)
    directory.read()
    assert (losses(directory), directory.problems()) == ([10, 20], [])


def test_its_event_files_are_not_shown_beside_it(output: Path) -> None:
    write_events(output / "runs" / "Jan01_host" / "events.out.tfevents.1.host.1.0")
    directory = Directory(output.parent)
    directory.read()
    assert [form for form, _ in directory.formats()] == ["tensorboard"]
    save(output, 20)
    directory = Directory(output.parent)
    directory.read()
    assert directory.formats() == [("hf_trainer", "out")]


def test_rows_that_are_not_as_expected_are_passed_over(output: Path) -> None:
    rows = [None, 5, {"loss": 1.0}, {"step": 2, "loss": math.nan, "note": "x", "flag": True}]
    write_json(output / "trainer_state.json", {"global_step": "many", "max_steps": [], "log_history": rows})
    directory = Directory(output.parent)
    directory.read()
    assert [(step, math.isnan(value)) for step, value in directory.points()["loss"]] == [(0.0, False), (2.0, True)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("hf")
    save(root / "out", 40)
    write_json(root / "out" / "trainer_state.json", state(60))
    write_json(root / "out" / "train_results.json", {"train_loss": 1.0})
    survives_damage(root, seed)
