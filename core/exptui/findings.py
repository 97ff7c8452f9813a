"""Questions about a comparison that the verdict table, the warnings and the wording all ask."""

from __future__ import annotations

import math
from typing import Literal

from exptui import statistics
from exptui.comparison import Comparison, MetricComparison

Confidence = Literal["high", "medium", "low"]

WORSE = frozenset({"degraded", "not_finite"})
EVALUATION_KEYS = ("dataset", "split", "version", "metric_version")
RATIO_RESOLUTION = 1e-6  # values are float32 at worst: a loss of exactly 5% is one of 5%


def loss(c: Comparison) -> float:
    """The share of the primary metric that is lost; 0 unless it degraded."""
    return -c.decisive.rel if c.decisive.state == "degraded" else 0.0


def lost_too_much(c: Comparison) -> bool:
    return loss(c) > c.policy.trade_max + RATIO_RESOLUTION


def best_cost(c: Comparison) -> MetricComparison | None:
    """The cost that improved most, relative to the baseline."""
    return max((cost for cost in c.costs if cost.state == "improved"), key=lambda cost: cost.rel, default=None)


def worst_cost(c: Comparison) -> MetricComparison | None:
    """The cost that degraded most; one that is not finite before all others."""
    worse = [cost for cost in c.costs if cost.state in WORSE]
    return min(worse, key=lambda cost: -math.inf if cost.state == "not_finite" else cost.rel, default=None)


def worse_secondary(c: Comparison) -> list[MetricComparison]:
    return [metric for metric in c.secondary if metric.state in WORSE]


def degradations(c: Comparison) -> list[MetricComparison]:
    """All that got worse beyond doubt, whether or not the verdict accepts it."""
    return [metric for metric in (c.decisive, *c.judged) if metric.state in WORSE | {"worse_within"}]


def broken_metrics(c: Comparison) -> list[str]:
    """Metrics that the candidate logged as NaN or infinity. Gradient norms and the like overflow in health."""
    return [
        name for name, metric in c.metrics.items() if metric.role != "diagnostic" and c.candidate.broken_seeds(name)
    ]


def dropped_metrics(c: Comparison) -> list[str]:
    """Metrics that would count in the verdict if the candidate had them."""
    return [
        name
        for name, metric in c.metrics.items()
        if metric.state == "missing" and metric.role in {"quality", "cost"} and name not in c.train
    ]


def seeds(c: Comparison) -> int:
    """Seed runs with the primary metric, on the side that has fewer."""
    base = c.baseline.values.get(c.primary or "", ()) if c.baseline else ()
    return min(len(base), len(c.candidate.values.get(c.primary or "", ())))


def confidence(c: Comparison) -> Confidence:
    metric = c.decisive
    if metric.interval is None or metric.state == "uncertain":
        return "low"
    return "medium" if metric.interval.method == "binomial" or seeds(c) < c.policy.min_seeds else "high"


def seeds_needed(c: Comparison) -> int | None:
    """Seed runs that each side needs in all to be sure: as many as decide an uncertain interval, else the policy's
    minimum. None if confidence is high already, or if no bearable number of seeds would decide."""
    metric, interval = c.decisive, c.decisive.interval
    if confidence(c) == "high":
        return None
    if metric.state != "uncertain" or interval is None or interval.method == "binomial":
        return c.policy.min_seeds
    paired = interval.method == "paired_t"
    needed = statistics.seeds_to_decide(
        metric.gain, metric.tolerance, interval.spread, 1 - interval.level, paired=paired
    )
    return None if needed is None else max(needed, seeds(c) + 1)


def unknown_names(c: Comparison) -> list[str]:
    """Metrics that could decide if someone said which way is better."""
    if c.policy.primary:
        return [c.policy.primary]
    return [name for name, metric in c.metrics.items() if metric.role == "unknown"]


def drift_found(c: Comparison) -> bool:
    return c.drift is not None and (c.drift.verdict == "drift" or bool(c.drift.schema_findings))


def drift_excluded(c: Comparison) -> bool:
    return c.drift is not None and c.drift.verdict in {"stable", "identical"} and not drift_found(c)


def evaluation_differences(c: Comparison) -> list[tuple[str, str, str]]:
    """(key, baseline's, candidate's) of what both sides declare about their evaluation and differ in."""
    base = c.baseline.evaluation if c.baseline else {}
    pairs = [(key, base.get(key), c.candidate.evaluation.get(key)) for key in EVALUATION_KEYS]
    return [
        (key, str(before), str(now))
        for key, before, now in pairs
        if before is not None and now is not None and str(before) != str(now)
    ]


def evaluation_unknown(c: Comparison) -> bool:
    """One side declares what the other leaves open."""
    base = c.baseline.evaluation if c.baseline else {}
    return any((base.get(key) is None) != (c.candidate.evaluation.get(key) is None) for key in EVALUATION_KEYS)


def evaluation_size_differs(c: Comparison) -> bool:
    sizes = {c.candidate.n_eval, c.baseline.n_eval if c.baseline else None} - {None}
    return len(sizes) > 1


def mixed_values(c: Comparison) -> bool:
    """The primary metric is a declared value, a best step say, on one side and the last logged on the other."""
    base = c.baseline.restated if c.baseline else frozenset()
    return (c.primary in base) != (c.primary in c.candidate.restated)
