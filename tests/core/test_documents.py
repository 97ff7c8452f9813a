"""Documents that are rewritten in place, and histories that they hold whole."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui.formats import documents
from exptui.formats.base import Delta
from exptui.formats.documents import Document, History, rows_as_points
from exptui.records import FileSign, Points


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Watched:
    def __init__(self, folder: Path, name: str = "run.json") -> None:
        self.path = folder / name
        self.clock = Clock(1_700_000_000.0)
        self.document = Document(str(folder), name, clock=self.clock)

    def write(self, content: bytes) -> bool:
        self.path.write_bytes(content)
        os.utime(self.path, (self.clock.now, self.clock.now))
        return self.look()

    def look(self, after: float = 0.0) -> bool:
        self.clock.now += after
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return self.document.refresh({})
        sign = FileSign(status.st_ino, status.st_size, status.st_mtime_ns)
        return self.document.refresh({self.path.name: sign})


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_document_is_read_when_its_sign_changes_and_only_then(watched: Watched) -> None:
    assert watched.write(b'{"a": NaN, "b": 1}')
    assert math.isnan(watched.document.value["a"])
    assert not watched.look(after=60)
    watched.clock.now += 1
    assert watched.write(b'{"a": 2}')
    assert watched.document.value == {"a": 2}


@pytest.mark.parametrize("half", [b"", b'{"a": 1, "b"', b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000])
def test_the_last_whole_state_stays_and_only_lasting_damage_is_a_problem(half: bytes, watched: Watched) -> None:
    watched.write(b'{"a": 1}')
    watched.clock.now += 1
    assert not watched.write(half)
    assert (watched.document.value, watched.document.problem, watched.document.failed) == ({"a": 1}, None, True)
    watched.look(after=5)
    assert watched.document.problem is None
    watched.look(after=6)
    assert watched.document.problem is not None
    assert watched.document.problem.what.startswith("unreadable: ")
    assert watched.document.problem.what.endswith("its last whole state is shown")
    assert not watched.document.failed
    watched.clock.now += 1
    assert watched.write(b'{"a": 2}')
    assert (watched.document.value, watched.document.problem) == ({"a": 2}, None)


def test_an_old_damaged_document_is_a_problem_at_once(watched: Watched) -> None:
    watched.path.write_bytes(b"{")
    os.utime(watched.path, (1.0, 1.0))
    assert not watched.look()
    assert watched.document.problem is not None
    assert not watched.document.known


def test_a_document_that_vanishes_is_forgotten(watched: Watched) -> None:
    watched.write(b'{"a": 1}')
    watched.path.unlink()
    assert watched.look()
    assert (watched.document.value, watched.document.known) == ({}, False)
    assert not watched.look()


def test_what_is_no_regular_file_is_not_waited_for(watched: Watched) -> None:
    os.mkfifo(watched.path)
    assert not watched.look()
    assert watched.document.problem is not None
    assert "no regular file" in watched.document.problem.what


def test_a_document_over_the_limit_is_refused(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents.read_bytes, "__defaults__", (1 << 20,))
    watched.write(b'{"a": "%s"}' % (b"x" * (1 << 20)))
    watched.look(after=11)
    assert watched.document.problem is not None
    assert watched.document.problem.what == "unreadable: larger than 1 MiB"


def test_yaml_is_known_by_its_name(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "hparams.yaml")
    assert watched.write(b"lr: 0.1\nnet: !!python/object:os.system\n  a: 1\n")
    assert watched.document.value == {"lr": 0.1, "net": {"a": 1}}


def points(*values: float) -> Points:
    return Points(array("d", range(len(values))), array("d", values), None)


Columns = dict[str, list[float]]
columns = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from([0.0, -0.0, 1.0, math.nan]), max_size=5))


@given(st.lists(columns, max_size=6))
def test_what_a_history_tells_adds_up_to_what_the_document_holds(states: list[Columns]) -> None:
    history, held = History(), {}
    for state in states:
        delta = Delta()
        history.advance({name: points(*values) for name, values in state.items()}, delta)
        held = {} if delta.restarted else held
        for name, fresh in delta.points.items():
            held.setdefault(name, array("d")).extend(fresh.value)
        expected = {name: array("d", values).tobytes() for name, values in state.items() if values}
        assert {name: one.tobytes() for name, one in held.items()} == expected


def test_a_history_that_only_grew_tells_the_new_points_alone() -> None:
    history, first, second, third = History(), Delta(), Delta(), Delta()
    history.advance({"loss": points(math.nan, 1.0)}, first)
    history.advance({"loss": points(math.nan, 1.0, 0.5), "acc": points(0.1)}, second)
    assert not second.restarted
    assert (list(second.points["loss"].step), list(second.points["loss"].value)) == ([2.0], [0.5])
    history.advance({"loss": points(math.nan, 1.0)}, third)
    assert third.restarted


def test_rows_of_any_kind_make_columns() -> None:
    rows = [{"step": 5, "loss": 1}, "text", None, {"loss": "nan"}, {"step": "x", "eval": {"acc": True, "f1": 0.5}}]
    found = rows_as_points(rows, "step")
    assert list(found["loss"].step) == [5.0, 5.0]
    assert set(found) == {"loss", "eval.f1"}
