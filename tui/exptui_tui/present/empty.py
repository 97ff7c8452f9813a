"""A pane with nothing to show says why, and which key fills it."""

from __future__ import annotations

from exptui_tui.format import BLANK, Line, pad


def empty(words: str, width: int, height: int) -> list[Line]:
    """The words in the middle of the upper half."""
    return [BLANK] * max(0, height // 3) + [((pad(words, width).rstrip().center(width).rstrip(), "dim"),)]
