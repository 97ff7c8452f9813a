"""A training goes on, whatever fails below its recorder."""

import errno
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exptui

FAULTS = [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EMFILE]
CALLS = ["write", "open", "replace", "mkdir", "fstat", "close"]


def document(run: exptui.Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.path / "run.json").read_text())
    return found


def lines(run: exptui.Run) -> list[bytes]:
    return (run.path / "metrics.jsonl").read_bytes().splitlines()[1:]


def failing(call: str, fault: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    def close_and_fail(descriptor: int) -> None:
        os.closerange(descriptor, descriptor + 1)  # the system closes it all the same
        raise OSError(fault, os.strerror(fault))

    return close_and_fail if call == "close" else fail


def train(run: exptui.Run, steps: int) -> None:
    for step in range(steps):
        run.log({"loss": 1.0 / (step + 1)}, step=step)


def conclude(run: exptui.Run) -> None:
    run.summary(acc=1)
    run.artifact(__file__)


@contextmanager
def heard() -> Iterator[list[warnings.WarningMessage]]:
    """Every warning given meanwhile, as often as it is given."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS, ids=errno.errorcode.get)
def test_no_fault_of_the_system_reaches_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int, call: str
) -> None:
    """The fault lasts from one moment of the run to its end; every moment is tried."""
    for moment in range(4):
        with monkeypatch.context() as broken, heard() as said:
            actions: list[Callable[[exptui.Run], None]] = [lambda run: train(run, 5), conclude, exptui.Run.finish]
            if moment == 0:
                broken.setattr(os, call, failing(call, fault))
            run = exptui.init(tmp_path)
            for at, act in enumerate(actions, 1):
                if moment == at:
                    broken.setattr(os, call, failing(call, fault))
                act(run)
        assert len(said) <= 6, [str(each.message) for each in said]
        assert all(issubclass(each.category, RuntimeWarning) for each in said)


@pytest.mark.parametrize("fault", FAULTS, ids=errno.errorcode.get)
def test_records_lost_to_a_fault_are_counted_and_later_ones_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    run = exptui.init(tmp_path)
    train(run, 2)
    with monkeypatch.context() as broken, heard() as said:
        broken.setattr(os, "write", failing("write", fault))
        train(run, 7)
    assert len(said) == 1
    assert "record is lost" in str(said[0].message)
    train(run, 3)
    run.finish()
    assert document(run)["dropped"] == {"records": 7}
    assert [json.loads(line)["step"] for line in lines(run) if line] == [0, 1, 0, 1, 2]


def test_a_line_the_full_disk_cut_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = exptui.init(tmp_path)
    run.log({"a": 1})
    write, room = os.write, [10]

    def fill(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        written = write(descriptor, data[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as full, heard() as said:
        full.setattr(os, "write", fill)
        run.log({"a": 2})
    assert len(said) == 1
    run.log({"a": 3})
    run.finish()
    first, torn, last = lines(run)
    assert (json.loads(first)["a"], len(torn), json.loads(last)["a"]) == (1, 10, 3)


def test_where_no_directory_can_be_made_one_warning_is_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with heard() as said:
        run = exptui.init(tmp_path / "file" / "runs")
        with run:
            train(run, 3)
            run.summary(acc=1)
            run.artifact("x")
            (run.path / "model.pt").write_text("a training may save its model there all the same")
    assert len(said) == 1
    assert "nothing is recorded" in str(said[0].message)
    shutil.rmtree(run.path)


def test_a_directory_removed_amid_the_training_costs_the_records_only(tmp_path: Path) -> None:
    run = exptui.init(tmp_path, heartbeat=0.01)
    train(run, 3)
    shutil.rmtree(tmp_path, ignore_errors=True)
    shutil.rmtree(tmp_path, ignore_errors=True)
    with heard() as said:
        train(run, 100)
        run.finish()
    assert not tmp_path.exists()
    assert 1 <= len(said) <= 3


def test_a_metrics_file_removed_amid_the_training_is_begun_anew(tmp_path: Path) -> None:
    run = exptui.init(tmp_path)
    train(run, 3)
    (run.path / "metrics.jsonl").unlink()
    train(run, 2)
    run.finish()
    assert [json.loads(line)["step"] for line in lines(run)] == [0, 1]


def test_a_descriptor_closed_and_given_away_is_not_written_to(tmp_path: Path) -> None:
    run = exptui.init(tmp_path)
    run.log({"a": 1})
    numbers = [int(each) for each in os.listdir("/proc/self/fd") if _leads_to(each, run.path / "metrics.jsonl")]
    assert len(numbers) == 1
    os.close(numbers[0])
    checkpoint = os.open(tmp_path / "checkpoint", os.O_RDWR | os.O_CREAT)
    assert checkpoint == numbers[0]
    run.log({"a": 2})
    run.finish()
    assert os.fstat(checkpoint).st_size == 0
    os.close(checkpoint)
    assert [json.loads(line)["a"] for line in lines(run)] == [1, 2]


def _leads_to(descriptor: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except OSError:
        return False


def test_what_is_no_number_is_dropped_with_one_warning_a_name(tmp_path: Path) -> None:
    run = exptui.init(tmp_path)
    with heard() as said:
        for _ in range(3):
            run.log({"a": "text", "b": None, "c": np.zeros(2), "good": 1, "z": 1j})
    run.finish()
    assert len(said) == 4
    assert all(each.filename == __file__ for each in said), "warnings point at the training's own line"
    assert [list(json.loads(line)) for line in lines(run)] == [["step", "time", "good"]] * 3
    assert document(run)["dropped"] == {"values": {"a": 3, "b": 3, "c": 3, "z": 3}}


def test_names_that_never_repeat_do_not_fill_the_file(tmp_path: Path) -> None:
    with heard() as said, exptui.init(tmp_path) as run:
        for step in range(1000):
            run.log({f"image {step}": "text"})
    assert len(said) <= 101
    assert document(run)["dropped"]["values"]["<others>"] == 900


def test_warnings_that_are_errors_do_not_stop_a_training_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with exptui.init(tmp_path) as run:
            run.log({"a": "text"})
            run.log("no mapping")  # type: ignore[arg-type]
    assert "no number" in capsys.readouterr().err
    assert document(run)["dropped"] == {"records": 1, "values": {"a": 1}}


def test_a_record_after_the_end_is_dropped_but_a_summary_is_kept(tmp_path: Path) -> None:
    run = exptui.init(tmp_path)
    run.log({"a": 1})
    run.finish()
    with pytest.warns(RuntimeWarning, match="after finish"):
        run.log({"a": 2})
    run.summary(acc=0.5)
    assert len(lines(run)) == 1
    assert (document(run)["status"], document(run)["summary"]) == ("finished", {"acc": 0.5})


class Hostile:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    def __float__(self) -> float:
        raise RuntimeError("float")


CYCLIC: dict[str, Any] = {"a": 1}
CYCLIC.update(x=CYCLIC, y=CYCLIC, z=CYCLIC)
ODD = [Hostile(), Hostile, CYCLIC, len, 10**5000, b"\xff", np.zeros(3), np.float16("inf"), np.datetime64("NaT")]


class Odd(Enum):
    """Places in ODD, drawn instead of the values themselves, which no tool could print."""

    HOSTILE, TYPE, CYCLIC, FUNCTION, HUGE, RAW, ARRAY, INFINITE, NO_TIME = range(len(ODD))


def real(drawn: object) -> Any:
    if isinstance(drawn, Odd):
        return ODD[drawn.value]
    if isinstance(drawn, dict):
        return {key: real(value) for key, value in drawn.items()}
    return [real(value) for value in drawn] if isinstance(drawn, list) else drawn


NAMES = st.text() | st.integers() | st.none() | st.just("step") | st.just("time")
METRICS = st.recursive(
    st.floats() | st.integers() | st.text() | st.sampled_from(Odd),
    lambda inner: st.dictionaries(NAMES, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metrics=METRICS, step=METRICS, declared=METRICS)
def test_nothing_a_training_passes_raises_or_spoils_a_file(
    tmp_path: Path, metrics: Any, step: Any, declared: Any
) -> None:
    metrics, step, declared = real(metrics), real(step), real(declared)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = exptui.init(tmp_path, declared, params=declared, tags=declared, data=declared, goals=declared)
        run.log(metrics, step=step)
        run.log({"good": 1})
        run.summary(declared)
        run.artifact(declared)
        run.finish(declared)
    if run.id != "unrecorded":
        assert json.loads(lines(run)[-1])["good"] == 1
        assert all(isinstance(json.loads(line), dict) for line in lines(run))
        assert document(run)["status"] in ("finished", "failed", "killed")
        shutil.rmtree(run.path)
