"""Whether the training data moved against the baseline's, or one declared data file against another."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from exptui_tui.analysis import DriftState, Pair
from exptui_tui.format import BLANK, Line, safe, wrapped
from exptui_tui.panes.base import RunPane


class DriftPane(RunPane):
    """Data drift."""

    NAME = "Drift"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "choose", "Files", id="drift.choose", tooltip="Compare any two declared data files"),
    ]

    class ChoiceWanted(Message):
        """Two files are to be chosen from these."""

        def __init__(self, files: dict[str, Path]) -> None:
            super().__init__()
            self.files = files

    pair: Pair | None = None

    def body(self, width: int) -> list[Line]:
        run = self.run
        if run is None:
            return wrapped("no run under the cursor", width, "dim")
        if self.pair is None and self.baseline_run is None:
            words = "no baseline yet: press b on a run in the list; x compares any two declared data files"
            return wrapped(words, width, "dim")
        if self.pair is None and self.baseline == self.cursor:
            words = "this is the baseline; put the cursor on a run to compare its training data with it"
            return wrapped(words, width, "dim")
        state = self.analysis.drift(self.baseline_run, run, self.pair)
        return self._shown(state, width)

    def _shown(self, state: DriftState, width: int) -> list[Line]:
        if state.report is not None:
            from exptui_tui.present import drift

            return drift.drift(state.report, width, self.analysis.root)
        if state.error is not None:
            return [(("CANNOT TELL", "warn bold"),), BLANK, *wrapped(safe(state.error, 600), width)]
        return [(("reading the data files and testing every column …", "dim"),)]

    def choose(self, pair: Pair | None) -> None:
        """Compare these two files; None goes back to the training data."""
        self.pair = pair
        self.redraw()

    def action_choose(self) -> None:
        if self.pair is not None:
            self.choose(None)
        else:
            self.post_message(self.ChoiceWanted(self.analysis.declared(self.baseline_run, self.run)))

    def watch_cursor(self) -> None:
        self.pair = None
        super().watch_cursor()
