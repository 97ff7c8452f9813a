"""What a run printed, from the fragments that trackers log to whole lines."""

from __future__ import annotations

from exptui.records import ConsoleLine

LONGEST = 1 << 14
"""Characters of a line; what is before them is dropped."""


class ConsoleLines:
    """Joins fragments of the two streams until their lines end; a progress bar that rewrites its line is one line
    in its last state."""

    def __init__(self) -> None:
        self._open: dict[bool, str] = {}
        self._lines: list[ConsoleLine] = []

    def add(self, text: str, time: float | None, *, is_error: bool) -> None:
        *whole, rest = (self._open.pop(is_error, "") + text).split("\n")
        self._lines += [ConsoleLine(_last_state(line), time, is_error) for line in whole]
        if rest:
            kept = _last_state(rest) + ("\r" if rest.endswith("\r") else "")
            self._open[is_error] = kept

    def end(self) -> None:
        """Nothing more will come: what is begun is all there is of its line."""
        self._lines += [ConsoleLine(_last_state(rest), None, is_error) for is_error, rest in self._open.items()]
        self._open.clear()

    def take(self) -> tuple[ConsoleLine, ...]:
        """The whole lines since the last call."""
        lines, self._lines = tuple(self._lines), []
        return lines


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2][-LONGEST:]
