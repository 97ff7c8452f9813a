"""The native run directory: ids, atomic replacement, and values of every kind as JSON."""

import errno
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exptui import rundir


def test_run_ids_name_the_utc_second_and_are_safe_directory_names() -> None:
    made = rundir.new_run_id(1795540522.9)
    assert made.startswith("20261124-171522-")
    assert len(made) == len("20261124-171522-ab12cd")
    assert rundir.is_run_id(made)


@pytest.mark.parametrize("text", ["", ".", "..", ".hidden", "-rf", "a/b", "a\0b", "é", "a" * 129, "a b", "a\n"])
def test_what_could_leave_the_directory_is_no_run_id(text: str) -> None:
    assert not rundir.is_run_id(text)


def test_directories_made_in_the_same_second_are_different(tmp_path: Path) -> None:
    made = [rundir.create_run_directory(str(tmp_path / "deep" / "runs")) for _ in range(50)]
    assert len({path for _, path in made}) == 50
    assert all(os.path.basename(path) == run_id and os.path.isdir(path) for run_id, path in made)


def test_an_id_that_is_taken_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["taken", "taken", "free"])
    monkeypatch.setattr(rundir, "new_run_id", lambda: next(ids))
    assert rundir.create_run_directory(str(tmp_path))[0] == "taken"
    assert rundir.create_run_directory(str(tmp_path))[0] == "free"


def test_times_are_iso_8601_in_utc_with_milliseconds() -> None:
    assert rundir.utc_text(1795540522.9996) == "2026-11-24T17:15:23.000+00:00"
    assert datetime.fromisoformat(rundir.utc_text(1795540522.25)).timestamp() == 1795540522.25


def test_the_start_of_a_process_is_known_by_its_pid() -> None:
    before = time.time()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = rundir.process_started(process.pid)
        process.communicate(b"\n")
    assert started is not None
    assert abs(started - before) < 3
    own = rundir.process_started()
    assert own is not None
    assert own == rundir.process_started(os.getpid())
    assert own <= started
    assert rundir.process_started(process.pid) is None


def test_replacing_a_file_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    rundir.write_atomically(str(path), b"one")
    rundir.write_atomically(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("call", ["write", "replace", "open"])
def test_a_failed_replacement_keeps_the_old_file_and_leaves_no_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"old")

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="full"):
        rundir.write_atomically(str(path), b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_system_that_takes_bytes_in_parts_still_gets_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    rundir.write_atomically(str(tmp_path / "run.json"), b"0123456789")
    assert (tmp_path / "run.json").read_bytes() == b"0123456789"


def test_values_are_kept_as_plainly_as_json_can() -> None:
    value = {
        "lr": 0.1,
        "big": 2**70,
        "deterministic": True,
        "layers": (32, 16),
        "decay": np.float32(0.5),
        "seed": np.int64(7),
        "bad": [float("nan"), float("inf"), -np.inf],
        "path": Path("/data/a.csv"),
        3: None,
        "raw": b"\x00\xff",
    }
    assert json.loads(rundir.encode_value(value)) == {
        "lr": 0.1,
        "big": float(2**70),
        "deterministic": True,
        "layers": [32, 16],
        "decay": 0.5,
        "seed": 7,
        "bad": ["NaN", "Infinity", "-Infinity"],
        "path": "/data/a.csv",
        "3": None,
        "raw": r"b'\x00\xff'",
    }


def test_what_json_has_no_form_for_becomes_its_cut_repr() -> None:
    class Optimizer:
        def __repr__(self) -> str:
            return "Adam" * 1000

    assert json.loads(rundir.encode_value({"opt": Optimizer()})) == {"opt": ("Adam" * 1000)[:1000]}


def test_a_container_inside_itself_ends() -> None:
    inner: list[object] = [1]
    inner.append(inner)
    cyclic: dict[str, object] = {"list": inner}
    cyclic["self"] = cyclic
    assert json.loads(rundir.encode_value(cyclic)) == {
        "list": [1, "<inside itself>"],
        "self": "<inside itself>",
    }


def test_a_container_that_occurs_twice_is_no_cycle() -> None:
    shared = [1]
    assert json.loads(rundir.encode_value([shared, shared])) == [[1], [1]]


def test_huge_and_deep_values_are_cut_with_a_mark() -> None:
    assert len(rundir.encode_value(list(range(10**6)))) < 100_000
    assert json.loads(rundir.encode_value(list(range(10**6))))[-1] == "<cut>"
    assert json.loads(rundir.encode_value({i: i for i in range(20_000)}))["<cut>"] == 10_000
    assert len(rundir.encode_value("x" * 10**6)) < 11_000
    assert len(rundir.encode_value(["x" * 9000] * 9000)) < 300_000
    assert len(rundir.encode_value({f"{i}{'x' * 900}": [] for i in range(9000)})) < 300_000
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deep" in rundir.encode_value(deep)


class Hostile:
    """Every method that a curious encoder might call raises."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __float__(self) -> float:
        raise RuntimeError("float")


ODD = [Hostile(), Hostile, object(), len, 10**5000, "\ud800", np.zeros(3), np.float16("inf")]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
ANYTHING = st.recursive(
    SCALARS | st.integers(0, len(ODD) - 1).map(lambda at: ODD[at]),  # hypothesis itself would ask for their repr
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(ANYTHING)
def test_any_value_becomes_strict_json(value: object) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(rundir.encode_value(value).encode("ascii"), parse_constant=refuse)
