"""The recommendation: the verdict first, then why, then what a person has to look at."""

from __future__ import annotations

from exptui.recommend import Recommendation
from exptui_tui.format import BLANK, Line, Span, fit, safe, wrapped

VERDICTS = {
    "promote": ("PROMOTE", "good"),
    "iterate": ("ITERATE", "warn"),
    "abandon": ("ABANDON", "bad"),
    "none": ("–", "dim"),
}
_ESCALATIONS = {
    "performance": "performance",
    "data_drift": "data drift",
    "new_infrastructure": "new infrastructure",
}


def short(recommendation: Recommendation | None) -> str:
    """The verdict in the width of a column."""
    if recommendation is None or recommendation.verdict == "none":
        return ""
    return recommendation.verdict + (" !" if recommendation.needs_human else "")


def verdict_line(recommendation: Recommendation | None, width: int, otherwise: str) -> Line:
    """One line that says it all; `otherwise` when there is nothing to recommend."""
    if recommendation is None:
        return fit([(" " + otherwise, "dim")], width)
    word, style = VERDICTS[recommendation.verdict]
    spans: list[Span] = [(f" {word} ", f"{style} bold")] if word != "–" else [(" ", "")]
    if recommendation.needs_human:
        names = ", ".join(_ESCALATIONS.get(one.kind, one.kind) for one in recommendation.escalations)
        spans.append((f"a person is needed: {names}. ", "bad"))
    spans.append((safe(recommendation.headline, 400), "" if word != "–" else "dim"))
    spans.append((" " + safe(recommendation.caveat, 200), "dim"))
    return fit(spans, width)


def decision(recommendation: Recommendation, width: int, note: str = "") -> list[Line]:
    """The whole recommendation; `note` says what it still waits for."""
    word, style = VERDICTS[recommendation.verdict]
    head = word if word != "–" else "NO VERDICT"
    lines: list[Line] = [fit([(head, f"{style} bold"), (f"  {_how_sure(recommendation)}", "dim")], width), BLANK]
    if note:
        lines += [*wrapped(note, width, "warn"), BLANK]
    lines += wrapped(safe(recommendation.headline, 2000), width, "bold")
    details = recommendation.rationale.removeprefix(recommendation.headline).strip()
    lines += _section("Why", details, width)
    lines += _section("Next", recommendation.next_step, width)
    if recommendation.escalations:
        lines += [BLANK, (("A person is needed", "bad bold"),)]
        for one in recommendation.escalations:
            lines += wrapped(f"! {_ESCALATIONS.get(one.kind, one.kind)}: {safe(one.why, 600)}", width, "bad", "  ")
    return lines


def _how_sure(recommendation: Recommendation) -> str:
    rule = f"rule {recommendation.code}"
    return f"{rule} · {recommendation.confidence} confidence" if recommendation.confidence else rule


def _section(title: str, text: str, width: int) -> list[Line]:
    return [BLANK, ((title, "title"),), *wrapped(safe(text, 2000), width)] if text else []
