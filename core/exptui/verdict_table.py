"""The verdict table: ordered rows, the first whose condition holds decides.

Conditions may rest on what the rows above them have ruled out; each row's code is recorded with the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from exptui import findings
from exptui.comparison import Comparison

Verdict = Literal["promote", "iterate", "abandon", "none"]
Condition = Callable[[Comparison], bool]


def is_baseline(c: Comparison) -> bool:
    return c.baseline is not None and c.baseline.id == c.candidate.id


def pending(c: Comparison) -> bool:
    return c.candidate.status in {"running", "stalled"}


def pending_and_broken(c: Comparison) -> bool:
    return pending(c) and bool(findings.broken_metrics(c))


def run_failed(c: Comparison) -> bool:
    return c.candidate.status in {"failed", "crashed", "interrupted"}


def no_baseline(c: Comparison) -> bool:
    return c.baseline is None


def baseline_not_finished(c: Comparison) -> bool:
    return c.baseline is not None and c.baseline.status not in {"finished", "unknown"}


def not_comparable(c: Comparison) -> bool:
    return bool(findings.evaluation_differences(c))


def no_primary(c: Comparison) -> bool:
    return c.no_primary == "no_primary"


def direction_unknown(c: Comparison) -> bool:
    return c.no_primary == "direction_unknown"


def _primary(*states: str) -> Condition:
    return lambda c: c.decisive.state in states


def primary_unlogged(c: Comparison) -> bool:
    missing = c.decisive.state == "not_finite" and not c.candidate.broken_seeds(c.decisive.name)
    return missing or c.decisive.state == "missing"


def identical(c: Comparison) -> bool:
    return c.identical > 0


def guardrail_broken(c: Comparison) -> bool:
    return bool(c.violations)


def guardrail_broken_but_improved(c: Comparison) -> bool:
    return guardrail_broken(c) and c.decisive.state == "improved"


def dominated(c: Comparison) -> bool:
    return c.decisive.state == "degraded" and c.pareto == "dominated" and bool(c.costs)


def pays_off(c: Comparison) -> bool:
    """A small loss of quality bought a far larger gain in cost, and nothing else paid for it."""
    loss, cost = findings.loss(c), findings.best_cost(c)
    if cost is None or loss == 0 or findings.lost_too_much(c):
        return False
    if any(metric.state in findings.WORSE for metric in (*c.costs, *c.secondary)):
        return False
    return cost.rel >= c.policy.trade_ratio * loss - findings.RATIO_RESOLUTION


def secondary_degraded(c: Comparison) -> bool:
    return bool(findings.worse_secondary(c))


def cost_too_high(c: Comparison) -> bool:
    allowed = c.policy.trade_ratio * c.decisive.rel + findings.RATIO_RESOLUTION
    return c.decisive.state == "improved" and any(
        cost.state == "not_finite" or (cost.state == "degraded" and -cost.rel > allowed) for cost in c.costs
    )


def cheaper(c: Comparison) -> bool:
    return findings.best_cost(c) is not None and not any(cost.state in findings.WORSE for cost in c.costs)


def costlier(c: Comparison) -> bool:
    return any(cost.state == "degraded" for cost in c.costs)


def not_settled(c: Comparison) -> bool:
    """Nothing decisive is better, but the evidence is thin, a cost is unknown, or another metric improved."""
    return (
        findings.confidence(c) == "low"
        or any(metric.state == "improved" for metric in c.secondary)
        or any(cost.state == "not_finite" for cost in c.costs)
    )


def otherwise(_: Comparison) -> bool:
    return True


class Row(NamedTuple):
    when: Condition
    verdict: Verdict
    code: str
    escalate: bool = False
    """Whether the row itself is a performance escalation."""


# Rows without a comparison of values to rest on.
BEFORE_WEIGHING: tuple[Row, ...] = (
    Row(is_baseline, "none", "is_baseline"),
    Row(pending_and_broken, "none", "pending", escalate=True),
    Row(pending, "none", "pending"),
    Row(run_failed, "iterate", "run_failed"),
    Row(no_baseline, "none", "no_baseline"),
    Row(baseline_not_finished, "none", "baseline_not_finished"),
    Row(not_comparable, "none", "not_comparable"),
    Row(no_primary, "none", "no_primary"),
    Row(direction_unknown, "none", "direction_unknown"),
    Row(_primary("missing_in_baseline"), "none", "baseline_primary_missing"),
    Row(_primary("baseline_not_finite"), "none", "baseline_primary_not_finite"),
    Row(primary_unlogged, "iterate", "primary_missing", escalate=True),
    Row(_primary("not_finite"), "iterate", "primary_not_finite", escalate=True),
    Row(identical, "iterate", "identical"),
)
# The primary metric has finite values on both sides.
WEIGHING: tuple[Row, ...] = (
    Row(guardrail_broken_but_improved, "iterate", "guardrail"),
    Row(guardrail_broken, "abandon", "guardrail"),
    Row(_primary("uncertain"), "iterate", "uncertain"),
    Row(pays_off, "promote", "tradeoff"),
    Row(findings.lost_too_much, "abandon", "degraded", escalate=True),
    Row(dominated, "abandon", "degraded", escalate=True),
    Row(_primary("degraded"), "iterate", "degraded", escalate=True),
    # From here on the primary metric improved or holds.
    Row(secondary_degraded, "iterate", "secondary_degraded", escalate=True),
    Row(cost_too_high, "iterate", "cost_too_high"),
    Row(_primary("improved"), "promote", "improved"),
    # From here on it holds.
    Row(cheaper, "promote", "cheaper"),
    Row(costlier, "abandon", "costlier"),
    Row(not_settled, "iterate", "no_clear_gain"),
    Row(otherwise, "abandon", "no_gain"),
)
TABLE = (*BEFORE_WEIGHING, *WEIGHING)
WEIGHED = frozenset(row.code for row in WEIGHING)
PROMOTES = frozenset(row.code for row in WEIGHING if row.verdict == "promote")


def matching_row(c: Comparison) -> Row:
    return next(row for row in TABLE if row.when(c))
