"""What we read of real trackers' runs against what the writers recorded beside their own log calls."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from exptui.follow import Follower
from exptui.journal import Journal
from exptui.store import Store

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
FORMATS = (
    "native", "tensorboard", "csv", "jsonl",
    "hf_trainer", "lightning_csv", "dvclive", "sacred", "ray_tune", "clearml_offline", "wandb", "swanlab",
    "mlflow_file", "mlflow_sqlite", "trackio", "trackio_jsonl",
)  # fmt: skip
SHARED = ("mlflow_sqlite", "trackio", "trackio_jsonl")
"""Formats with many runs in one place, told apart by their names."""
WHOLE_PARAMS = (
    "native", "lightning_csv", "dvclive", "sacred", "ray_tune", "clearml_offline", "wandb", "swanlab", "mlflow_file",
    *SHARED,
)  # fmt: skip
OWN_NAMES = ("sacred", "ray_tune", "clearml_offline", "wandb", "swanlab", *SHARED)

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample runs are not here")


def truths() -> list[dict[str, Any]]:
    if not SAMPLES.is_dir():
        return []
    runs = json.loads((SAMPLES / "truth.json").read_text())["runs"]
    return [one for one in runs if one["format"] in FORMATS]


def number(value: Any) -> float:
    return float(value)


def as_written(value: float, dtype: str) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0] if dtype == "float32" and math.isfinite(value) else value


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(Journal([]))
    follower = Follower(str(SAMPLES))
    found: list[str] = []
    for batch in follower.once():
        store.apply(batch)
        found = [run.id for run in store]
    follower = Follower(str(SAMPLES))
    follower.want(found)
    for batch in follower.once():
        store.apply(batch)
    return store


@pytest.fixture(scope="module")
def series_truth() -> dict[tuple[str, str, str], dict[str, Any]]:
    lines = map(json.loads, (SAMPLES / "truth_series.jsonl").read_text().splitlines())
    return {(one["dir"], one["run_name"], one["metric"]): one for one in lines}


def run_of(store: Store, truth: dict[str, Any]) -> Any:
    there = [run for run in store if run.path == truth["dir"] and run.format == truth["format"]]
    return next(run for run in there if truth["format"] not in SHARED or run.name == truth["run_name"])


@pytest.mark.parametrize("truth", truths(), ids=lambda truth: truth["dir"])
def test_run_agrees_with_its_writer(truth: dict[str, Any], store: Store) -> None:
    run = run_of(store, truth)
    dtype = truth["value_dtype"]
    if truth["format"] == "native":
        assert run.name == truth["run_name"]
        assert run.hypothesis == (truth["hypothesis"] or None)
        assert run.parent == truth["parent"]
        assert list(run.tags) == truth["tags"]
        assert run.notes == truth["notes"]
    if truth["format"] in OWN_NAMES:
        assert (run.name, list(run.tags)) == (truth["run_name"], truth["tags"])
    if truth["params_on_disk"] and truth["format"] in WHOLE_PARAMS:
        assert dict(run.params) == truth["params"]
    if truth["params_on_disk"] and truth["format"] == "tensorboard":
        assert run.params["lr"] == pytest.approx(truth["params"]["lr"])
        assert set(run.params) == set(truth["params"])
    if truth["format"].startswith("mlflow"):
        assert (run.id, run.group, run.parent) == (truth["run_id"], truth["experiment"], truth["parent_run_id"])
        assert (run.name, sorted(run.tags), run.notes) == (truth["run_name"], sorted(truth["tags"]), truth["notes"])
    for name, told in truth["metrics"].items():
        ours = run.metrics[name]
        assert ours.count == told["points"], name
        assert (ours.first_step, ours.last_step) == (told["first_step"], told["last_step"]), name
        assert ours.nan == told["nan"], name
        assert ours.inf == told["posinf"] + told["neginf"], name
        last = as_written(number(told["last"]), dtype)
        assert ours.last == last or (math.isnan(ours.last) and math.isnan(last)), name
        if told["min"] is not None:
            assert ours.min == as_written(told["min"], dtype), name
            assert ours.max == as_written(told["max"], dtype), name
            assert ours.min_step == told["argmin_step"], name
            assert ours.max_step == told["argmax_step"], name
    if not truth.get("unlisted_metrics_on_disk"):
        assert set(run.metrics) == set(truth["metrics"])


@pytest.mark.parametrize("truth", truths(), ids=lambda truth: truth["dir"])
def test_every_point_is_the_one_that_was_logged(
    truth: dict[str, Any], store: Store, series_truth: dict[tuple[str, str, str], dict[str, Any]]
) -> None:
    run = run_of(store, truth)
    for name in truth["metrics"]:
        told = series_truth[truth["dir"], truth["run_name"], name]
        ours = store.series(run.id)[name]
        assert list(ours.step) == told["steps"], name
        expected = [as_written(number(value), truth["value_dtype"]) for value in told["values"]]
        assert [repr(value) for value in ours.value] == [repr(value) for value in expected], name


@pytest.mark.parametrize("truth", truths(), ids=lambda truth: truth["dir"])
def test_status_is_not_contradicted(truth: dict[str, Any], store: Store) -> None:
    allowed = {
        "running-or-crashed": {"running", "crashed", "stalled", "unknown"},
        "unknown": {"unknown", "running", "stalled"},
        "running": {"running", "stalled", "unknown"},
    }.get(truth["status"], {truth["status"]})
    assert run_of(store, truth).status in allowed


def test_aim_is_found_with_all_that_aim_alone_does_not_keep(store: Store) -> None:
    told = {
        one["run_hash"]: one for one in json.loads((SAMPLES / "truth.json").read_text())["runs"] if "run_hash" in one
    }
    found = {run.id: run for run in store if run.format == "aim"}
    assert found.keys() == told.keys()
    for run_id, run in found.items():
        assert (run.name, list(run.tags), run.path) == tuple(told[run_id][key] for key in ("run_name", "tags", "dir"))
        assert not run.metrics
        assert "Aim" in run.problems[0].what


def test_the_numbers_of_one_training_are_shown_once(store: Store) -> None:
    owners = [run for run in store if run.format in ("hf_trainer", "lightning_csv", "dvclive", "ray_tune")]
    assert owners
    for owner in owners:
        inside = [run for run in store if run.path == owner.path or run.path.startswith(f"{owner.path}/")]
        assert inside == [owner]


def test_images_histograms_and_texts_of_tensorboard_are_told(store: Store) -> None:
    for truth in (one for one in truths() if one["format"] == "tensorboard"):
        run = run_of(store, truth)
        for kind, told in (("image", "images"), ("histogram", "histograms"), ("text", "texts")):
            for name, count in truth.get(told, {}).items():
                found = [one for one in run.media if one.kind == kind and one.name.startswith(name)]
                assert len(found) == count, (run.path, kind, name)
