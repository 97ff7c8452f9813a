"""Promote, iterate or abandon: the verdict on a comparison, and all that it carries with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from exptui import figures, findings, wording
from exptui.comparison import Comparison, MetricComparison, Violation
from exptui.findings import Confidence
from exptui.next_steps import next_step
from exptui.verdict_table import PROMOTES, WEIGHED, Row, Verdict, is_baseline, matching_row

_EXIT = {"promote": 0, "iterate": 10, "abandon": 11, "none": 12}
_NEEDS_HUMAN = 20


@dataclass(frozen=True, slots=True)
class Escalation:
    """Why a person is needed. `why` is a sentence."""

    kind: Literal["performance", "data_drift", "new_infrastructure"]
    why: str


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """What is given up and what is got for it: metric names and relative gains (the first one negative)."""

    give: str
    give_rel: float
    get: str
    get_rel: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A verdict with its reasons. `headline` is the rationale's first two sentences; `rationale` adds `caveat`
    and the absolute values. `confidence` is None where no comparison of values decided. `seeds_needed` is the
    number of seed runs each side needs in all, None if no more would help. `computed_at` is in seconds since
    the epoch."""

    comparison: Comparison
    verdict: Verdict
    code: str
    confidence: Confidence | None
    headline: str
    caveat: str
    rationale: str
    next_step: str
    escalations: tuple[Escalation, ...] = ()
    warnings: tuple[str, ...] = ()
    tradeoff: Tradeoff | None = None
    guardrail_violations: tuple[Violation, ...] = ()
    seeds_needed: int | None = None
    computed_at: float = 0.0

    @property
    def needs_human(self) -> bool:
        return bool(self.escalations)

    def as_json(self) -> dict[str, Any]:
        """The result as strict JSON values; what is not finite is null."""
        c, trade = self.comparison, self.tradeoff
        return {
            "schema": 1,
            "candidate": c.candidate.id,
            "baseline": c.baseline.id if c.baseline else None,
            "verdict": self.verdict,
            "code": self.code,
            "confidence": self.confidence,
            "headline": self.headline,
            "rationale": self.rationale,
            "caveat": self.caveat,
            "next_step": self.next_step,
            "needs_human": self.needs_human,
            "escalations": [{"kind": one.kind, "why": one.why} for one in self.escalations],
            "warnings": list(self.warnings),
            "primary": c.primary,
            "pareto": c.pareto if c.primary and c.baseline else None,
            "tradeoff": {
                "give": {"metric": trade.give, "rel": _finite(trade.give_rel)},
                "get": {"metric": trade.get, "rel": _finite(trade.get_rel)},
            }
            if trade
            else None,
            "guardrail_violations": [
                {"metric": one.metric, "value": _finite(one.value), "min": one.min, "max": one.max}
                for one in self.guardrail_violations
            ],
            "seeds_needed": self.seeds_needed,
            "metrics": {name: _metric_json(metric) for name, metric in c.metrics.items()},
            "drift": _drift_json(c),
            "policy_sha256": c.policy.sha256,
            "computed_at": self.computed_at,
        }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _metric_json(metric: MetricComparison) -> dict[str, Any]:
    numbers = ("base", "cand", "gain", "rel", "lo", "hi")
    return {
        "state": metric.state,
        "role": metric.role,
        "dir": {1: "up", -1: "down", 0: None}[metric.direction],
        **{key: _finite(getattr(metric, key)) for key in numbers},
        "ci": metric.ci,
    }


def _drift_json(c: Comparison) -> dict[str, Any] | None:
    if c.drift is None:
        return None
    columns = [
        {"column": str(one.column), "verdict": str(one.verdict), "effect": _finite(one.effect)}
        for one in c.drift.columns
    ]
    return {"verdict": c.drift.verdict, "columns": columns}


