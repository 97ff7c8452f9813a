"""What all panes of the main screen share: the store to read, and the state of the screen they are bound to."""

from __future__ import annotations

from collections.abc import Mapping

from textual.reactive import reactive

from exptui.records import RunRecord
from exptui.store import Store
from exptui_tui.analysis import Analysis
from exptui_tui.format import Line
from exptui_tui.widgets.lines import Pane

SIDES = (("d", "Diff"), ("t", "Drift"), ("r", "Recommendation"), ("⏎", "Run"))
"""The panes that take turns in one place, with their keys."""


class RunPane(Pane):
    """A pane about the run under the cursor. State comes down from the screen: `cursor` (a run id), `baseline`
    (a run id), `colours` (marked runs with their colours) and `metric`."""

    cursor: reactive[str | None] = reactive(None, init=False, repaint=False)
    baseline: reactive[str | None] = reactive(None, init=False, repaint=False)
    colours: reactive[Mapping[str, int]] = reactive(dict, init=False, repaint=False)
    metric: reactive[str | None] = reactive(None, init=False, repaint=False)

    def __init__(self, store: Store, analysis: Analysis, *, id: str) -> None:
        super().__init__(id=id)
        self.store = store
        self.analysis = analysis

    def subtitle(self) -> Line:
        """Where several panes take turns, the names of the others with their keys."""
        return tuple((f" {key} {name} ", "dim") for key, name in SIDES if name != self.NAME)

    @property
    def run(self) -> RunRecord | None:
        return self.store.get(self.cursor)

    @property
    def baseline_run(self) -> RunRecord | None:
        return self.store.get(self.baseline)

    def picture(self, width: int, height: int) -> list[Line]:
        """Before the first paint there is only the title: the list comes first."""
        return super().picture(width, height) if self.analysis.awake else [self.title_line(width)]

    def concerns(self, ids: frozenset[str]) -> bool:
        """Whether the pane may look different when these runs have changed."""
        return self.cursor in ids or self.baseline in ids

    def runs_changed(self, ids: frozenset[str]) -> None:
        if self.display and self.concerns(ids):
            self.redraw()

    def watch_cursor(self) -> None:
        self._top = 0
        self.redraw()

    def watch_baseline(self) -> None:
        self.redraw()
