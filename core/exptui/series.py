"""Metric columns in memory, and their thinning to the width of a pane."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from exptui.records import Points

LONG = 1 << 14
"""Points of a series that are worth numpy, which takes longer to load than a shorter series takes without it."""


class Series:
    """One metric of one run, growing. Columns are in file order and of one length."""

    __slots__ = ("step", "time", "value", "version")

    def __init__(self) -> None:
        self.step: array[float] = array("d")
        self.value: array[float] = array("d")
        self.time: array[float] | None = array("d")
        self.version = 0

    def __len__(self) -> int:
        return len(self.value)

    def extend(self, points: Points) -> None:
        self.step.extend(points.step)
        self.value.extend(points.value)
        if points.time is None:
            self.time = None
        elif self.time is not None:
            self.time.extend(points.time)
        self.version += 1


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a curve shows: the extremes and the last of its finite values (None: no point), and
    whether a non-finite value falls into it."""

    low: float | None
    high: float | None
    last: float | None
    broken: bool


def preempted(step: Sequence[float]) -> list[int]:
    """Indices of the points that a restart left standing: a new step drops kept points at or beyond it
    (tensorboard/backend/event_processing/reservoir.py calls this preemption)."""
    kept: list[int] = []
    for at, one in enumerate(step):
        while kept and step[kept[-1]] >= one:
            kept.pop()
        kept.append(at)
    return kept


def ordered(series: Series) -> tuple[Sequence[float], Sequence[float]]:
    """Steps (strictly rising) and values after preemption. The common case, no restart, costs no copy."""
    step, value = series.step, series.value
    if len(step) >= LONG:
        from exptui.series_long import kept_steps

        found = kept_steps(step, value)
        if found is not None:
            return found
    if all(map(float.__lt__, step, step[1:])):
        return step, value
    kept = preempted(step)
    return array("d", (step[at] for at in kept)), array("d", (value[at] for at in kept))


def thin(step: Sequence[float], value: Sequence[float], low: float, high: float, width: int) -> list[Column]:
    """`width` columns between the steps `low` and `high` that keep every extreme and every non-finite point."""
    if len(step) >= LONG and isinstance(step, array) and isinstance(value, array):
        from exptui.series_long import thin_long

        found = thin_long(step, value, low, high, width)
        if found is not None:
            return [Column(*column) for column in found]
    lows: list[float | None] = [None] * width
    highs: list[float | None] = [None] * width
    lasts: list[float | None] = [None] * width
    broken = [False] * width
    span = high - low if high > low else 1.0
    for x, y in zip(step, value, strict=True):
        if not low <= x <= high:
            continue
        at = int((x - low) / span * (width - 1) + 0.5)
        if not math.isfinite(y):
            broken[at] = True
            continue
        bottom, top = lows[at], highs[at]
        lows[at] = y if bottom is None or y < bottom else bottom
        highs[at] = y if top is None or y > top else top
        lasts[at] = y
    return [Column(*column) for column in zip(lows, highs, lasts, broken, strict=True)]


def not_finite(value: Sequence[float]) -> tuple[int, int]:
    """How many values are not finite, and the index of the first of them (0 when there is none)."""
    if len(value) >= LONG and isinstance(value, array):
        from exptui.series_long import broken_long

        return broken_long(value)
    broken = [at for at, one in enumerate(value) if not math.isfinite(one)]
    return len(broken), broken[0] if broken else 0
