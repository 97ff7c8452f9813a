"""A candidate against a baseline: every metric's change and whether it counts, and the params that differ."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from exptui import statistics
from exptui.comparison import Comparison as Comparison
from exptui.comparison import DriftSummary as DriftSummary
from exptui.comparison import MetricComparison as MetricComparison
from exptui.comparison import State, mean_value, resolution
from exptui.metric_names import Direction, Role, is_proportion, primary_metric, read_name, train_metrics
from exptui.policy import Policy
from exptui.records import RunRecord
from exptui.side import Side as Side


def compare(
    baseline: Side | None,
    candidate: Side,
    policy: Policy | None = None,
    drift: DriftSummary | None = None,
    *,
    alpha: float | None = None,
    candidates: int = 1,
    best: bool = False,
) -> Comparison:
    """Compare two sides. `drift` None means it was not checked; `alpha` overrides the policy's where several
    candidates share one error rate (see `compare_all`)."""
    policy = policy or Policy()
    base = baseline or Side(id="", name="")
    names = list(dict.fromkeys((*base.values, *candidate.values)))
    level = policy.alpha if alpha is None else alpha
    metrics = {name: _compare_metric(name, base, candidate, policy, level) for name in sorted(names, key=natural)}
    primary, why = _choose_primary(metrics, base, candidate, policy)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        policy=policy,
        metrics=metrics,
        primary=primary,
        no_primary=why,
        train=train_metrics(names),
        drift=drift,
        candidates=candidates,
        best=best,
    )


def compare_all(
    baseline: Side | None,
    candidates: Sequence[Side],
    policy: Policy | None = None,
    drifts: Mapping[str, DriftSummary] | None = None,
) -> tuple[Comparison, ...]:
    """Compare several candidates with one baseline; `drifts` by candidate id. Holm's procedure over the candidates'
    primary metrics sets the level of each one's intervals."""
    policy, drifts = policy or Policy(), drifts or {}
    first = [compare(baseline, candidate, policy) for candidate in candidates]
    rivals = [at for at, one in enumerate(first) if baseline is None or one.candidate.id != baseline.id]
    tested = [at for at in rivals if (decisive := _decisive(first[at])) and decisive.interval]
    p_values = [interval.p for at in tested if (interval := first[at].decisive.interval)]
    levels = dict(zip(tested, statistics.holm_levels(p_values, policy.alpha), strict=True))
    gains = {at: metric.gain for at in rivals if (metric := _decisive(first[at])) and math.isfinite(metric.gain)}
    best = max(gains, key=gains.__getitem__, default=None)
    return tuple(
        compare(
            baseline,
            candidate,
            policy,
            drifts.get(candidate.id),
            alpha=levels.get(at),
            candidates=max(1, len(rivals)),
            best=at == best,
        )
        for at, candidate in enumerate(candidates)
    )


def _decisive(comparison: Comparison) -> MetricComparison | None:
    return comparison.metrics.get(comparison.primary or "")


def _compare_metric(name: str, base: Side, cand: Side, policy: Policy, alpha: float) -> MetricComparison:
    direction, role = _direction_and_role(name, base, cand, policy)
    before, now = base.values.get(name, ()), cand.values.get(name, ())
    a, b = mean_value(before), mean_value(now)
    state = _absence(before, now) or ("not_judged" if role in {"diagnostic", "unknown"} else None)
    if state:
        return MetricComparison(name, state, role, direction, a, b)
    tolerance = policy.tolerance(name, role, a)
    gain = direction * (b - a)
    rel = gain / abs(a) if a else math.copysign(math.inf, gain) if gain else 0.0
    interval = _interval(name, base, cand, alpha)
    interval = interval.times(direction) if interval else None
    state = _judge(gain, tolerance, resolution(a, b), interval)
    return MetricComparison(name, state, role, direction, a, b, gain, rel, tolerance, interval)


_GOAL_DIRECTION: dict[str, Direction] = {"max": 1, "min": -1}


