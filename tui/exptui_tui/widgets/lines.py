"""Widgets drawn as lines, which send to the terminal only the lines that changed."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from exptui_tui.format import BLANK, Line, cell_len, fit, width_of
from exptui_tui.widgets.palette import style_of


class LinesWidget(Widget):
    """Shows what `picture` returns. Call `redraw` when that may be different; equal lines cost nothing."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[Line] = []

    def picture(self, width: int, height: int) -> list[Line]:
        """The lines to show, at most `height`, each at most `width` cells wide."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Compare with what is on the screen and repaint the lines that differ."""
        if not self._drawn or not self.is_attached or not self.display:
            return
        before, self._drawn = self._drawn, self._lines()
        if len(before) != len(self._drawn):
            self.refresh()
            return
        width = self.size.width
        changed = [Region(0, y, width, 1) for y, line in enumerate(self._drawn) if before[y] != line]
        if changed:
            self.refresh(*changed)

    def _lines(self) -> list[Line]:
        width, height = self.size
        lines = self.picture(width, height)[:height]
        return lines + [BLANK] * (height - len(lines))

    def render_line(self, y: int) -> Strip:
        if not self._drawn:
            self._drawn = self._lines()
        line = self._drawn[y] if y < len(self._drawn) else BLANK
        theme, width = self.app.current_theme, self.size.width
        segments = [Segment(text, style_of(theme, names)) for text, names in fit(line, width)]
        return Strip(segments).extend_cell_length(width).apply_style(self.rich_style).simplify()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def on_resize(self) -> None:
        """Another size is another picture; it is computed when it is painted."""
        self._drawn = []
        self.refresh()


class Pane(LinesWidget, can_focus=True):
    """A titled pane. The title line is its frame; its body scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_by(1)", "Down", show=False, id="pane.down"),
        Binding("up,k", "scroll_by(-1)", "Up", show=False, id="pane.up"),
        Binding("pagedown,ctrl+d", "scroll_page(1)", "Page down", show=False, id="pane.page_down"),
        Binding("pageup,ctrl+u", "scroll_page(-1)", "Page up", show=False, id="pane.page_up"),
        Binding("home,g", "scroll_to_line(0)", "First", show=False, id="pane.first"),
        Binding("end,G", "scroll_to_line(1000000)", "Last", show=False, id="pane.last"),
    ]

    NAME: ClassVar[str] = ""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._top = 0
        self._length = 0

    def body(self, width: int) -> list[Line]:
        """All lines of the body."""
        raise NotImplementedError

    def subtitle(self) -> Line:
        """What stands behind the pane's name in its title."""
        return ()

    def position(self) -> str:
        """What stands at the right end of the title: where in the body we are."""
        height = self.size.height - 1
        if self._length <= height:
            return ""
        return f"{self._top + 1}–{min(self._length, self._top + height)} of {self._length}"

    def picture(self, width: int, height: int) -> list[Line]:
        lines = self.body(width - 2)
        self._length = len(lines)
        self._top = max(0, min(self._top, self._length - (height - 1)))
        shown = [((" ", ""), *line) for line in lines[self._top : self._top + height - 1]]
        return [self.title_line(width), *shown]

    def title_line(self, width: int) -> Line:
        """A rule with the name in it; the focused pane's name is marked, so that colour is not the only sign."""
        name = (f"▌{self.NAME} ", "title") if self.has_focus else (f" {self.NAME} ", "bold")
        right = self.position()
        tail = (f" {right} ", "dim") if right else ("", "")
        left = fit([name, *self.subtitle(), (" ", "")], width - len(right) - 4)
        rule = "─" * max(0, width - width_of(left) - cell_len(tail[0]))
        return (*left, (rule, "rule"), tail)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def action_scroll_by(self, lines: int) -> None:
        self._top = max(0, self._top + lines)
        self.redraw()

    def action_scroll_page(self, pages: int) -> None:
        self.action_scroll_by(pages * max(1, self.size.height - 2))

    def action_scroll_to_line(self, line: int) -> None:
        self._top = line
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_by(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_by(-3)
