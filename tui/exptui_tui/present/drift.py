"""Drift of one data file against another, a row a column, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from exptui.drift.report import ColumnDrift, DriftReport, p_words
from exptui_tui.format import BLANK, Line, cell_len, pad, safe, tail, wrapped

_VERDICTS = {
    "drift": ("DRIFT", "bad"),
    "minor": ("minor", "warn"),
    "unclear": ("unclear", "warn"),
    "stable": ("stable", "good"),
    "too_few": ("too few", "warn"),
    "invalid": ("invalid", "bad"),
    "skipped": ("skipped", "dim"),
    "identical": ("IDENTICAL", "good"),
}
_MEANING = {
    "drift": "the training data moved",
    "unclear": "too few rows to tell for some columns",
    "stable": "no column moved beyond what sampling does",
    "identical": "the same bytes on both sides",
}
_BARS = "▁▂▃▄▅▆▇█"


def drift(report: DriftReport, width: int, root: str = "") -> list[Line]:
    """The whole report; paths below `root` are shown from there."""
    word, style = _VERDICTS[report.verdict]
    lines: list[Line] = [
        ((word.upper(), f"{style} bold"), ("  " + _MEANING[report.verdict], "")),
        ((safe(report.headline(), width), "dim"),),
        (("reference ", "dim"), (tail(_below(report.reference, root), width - 10), "")),
        (("current   ", "dim"), (tail(_below(report.current, root), width - 10), "")),
        BLANK,
    ]
    for finding in report.schema_findings:
        lines += wrapped(f"DRIFT    {safe(finding.column, 30)}: {safe(finding.what)}", width, "bad", "         ")
    return lines + columns(report.columns, width)


def columns(found: Sequence[ColumnDrift], width: int) -> list[Line]:
    """The table. `D` is the effect with its interval, `q` the false discovery rate at which it counts."""
    if not found:
        return []
    name = min(max(8, width - 46), 1 + max(6, *(cell_len(one.column) for one in found)))
    head = pad("verdict", 8) + pad("column", name) + pad("effect [95%]", 15) + pad("q", 8) + pad("way", 7) + "missing"
    lines: list[Line] = [((head, "dim"),)]
    for one in found:
        word, style = _VERDICTS[one.verdict]
        lines.append(
            (
                (pad(word, 8), style),
                (pad(safe(one.column, name - 1), name), ""),
                (pad(_effect(one), 15), ""),
                (pad(p_words(one.q), 8), "dim"),
                (pad(_direction(one), 7), ""),
                (pad(_missing(one), 8), "warn" if _moved(one) else "dim"),
                (_spark(one.sparkline, max(0, width - name - 47)), "accent"),
            )
        )
        if one.note and one.verdict != "stable":
            lines.append((("        ", ""), (safe(one.note, max(10, width - 9)), "dim")))
    return lines


def _effect(one: ColumnDrift) -> str:
    if one.effect is None:
        return "–"
    if one.effect_low is None or one.effect_high is None:
        return _share(one.effect)
    return f"{_share(one.effect)} [{_share(one.effect_low)}–{_share(one.effect_high)}]"


def _share(value: float) -> str:
    """A number from 0 to 1 in the space of two digits: .29, 1.0."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"


def _direction(one: ColumnDrift) -> str:
    return {"up": "↑ up", "down": "↓ down"}.get(one.direction or "", "")


def _missing(one: ColumnDrift) -> str:
    if one.missing_reference is None or one.missing_current is None:
        return ""
    return f"{one.missing_reference:.0%}→{one.missing_current:.0%}"


def _moved(one: ColumnDrift) -> bool:
    return abs((one.missing_current or 0.0) - (one.missing_reference or 0.0)) >= 0.05


def _spark(values: Sequence[float], width: int) -> str:
    """F_current - F_reference across the column's range: middle height is no difference."""
    if width < 8 or not values:
        return ""
    shown = values[: min(width, 20)]
    return "".join(_BARS[min(7, max(0, round(3.5 + 3.5 * max(-1.0, min(1.0, value * 2)))))] for value in shown)


def _below(path: str, root: str) -> str:
    return path.removeprefix(root.rstrip("/") + "/") if root else path
