"""One metric's curves: the run under the cursor, the marked runs and the baseline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exptui.series import Series, ordered
from exptui_tui.format import Line, safe
from exptui_tui.panes.base import RunPane
from exptui_tui.present.empty import empty

if TYPE_CHECKING:
    from exptui_tui.present.chart import Curve

_CALM = 0.2
"""Seconds between two drawings: a chart costs more bytes than a number."""


class CurvesPane(RunPane):
    """Metric curves."""

    NAME = "Curves"

    def on_mount(self) -> None:
        super().on_mount()
        self._ordered: dict[tuple[str, str], tuple[Series, int, tuple[Sequence[float], Sequence[float]]]] = {}
        self._drawn_at = 0.0
        self._pending = False

    @property
    def shown(self) -> list[str]:
        """The ids of the runs to draw, the one under the cursor last so that it lies on top."""
        ids = [one for one in (self.baseline, *self.colours, self.cursor) if one is not None and one in self.store]
        return list(dict.fromkeys(reversed(ids)))[::-1]

    def concerns(self, ids: frozenset[str]) -> bool:
        return not ids.isdisjoint(self.shown)

    def runs_changed(self, ids: frozenset[str]) -> None:
        if not self.display or not self.concerns(ids) or self._pending:
            return
        wait = self._drawn_at + _CALM - time.monotonic()
        if wait <= 0:
            self.redraw()
        else:
            self._pending = True
            self.set_timer(wait, self._draw_late)

    def _draw_late(self) -> None:
        self._pending = False
        self.redraw()

    def subtitle(self) -> Line:
        return ((safe(self.metric or "no metric", 60), "accent"), ("  m chooses", "dim"))

    def picture(self, width: int, height: int) -> list[Line]:
        if not self.analysis.awake:
            return [self.title_line(width)]
        from exptui_tui.present.chart import chart

        self._drawn_at = time.monotonic()
        if self.metric is None or not self.shown:
            return [
                self.title_line(width),
                *empty("no metrics yet; they appear here as a run logs them", width, height),
            ]
        curves = [curve for at, one in enumerate(self.shown) if (curve := self._curve(one, at)) is not None]
        if not curves:
            waiting = any(not self.store.has_series(one) for one in self.shown)
            words = "reading points …" if waiting else f"none of these runs logs {safe(self.metric, 40)}; m chooses"
            return [self.title_line(width), *empty(words, width, height)]
        return [self.title_line(width), *chart(curves, width - 1, height - 1)]

    def _curve(self, run_id: str, at: int) -> Curve | None:
        series = self.store.series(run_id).get(self.metric or "")
        run = self.store.get(run_id)
        if series is None or run is None:
            return None
        from exptui_tui.present.chart import Curve

        step, value = self._in_order(run_id, series)
        name = run.name + (" (baseline)" if run_id == self.baseline else "")
        return Curve(name, self._colour(run_id), step, value)

    def _colour(self, run_id: str) -> int:
        """A marked run's own colour; the others take the first free ones."""
        if run_id in self.colours:
            return self.colours[run_id]
        free = [one for one in range(8) if one not in self.colours.values()] or [7]
        return free[0] if run_id == self.baseline or len(free) == 1 else free[1]

    def _in_order(self, run_id: str, series: Series) -> tuple[Sequence[float], Sequence[float]]:
        key = (run_id, self.metric or "")
        known = self._ordered.get(key)
        if known is None or known[0] is not series or known[1] != series.version:
            if len(self._ordered) > 64:
                self._ordered.clear()
            known = self._ordered[key] = (series, series.version, ordered(series))
        return known[2]

    def watch_metric(self) -> None:
        self.redraw()

    def watch_colours(self) -> None:
        self.redraw()
