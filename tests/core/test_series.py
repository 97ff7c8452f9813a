"""Columns in memory: their summaries in any pieces, restarts, and thinning that hides nothing."""

from __future__ import annotations

import math
from array import array
from dataclasses import astuple
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exptui.records import Points
from exptui.series import Series, ordered, preempted, thin
from exptui.summary import Summaries

NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, 5e-324])


def points(values: list[float], times: list[float] | None = None) -> Points:
    return Points(array("d", range(len(values))), array("d", values), array("d", times) if times is not None else None)


def series(steps: list[float], values: list[float]) -> Series:
    one = Series()
    one.extend(Points(array("d", steps), array("d", values), None))
    return one


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_summaries_of_pieces_are_the_summary_of_the_whole(values: list[float], cuts: list[int]) -> None:
    whole, pieces = Summaries(), Summaries()
    whole.add({"x": points(values)})
    edges = sorted({0, *(min(cut, len(values)) for cut in cuts), len(values)})
    for start, end in pairwise(edges):
        steps = array("d", range(start, end))
        pieces.add({"x": Points(steps, array("d", values[start:end]), None)})
    told = whole.snapshot()["x"]
    assert list(map(repr, astuple(pieces.snapshot()["x"]))) == list(map(repr, astuple(told)))
    finite = [(at, one) for at, one in enumerate(values) if math.isfinite(one)]
    assert told.count == len(values)
    assert told.nan + told.inf + len(finite) == len(values)
    if finite:
        assert (told.min, told.max) == (min(one for _, one in finite), max(one for _, one in finite))
        assert told.min_step == next(at for at, one in finite if one == told.min)
        assert told.max_step == next(at for at, one in finite if one == told.max)
    else:
        assert (told.min, told.min_step, told.max, told.max_step) == (None, None, None, None)


def test_the_usual_gap_is_a_median_of_the_newest_and_needs_some() -> None:
    few, many = Summaries(), Summaries()
    few.add({"x": points([1.0] * 4, [0.0, 1.0, 2.0, 3.0])})
    assert few.rhythm is None
    many.add({"x": points([1.0] * 60, [at * 100.0 for at in range(60)])})
    assert many.rhythm == 100.0
    many.add({"x": points([1.0] * 40, [6000.0 + at for at in range(40)])})
    assert many.rhythm == 1.0
    many.add({"x": points([1.0], [math.nan])})
    assert (many.rhythm, many.newest) == (1.0, 6039.0)


def test_a_restart_drops_what_it_repeats_and_keeps_file_order_otherwise() -> None:
    assert preempted([1, 2, 3, 4, 3, 4, 5]) == [0, 1, 4, 5, 6]
    assert preempted([5, 6, 1]) == [2]
    assert preempted([2, 2, 2]) == [2]
    step, value = ordered(series([1, 2, 3, 2, 3], [10, 20, 30, 21, 31]))
    assert (list(step), list(value)) == ([1, 2, 3], [10, 21, 31])


@given(st.lists(st.integers(-5, 20).map(float), max_size=40))
def test_kept_steps_always_rise_and_end_with_the_last(steps: list[float]) -> None:
    kept = preempted(steps)
    chosen = [steps[at] for at in kept]
    assert all(one < other for one, other in pairwise(chosen))
    assert kept[-1:] == ([len(steps) - 1] if steps else [])
    assert all(steps[at] < min(steps[at + 1 :], default=math.inf) for at in kept)


def test_no_copy_is_made_without_a_restart() -> None:
    one = series([1, 2, 3], [1, 2, 3])
    assert ordered(one)[0] is one.step


@given(st.lists(NUMBERS, min_size=1, max_size=200), st.integers(1, 30))
def test_thinning_keeps_every_extreme_and_every_break(values: list[float], width: int) -> None:
    steps = list(map(float, range(len(values))))
    columns = thin(steps, values, steps[0], steps[-1], width)
    assert len(columns) == width
    finite = [one for one in values if math.isfinite(one)]
    assert min((one.low for one in columns if one.low is not None), default=None) == min(finite, default=None)
    assert max((one.high for one in columns if one.high is not None), default=None) == max(finite, default=None)
    assert any(one.broken for one in columns) == (len(finite) < len(values))
    assert all((one.low is None) == (one.last is None) for one in columns)


def test_points_outside_the_window_do_not_count() -> None:
    [column] = thin([1.0, 2.0, 3.0, math.nan], [10.0, 20.0, 30.0, 40.0], 2.0, 2.0, 1)
    assert (column.low, column.high, column.last) == (20.0, 20.0, 20.0)


@pytest.mark.parametrize("timeless_first", [True, False])
def test_a_series_has_times_only_when_all_its_points_do(timeless_first: bool) -> None:
    one = Series()
    for timeless in (timeless_first, not timeless_first):
        one.extend(points([1.0], None if timeless else [5.0]))
    assert (one.time, len(one), one.version) == (None, 2, 2)
