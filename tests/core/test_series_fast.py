"""Long series by numpy, and long tables column by column: the same as point by point."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exptui import series, summary
from exptui.formats import csvlog, rows
from exptui.formats.csvlog import CsvLog
from exptui.records import Points
from exptui.series import Series, not_finite, ordered, thin

NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324])
STEPS = st.integers(-5, 60).map(float)
LONG, SHORT = 0, 1 << 60
T = TypeVar("T")


def numbers(values: list[float]) -> array[float]:
    return array("d", values)


def made(step: list[float], value: list[float]) -> Series:
    one = Series()
    one.extend(Points(numbers(step), numbers(value), None))
    return one


@settings(deadline=None, max_examples=150)
@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_summaries_are_the_same(values: list[float]) -> None:
    points = Points(numbers([at * 2.0 for at in range(len(values))]), numbers(values), None)
    fast, slow = summary._summarise_long(points), summary.summarise(points)
    assert list(map(repr, astuple(fast))) == list(map(repr, astuple(slow)))


def test_a_long_run_is_summarised_the_same_in_any_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    values = [rng.choice([math.nan, rng.gauss(0, 1)]) for _ in range(5000)]
    told = []
    for long, size in ((1, 700), (1 << 60, 700), (1, 5000)):
        monkeypatch.setattr(summary, "_LONG", long)
        summaries = summary.Summaries()
        for at in range(0, 5000, size):
            part = values[at : at + size]
            steps = numbers([float(step) for step in range(at, at + len(part))])
            summaries.add({"x": Points(steps, numbers(part), steps)})
        told.append((repr(summaries.snapshot()), summaries.newest, summaries.rhythm))
    assert told[0] == told[1] == told[2]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(STEPS | st.just(math.nan), NUMBERS), min_size=1, max_size=60))
def test_the_order_is_the_same(points: list[tuple[float, float]]) -> None:
    one = made([step for step, _ in points], [value for _, value in points])
    fast, slow = in_both_ways(ordered, one)
    assert [list(map(repr, column)) for column in fast] == [list(map(repr, column)) for column in slow]
    assert (fast[0] is one.step) == (slow[0] is one.step)


def in_both_ways(function: Callable[..., T], *arguments: object) -> tuple[T, T]:
    """What a function tells by numpy and without it."""
    before, found = series.LONG, []
    try:
        for series.LONG in (LONG, SHORT):
            found.append(function(*arguments))
    finally:
        series.LONG = before
    return found[0], found[1]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(STEPS, NUMBERS), min_size=1, max_size=80), STEPS, STEPS, st.integers(1, 50), st.booleans())
def test_the_columns_are_the_same(
    points: list[tuple[float, float]], low: float, high: float, width: int, rising: bool
) -> None:
    points = sorted(points, key=lambda point: point[0]) if rising else points
    step, value = numbers([step for step, _ in points]), numbers([value for _, value in points])
    fast, slow = in_both_ways(thin, step, value, low, high, width)
    assert fast == slow


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.floats(1e-6, 1e12), st.floats(-1e12, 1e12))
def test_the_columns_are_the_same_at_their_very_edges(seed: int, width: int, span: float, low: float) -> None:
    """Steps that fall between two columns, or one rounding beside it, are told to the same one."""
    rng = random.Random(seed)
    edges = [low + span * (at + 0.5) / max(1, width - 1) for at in range(width)]
    steps = sorted({math.nextafter(edge, edge + rng.choice([-1, 0, 1])) for edge in edges} | {low, low + span})
    values = [rng.gauss(0, 1) for _ in steps]
    fast, slow = in_both_ways(thin, numbers(steps), numbers(values), low, low + span, width)
    assert fast == slow


@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_what_is_not_finite_is_counted_the_same(values: list[float]) -> None:
    fast, slow = in_both_ways(not_finite, numbers(values))
    assert fast == slow == (sum(not math.isfinite(one) for one in values), slow[1])


def test_a_series_that_was_looked_at_can_grow() -> None:
    """A view of an array keeps it from growing: none may be left."""
    count = series.LONG + 10
    one = made([float(at) for at in range(count)], [0.5] * count)
    step, value = ordered(one)
    thin(step, value, 0.0, float(count), 100)
    not_finite(value)
    one.extend(Points(numbers([float(count)]), numbers([1.0]), None))
    assert len(ordered(one)[0]) == count + 1


def test_every_extreme_and_every_break_of_a_long_series_is_kept() -> None:
    count = 200_000
    rng = random.Random(1)
    value = numbers([rng.random() for _ in range(count)])
    value[777], value[123_456], value[150_000], value[-1] = 50.0, -50.0, math.nan, math.inf
    columns = thin(numbers([float(at) for at in range(count)]), value, 0.0, float(count), 240)
    assert max(one.high for one in columns if one.high is not None) == 50.0
    assert min(one.low for one in columns if one.low is not None) == -50.0
    assert sum(one.broken for one in columns) == 2


HEADERS = ["step,time,a,b", "a,b,epoch,", "step\ttime\ta\tb", '"step","x, y",a,b', "a,a,step,b", "time,t,u,v"]
NUMERALS = ["0", "1", "2.5", "-3e5", "7", "1e11", "nan", "inf", "-inf", "1e400", "1_0", " 4 ", "٣"]
CELLS = st.sampled_from([*NUMERALS, "x", "NA", "2026-01-02", "#1", "", '"5"'])
PLAIN = st.integers(-9, 1 << 40).map(str)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(HEADERS),
    st.lists(st.lists(PLAIN, min_size=4, max_size=4) | st.lists(CELLS, min_size=1, max_size=5), max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 6),
    st.integers(20, 400),
)
def test_tables_are_the_same(
    tmp_path: Path, header: str, lines: list[list[str]], end: str, block: int, budget: int
) -> None:
    delimiter = "\t" if "\t" in header else ","
    text = end.join([header, *map(delimiter.join, lines), ""])
    (tmp_path / "log.csv").write_bytes(text.encode())
    assert read_table(tmp_path, block, budget) == read_table(tmp_path, 1 << 60, 1 << 20)


def read_table(folder: Path, block: int, budget: int) -> object:
    """The points and problems of a table: in blocks, or with a block so long that it holds its header."""
    before = csvlog._BLOCK, rows._TOGETHER
    csvlog._BLOCK = rows._TOGETHER = block
    try:
        log, more = CsvLog(str(folder / "log.csv"), "log.csv"), True
        told: dict[str, list[list[str]]] = {}
        while more:
            points, more = log.read(budget)
            for name, one in points.items():
                kept = told.setdefault(name, [[], [], []])
                for column, new in zip(kept, (one.step, one.value, one.time or ()), strict=True):
                    column.extend(map(repr, new))
        return told, log.problems()
    finally:
        csvlog._BLOCK, rows._TOGETHER = before
