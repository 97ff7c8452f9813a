"""The one small protocol behind which every tracker's format is read.

A format recognises its runs in a directory listing (`Format.find`) and opens a reader for one of them. A reader
remembers its position and returns only what is new (`Reader.read`). Nothing here writes, locks or keeps a file open.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from exptui.records import ConsoleLine, Points, Problem, RunFacts, Signs
from exptui.records import FileSign as FileSign

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Folder:
    """One directory as discovery saw it. `path` is below the root ("" for the root itself); `head(name)` gives
    the first 4 KiB of a file in it, or nothing where it cannot be read; `tree(name)` gives the files in and below
    one of its subdirectories, by their paths below the root ({} where there is none). `place` is its absolute path,
    for what can only be told by opening a file."""

    path: str
    files: Mapping[str, FileSign]
    folders: frozenset[str]
    head: Callable[[str], bytes]
    tree: Callable[[str], Mapping[str, FileSign]] = lambda name: {}
    place: str = ""

    def below(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


@dataclass(frozen=True, slots=True)
class Source:
    """A thing on disk that holds a run (or several, as a database does). Paths are below the root. Sources of one
    format that lie side by side and have one `join` are one: the parts of a run that was resumed."""

    path: str
    format: Format
    files: Mapping[str, FileSign]
    group: str | None = None
    join: str | None = None


@dataclass(slots=True)
class Delta:
    """What one `read` found new about one run of a source.

    `run` tells the runs of one source apart ("" where it has one). `facts`, `signs` and `problems` are None when
    nothing about them changed, and complete when something did. `restarted` means that everything read before
    from this run is void. `more` means that the budget ended before the file did. `failed` means that a file
    could not be read for now: it is tried again although it does not change. `system` has points of the machine's
    load, and `console` whole lines that the run printed, where the tracker keeps them in its log. `gone` means that
    the source has no such run any more, and `whole` that this tells of no run: only `more` and `failed` count.
    """

    run: str = ""
    points: dict[str, Points] = field(default_factory=dict)
    system: dict[str, Points] = field(default_factory=dict)
    console: tuple[ConsoleLine, ...] = ()
    facts: RunFacts | None = None
    signs: Signs | None = None
    problems: tuple[Problem, ...] | None = None
    restarted: bool = False
    more: bool = False
    failed: bool = False
    gone: bool = False
    whole: bool = False


class Reader(Protocol):
    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterable[Delta]:
        """Read at most about `budget` bytes that are new in `files` (paths below the root)."""


@runtime_checkable
class RunsReader(Reader, Protocol):
    """A reader of many runs, which can tell the points of one of them again without reading the others'."""

    def again(self, run: str) -> None:
        """Have the next `read` tell this run from its beginning, as a restart."""

    def only_again(self) -> None:
        """Tell nothing from now on but what `again` asks for, up to what is there at the next `read`."""


class Format(Protocol):
    @property
    def name(self) -> str:
        """The name that `list --json` prints."""

    @property
    def owns_folder(self) -> bool:
        """Whether a run's directory holds nothing but that run, so that discovery need not look deeper."""

    def find(self, folder: Folder) -> Iterable[Source]:
        """The runs of this format in one directory."""

    def reader(self, root: str, source: Source) -> Reader:
        """A reader at the beginning of the source."""


class ColumnBuilder:
    """Collects points metric by metric in file order."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[array[float], array[float], array[float]]] = {}

    def column(self, name: str) -> tuple[array[float], array[float], array[float]]:
        """The (step, value, time) arrays of one metric, to extend."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = (array("d"), array("d"), array("d"))
        return found

    def points(self, *, timed: bool = True) -> dict[str, Points]:
        return {
            name: Points(step, value, time if timed else None)
            for name, (step, value, time) in self._columns.items()
            if value
        }