def recommend(comparison: Comparison, *, now: float | None = None) -> Recommendation:
    """The verdict on a comparison. `now` is in seconds since the epoch, for `computed_at`."""
    c = comparison
    row = matching_row(c)
    weighed = row.code in WEIGHED
    blocked = _drift_block(c) if row.verdict == "promote" else None
    verdict: Verdict = "iterate" if blocked else row.verdict
    confidence = findings.confidence(c) if weighed else None
    escalations = _escalations(c, row)
    warnings = tuple(code for code, when in _WARNINGS.items() if when(c, row))
    reason = wording.reason(row.code, c)
    step = next_step(verdict, row.code, c, blocked, {one.kind for one in escalations})
    headline = f"{c.candidate.name or c.candidate.id}: {wording.with_block(reason, blocked, c)}. {step}"
    caveat = wording.caveat(c, confidence)
    details = [headline, caveat, wording.sentence(figures.all_changes(c)) if weighed else ""]
    return Recommendation(
        comparison=c,
        verdict=verdict,
        code=row.code,
        confidence=confidence,
        headline=headline,
        caveat=caveat,
        rationale=" ".join(filter(None, (*details, *wording.remarks(warnings, c)))),
        next_step=step,
        escalations=escalations,
        warnings=warnings,
        tradeoff=_tradeoff(c, row.code),
        guardrail_violations=c.violations if weighed else (),
        seeds_needed=findings.seeds_needed(c) if weighed else None,
        computed_at=time.time() if now is None else now,
    )


def exit_code(recommendation: Recommendation) -> int:
    """0 promote, 10 iterate, 11 abandon, 12 none; 20 more when a person is needed."""
    return _EXIT[recommendation.verdict] + _NEEDS_HUMAN * recommendation.needs_human


def _drift_block(c: Comparison) -> wording.Block | None:
    """Drift confounds the comparison: what looks like a better model may be easier data."""
    if findings.drift_found(c):
        return "drift"
    return "unchecked" if c.policy.require_drift_check and not findings.drift_excluded(c) else None


def _escalations(c: Comparison, row: Row) -> tuple[Escalation, ...]:
    if is_baseline(c):
        return ()
    found = []
    strict = c.policy.escalate_on_any_degradation and row.code in WEIGHED and bool(findings.degradations(c))
    if row.escalate or strict:
        found.append(Escalation("performance", wording.why_performance(row.code, c)))
    if findings.drift_found(c):
        found.append(Escalation("data_drift", wording.why_drift(c)))
    if why := wording.why_infrastructure(c):
        found.append(Escalation("new_infrastructure", why))
    return tuple(found)


_WARNINGS: dict[str, Callable[[Comparison, Row], bool]] = {
    "stalled": lambda c, row: row.code == "pending" and c.candidate.status == "stalled",
    "status_unknown": lambda c, row: (
        row.code != "is_baseline" and "unknown" in {c.candidate.status, c.baseline.status if c.baseline else "finished"}
    ),
    "drift_not_checked": lambda c, row: row.verdict != "none" and c.drift is None,
    "drift_unclear": lambda c, row: (
        row.verdict != "none" and c.drift is not None and not (findings.drift_found(c) or findings.drift_excluded(c))
    ),
    "likely_wrong_checkpoint": lambda c, row: row.code == "identical",
    "accepted_degradation": lambda c, row: row.code in PROMOTES and bool(findings.degradations(c)),
    "best_of_k": lambda c, row: row.code in PROMOTES and c.best and c.candidates > 1,
    "primary_is_train": lambda c, row: row.code in WEIGHED and c.primary in c.train,
    "evaluation_unknown": lambda c, row: row.code in WEIGHED and findings.evaluation_unknown(c),
    "evaluation_size_differs": lambda c, row: row.code in WEIGHED and findings.evaluation_size_differs(c),
    "mixed_values": lambda c, row: row.code in WEIGHED and findings.mixed_values(c),
    "metric_missing": lambda c, row: row.code in WEIGHED and bool(findings.dropped_metrics(c)),
    "baseline_metric_not_finite": lambda c, row: (
        row.code in WEIGHED and any(metric.state == "baseline_not_finite" for metric in c.judged)
    ),
}


def _tradeoff(c: Comparison, code: str) -> Tradeoff | None:
    if code == "tradeoff" and (cost := findings.best_cost(c)):
        return Tradeoff(c.decisive.name, c.decisive.rel, cost.name, cost.rel)
    worst = findings.worst_cost(c)
    if code in {"improved", "cost_too_high"} and worst:
        return Tradeoff(worst.name, worst.rel, c.decisive.name, c.decisive.rel)
    return None
