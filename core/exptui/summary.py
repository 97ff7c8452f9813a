"""Folds points into one summary a metric, at the speed of the arrays they come in."""

from __future__ import annotations

import math
import sys
from array import array
from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from exptui.records import MetricSummary, Points

_LONG = 1 << 10
"""Points of a stretch that are worth numpy where it is loaded."""
_MANY = 1 << 19
"""Points of a run that are worth loading it."""


SummaryState = tuple[Mapping[str, MetricSummary], float | None, list[float]]
"""The summaries, the newest time and the newest times."""


class Summaries:
    """The running summaries of one run's metrics, its newest time and its usual gap between points."""

    def __init__(self) -> None:
        self._by_metric: dict[str, MetricSummary] = {}
        self._count = 0
        self._times: deque[float] = deque(maxlen=32)
        self.newest: float | None = None

    def add(self, points: Mapping[str, Points]) -> None:
        for name, chunk in points.items():
            if len(chunk):
                self._count += len(chunk)
                long = len(chunk) >= _LONG and (self._count >= _MANY or "numpy" in sys.modules)
                told = _summarise_long(chunk) if long else summarise(chunk)
                self._by_metric[name] = merged(self._by_metric.get(name), told)
        self._note_times(points)

    def snapshot(self) -> dict[str, MetricSummary]:
        return dict(self._by_metric)

    def state(self) -> SummaryState:
        return self.snapshot(), self.newest, list(self._times)

    def restore(self, state: SummaryState) -> None:
        """Go on from what `state` told."""
        self._by_metric, self.newest = dict(state[0]), state[1]
        self._times.extend(state[2])
        self._count = sum(one.count for one in self._by_metric.values())

    @property
    def rhythm(self) -> float | None:
        """The median gap in seconds between the newest points, None before there are enough."""
        gaps = [after - before for before, after in pairwise(self._times) if after > before]
        return median(gaps) if len(gaps) >= 4 else None

    def _note_times(self, points: Mapping[str, Points]) -> None:
        longest = max(points.values(), key=len, default=None)
        if longest is None or longest.time is None:
            return
        for moment in longest.time[-32:]:
            if math.isfinite(moment):
                self._times.append(moment)
                self.newest = max(moment, self.newest or moment)


def summarise(points: Points) -> MetricSummary:
    """The summary of one stretch of at least one point."""
    step, value = points.step, points.value
    nan = inf = 0
    finite, finite_step = value, step
    if not math.isfinite(sum(value)):
        nan = sum(map(math.isnan, value))
        inf = sum(map(math.isinf, value))
        kept = [at for at, one in enumerate(value) if math.isfinite(one)]
        finite = array("d", (value[at] for at in kept))
        finite_step = array("d", (step[at] for at in kept))
    low = min(finite, default=None)
    high = max(finite, default=None)
    return MetricSummary(
        count=len(value),
        last=value[-1],
        last_step=step[-1],
        first_step=step[0],
        min=low,
        min_step=None if low is None else finite_step[finite.index(low)],
        max=high,
        max_step=None if high is None else finite_step[finite.index(high)],
        nan=nan,
        inf=inf,
    )


def _summarise_long(points: Points) -> MetricSummary:
    """The same by numpy, which is too slow to load for fewer points."""
    import numpy as np

    step, value = points.step, points.value
    numbers = np.frombuffer(value)
    finite = np.isfinite(numbers)
    nan = inf = 0
    low_at = high_at = 0
    any_finite = True
    if finite.all():
        low_at, high_at = int(numbers.argmin()), int(numbers.argmax())
    else:
        nan = int(np.isnan(numbers).sum())
        inf = int(len(value) - finite.sum()) - nan
        any_finite = nan + inf < len(value)
        low_at = int(np.where(finite, numbers, np.inf).argmin())
        high_at = int(np.where(finite, numbers, -np.inf).argmax())
    return MetricSummary(
        count=len(value),
        last=value[-1],
        last_step=step[-1],
        first_step=step[0],
        min=value[low_at] if any_finite else None,
        min_step=step[low_at] if any_finite else None,
        max=value[high_at] if any_finite else None,
        max_step=step[high_at] if any_finite else None,
        nan=nan,
        inf=inf,
    )


def merged(before: MetricSummary | None, after: MetricSummary) -> MetricSummary:
    """The summary of two stretches, one behind the other."""
    if before is None:
        return after
    low, low_step = before.min, before.min_step
    if low is None or (after.min is not None and after.min < low):
        low, low_step = after.min, after.min_step
    high, high_step = before.max, before.max_step
    if high is None or (after.max is not None and after.max > high):
        high, high_step = after.max, after.max_step
    return MetricSummary(
        count=before.count + after.count,
        last=after.last,
        last_step=after.last_step,
        first_step=before.first_step,
        min=low,
        min_step=low_step,
        max=high,
        max_step=high_step,
        nan=before.nan + after.nan,
        inf=before.inf + after.inf,
    )
