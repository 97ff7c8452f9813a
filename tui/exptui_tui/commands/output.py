"""Text for people on standard output: it fits the terminal's width and has colour only on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from exptui_tui.format import Line, fit

_CODES = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1", "title": "1;36", "accent": "36"}


def width() -> int:
    """The terminal's width; text that goes elsewhere is as wide as it needs."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 160


def coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_lines(lines: Iterable[Line]) -> None:
    colour, columns = coloured(), width()
    for line in lines:
        spans = fit(line, columns)
        text = "".join(_painted(*span) if colour else span[0] for span in spans)
        print(text if colour else text.rstrip())


def _painted(text: str, names: str) -> str:
    codes = [_CODES[name] for name in names.split() if name in _CODES]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text
