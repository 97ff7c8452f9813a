"""Params and metrics of a run against the baseline: what differs first, what is equal folded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from exptui.compare import ParamDiff, param_diff
from exptui.comparison import Comparison, MetricComparison
from exptui.records import RunRecord
from exptui_tui.format import BLANK, Line, cell_len, number, pad, param, percent, safe, wrapped

_WORDS = {
    "improved": ("better", "good"),
    "degraded": ("worse", "bad"),
    "worse_within": ("worse, within tolerance", "warn"),
    "uncertain": ("cannot tell", "warn"),
    "missing": ("only in baseline", "bad"),
    "missing_in_baseline": ("only here", "dim"),
    "not_finite": ("not finite", "bad"),
    "baseline_not_finite": ("baseline not finite", "warn"),
}
_URGENCY = ("not_finite", "missing", "degraded", "improved", "worse_within", "uncertain", "within")


def diff(baseline: RunRecord, candidate: RunRecord, comparison: Comparison, width: int, *, folded: bool) -> list[Line]:
    """The whole diff. `folded` counts equal params and metrics instead of listing them."""
    params = param_diff(baseline, candidate)
    metrics = sorted(comparison.metrics.values(), key=lambda one: _order(one, comparison.primary))
    longest = max(map(cell_len, [*(one.name for one in params), *comparison.metrics]), default=10)
    name_width = min(longest + 3, max(12, width - 38))
    lines = [*_params(params, name_width, width, folded), BLANK, *_metrics(metrics, comparison, name_width, folded)]
    return [*_who(baseline, candidate, width), BLANK, *lines]


def _who(baseline: RunRecord, candidate: RunRecord, width: int) -> list[Line]:
    text = f"{safe(candidate.name, 60)} against {safe(baseline.name, 60)} (single runs)"
    return wrapped(text, width, "bold", "  ")


def _params(params: Sequence[ParamDiff], name_width: int, width: int, folded: bool) -> list[Line]:
    lines: list[Line] = [(("Params", "title"),)]
    room = max(8, (width - name_width - 3) // 2)
    different = [one for one in params if one.state != "equal"]
    for one in different:
        before = "–" if one.state == "added" else safe(param(one.baseline), room)
        now = "–" if one.state == "removed" else safe(param(one.candidate), room)
        lines.append(
            ((pad(safe(one.name, name_width - 1), name_width), ""), (before, "dim"), (" → ", "dim"), (now, "accent"))
        )
    equal = [one for one in params if one.state == "equal"]
    if not params:
        lines.append((("neither run logged any", "dim"),))
    elif not different:
        lines.append((("no difference", "dim"),))
    if equal and folded:
        lines.append(((f"{len(equal)} equal (f unfolds)", "dim"),))
    elif equal:
        lines += [
            ((pad(safe(one.name, name_width - 1), name_width), "dim"), (safe(param(one.baseline), room), "dim"))
            for one in equal
        ]
    return lines


def _metrics(metrics: Sequence[MetricComparison], comparison: Comparison, name_width: int, folded: bool) -> list[Line]:
    lines: list[Line] = [(("Metrics", "title"), ("  last value, ★ decides", "dim"))]
    shown = [one for one in metrics if not (folded and _same(one))]
    values = [(_value(one, "missing_in_baseline", one.base), _value(one, "missing", one.cand)) for one in shown]
    before_width = max((len(before) for before, _ in values), default=1)
    now_width = max((len(now) for _, now in values), default=1)
    for one, (before, now) in zip(shown, values, strict=True):
        star = "★" if one.name == comparison.primary else " "
        words, style = _judgement(one, comparison)
        lines.append(
            (
                (pad(safe(one.name, name_width - 3), name_width - 2), ""),
                (star + " ", "accent"),
                (pad(before, before_width, right=True), "dim"),
                (" → ", "dim"),
                (pad(now, now_width, right=True), "bold"),
                (pad(_share(one), 8, right=True), style),
                ("  " + words, style),
            )
        )
    if len(shown) < len(metrics):
        lines.append(((f"{len(metrics) - len(shown)} equal (f unfolds)", "dim"),))
    if not metrics:
        lines.append((("neither run logged any", "dim"),))
    return lines


def _value(one: MetricComparison, absent: str, value: float) -> str:
    """A side's value; one that was never logged is not NaN."""
    return number(None if one.state == absent else value)


def _judgement(one: MetricComparison, comparison: Comparison) -> tuple[str, str]:
    if one.state == "within":
        return ("same", "dim") if one.base == one.cand else ("within tolerance", "dim")
    if one.state == "not_judged":
        known = one.role == "diagnostic"
        return ("", "") if known else ("which way is better is not known", "dim")
    if one.name in comparison.train and one.state in ("improved", "degraded"):
        return _WORDS[one.state][0] + " (train)", "dim"
    return _WORDS[one.state]


def _share(one: MetricComparison) -> str:
    if not (math.isfinite(one.base) and math.isfinite(one.cand)) or one.base == one.cand:
        return ""
    return percent((one.cand - one.base) / abs(one.base)) if one.base else "from 0"


def _same(one: MetricComparison) -> bool:
    return one.base == one.cand and math.isfinite(one.base)


def _order(one: MetricComparison, primary: str | None) -> tuple[bool, int, str]:
    rank = _URGENCY.index(one.state) if one.state in _URGENCY else len(_URGENCY)
    return one.name != primary, rank, one.name
