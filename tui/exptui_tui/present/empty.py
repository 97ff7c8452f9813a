"""A pane with nothing to show says why, and which key fills it."""

from __future__ import annotations

from exptui_tui.format import BLANK, Line, cell_len, wrapped


def empty(words: str, width: int, height: int) -> list[Line]:
    """The words in the middle of the upper half."""
    lines = [text.strip() for ((text, _),) in wrapped(words, max(1, width - 4))]
    indents = [" " * ((width - cell_len(text)) // 2) for text in lines]
    return [BLANK] * max(0, height // 3) + [
        ((indent + text, "dim"),) for indent, text in zip(indents, lines, strict=True)
    ]
