"""What a comparison found: plain values that the verdict table, the wording and the screen read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from exptui import statistics
from exptui.metric_names import Direction, Role
from exptui.policy import Policy
from exptui.side import Side

State = Literal[
    "improved",
    "degraded",
    "within",
    "worse_within",
    "uncertain",
    "missing",
    "missing_in_baseline",
    "not_finite",
    "baseline_not_finite",
    "not_judged",
]
Pareto = Literal["dominates", "dominated", "incomparable", "equal"]


class DriftSummary(Protocol):
    """What a verdict needs of a drift report. `columns` have `column`, `verdict` and `effect`."""

    @property
    def verdict(self) -> str: ...
    @property
    def columns(self) -> Sequence[Any]: ...
    @property
    def schema_findings(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric's change. `base` and `cand` are means over seed runs; `gain` is the change in the metric's unit,
    positive for the better; `rel` is gain / |base|, infinite from a baseline of 0; NaN where there is none.
    `interval` is for the gain."""

    name: str
    state: State
    role: Role
    direction: Direction
    base: float = math.nan
    cand: float = math.nan
    gain: float = math.nan
    rel: float = math.nan
    tolerance: float = math.nan
    interval: statistics.Interval | None = None

    @property
    def lo(self) -> float:
        return self.interval.lo if self.interval else math.nan

    @property
    def hi(self) -> float:
        return self.interval.hi if self.interval else math.nan

    @property
    def ci(self) -> str | None:
        """Method and level of the interval, "welch_t 95%"; None for a point."""
        return f"{self.interval.method} {100 * self.interval.level:.4g}%" if self.interval else None

    @property
    def holds(self) -> bool:
        return self.state in {"within", "worse_within"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A guardrail that the candidate does not keep. `value` is None where the metric is missing."""

    metric: str
    value: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that the verdict table looks at. `primary` names the metric that decides; where it is None,
    `no_primary` says why. `train` has the metrics that never enter a verdict beside evaluation metrics.
    `candidates` were compared against one baseline, and this is the `best` of them or not."""

    baseline: Side | None
    candidate: Side
    policy: Policy
    metrics: Mapping[str, MetricComparison] = field(default_factory=dict)
    primary: str | None = None
    no_primary: Literal["no_primary", "direction_unknown"] | None = None
    train: frozenset[str] = frozenset()
    drift: DriftSummary | None = None
    candidates: int = 1
    best: bool = False

    @property
    def decisive(self) -> MetricComparison:
        """The primary metric's comparison. Raises KeyError if there is none."""
        return self.metrics[self.primary or ""]

    @property
    def costs(self) -> list[MetricComparison]:
        return [metric for metric in self.judged if metric.role == "cost"]

    @property
    def secondary(self) -> list[MetricComparison]:
        """Evaluation quality metrics besides the primary one."""
        return [metric for metric in self.judged if metric.role == "quality"]

    @property
    def judged(self) -> list[MetricComparison]:
        """Metrics that both sides have and that count, the primary one aside."""
        left_out = {"missing", "missing_in_baseline", "not_judged"}
        return [
            metric
            for metric in self.metrics.values()
            if metric.state not in left_out
            and metric.name != self.primary
            and not (metric.role == "quality" and metric.name in self.train)
        ]

    @property
    def pareto(self) -> Pareto:
        """By plain values of the primary metric, other evaluation quality and cost: no tolerance, no interval."""
        metrics = [*self.judged, *([self.decisive] if self.primary else [])]
        better = any(metric.gain > resolution(metric.base, metric.cand) for metric in metrics)
        worse = any(
            metric.gain < -resolution(metric.base, metric.cand) or metric.state == "not_finite" for metric in metrics
        )
        if better and worse:
            return "incomparable"
        return "dominates" if better else "dominated" if worse else "equal"

    @property
    def identical(self) -> int:
        """How many metrics the sides share if all of them, two at least, are equal to the last digit; else 0."""
        base = self.baseline.values if self.baseline else {}
        shared = [
            sorted(self.candidate.values[name]) == sorted(base[name])
            for name, metric in self.metrics.items()
            if metric.role != "diagnostic" and name in base and name in self.candidate.values
        ]
        return len(shared) if len(shared) >= 2 and all(shared) else 0

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(
            Violation(name, value, limits.min, limits.max)
            for name, limits in self.policy.guardrails.items()
            for value in [self._value(name)]
            if value is None
            or not math.isfinite(value)
            or (limits.min is not None and value < limits.min)
            or (limits.max is not None and value > limits.max)
        )

    def _value(self, metric: str) -> float | None:
        values = self.candidate.values.get(metric)
        return mean_value(values) if values else None


def mean_value(values: Sequence[float]) -> float:
    """The mean over seed runs; NaN or infinite if any is, NaN if there are none."""
    if not values:
        return math.nan
    if all(map(math.isfinite, values)):
        return statistics.mean(values)
    return sum(values)


def resolution(a: float, b: float) -> float:
    """The smallest change between two values that is one. Trackers store float32: a change below its resolution
    is none, and a value exactly on a limit stays on it."""
    return 1e-7 * max(abs(a), abs(b))
