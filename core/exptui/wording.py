"""What a verdict says in words: the reason with its numbers and rule, the next step, the caveats."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from exptui import findings
from exptui.comparison import Comparison, Violation
from exptui.figures import above, better, interval, label, listed, number, percent, unit, values, worse
from exptui.side import new_infrastructure

Block = Literal["drift", "unchecked"]


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def reason(code: str, c: Comparison) -> str:
    """Why this verdict, as a clause without a full stop."""
    return _REASONS[code](c)


def with_block(said: str, block: Block | None, c: Comparison) -> str:
    if block == "drift":
        return f"{said}, but {_drifted(c)}, so the comparison is confounded"
    return f"{said}, but the policy wants drift ruled out first" if block else said


def _pending(c: Comparison) -> str:
    broken = [label(name) for name in findings.broken_metrics(c)]
    alive = "has stalled" if c.candidate.status == "stalled" else "is still running"
    return f"{listed(broken)} went NaN or infinite in a run that {alive}" if broken else f"the run {alive}"


def _not_comparable(c: Comparison) -> str:
    said = [
        f"{key.replace('_', ' ')} {now} (baseline: {before})" for key, before, now in findings.evaluation_differences(c)
    ]
    return f"evaluated on {listed(said)}, so the numbers cannot be compared"


def _no_primary(c: Comparison) -> str:
    if c.policy.primary:
        return f"neither run has the policy's primary metric {c.policy.primary}"
    return "the two runs share no quality metric"


def _primary_broken(c: Comparison) -> str:
    broken, seeds = c.candidate.broken_seeds(c.primary or ""), len(c.candidate.values[c.primary or ""])
    where = f" in {broken} of {seeds} seed runs" if seeds > 1 else ""
    return f"{_name(c)} is NaN or infinite{where}"


def _primary_missing(c: Comparison) -> str:
    absent, seeds = c.candidate.unlogged.get(c.primary or "", 0), len(c.candidate.values.get(c.primary or "", ()))
    where = f" in {absent} of {seeds} seed runs" if seeds > 1 and absent < seeds else ""
    return f"{_name(c)}, which the baseline has, was never logged{where}"


def _guardrail(c: Comparison) -> str:
    improved = f"{better(c.decisive)}, but " if c.decisive.state == "improved" else ""
    return improved + listed([_violation(one) for one in c.violations])


def _violation(one: Violation) -> str:
    mark = f" {unit(one.metric)}" if unit(one.metric) else ""
    bounds = [("at least", one.min), ("at most", one.max)]
    rule = " and ".join(f"{words} {number(limit)}{mark}" for words, limit in bounds if limit is not None)
    if one.value is None:
        return f"{label(one.metric)} was never logged and its guardrail ({rule}) cannot be checked"
    return f"{label(one.metric)} {number(one.value)}{mark} breaks its guardrail ({rule})"


def _uncertain(c: Comparison) -> str:
    metric = c.decisive
    towards = better(metric) if metric.gain > 0 else worse(metric)
    return f"{towards}, but the {interval(metric)} is too wide to tell a change from {_limit(c)}"


def _tradeoff(c: Comparison) -> str:
    cost = findings.best_cost(c)
    return f"{percent(c.decisive.rel)} {_name(c)} trade-off for " + (
        f"{percent(cost.rel)} {label(cost.name)} improvement" if cost else "nothing"
    )


def _degraded(c: Comparison) -> str:
    metric, limit, ratio = c.decisive, c.policy.trade_max, c.policy.trade_ratio
    if findings.lost_too_much(c):
        said = worse(metric).replace(percent(metric.rel), above(metric.rel, limit))
        return f"{said}, more than the {percent(limit)} that may be traded"
    if c.pareto == "dominated" and c.costs:
        return f"{worse(metric)} and no other metric is better"
    others = [worse(other) for other in c.judged if other.state in findings.WORSE]
    if others:
        return f"{worse(metric)}, and so are others: {listed(others)}"
    if not c.costs:
        return f"{worse(metric)} and no cost metric is logged that could make up for it"
    return (
        f"{worse(metric)} and no cost improves by the {ratio:g}x ({percent(ratio * metric.rel)}) that would pay for it"
    )


def _cost_too_high(c: Comparison) -> str:
    cost = findings.worst_cost(c)
    if cost is None or cost.state == "not_finite":
        return f"{better(c.decisive)}, but {worse(cost) if cost else 'a cost is not finite'}"
    return f"{better(c.decisive)}, but {worse(cost)}, more than {c.policy.trade_ratio:g}x the gain"


def _improved(c: Comparison) -> str:
    cost = findings.worst_cost(c)
    if cost is None:
        return better(c.decisive)
    return f"{better(c.decisive)}; {worse(cost)}, within the {c.policy.trade_ratio:g}x that the gain allows"


def _cheaper(c: Comparison) -> str:
    cost = findings.best_cost(c)
    return f"{_holds(c)} and {better(cost) if cost else 'a cost improves'}"


def _costlier(c: Comparison) -> str:
    cost = findings.worst_cost(c)
    return f"{_holds(c)}, but {worse(cost) if cost else 'a cost is worse'}"


def _no_clear_gain(c: Comparison) -> str:
    improved = [better(metric) for metric in c.secondary if metric.state == "improved"]
    broken = [worse(cost) for cost in c.costs if cost.state == "not_finite"]
    if broken:
        return f"{_holds(c)}, but {listed(broken)}"
    if improved:
        return f"{_holds(c)} and no cost improves, though {listed(improved)}"
    return f"{_holds(c)} and nothing else is better, but {_runs(c)} cannot show a small gain"


def _runs(c: Comparison) -> str:
    return "a single run on a side" if findings.seeds(c) < 2 else f"{findings.seeds(c)} seeds"


def _limit(c: Comparison) -> str:
    base = abs(c.decisive.base)
    tolerance = percent(c.decisive.tolerance / base) if base else number(c.decisive.tolerance)
    return f"the {tolerance} that counts as none"


def _holds(c: Comparison) -> str:
    base = abs(c.decisive.base)
    within = f" within {percent(c.decisive.tolerance / base)}" if base and c.decisive.tolerance else ""
    return f"{_name(c)} holds{within} ({values(c.decisive)})"


def _name(c: Comparison) -> str:
    return label(c.primary or "")


def baseline_name(c: Comparison) -> str:
    return (c.baseline.name or c.baseline.id) if c.baseline else ""


def _in_a_seed(c: Comparison) -> str:
    seeds = len(c.baseline.values[c.primary or ""]) if c.baseline else 1
    return " or was never logged in a seed run" if seeds > 1 else ""


def _state(c: Comparison) -> str:
    status = c.baseline.status if c.baseline else ""
    return {"running": "is still running", "stalled": "has stalled", "interrupted": "was interrupted"}.get(
        status, status
    )


_REASONS: dict[str, Callable[[Comparison], str]] = {
    "is_baseline": lambda c: "this is the baseline itself",
    "pending": _pending,
    "run_failed": lambda c: (
        f"the run {'was interrupted' if c.candidate.status == 'interrupted' else c.candidate.status} "
        "before it finished, so its numbers do not count"
    ),
    "no_baseline": lambda c: "there is no baseline to compare with",
    "baseline_not_finished": lambda c: (
        f"the baseline {baseline_name(c)} {_state(c)}, so there is nothing firm to compare with"
    ),
    "not_comparable": _not_comparable,
    "no_primary": _no_primary,
    "direction_unknown": lambda c: (
        f"nothing says whether a higher or a lower {listed(findings.unknown_names(c))} is better"
    ),
    "baseline_primary_missing": lambda c: f"the baseline {baseline_name(c)} never logged {_name(c)}",
    "baseline_primary_not_finite": lambda c: f"the baseline's {_name(c)} is NaN or infinite{_in_a_seed(c)}",
    "primary_missing": _primary_missing,
    "primary_not_finite": _primary_broken,
    "identical": lambda c: (
        f"all {c.identical} metrics equal the baseline's to the last digit, likely the wrong checkpoint"
    ),
    "guardrail": _guardrail,
    "uncertain": _uncertain,
    "tradeoff": _tradeoff,
    "degraded": _degraded,
    "secondary_degraded": lambda c: (
        f"{better(c.decisive) if c.decisive.state == 'improved' else _holds(c)}, "
        f"but {listed([worse(metric) for metric in findings.worse_secondary(c)])}"
    ),
    "cost_too_high": _cost_too_high,
    "improved": _improved,
    "cheaper": _cheaper,
    "costlier": _costlier,
    "no_clear_gain": _no_clear_gain,
    "no_gain": lambda c: f"{_holds(c)} over {_runs(c)} and nothing else is better",
}


def why_performance(code: str, c: Comparison) -> str:
    if code in {"pending", "primary_missing", "primary_not_finite"}:
        return sentence(reason(code, c))
    return sentence(listed([worse(metric) for metric in findings.degradations(c)]))


def why_drift(c: Comparison) -> str:
    return sentence(_drifted(c))


def _drifted(c: Comparison) -> str:
    if c.drift is None:
        return "the training data drifted"
    columns = [f"{one.column}{_effect(one.effect)}" for one in c.drift.columns if one.verdict == "drift"]
    columns += [f"{one.column} ({getattr(one, 'what', '') or 'schema'})" for one in c.drift.schema_findings]
    shown = columns[:3] + ([f"{len(columns) - 3} more"] if len(columns) > 3 else [])
    return "the training data drifted" + (f" in {listed(shown)}" if shown else "")


def _effect(effect: float | None) -> str:
    return "" if effect is None else f" (effect {effect:.2g})"


def why_infrastructure(c: Comparison) -> str:
    return sentence(listed(list(new_infrastructure(c.baseline, c.candidate))))


def caveat(c: Comparison, confidence: str | None) -> str:
    """ "(single runs: low confidence)": what the verdict's confidence rests on, unless it is high."""
    if confidence in {None, "high"}:
        return ""
    if findings.seeds(c) > 1:
        return f"({findings.seeds(c)} seeds: {confidence} confidence)"
    one_sided = c.baseline and len(c.baseline.values.get(c.primary or "", ())) > 1
    runs = "single run" if one_sided or len(c.candidate.values.get(c.primary or "", ())) > 1 else "single runs"
    return f"({runs}: {confidence} confidence)"


