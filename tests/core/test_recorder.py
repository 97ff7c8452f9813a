"""What a training that uses the recorder finds on disk."""

import argparse
import copy
import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exptui


def document(run: exptui.Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.path / "run.json").read_text())
    return found


def records(run: exptui.Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_bytes().splitlines()][1:]


def metrics(run: exptui.Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in record.items() if k not in ("step", "time")} for record in records(run)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[exptui.Run]:
    with exptui.init(tmp_path) as begun:
        yield begun


def test_a_run_tells_everything_it_declares_in_a_fixed_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = exptui.init(
        "runs",
        name="adam",
        hypothesis="faster than SGD",
        params={"lr": 1e-3, "hidden": [32, 16]},
        tags=("nightly", "adam"),
        data={"current": "new.csv", "reference": "old.csv", "columns": ["a"], "labels": Path("y.csv")},
        group="optimizers",
        parent="20261123-000000-000000",
        notes="second try",
        goals={"val/acc": "max"},
        evaluation={"dataset": "digits", "split": "test", "version": 2},
        requires_infra=["gpu"],
    )
    run.summary({"test/acc": 0.97}, epochs=8)
    run.finish()
    told = document(run)
    assert run.path == tmp_path / "runs" / run.id
    assert list(told) == [
        *("schema", "id", "name", "status", "created_at", "heartbeat", "ended_at", "params", "tags"),
        *("hypothesis", "notes", "group", "parent", "data", "data_base", "goals", "evaluation"),
        *("requires_infra", "summary", "env"),
    ]
    assert (told["schema"], told["id"], told["name"], told["status"]) == (
        "exptui/1",
        run.id,
        "adam",
        "finished",
    )
    assert told["data"]["labels"] == "y.csv"
    assert told["data_base"] == str(tmp_path)
    assert told["summary"] == {"test/acc": 0.97, "epochs": 8}
    assert told["requires_infra"] == ["gpu"]
    for moment in ("created_at", "heartbeat", "ended_at"):
        assert abs(datetime.fromisoformat(told[moment]).timestamp() - time.time()) < 60
    assert told["env"]["pid"] == os.getpid()
    assert {"python", "host", "platform", "pid_started"} <= told["env"].keys()


def test_what_was_not_declared_is_not_in_the_file(run: exptui.Run) -> None:
    assert list(document(run)) == [
        *("schema", "id", "status", "created_at", "heartbeat", "params", "tags", "env"),
    ]
    assert document(run)["status"] == "running"
    assert run.name == run.id


def test_runs_go_below_the_directory_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPTUI_RUNS", str(tmp_path / "elsewhere"))
    with exptui.init() as run:
        assert run.path.parent == tmp_path / "elsewhere"


def test_the_path_of_the_data_may_be_all_that_is_said(tmp_path: Path) -> None:
    with exptui.init(tmp_path, data=Path("train.csv")) as run:
        assert document(run)["data"] == {"current": "train.csv"}
        assert document(run)["data_base"] == os.getcwd()


@dataclass(slots=True)
class Settings:
    lr: float
    layers: tuple[int, ...]


@pytest.mark.parametrize(
    "params",
    [Settings(0.1, (3, 2)), argparse.Namespace(lr=0.1, layers=[3, 2]), {"lr": 0.1, "layers": [3, 2]}],
)
def test_params_may_be_a_dataclass_a_namespace_or_a_mapping(tmp_path: Path, params: object) -> None:
    with exptui.init(tmp_path, params=params) as run:
        assert document(run)["params"] == {"lr": 0.1, "layers": [3, 2]}


def test_params_that_change_later_do_not_change_the_run(tmp_path: Path) -> None:
    params = {"lr": 0.1}
    with exptui.init(tmp_path, params=params) as run:
        params["lr"] = 0.5
        run.summary(done=True)
        assert document(run)["params"] == {"lr": 0.1}


def test_one_tag_needs_no_list_and_a_wrong_goal_costs_only_itself(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="goal"):
        run = exptui.init(tmp_path, tags="baseline", goals={"loss": "min", "acc": "up"})  # type: ignore[dict-item]
    run.finish()
    assert document(run)["tags"] == ["baseline"]
    assert document(run)["goals"] == {"loss": "min"}


def test_a_record_has_step_time_and_metrics_in_one_line(run: exptui.Run) -> None:
    before = time.time()
    run.log({"train/loss": 0.25, "lr": 1e-05}, step=7)
    (record,) = records(run)
    assert list(record) == ["step", "time", "train/loss", "lr"]
    assert record["step"] == 7
    assert before - 0.001 <= record["time"] <= time.time() + 0.001
    assert record["time"] == round(record["time"], 3)
    assert (record["train/loss"], record["lr"]) == (0.25, 1e-05)


def test_two_files_never_begin_alike_and_their_first_line_has_no_numbers(tmp_path: Path) -> None:
    firsts = []
    for _ in range(2):
        with exptui.init(tmp_path) as run:
            run.log({"a": 1})
        firsts.append((run.path / "metrics.jsonl").read_bytes().splitlines()[0])
    assert firsts[0] != firsts[1]
    assert all(type(value) is str for value in json.loads(firsts[0]).values())


