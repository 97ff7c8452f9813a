"""One run: what it is, whether it is well, what it logged, and what could not be read."""

from __future__ import annotations

from datetime import datetime

from exptui.records import RunRecord
from exptui.status import judge
from exptui_tui.format import BLANK, Line, cell_len, number, number_within, pad, param, safe, step, wrapped
from exptui_tui.present.runs import STATES


def run(record: RunRecord, width: int, now: float) -> list[Line]:
    """The overview of one run."""
    _, evidence = judge(record.signs, now)
    glyph, word, style = STATES[record.status]
    lines: list[Line] = [
        ((safe(record.name, width), "bold"),),
        ((f"{glyph} {word}", style), ("  " + safe(evidence), "")),
    ]
    lines += _facts(record, width)
    lines += _params(record, width)
    lines += _metrics(record, width)
    lines += _problems(record, width)
    return lines


def _facts(record: RunRecord, width: int) -> list[Line]:
    facts = [
        ("hypothesis", record.hypothesis or ""),
        ("notes", record.notes),
        ("tags", ", ".join(record.tags)),
        ("group", record.group or ""),
        ("parent", record.parent or ""),
        ("created", _when(record.created)),
        ("updated", _when(record.updated)),
        ("id", record.id),
        ("path", record.path),
        ("format", record.format),
        ("data", ", ".join(str(one) for key, one in record.data.items() if key != "columns")),
        ("needs", ", ".join(record.requires_infra)),
    ]
    lines: list[Line] = []
    for name, value in facts:
        if value:
            first, *rest = wrapped(safe(value, 1000), max(10, width - 11))
            lines.append(((pad(name, 11), "dim"), *first))
            lines += [(("           ", ""), *line) for line in rest]
    return lines


def _when(moment: float | None) -> str:
    try:
        return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if moment else ""
    except (ValueError, OverflowError, OSError):
        return number(moment)


def _params(record: RunRecord, width: int) -> list[Line]:
    if not record.params:
        return []
    name_width = min(width // 2, 2 + max(cell_len(name) for name in record.params))
    rows: list[Line] = [
        ((pad(safe(name, name_width - 1), name_width), "dim"), (safe(param(value), width - name_width), ""))
        for name, value in record.params.items()
    ]
    return [BLANK, (("Params", "title"),), *rows]


def _metrics(record: RunRecord, width: int) -> list[Line]:
    if not record.metrics:
        return [BLANK, (("No metrics logged yet", "dim"),)]
    said = 16 if any(one.nan or one.inf for one in record.metrics.values()) else 0
    name_width = min(max(10, width - 39 - said), 2 + max(6, *(cell_len(name) for name in record.metrics)))
    head = "".join(
        pad(word, size, right=True) for word, size in (("last", 10), ("min", 10), ("max", 10), ("points", 9))
    )
    lines: list[Line] = [BLANK, (("Metrics", "title"),), ((pad("", name_width) + head, "dim"),)]
    for name, one in record.metrics.items():
        spans = [(pad(safe(name, name_width - 1), name_width), "")]
        spans += [(pad(number_within(value, 9), 10, right=True), "") for value in (one.last, one.min, one.max)]
        spans.append((pad(step(one.count), 9, right=True), "dim"))
        if one.nan or one.inf:
            spans.append((f"  {one.nan + one.inf} not finite", "bad"))
        lines.append(tuple(spans))
    for name, value in record.summary.items():
        text = number(value) if isinstance(value, int | float) and not isinstance(value, bool) else param(value)
        lines.append(
            (
                (pad(safe(name, name_width - 1), name_width), ""),
                (pad(safe(text, 10), 10, right=True), ""),
                ("  declared", "dim"),
            )
        )
    return lines


def _problems(record: RunRecord, width: int) -> list[Line]:
    if not record.problems:
        return []
    lines: list[Line] = [BLANK, (("Problems", "title"),)]
    for one in record.problems:
        at = f" at byte {one.offset}" if one.offset is not None else ""
        lines += wrapped(f"{safe(one.path)}{at}: {safe(one.what)}", width, "warn", "  ")
    return lines
