"""Promote, iterate or abandon the run under the cursor, and why."""

from __future__ import annotations

from exptui_tui.format import Line, wrapped
from exptui_tui.panes.base import RunPane


class DecisionPane(RunPane):
    """The recommendation."""

    NAME = "Recommendation"

    def body(self, width: int) -> list[Line]:
        run = self.run
        if run is None:
            return wrapped("no run under the cursor", width, "dim")
        from exptui_tui.present import decision

        found = self.analysis.recommendation(run)
        note = "drift is being checked; the verdict may change" if self.analysis.checking(run) else ""
        return decision.decision(found, width, note)
