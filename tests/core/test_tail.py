"""A log that grows in any pieces is read to the same points as the finished file, whatever happens to it between."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import writers
from exptui.tail import MAX_LINE, LineTail
from watched import FORMATS, Watched, expected, log_of

VALUES = st.floats(width=32) | st.integers(-(2**20), 2**20).map(float)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["loss", "val/Güte", "s"]), VALUES, min_size=1), min_size=1, max_size=25
)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, cuts=st.lists(st.floats(0, 1), max_size=8), budget=st.sampled_from([1, 5, 13, 40, 200, 1 << 20]))
def test_a_log_written_in_any_pieces_gives_the_points_of_one_whole_read(
    form: str, rows: list[dict[str, float]], cuts: list[float], budget: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = Watched(tmp_path_factory.mktemp("r"), form, budget)
    content = log_of(form, rows)
    edges = sorted({0, *(int(cut * len(content)) for cut in cuts), len(content)})
    # A table without a whole header is not taken for a log, so that much is there from the start.
    edges = [edge for edge in edges if form != "csv" or edge > content.index(b"\n")]
    run.log.write_bytes(content[: edges[0]])
    run.log.touch()
    for start, end in zip(edges, [*edges[1:], len(content)], strict=True):
        run.read()
        writers.append(run.log, content[start:end])
    run.read()
    record = run.record()
    assert run.points() == expected(form, rows)
    assert run.problems() == []
    for name, summary in record.metrics.items():
        values = [float(value) for _, value in run.points()[name]]
        finite = [value for value in values if math.isfinite(value)]
        assert summary.count == len(values)
        assert writers.same(summary.last, values[-1])
        assert summary.min == min(finite, default=None)
        assert summary.max == max(finite, default=None)
        assert (summary.nan, summary.inf) == (sum(map(math.isnan, values)), sum(map(math.isinf, values)))


def truncate(log: Path, content: bytes) -> None:
    """In place, as `>` in a shell does."""
    log.write_bytes(content)


def replace(log: Path, content: bytes) -> None:
    writers.write_atomically(log, content)


def remove_and_create(log: Path, content: bytes) -> None:
    """The new file may get the inode of the old one."""
    log.unlink()
    log.write_bytes(content)


@pytest.mark.parametrize("change", [truncate, replace, remove_and_create])
@pytest.mark.parametrize("form", FORMATS)
def test_a_log_written_anew_leaves_no_point_of_the_old_one(
    form: str, change: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    rng = random.Random(form)
    for number in range(25):
        run = Watched(tmp_path / str(number), form, rng.choice([7, 64, 1 << 20]))
        old = [{"loss": rng.random()} for _ in range(rng.randrange(1, 40))]
        new = [{"loss": rng.random(), "acc": 0.5} for _ in range(rng.randrange(1, 40))]
        run.log.write_bytes(log_of(form, old))
        run.read()
        change(run.log, log_of(form, new))
        run.read()
        assert run.points() == expected(form, new)


@pytest.mark.parametrize("form", FORMATS)
def test_a_log_cut_to_nothing_and_begun_again_starts_over(form: str, tmp_path: Path) -> None:
    run = Watched(tmp_path, form)
    run.log.write_bytes(log_of(form, [{"loss": float(at)} for at in range(30)]))
    run.read()
    os.truncate(
        run.log, len(writers.version()) if form == "tensorboard" else len(b"step,loss\n") if form == "csv" else 0
    )
    run.read()
    assert run.points() == {}
    content = log_of(form, [{"loss": 9.0}])
    run.log.write_bytes(content)
    run.read()
    assert run.points() == expected(form, [{"loss": 9.0}])


def test_a_table_rewritten_with_a_column_far_right_is_noticed_though_its_beginning_is_the_same(tmp_path: Path) -> None:
    run = Watched(tmp_path, "csv")
    names = [f"a_rather_long_metric_name_{at}" for at in range(40)]
    run.log.write_bytes(writers.csv_line(["step", *names]) + writers.csv_line([0, *range(40)]))
    run.read()
    wider = [["step", *names, "late"], [0, *range(40), ""], [1, *range(40), 7.5], [2, *range(40), 8.5]]
    run.log.write_bytes(b"".join(map(writers.csv_line, wider)))
    run.read()
    assert run.points()["late"] == [("1.0", "7.5"), ("2.0", "8.5")]
    assert run.points() == run.fresh()
    assert run.problems() == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_torn_end_waits_with_its_offset_and_is_whole_later(form: str, tmp_path: Path) -> None:
    run = Watched(tmp_path, form)
    whole, more = log_of(form, [{"loss": 1.0}]), log_of(form, [{"loss": 1.0}, {"loss": 2.5}])
    assert more.startswith(whole)
    for end in range(len(whole) + 1, len(more)):
        run.log.write_bytes(more[:end])
        run.read()
        assert run.points() == expected(form, [{"loss": 1.0}])
        [(offset, what)] = run.problems()
        assert offset == len(whole)
        assert "waiting" in what
    run.log.write_bytes(more)
    run.read()
    assert run.points() == expected(form, [{"loss": 1.0}, {"loss": 2.5}])
    assert run.problems() == []


@pytest.mark.parametrize("form", FORMATS)
def test_new_points_cost_only_their_own_bytes(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Watched(tmp_path, form)
    old = log_of(form, [{"loss": float(at)} for at in range(30_000)])
    new = log_of(form, [{"loss": float(at)} for at in range(30_010)])
    run.log.write_bytes(old)
    run.read()
    seen: list[int] = []
    real = os.pread

    def counting(descriptor: int, count: int, offset: int) -> bytes:
        data = real(descriptor, count, offset)
        seen.append(len(data))
        return data

    run.log.write_bytes(new)
    monkeypatch.setattr(os, "pread", counting)
    run.read()
    monkeypatch.undo()
    assert len(run.points()["loss"]) == 30_010
    assert sum(seen) <= len(new) - len(old) + 1500
    assert len(old) > 100 * (len(new) - len(old))


def test_a_line_without_an_end_is_dropped_and_the_next_one_read(tmp_path: Path) -> None:
    run = Watched(tmp_path, "jsonl", 64 << 10)
    before, after = writers.json_line({"step": 1, "loss": 1.0}), writers.json_line({"step": 2, "loss": 2.0})
    run.log.write_bytes(before + b'{"blob": "' + b"x" * (2 * MAX_LINE + 100))
    run.read()
    writers.append(run.log, b'"}\n{oops\n' + after)
    run.read()
    assert run.points() == {"loss": [("1.0", "1.0"), ("2.0", "2.0")]}
    assert run.problems() == [(len(before), "2 line(s) are no JSON object; skipped")]


def test_a_line_larger_than_a_bite_is_read_whole(tmp_path: Path) -> None:
    run = Watched(tmp_path, "jsonl", 4096)
    row: dict[str, Any] = {"step": 3, "blob": "y" * 300_000, "loss": 0.25}
    run.log.write_bytes(writers.json_line({"step": 2, "loss": 1.0}) + writers.json_line(row) * 2)
    run.read()
    assert run.points()["loss"] == [("2.0", "1.0"), ("3.0", "0.25"), ("3.0", "0.25")]


def test_a_file_still_read_in_bites_is_not_called_unfinished(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\nthree\n")
    tail = LineTail(str(log))
    assert tail.lines(5) == (0, [b"one"], True)
    assert not tail.waiting
    writers.append(log, b"fo")
    assert tail.lines(100) == (4, [b"two", b"three"], False)
    assert tail.waiting
