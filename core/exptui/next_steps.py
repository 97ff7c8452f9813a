"""What to do about a verdict, for every combination of verdict, code and escalations."""

from __future__ import annotations

from collections.abc import Collection

from exptui import findings
from exptui.comparison import Comparison
from exptui.figures import label, listed, number
from exptui.statistics import examples_to_decide
from exptui.wording import Block, baseline_name, sentence

_PROMOTE = "Promote to staging for A/B test."


def next_step(verdict: str, code: str, c: Comparison, block: Block | None, escalated: Collection[str]) -> str:
    """What to do now, in whole sentences."""
    if verdict == "promote":
        first = ["get sign-off for the new infrastructure"] if "new_infrastructure" in escalated else []
        first += ["have a person accept the degradation"] if "performance" in escalated else []
        return f"{sentence(' and '.join(first))[:-1]}, then promote to staging for A/B test." if first else _PROMOTE
    if block == "unchecked":
        return "Run the drift check, then compare again."
    if block == "drift":
        return "Retrain on the baseline's data or have a person accept the new data, then compare again."
    step = _step(code, c) if verdict != "abandon" else f"Keep {baseline_name(c)}, the baseline."
    if "performance" in escalated and verdict != "none":
        step += " A person should look at the regression."
    if "data_drift" in escalated:
        step += " Look at the drifted data first: it may be the cause."
    if "new_infrastructure" in escalated and verdict == "iterate":
        step += " Get sign-off for the new infrastructure before the next try."
    return step


def _step(code: str, c: Comparison) -> str:
    if code == "uncertain":
        return _decide_step(c)
    if code == "pending" and findings.broken_metrics(c):
        return "Look at the run now and stop it unless it recovers."
    if code == "pending" and c.candidate.status == "stalled":
        return "Check whether the job is alive."
    if code == "direction_unknown":
        name = findings.unknown_names(c)[0]
        return f'Set goal = "max" or "min" under [metrics."{name}"] in the policy.'
    if code == "guardrail" and all(one.value is None for one in c.violations):
        return f"Log {listed([label(one.metric) for one in c.violations])} and evaluate again."
    if code == "no_clear_gain" and findings.confidence(c) == "low":
        return f"Repeat it until both sides have {c.policy.min_seeds} seeds, or try a bolder change."
    return _STEPS[code]


def _decide_step(c: Comparison) -> str:
    metric = c.decisive
    if metric.interval is None or metric.interval.method == "binomial":
        examples = examples_to_decide(metric.base, metric.cand, metric.tolerance, c.policy.alpha)
        more = f" or evaluate on about {number(examples)} examples" if examples else ""
        return f"Repeat it until both sides have {c.policy.min_seeds} seeds{more}."
    needed = findings.seeds_needed(c)
    if needed is None:
        return "Seeds alone will not decide this; try a bolder change."
    return f"Repeat it until both sides have about {needed} seeds."


_STEPS = {
    "is_baseline": "Choose another run as the candidate.",
    "pending": "Wait until the run ends.",
    "run_failed": "Read the end of its log, fix the cause and run it again.",
    "no_baseline": "Choose a finished run as the baseline.",
    "baseline_not_finished": "Choose a finished run as the baseline.",
    "not_comparable": "Evaluate both runs on the same dataset, split and metric version.",
    "no_primary": "Log one quality metric in both runs, or name it as primary in the policy.",
    "baseline_primary_missing": "Log it in the baseline, or choose another baseline or primary metric.",
    "baseline_primary_not_finite": "Choose a baseline with a finite value.",
    "primary_missing": "Log it and evaluate again.",
    "primary_not_finite": "Find the step where it stopped being finite, fix the cause and run it again.",
    "identical": "Check which checkpoint was evaluated, then evaluate again.",
    "guardrail": "Bring it within the guardrail and run it again.",
    "degraded": "Try to win the loss back before comparing again.",
    "secondary_degraded": "Find out what the gain costs there and try again.",
    "cost_too_high": "Make it cheaper and compare again.",
    "no_clear_gain": "Decide which metric matters, or try a bolder change.",
}
