"""The bottom line: the keys that work here, taken from the bindings, or what just happened."""

from __future__ import annotations

from textual import events
from textual.binding import ActiveBinding

from exptui_tui.format import Line, Span, cell_len, fit, safe
from exptui_tui.widgets.lines import LinesWidget

_SECONDS = 5.0


class KeyBar(LinesWidget):
    """Keys with their descriptions; a click on one presses it. `tell` shows a message for a few seconds."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._message: Span | None = None
        self._spots: list[tuple[int, int, ActiveBinding]] = []
        self._told = 0

    def tell(self, text: str, style: str = "") -> None:
        self._message = (f" {safe(text, 400)}", style)
        self._told += 1
        told = self._told
        self.redraw()
        self.set_timer(_SECONDS, lambda: self._forget(told))

    def _forget(self, told: int) -> None:
        if told == self._told:
            self._message = None
            self.redraw()

    def picture(self, width: int, height: int) -> list[Line]:
        self._spots = []
        if self._message is not None:
            return [fit([self._message], width)]
        spans: list[Span] = []
        at = 0
        for active in self._worth_showing():
            binding = active.binding
            key = binding.key_display or self.app.get_key_display(binding)
            text = f" {key} "
            label = f"{binding.description} "
            size = cell_len(text) + cell_len(label)
            if at + size > width:
                break
            self._spots.append((at, at + size, active))
            spans += [(text, "title"), (label, "dim")]
            at += size
        return [tuple(spans)]

    def _worth_showing(self) -> list[ActiveBinding]:
        """Those to show, one an action, the general ones first."""
        found: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show and active.enabled:
                found.setdefault(active.binding.action, active)
        return list(found.values())

    async def on_click(self, event: events.Click) -> None:
        for start, end, active in self._spots:
            if start <= event.x < end:
                await self.app.run_action(active.binding.action, active.node)
                return
