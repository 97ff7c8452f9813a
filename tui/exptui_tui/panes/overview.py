"""Everything about the run under the cursor."""

from __future__ import annotations

import time

from exptui_tui.format import Line, wrapped
from exptui_tui.panes.base import RunPane


class OverviewPane(RunPane):
    """One run's facts, params, metrics and problems."""

    NAME = "Run"

    def body(self, width: int) -> list[Line]:
        record = self.run
        if record is None:
            return wrapped("no run under the cursor", width, "dim")
        from exptui_tui.present.run import run

        return run(record, width, time.time())