def _direction_and_role(name: str, base: Side, cand: Side, policy: Policy) -> tuple[Direction, Role]:
    """The policy's word, else the run's, else the name's. Without a direction a metric has no role in a verdict."""
    said, reading = policy.metrics.get(name), read_name(name)
    goal = base.goals.get(name) or cand.goals.get(name)
    if said and said.goal:
        goal = said.goal
    direction = _GOAL_DIRECTION.get(goal or "", reading.direction)
    role = reading.role
    if role == "unknown" or (role == "diagnostic" and ((said and said.goal) or name == policy.primary)):
        role = "quality"
    if said and said.role:
        role = said.role
    return direction, role if direction or role == "diagnostic" else "unknown"


def _absence(before: Sequence[float], now: Sequence[float]) -> State | None:
    if not before:
        return "missing_in_baseline"
    if not all(map(math.isfinite, before)):
        return "baseline_not_finite"
    if not now:
        return "missing"
    return None if all(map(math.isfinite, now)) else "not_finite"


def _interval(name: str, base: Side, cand: Side, alpha: float) -> statistics.Interval | None:
    before, now = base.values[name], cand.values[name]
    if min(len(before), len(now)) >= 2:
        if base.seeds and cand.seeds and sorted(base.seeds) == sorted(cand.seeds):
            by_seed = dict(zip(base.seeds, before, strict=True))
            differences = [value - by_seed[seed] for seed, value in zip(cand.seeds, now, strict=True)]
            return statistics.paired_interval(differences, alpha)
        return statistics.welch_interval(before, now, alpha)
    shares = len(before) == len(now) == 1 and all(0 <= share <= 1 for share in (*before, *now))
    if shares and base.n_eval and cand.n_eval and is_proportion(name):
        return statistics.binomial_interval(before[0], base.n_eval, now[0], cand.n_eval, alpha)
    return None


def _judge(gain: float, tolerance: float, least: float, interval: statistics.Interval | None) -> State:
    if interval is None:
        if gain > tolerance + least:
            return "improved"
        return "degraded" if gain < -tolerance - least else "within"
    if interval.lo > least:
        return "improved"
    if interval.hi < -tolerance - least:
        return "degraded"
    if interval.lo < -tolerance - least:
        return "uncertain"
    if interval.hi < -least:
        return "worse_within"
    return "within" if interval.hi <= tolerance + least else "uncertain"


def _choose_primary(
    metrics: Mapping[str, MetricComparison], base: Side, cand: Side, policy: Policy
) -> tuple[str | None, Literal["no_primary", "direction_unknown"] | None]:
    """The policy's metric, even where a side lacks it; else the best quality metric that both sides have."""
    if wanted := policy.primary:
        metric = metrics.get(wanted)
        if metric is None:
            return None, "no_primary"
        return (wanted, None) if metric.direction else (None, "direction_unknown")
    shared = [metric for name, metric in metrics.items() if name in base.values and name in cand.values]
    names = [metric.name for metric in shared if metric.role == "quality"]
    if names:
        return primary_metric(names, {*base.goals, *cand.goals}), None
    return None, "direction_unknown" if any(metric.role == "unknown" for metric in shared) else "no_primary"


ParamState = Literal["changed", "added", "removed", "equal"]


@dataclass(frozen=True, slots=True)
class ParamDiff:
    """One param of two runs; None where a run has none, which `state` tells from a value of None."""

    name: str
    baseline: Any
    candidate: Any
    state: ParamState


def param_diff(baseline: RunRecord, candidate: RunRecord) -> list[ParamDiff]:
    """The params of both runs: what differs first, then what is equal, each in natural order."""
    names = sorted({*baseline.params, *candidate.params}, key=natural)
    diffs = [_param(name, baseline.params, candidate.params) for name in names]
    return sorted(diffs, key=lambda diff: diff.state == "equal")


def _param(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> ParamDiff:
    state: ParamState = "equal" if _same(before.get(name), now.get(name)) else "changed"
    if name not in before or name not in now:
        state = "added" if name in now else "removed"
    return ParamDiff(name, before.get(name), now.get(name), state)


def _same(a: Any, b: Any) -> bool:
    """Equal as a person reads them: 1 is 1.0, NaN is NaN, but true is not 1."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key by which layer2 comes before layer10."""
    parts = re.split(r"(\d+)", name.lower())
    digits = [part.lstrip("0") if at % 2 else "" for at, part in enumerate(parts)]
    return [(at % 2, len(digits[at]), digits[at] or part) for at, part in enumerate(parts)], name
