"""The top line and the verdict line of the main screen."""

from __future__ import annotations

from exptui.store import Store
from exptui_tui.analysis import Analysis
from exptui_tui.format import Line
from exptui_tui.present.header import header
from exptui_tui.widgets.lines import LinesWidget


class Header(LinesWidget):
    """Where we are, whether all is alive, and the baseline."""

    def __init__(self, root: str, store: Store) -> None:
        super().__init__(id="header")
        self._root = root
        self._store = store

    def picture(self, width: int, height: int) -> list[Line]:
        store = self._store
        stale = next((one.what for one in store.problems if one.path == ""), "")
        return [header(self._root, store, store.baseline, store.progress, width, stale)]


class VerdictLine(LinesWidget):
    """The recommendation for the run `run_id`, in one line."""

    def __init__(self, store: Store, analysis: Analysis) -> None:
        super().__init__(id="verdict")
        self._store = store
        self._analysis = analysis
        self.run_id: str | None = None

    def picture(self, width: int, height: int) -> list[Line]:
        if not self._analysis.awake:
            return []
        from exptui_tui.present.decision import verdict_line

        run = self._store.get(self.run_id)
        if run is None:
            return [verdict_line(None, width, "")]
        if self._store.baseline is None:
            return [verdict_line(None, width, "press b on the run that the others are to be compared with")]
        return [verdict_line(self._analysis.recommendation(run), width, "")]
