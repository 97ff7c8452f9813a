"""The main screen: the run list above, the panes about the run under the cursor below, the verdict at the bottom.

The screen owns what is looked at: the cursor, the marks, the metric, the pane. Panes are bound to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from exptui.store import Store
from exptui_tui.analysis import Analysis
from exptui_tui.format import safe
from exptui_tui.panes.bars import Header, VerdictLine
from exptui_tui.panes.base import RunPane
from exptui_tui.panes.curves import CurvesPane
from exptui_tui.panes.decision import DecisionPane
from exptui_tui.panes.diff import DiffPane
from exptui_tui.panes.drift import DriftPane
from exptui_tui.panes.overview import OverviewPane
from exptui_tui.panes.runs import RunsPane
from exptui_tui.present.runs import choose_metrics
from exptui_tui.screens import asking
from exptui_tui.screens.keys import KEYS, PANES, SIDES
from exptui_tui.widgets.keybar import KeyBar
from exptui_tui.widgets.palette import RUN_COLOURS

_WIDE = 100
"""Columns from which curves and a side pane fit beside each other."""

_REST = 0.08
"""Seconds after which the cursor counts as resting."""


class MainScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    AUTO_FOCUS = "#runs"

    cursor: reactive[str | None] = reactive(None, init=False, repaint=False)
    rested: reactive[str | None] = reactive(None, init=False, repaint=False)
    baseline: reactive[str | None] = reactive(None, init=False, repaint=False)
    colours: reactive[Mapping[str, int]] = reactive(dict, init=False, repaint=False)
    metric: reactive[str | None] = reactive(None, init=False, repaint=False)
    lower: reactive[str] = reactive("curves", init=False, repaint=False)

    class Watching(Message):
        """These runs' points are looked at."""

        def __init__(self, ids: frozenset[str]) -> None:
            super().__init__()
            self.ids = ids

    class RescanWanted(Message):
        """The disk is to be looked at now."""

    def __init__(self, root: str, store: Store, analysis: Analysis) -> None:
        super().__init__()
        self.root = root
        self.store = store
        self.analysis = analysis
        self._side = "diff"
        self._verdict = VerdictLine(store, analysis)

    def compose(self) -> ComposeResult:
        parts = (self.store, self.analysis)
        yield Header(self.root, self.store)
        yield self._bound(RunsPane(*parts, id="runs"))
        kinds = {"curves": CurvesPane, "diff": DiffPane, "drift": DriftPane}
        kinds |= {"decision": DecisionPane, "overview": OverviewPane}
        visible = self._visible(self.app.size.width)
        with Horizontal(id="lower"):
            for name, kind in kinds.items():
                pane = self._bound(kind(*parts, id=name))
                pane.display = name in visible
                yield pane
        yield self._verdict
        yield KeyBar(id="keys")

    def _bound(self, pane: RunPane) -> RunPane:
        """The list moves with the cursor; the other panes follow once it rests, so that holding a key is cheap."""
        kind = MainScreen
        cursor = kind.cursor if isinstance(pane, RunsPane) else kind.rested
        return pane.data_bind(kind.baseline, kind.colours, kind.metric, cursor=cursor)

    def on_mount(self) -> None:
        self.baseline = self.store.baseline_id
        self._choose_metric_by_itself()

    @property
    def panes(self) -> list[RunPane]:
        return list(self.query(RunPane))

    @property
    def aim(self) -> str | None:
        """The id of the run that a key means: under the cursor, or where the cursor is going."""
        return self.query_one(RunsPane).aim

    def wake(self) -> None:
        """The first paint is out: fill in what takes longer."""
        self.analysis.awake = True
        self.publish(frozenset(run.id for run in self.store))

    def publish(self, ids: frozenset[str]) -> None:
        """These runs have changed."""
        self.baseline = self.store.baseline_id
        if self.metric is None:
            self._choose_metric_by_itself()
        for pane in self.panes:
            pane.runs_changed(ids)
        self._redraw_lines()

    def drift_ready(self, run_id: str) -> None:
        self.publish(frozenset({run_id}))

    def tell(self, text: str, style: str = "") -> None:
        self.query_one(KeyBar).tell(text, style)

    def _redraw_lines(self) -> None:
        self.query_one(Header).redraw()
        self._verdict.redraw()

    def _choose_metric_by_itself(self) -> None:
        self.metric = next(iter(choose_metrics(self.store)), None)

    # State that changed.

    def watch_cursor(self, before: str | None) -> None:
        if before is None:
            self.rested = self.cursor
        else:
            self.set_timer(_REST, partial(self._rest_at, self.cursor))

    def _rest_at(self, run_id: str | None) -> None:
        if run_id == self.cursor:
            self.rested = run_id

    def watch_rested(self) -> None:
        self._watch_points()
        self._verdict.run_id = self.rested
        self._verdict.redraw()

    def watch_baseline(self) -> None:
        self._watch_points()
        self._redraw_lines()

    def watch_colours(self) -> None:
        self._watch_points()

    def _watch_points(self) -> None:
        ids = frozenset(one for one in (self.rested, self.baseline, *self.colours) if one is not None)
        self.post_message(self.Watching(ids))

    def watch_lower(self) -> None:
        if self.lower in SIDES:
            self._side = self.lower
        self._arrange()

    def _visible(self, width: int) -> set[str]:
        """The lower panes that fit: on a wide screen curves and one side pane, on a narrow one a single pane."""
        return {"curves", self._side} if width >= _WIDE else {self.lower}

    def _arrange(self) -> None:
        visible = self._visible(self.size.width)
        zoomed = next((pane.id for pane in self.panes if pane.has_class("-zoom")), None)
        for pane in self.panes:
            shown = pane.id == zoomed if zoomed else pane.id == "runs" or pane.id in visible
            if pane.display != shown:
                pane.display = shown
            pane.redraw()
        lower = self.query_one("#lower")
        if lower.display != (zoomed != "runs"):
            lower.display = zoomed != "runs"

    def on_resize(self) -> None:
        self._arrange()

    def on_descendant_focus(self) -> None:
        self.query_one(KeyBar).redraw()

    # What panes want.

    def on_runs_pane_moved(self, message: RunsPane.Moved) -> None:
        self.cursor = message.run_id

    def on_runs_pane_opened(self) -> None:
        self.action_go("overview")

    def on_runs_pane_mark_toggled(self, message: RunsPane.MarkToggled) -> None:
        colours = dict(self.colours)
        if colours.pop(message.run_id, None) is None:
            used = set(colours.values())
            colours[message.run_id] = next(
                (one for one in range(RUN_COLOURS) if one not in used), len(used) % RUN_COLOURS
            )
        self.colours = colours

    def on_runs_pane_baseline_toggled(self, message: RunsPane.BaselineToggled) -> None:
        run = self.store.get(message.run_id)
        if run is None:
            return
        clears = self.store.baseline_id == run.id
        said = "no baseline any more" if clears else f"baseline is {safe(run.name, 40)}"
        self.decide(said, lambda: self.store.set_baseline(None if clears else run.id))

    def on_drift_pane_choice_wanted(self, message: DriftPane.ChoiceWanted) -> None:
        asking.data_files(self, message.files, self.query_one(DriftPane).choose)

    def decide(self, said: str, decision: Callable[[], None]) -> None:
        """Take a decision, and say "saved" only when it is on the disk."""
        try:
            decision()
        except OSError as error:
            self.tell(f"NOT saved, kept in memory only: {error.strerror or error}", "bad")
        else:
            self.tell(f"saved: {said}", "good")
        self.publish(frozenset(run.id for run in self.store))

    # Keys.

    def action_show(self, pane: str) -> None:
        """Show a pane; the focus stays in the list, so that the arrows go on choosing runs."""
        self._unzoom()
        self.lower = pane

    async def action_in_pane(self, pane: str, action: str) -> None:
        """A key of a side pane works from the list too, where the focus stays while panes change."""
        self.action_show(pane)
        await self.query_one(f"#{pane}").run_action(action)

    def action_go(self, pane: str) -> None:
        self._unzoom()
        if pane != "runs":
            self.lower = pane
        self.query_one(f"#{pane}").focus()

    def action_cycle(self, direction: int) -> None:
        order = list(PANES)
        focused = self.focused.id if self.focused is not None and self.focused.id in order else "runs"
        self.action_go(order[(order.index(focused or "runs") + direction) % len(order)])

    def action_zoom(self) -> None:
        pane = self.focused
        if isinstance(pane, RunPane):
            zoomed = pane.has_class("-zoom")
            self._unzoom()
            pane.set_class(not zoomed, "-zoom")
            self._arrange()

    def _unzoom(self) -> None:
        self.query_one(RunsPane).hold()
        for pane in self.panes:
            pane.remove_class("-zoom")
        self._arrange()

    def action_back(self) -> None:
        runs = self.query_one(RunsPane)
        if any(pane.has_class("-zoom") for pane in self.panes):
            self._unzoom()
        elif self.focused is not runs:
            runs.focus()
        elif runs.words:
            runs.words = ""
        elif self.colours:
            self.colours = {}

    def action_choose_metric(self) -> None:
        asking.metric(self)

    def action_filter(self) -> None:
        asking.query(self, self.query_one(RunsPane))

    def action_note(self) -> None:
        asking.note(self)

    def action_tags(self) -> None:
        asking.tags(self)

    def action_rescan(self) -> None:
        self.analysis.forget_drift()
        self.post_message(self.RescanWanted())
        self.tell("looking at the disk …")

    def action_help(self) -> None:
        asking.show_help(self)
