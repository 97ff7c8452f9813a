"""The run list: only the visible rows are computed, and the cursor stays on its run when rows arrive."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from exptui.query import parse
from exptui.records import RunRecord
from exptui_tui.format import Line, fit, pad, safe, width_of
from exptui_tui.panes.base import RunPane
from exptui_tui.present import runs
from exptui_tui.present.empty import empty

_FEW = 6
"""Up to this many runs the list leaves its room to the panes below."""

_CALM = 1.0
"""Seconds between two reorderings by values that change while a training runs."""


class RunsPane(RunPane):
    """The list of runs."""

    NAME = "Runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="runs.mark", tooltip="Show the run's curves beside the others"),
        Binding("b", "baseline", "Baseline", id="runs.baseline", tooltip="Compare all runs with this one"),
        Binding("s", "sort", "Sort", id="runs.sort", tooltip="Order by age, name, state or metric"),
        Binding("enter", "open", "Open", show=False, id="runs.open", tooltip="Everything about this run"),
    ]

    sort: reactive[str] = reactive("age", init=False, repaint=False)
    words: reactive[str] = reactive("", init=False, repaint=False)

    class Moved(Message):
        """The cursor is on another run."""

        def __init__(self, run_id: str | None) -> None:
            super().__init__()
            self.run_id = run_id

    class MarkToggled(Message):
        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    class BaselineToggled(Message):
        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    class Opened(Message):
        """The run is to be looked at closely."""

    aim: str | None = None
    """Where the cursor is going: keys that follow a move at once mean the run that it leads to."""

    def on_mount(self) -> None:
        super().on_mount()
        self._order: list[str] = []
        self._known: dict[str, int] = {}
        self._metrics: tuple[str, ...] = ()
        self._matches = parse("")
        self._arranged_at = 0.0
        self._steered = self._stale = False
        self.rearrange()
        # Ages go on without news from the disk; a coarse step keeps an idle screen silent.
        self.set_interval(5.0, self.redraw)

    def runs_changed(self, ids: frozenset[str]) -> None:
        """New values cost a look at the visible rows; new or vanished runs and metrics cost a pass over all, while a
        directory is read for the first time at most once a second."""
        lately = time.monotonic() - self._arranged_at < _CALM
        self._stale = self._stale or self._has_news(ids)
        if lately and not self.store.progress.caught_up:
            self.redraw()
        elif self._stale or (self.sort in ("metric", "state") and not lately):
            self.rearrange()
        else:
            self.redraw()

    def _has_news(self, ids: frozenset[str]) -> bool:
        """Whether one of these runs is new or gone, or has other metrics than before."""
        runs_now = ((one, self.store.get(one)) for one in ids)
        return any(run is None or self._known.get(one) != _names(run) for one, run in runs_now)

    def rearrange(self) -> None:
        """Take in new runs and new values."""
        self._known = {run.id: _names(run) for run in self.store}
        self._stale = False
        self._arranged_at = time.monotonic()
        self.set_class(len(self._known) <= _FEW, "-few")
        self._metrics = runs.choose_metrics(self.store, self.metric)
        wanted = [run for run in self.store if self._matches(run)]
        metric = self._metrics[0] if self._metrics else None
        row = self._order.index(self.aim) if self.aim in self._order else 0
        self._order = [run.id for run in runs.ordered(wanted, self.sort, metric, self.baseline_run)]
        if not self._steered:
            self._aim_at(0)
        elif self.aim not in self._order:
            self._aim_at(min(row, len(self._order) - 1))
        self.redraw()

    def subtitle(self) -> Line:
        spans = [(f"by {self.sort}", "dim")]
        if self.words:
            spans.append((f"  /{safe(self.words, 30)}", "accent"))
        run = self.run
        if run is not None:
            spans.append((f"  {safe(run.name, 24)}: {safe(run.status_evidence, 90)}", "dim"))
        return tuple(spans)

    def position(self) -> str:
        at = self._order.index(self.cursor) + 1 if self.cursor in self._order else 0
        total = len(self.store)
        return f"{at} of {len(self._order)}" + (f", {total} in all" if len(self._order) < total else "")

    def picture(self, width: int, height: int) -> list[Line]:
        room = max(0, height - 2)
        if not self._order:
            return [self.title_line(width), *empty(self._why_empty(), width, height)]
        at = self._order.index(self.cursor) if self.cursor in self._order else 0
        self._top = max(0, min(self._top, at, len(self._order) - room))
        self._top = max(self._top, at - room + 1)
        shown = [run for one in self._order[self._top : self._top + room] if (run := self.store.get(one))]
        view = runs.RunsView(self._metrics, self.baseline_run, self.colours, time.time(), self._verdicts(shown))
        columns = runs.layout(width, self._metrics, (run.name for run in shown), compared=view.baseline is not None)
        rows = [self._highlighted(runs.row(run, columns, view), run, width) for run in shown]
        return [self.title_line(width), runs.heading(columns, view), *rows]

    def _verdicts(self, shown: list[RunRecord]) -> dict[str, str]:
        if self.baseline_run is None or not self.analysis.awake:
            return {}
        return {run.id: self._verdict(run) for run in shown}

    def _verdict(self, run: RunRecord) -> str:
        from exptui_tui.present.decision import short

        found = short(self.analysis.recommendation(run))
        return "checking …" if self.analysis.checking(run) else found

    def _highlighted(self, line: Line, run: RunRecord, width: int) -> Line:
        if run.id != self.cursor:
            return fit(line, width)
        style = "cursor" if self.has_focus else "cursor-away"
        line = fit(line, width)
        return (*((text, f"{names} {style}") for text, names in line), (pad("", width - width_of(line)), style))

    def _why_empty(self) -> str:
        if self.words:
            return "no run matches the filter; / changes it, esc clears it"
        if not self.store.progress.caught_up:
            return "looking for runs …"
        return (
            "no runs here yet: train with exptui.init(), or start exptui on another directory (exptui demo shows one)"
        )

    def hold(self) -> None:
        """Keep the cursor on its run when new ones arrive. Until the user does anything it follows the newest."""
        self._steered = True

    def _move_to(self, row: int) -> None:
        self.hold()
        self._aim_at(row)

    def _aim_at(self, row: int) -> None:
        run_id = self._order[row] if 0 <= row < len(self._order) else None
        if run_id != self.aim:
            self.aim = run_id
            self.post_message(self.Moved(run_id))

    def action_scroll_by(self, lines: int) -> None:
        at = self._order.index(self.aim) if self.aim in self._order else 0
        self._move_to(max(0, min(len(self._order) - 1, at + lines)))

    def action_scroll_to_line(self, line: int) -> None:
        self._move_to(max(0, min(len(self._order) - 1, line)))

    def action_scroll_page(self, pages: int) -> None:
        self.action_scroll_by(pages * max(1, self.size.height - 3))

    def action_mark(self) -> None:
        self.hold()
        if self.aim:
            self.post_message(self.MarkToggled(self.aim))
            self.action_scroll_by(1)

    def action_baseline(self) -> None:
        self.hold()
        if self.aim:
            self.post_message(self.BaselineToggled(self.aim))

    def action_open(self) -> None:
        self.hold()
        if self.aim:
            self.post_message(self.Opened())

    def action_sort(self) -> None:
        self.sort = runs.SORTS[(runs.SORTS.index(self.sort) + 1) % len(runs.SORTS)]

    def on_click(self, event: events.Click) -> None:
        row = self._top + event.y - 2
        if event.y >= 2 and 0 <= row < len(self._order):
            self._move_to(row)
            if event.chain == 2:
                self.post_message(self.Opened())

    def watch_sort(self) -> None:
        self.rearrange()

    def watch_words(self) -> None:
        self._matches = parse(self.words)
        self.rearrange()

    def watch_metric(self) -> None:
        self.rearrange()

    def watch_colours(self) -> None:
        self.redraw()

    def watch_cursor(self) -> None:
        self.redraw()


def _names(run: RunRecord) -> int:
    """How many columns a run could fill; names come and never go."""
    return len(run.metrics) + len(run.summary)
