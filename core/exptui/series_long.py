"""What `series` does, by numpy, for series that are so long that it matters. Nothing here keeps a view of a column: an
array that is looked at cannot grow."""

from __future__ import annotations

import math
from array import array

import numpy as np
from numpy.typing import NDArray

_Column = tuple[float | None, float | None, float | None, bool]


def kept_steps(step: array[float], value: array[float]) -> tuple[array[float], array[float]] | None:
    """The columns themselves when the steps rise, else copies without the preempted points. None when a step is not
    a number, with which no order is told."""
    steps = np.frombuffer(step)
    if (steps[1:] > steps[:-1]).all():
        return step, value
    if np.isnan(steps).any():
        return None
    later = np.minimum.accumulate(steps[:0:-1])[::-1]
    kept = np.append(steps[:-1] < later, True)
    return _array(steps[kept]), _array(np.frombuffer(value)[kept])


def thin_long(step: array[float], value: array[float], low: float, high: float, width: int) -> list[_Column] | None:
    """The columns of `series.thin`; None when the steps do not rise, or the window has no end."""
    steps, values = np.frombuffer(step), np.frombuffer(value)
    span = high - low if high > low else 1.0
    if len(steps) != len(values) or not math.isfinite(span) or not (steps[1:] >= steps[:-1]).all():
        return None
    start, end = int(steps.searchsorted(low, "left")), int(steps.searchsorted(high, "right"))
    columns: list[_Column] = [(None, None, None, False)] * width
    if start >= end or not low <= high:
        return columns
    edges = _edges(steps, start, end, low, span, width)
    filled = np.flatnonzero(edges[1:] > edges[:-1])
    begins, ends = edges[filled], edges[filled + 1]
    finite = np.isfinite(values[start:end])
    if finite.all():
        part = values[start:end]
        lows, highs = (reduce.reduceat(part, begins - start).tolist() for reduce in (np.minimum, np.maximum))
        lasts = values[ends - 1].tolist()
        for at, *extremes in zip(filled.tolist(), lows, highs, lasts, strict=True):
            columns[at] = (extremes[0], extremes[1], extremes[2], False)
        return columns
    for at, begin, stop in zip(filled.tolist(), begins.tolist(), ends.tolist(), strict=True):
        columns[at] = _column(values[begin:stop], finite[begin - start : stop - start])
    return columns


def _column(values: NDArray[np.float64], finite: NDArray[np.bool_]) -> _Column:
    kept = values[finite]
    if not len(kept):
        return None, None, None, True
    return float(kept.min()), float(kept.max()), float(kept[-1]), len(kept) < len(values)


def _edges(steps: NDArray[np.float64], start: int, end: int, low: float, span: float, width: int) -> NDArray[np.intp]:
    """The index at which each column begins, and the end of the last one, by halving: the column of a step never
    falls as the step rises."""
    columns = np.arange(width + 1)
    below, above = np.full(width + 1, start), np.full(width + 1, end)
    while (open_ := below < above).any():
        middle = (below + above) // 2
        at = ((steps[np.minimum(middle, end - 1)] - low) / span * (width - 1) + 0.5).astype(np.int64)
        rises = open_ & (at < columns)
        below = np.where(rises, middle + 1, below)
        above = np.where(open_ & ~rises, middle, above)
    return below


def broken_long(value: array[float]) -> tuple[int, int]:
    """How many values are not finite, and where the first of them is."""
    finite = np.isfinite(np.frombuffer(value))
    return int(len(finite) - finite.sum()), int(finite.argmin())


def _array(numbers: NDArray[np.float64]) -> array[float]:
    made = array("d")
    made.frombytes(np.ascontiguousarray(numbers).view(np.uint8).data)
    return made