def remarks(warnings: Collection[str], c: Comparison) -> list[str]:
    """A sentence for each warning that the rest of the rationale does not already say."""
    return [_REMARKS[code](c) for code in warnings if code in _REMARKS]


def _best_of(c: Comparison) -> str:
    chance = percent(c.candidates / (c.candidates + 1))
    return f"Best of {c.candidates}: among equal runs, the best beats the baseline {chance} of the time."


_REMARKS: dict[str, Callable[[Comparison], str]] = {
    "drift_not_checked": lambda c: "Drift was not checked.",
    "drift_unclear": lambda c: "Drift is unclear: too few rows to rule it out.",
    "status_unknown": lambda c: "The files do not say whether every run ended; it is taken as finished.",
    "best_of_k": _best_of,
    "primary_is_train": lambda c: f"{_name(c)} is measured on training data; no evaluation metric is shared.",
    "evaluation_unknown": lambda c: "Only one side says what it was evaluated on.",
    "evaluation_size_differs": lambda c: "The two evaluation sets differ in size.",
    "mixed_values": lambda c: f"One side declares its {_name(c)}, the other's is the last one logged.",
    "metric_missing": lambda c: f"The candidate lacks {listed([label(name) for name in findings.dropped_metrics(c)])}.",
    "baseline_metric_not_finite": lambda c: (
        "Not compared, as the baseline's is not finite: "
        + listed([label(metric.name) for metric in c.judged if metric.state == "baseline_not_finite"])
        + "."
    ),
}
