"""Small screens over the main one: help, a choice, a line of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import ModalScreen

from exptui_tui.format import BLANK, Line, fit, pad, safe
from exptui_tui.widgets.lines import LinesWidget, Pane


class HelpPane(Pane):
    NAME = "Help"

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__(id="help")
        self._text = list(lines)

    def body(self, width: int) -> list[Line]:
        return self._text


class HelpScreen(ModalScreen[None]):
    """Every key that works where the user was, from the bindings themselves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close", id="help.close"),
    ]

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        yield HelpPane(self._lines)


def help_lines(bindings: Iterable[ActiveBinding], display: dict[str, str], legend: Sequence[Line]) -> list[Line]:
    """The keys of each part of the screen, then the legend. `display` has keys as people write them."""
    rows: dict[str, dict[str, tuple[list[str], str]]] = {}
    for active in bindings:
        binding = active.binding
        owner = getattr(active.node, "NAME", None) or "Everywhere"
        words = binding.description + (f": {binding.tooltip}" if binding.tooltip else "")
        keys, _ = rows.setdefault(owner, {}).setdefault(binding.action, ([], words))
        key = display.get(binding.key, binding.key)
        if key not in keys:
            keys.append(key)
    lines: list[Line] = []
    for owner in sorted(rows, key=lambda name: name == "Everywhere"):
        lines.append(((owner, "title"),))
        for keys, words in rows[owner].values():
            lines.append(((pad("  " + " ".join(keys), 18), "bold"), (words, "")))
        lines.append(BLANK)
    return [*lines, *legend]


class _Options(LinesWidget):
    def __init__(self, screen: PickerScreen) -> None:
        super().__init__(id="options")
        self._picker = screen

    def picture(self, width: int, height: int) -> list[Line]:
        return self._picker.lines(width, height)

    def on_click(self, event: events.Click) -> None:
        self._picker.choose_row(event.y - 2)


class PickerScreen(ModalScreen[str | None]):
    """Choose one of many: type to narrow, arrows to move, enter to take."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="picker.cancel"),
        Binding("enter", "take", "Take", id="picker.take"),
        Binding("down,ctrl+n", "move(1)", "Down", show=False, id="picker.down"),
        Binding("up,ctrl+p", "move(-1)", "Up", show=False, id="picker.up"),
        Binding("backspace", "erase", "Erase", show=False, id="picker.erase"),
    ]

    def __init__(self, title: str, options: Sequence[str], chosen: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._options = list(options)
        self._words = ""
        self._at = self._options.index(chosen) if chosen in self._options else 0
        self._top = 0

    def compose(self) -> ComposeResult:
        yield _Options(self)

    @property
    def found(self) -> list[str]:
        words = self._words.lower().split()
        return [one for one in self._options if all(word in one.lower() for word in words)]

    def lines(self, width: int, height: int) -> list[Line]:
        found = self.found
        room = max(1, height - 2)
        self._top = max(0, min(self._top, self._at), self._at - room + 1)
        typed = f"{safe(self._words, 40)}▏" if self._words else "type to narrow, enter takes, esc cancels"
        lines: list[Line] = [((f"▌{self._title}", "title"), (f"  {len(found)} of {len(self._options)}", "dim"))]
        lines.append(((" " + typed, "accent" if self._words else "dim"),))
        for at, one in enumerate(found[self._top : self._top + room], self._top):
            style = "cursor" if at == self._at else ""
            lines.append(fit([(pad(("▸ " if style else "  ") + safe(one, width - 2), width), style)], width))
        return lines

    def choose_row(self, row: int) -> None:
        if 0 <= self._top + row < len(self.found) and row >= 0:
            self.dismiss(self.found[self._top + row])

    def action_take(self) -> None:
        found = self.found
        self.dismiss(found[self._at] if self._at < len(found) else None)

    def action_move(self, rows: int) -> None:
        self._at = max(0, min(len(self.found) - 1, self._at + rows))
        self._redraw()

    def action_erase(self) -> None:
        self._words, self._at = self._words[:-1], 0
        self._redraw()

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character:
            event.stop()
            self._words, self._at = self._words + event.character, 0
            self._redraw()

    def _redraw(self) -> None:
        self.query_one(_Options).redraw()


class PromptScreen(ModalScreen[str | None]):
    """Ask for one line of text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", id="prompt.cancel")]

    def __init__(self, title: str, text: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._text, self._hint = title, text, hint

    def compose(self) -> ComposeResult:
        from textual.widgets import Input

        yield _Label(self._title, self._hint)
        yield Input(self._text, id="prompt", select_on_focus=False)

    def on_input_submitted(self, event: events.Event) -> None:
        self.dismiss(getattr(event, "value", None))


class _Label(LinesWidget):
    def __init__(self, title: str, hint: str) -> None:
        super().__init__(id="label")
        self._line: Line = ((f"▌{title}", "title"), (f"  {hint}", "dim"))

    def picture(self, width: int, height: int) -> list[Line]:
        return [fit(self._line, width)]
