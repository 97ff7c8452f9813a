"""The run list: its columns, its rows and their order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exptui.metric_names import primary_metric, read_name
from exptui.records import RunRecord, Status
from exptui.side import final_value
from exptui_tui.format import Line, age, cell_len, number_within, pad, percent, safe, step, tail

STATES: Mapping[Status, tuple[str, str, str]] = {
    "running": ("●", "running", "good"),
    "finished": ("✓", "finished", ""),
    "failed": ("✗", "failed", "bad"),
    "crashed": ("✗", "crashed", "bad"),
    "stalled": ("▲", "stalled", "warn"),
    "interrupted": ("■", "stopped", "warn"),
    "unknown": ("○", "unknown", "dim"),
}
"""State → glyph, word, style."""

SORTS = ("age", "name", "state", "metric")
"""What the list can be ordered by; "age" is the newest first."""

_MARKS = "▪"
_NAME_LEAST = 14
_METRIC_WIDTH = 10
_CHANGE_WIDTH = 16
_VERDICT_WIDTH = 12
_FORMAT_WIDTH = 17


@dataclass(frozen=True, slots=True)
class RunsView:
    """Everything but the runs themselves that a row depends on. `colours` maps marked runs to their colour
    numbers, `verdicts` maps runs to a short verdict."""

    metrics: tuple[str, ...]
    baseline: RunRecord | None
    colours: Mapping[str, int]
    now: float
    verdicts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The widths of the columns; 0 hides one."""

    name: int
    metrics: tuple[str, ...]
    change: int
    format: int
    verdict: int


def choose_metrics(runs: Iterable[RunRecord], first: str | None = None) -> tuple[str, ...]:
    """Metrics worth a column: the one that decides first, then those that most runs share. Step counters and
    learning rates come last."""
    counts = Counter(name for run in runs for name in metric_names(run))
    if not counts:
        return ()
    primary = first if first in counts else _deciding(counts)

    def rank(name: str) -> tuple[bool, bool, int, str]:
        return name != primary, read_name(name).role == "diagnostic", -counts[name], name

    return tuple(sorted(counts, key=rank))


def metric_names(run: RunRecord) -> Iterable[str]:
    """What the run logged, and what it only declares as a final number."""
    yield from run.metrics
    for name in run.summary:
        if name not in run.metrics and final_value(run, name) is not None:
            yield name


def _deciding(counts: Counter[str]) -> str | None:
    """The metric that decides, out of those that many runs have: an exotic one says nothing about most rows."""
    quality = {name: count for name, count in counts.items() if read_name(name).role == "quality"}
    most = max(quality.values(), default=0)
    return primary_metric(name for name, count in quality.items() if count * 2 >= most)


