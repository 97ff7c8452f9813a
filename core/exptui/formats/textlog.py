"""What every reader of a single growing log file does alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from exptui.formats.base import Delta, FileSign
from exptui.records import Points, Problem, RunFacts, Signs
from exptui.tail import Restarted


class Log(Protocol):
    """A tailed log: new points on `read`, and the problems seen so far."""

    def read(self, budget: int) -> tuple[dict[str, Points], bool]: ...

    def problems(self) -> tuple[Problem, ...]: ...


class SingleLogReader:
    """A run that is one log file and nothing else: no name, no params, no end mark."""

    def __init__(self, path: str, open_log: type[Log], absolute: str) -> None:
        self._path = path
        self._absolute = absolute
        self._open_log = open_log
        self._log = self._opened()
        self._told = False

    def _opened(self) -> Log:
        return self._open_log(self._absolute, self._path)  # type: ignore[call-arg]

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        try:
            delta.points, delta.more = self._log.read(budget)
        except Restarted:
            self._log = self._opened()
            delta.restarted, delta.more = True, True
        except OSError as error:
            delta.failed = True
            delta.problems = (Problem(self._path, None, f"cannot be read: {error.strerror or error}"),)
        if not self._told or delta.restarted:
            delta.facts, delta.signs = RunFacts(), Signs()
            self._told = True
        if delta.problems is None:
            delta.problems = self._log.problems()
        yield delta