def test_steps_count_on_from_the_last_one(run: exptui.Run) -> None:
    for step in (None, None, 10, None, 2.5, None, np.int64(40), None):
        run.log({"a": 1}, step=step)
    run.log({"a": 1, "step": 100})
    run.log({"a": 1})
    assert [record["step"] for record in records(run)] == [0, 1, 10, 11, 2.5, 3, 40, 41, 100, 101]


def test_a_step_that_is_no_number_is_replaced_with_a_warning(run: exptui.Run) -> None:
    with pytest.warns(RuntimeWarning, match="step"):
        run.log({"a": 1}, step="three")  # type: ignore[arg-type]
    run.log({"a": 1}, step=float("nan"))
    assert [record["step"] for record in records(run)] == [0, 1]


class Tensor:
    """Behaves as torch's: one element or an error."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        if len(self.values) != 1:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return self.values[0]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.int8(-3), -3),
        (np.bool_(True), 1),
        (np.array([[2.5]]), 2.5),
        (np.longdouble("0.5"), 0.5),
        (Tensor(0.75), 0.75),
        (True, 1),
        (Fraction(1, 4), 0.25),
        (2**62, 2**62),
        (2**100, float(2**100)),
        (float("nan"), "NaN"),
        (np.float32("inf"), "Infinity"),
        (-np.inf, "-Infinity"),
    ],
)
def test_scalars_of_every_library_are_kept(run: exptui.Run, value: object, kept: object) -> None:
    run.log({"m": value})
    assert metrics(run) == [{"m": kept}]
    assert type(metrics(run)[0]["m"]) is type(kept)


def test_nested_metrics_get_names_with_slashes(run: exptui.Run) -> None:
    run.log({"val": {"acc": 0.9, "per_class": {0: 0.8, "b": np.float32(1)}}, "loss": 0.1})
    assert metrics(run) == [{"val/acc": 0.9, "val/per_class/0": 0.8, "val/per_class/b": 1.0, "loss": 0.1}]


def test_metrics_called_step_or_time_do_not_hide_the_records_own(run: exptui.Run) -> None:
    run.log({"step": 3, "time": 12.5}, step=1)
    assert records(run)[0]["step"] == 1
    assert metrics(run) == [{"metric/step": 3, "metric/time": 12.5}]


def test_names_of_any_script_and_length_survive(run: exptui.Run) -> None:
    names = ["损失", "a b", 'q"uote', "new\nline", "\ud800", "x" * 300, ""]
    run.log(dict.fromkeys(names, 1.0))
    assert list(metrics(run)[0]) == names


def test_artifacts_are_noted_with_size_and_digest_and_found_from_the_run(run: exptui.Run, tmp_path: Path) -> None:
    inside, outside = run.path / "model.pt", tmp_path / "report.md"
    inside.write_bytes(b"weights")
    outside.write_bytes(b"report")
    run.artifact(inside)
    run.artifact(outside, name="report")
    run.artifact(run.path, name="all")
    model, report, folder = document(run)["artifacts"]
    digest = hashlib.sha256(b"weights").hexdigest()
    assert model == {"path": "model.pt", "name": "model.pt", "size": 7, "sha256": digest}
    assert (report["path"], report["name"], report["size"]) == (str(outside), "report", 6)
    assert folder == {"path": ".", "name": "all"}


def test_a_large_artifact_is_not_hashed_and_a_newer_one_replaces_it(run: exptui.Run) -> None:
    checkpoint = run.path / "last.ckpt"
    with checkpoint.open("wb") as file:
        file.truncate(2**24 + 1)
    run.artifact(checkpoint)
    assert document(run)["artifacts"] == [{"path": "last.ckpt", "name": "last.ckpt", "size": 2**24 + 1}]
    checkpoint.write_bytes(b"")
    run.artifact(checkpoint)
    assert [(each["size"], "sha256" in each) for each in document(run)["artifacts"]] == [(0, True)]


def test_the_heartbeat_is_renewed_until_the_end(tmp_path: Path) -> None:
    run = exptui.init(tmp_path, heartbeat=0.02)
    first, deadline = document(run)["heartbeat"], time.monotonic() + 5
    while document(run)["heartbeat"] == first and time.monotonic() < deadline:
        time.sleep(0.01)
    assert document(run)["heartbeat"] != first
    run.finish()
    last = document(run)["heartbeat"]
    time.sleep(0.1)
    assert document(run)["heartbeat"] == last


def test_a_copied_run_is_the_same_and_a_sent_one_records_nothing(run: exptui.Run) -> None:
    assert copy.deepcopy({"run": run})["run"] is run
    sent = pickle.loads(pickle.dumps(run))  # noqa: S301
    assert (sent.id, sent.path) == (run.id, run.path)
    with pytest.warns(RuntimeWarning, match="only the process"):
        sent.log({"a": 1})
    sent.finish()
    assert document(run)["status"] == "running"


def test_importing_the_package_loads_the_standard_library_only() -> None:
    code = "import sys; before = set(sys.modules); import exptui; print(*set(sys.modules) - before)"
    environment: Mapping[str, str] = {"PYTHONPATH": str(Path(exptui.__file__).parents[1])}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True)
    loaded = {name.partition(".")[0] for name in told.stdout.split()} - {"exptui"}
    assert loaded <= sys.stdlib_module_names
    assert not loaded & {"textual", "rich", "tinydb", "watchdog", "numpy", "scipy"}
    assert not loaded & {"json", "threading", "typing", "pathlib", "hashlib"}, "recording's own needs come with init"