def layout(width: int, metrics: Sequence[str], names: Iterable[str], *, compared: bool) -> Layout:
    """Columns for a list of `width` cells: state, name, age, step and the first metric always; its change and the
    verdict when there is something to compare with; more metrics and the format as there is room."""
    change = _CHANGE_WIDTH if compared and metrics else 0
    fixed = 2 + 11 + 4 + 7 + (_METRIC_WIDTH + 1 if metrics else 0) + change
    longest = max((cell_len(safe(name)) for name in names), default=_NAME_LEAST)
    name = max(_NAME_LEAST, min(longest + 1, width - fixed, 44))
    left = width - fixed - name
    verdict = _VERDICT_WIDTH if left >= _VERDICT_WIDTH and change else 0
    left -= verdict
    form = _FORMAT_WIDTH if left >= _FORMAT_WIDTH else 0
    left -= form
    extra = max(0, left // (_METRIC_WIDTH + 1))
    shown = tuple(metrics[: 1 + extra])
    spare = left - max(0, len(shown) - 1) * (_METRIC_WIDTH + 1)
    return Layout(min(name + spare, max(name, longest + 1)), shown, change, form, verdict)


def heading(columns: Layout, view: RunsView) -> Line:
    """The names of the columns."""
    cells = ["  ", pad("state", 11), pad("name", columns.name), pad("age", 4, right=True), pad("step", 7, right=True)]
    for at, name in enumerate(columns.metrics):
        cells.append(" " + pad(_short(name), _METRIC_WIDTH, right=True))
        if at == 0 and columns.change:
            cells.append(pad("  Δ baseline", columns.change))
    if columns.verdict:
        cells.append("  " + pad("verdict", columns.verdict - 2))
    if columns.format:
        cells.append("  " + pad("format", columns.format - 2))
    return (("".join(cells), "dim"),)


def row(run: RunRecord, columns: Layout, view: RunsView) -> Line:
    """One run."""
    glyph, word, style = STATES[run.status]
    is_baseline = view.baseline is not None and run.id == view.baseline.id
    colour = view.colours.get(run.id)
    spans = [
        ("◆" if is_baseline else " ", "accent"),
        (_MARKS if colour is not None else " ", f"run{colour}" if colour is not None else ""),
        (glyph + " ", style),
        (pad(word, 9), style),
        (pad(safe(run.name, columns.name - 1), columns.name), "bold" if is_baseline else ""),
        (pad(age(None if run.updated is None else view.now - run.updated), 4, right=True), "dim"),
        (pad(step(newest_step(run)), 7, right=True), "dim"),
    ]
    for at, name in enumerate(columns.metrics):
        spans.append((" ", ""))
        spans += metric_cell(run, name)
        if at == 0 and columns.change:
            text, tone = change(run, view.baseline, name)
            spans.append(("  " + pad(text, columns.change - 2), tone))
    if columns.verdict:
        spans.append(("  " + pad((view.verdicts or {}).get(run.id, ""), columns.verdict - 2), "dim"))
    if columns.format:
        spans.append(("  " + pad(run.format, columns.format - 2), "dim"))
    return tuple(spans)


def newest_step(run: RunRecord) -> float | None:
    return max((one.last_step for one in run.metrics.values()), default=None)


def metric_cell(run: RunRecord, name: str, width: int = _METRIC_WIDTH) -> Line:
    """The metric's value, right-aligned; non-finite in words, and a "!" where earlier points were not finite."""
    value = final_value(run, name)
    if value is None:
        return ((pad("–", width, right=True), "dim"),)
    if not math.isfinite(value):
        return ((pad(number_within(value, width), width, right=True), "bad"),)
    summary = run.metrics.get(name)
    flawed = summary is not None and summary.nan + summary.inf > 0
    text = pad(number_within(value, width - flawed), width - flawed, right=True)
    return ((text, ""), ("!", "warn")) if flawed else ((text, ""),)


def change(run: RunRecord, baseline: RunRecord | None, name: str) -> tuple[str, str]:
    """The change against the baseline in words, and its style."""
    if baseline is None:
        return "", ""
    if run.id == baseline.id:
        return "baseline", "accent"
    now, before = final_value(run, name), final_value(baseline, name)
    if now is None or before is None or not (math.isfinite(now) and math.isfinite(before)):
        return "–", "dim"
    if now == before:
        return "same", "dim"
    share = percent((now - before) / abs(before)) if before else "from 0"
    direction = read_name(name).direction
    if not direction:
        return share, ""
    better = (now > before) == (direction > 0)
    return f"{share} {'better' if better else 'worse'}", "good" if better else "bad"


def ordered(runs: Iterable[RunRecord], sort: str, metric: str | None, baseline: RunRecord | None) -> list[RunRecord]:
    """The runs in the order that the list shows them; ties by name and id, so that nothing jumps."""
    found = sorted(runs, key=lambda run: (run.name, run.id))
    if sort == "name":
        return found
    if sort == "state":
        urgency = ["running", "stalled", "crashed", "failed", "interrupted", "unknown", "finished"]
        return sorted(found, key=lambda run: urgency.index(run.status))
    if sort == "metric" and metric is not None:
        return sorted(found, key=lambda run: _merit(run, metric))
    return sorted(found, key=_began, reverse=True)


def _began(run: RunRecord) -> float:
    """When the run began, as far as its files tell. Its newest write would make live runs change places."""
    return run.created or 0.0


def has_finite(run: RunRecord, metric: str) -> bool:
    value = final_value(run, metric)
    return value is not None and math.isfinite(value)


def _merit(run: RunRecord, metric: str) -> tuple[bool, float]:
    """The best first; runs without a finite value last."""
    value = final_value(run, metric)
    if value is None or not math.isfinite(value):
        return True, 0.0
    return False, -value if read_name(metric).direction >= 0 else value


def _short(name: str) -> str:
    """A metric's name in the width of its column: the end of a path says the most."""
    return tail(name, _METRIC_WIDTH)
