"""What differs between the run under the cursor and the baseline."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive

from exptui_tui.format import Line, wrapped
from exptui_tui.panes.base import RunPane


class DiffPane(RunPane):
    """Params and metrics against the baseline."""

    NAME = "Diff"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fold", "Fold", id="diff.fold", tooltip="Show or hide what is equal"),
    ]

    folded: reactive[bool] = reactive(True, init=False, repaint=False)

    def body(self, width: int) -> list[Line]:
        run, baseline = self.run, self.baseline_run
        if run is None:
            return wrapped("no run under the cursor", width, "dim")
        if baseline is None:
            return wrapped("no baseline yet: put the cursor on a run in the list and press b", width, "dim")
        if run.id == baseline.id:
            return wrapped("this is the baseline; put the cursor on another run to see what differs", width, "dim")
        from exptui_tui.present import diff

        comparison = self.analysis.comparison(baseline, run)
        return diff.diff(baseline, run, comparison, width, folded=self.folded)

    def action_fold(self) -> None:
        self.folded = not self.folded

    def watch_folded(self) -> None:
        self.redraw()
