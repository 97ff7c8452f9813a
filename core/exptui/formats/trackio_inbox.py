"""Trackio's inbox: fragments of JSON lines that a training process leaves on a network file system. Each is written
once; whoever owns the project's database imports it later and deletes it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import read_bytes
from exptui.formats.rows import as_number
from exptui.formats.sqlreader import Found
from exptui.formats.trackio_rows import add, alert, facts_of, parsed, time_of
from exptui.records import Problem, RunFacts, Signs

INBOX = "inbox"

_FRAGMENT = re.compile(r"([^/]+/)?\d+\.jsonl")
_KINDS = ("metric", "system_metric", "alert")


@dataclass(frozen=True, slots=True)
class Fragment:
    """One record of a fragment."""

    id: str
    run: str
    name: str
    project: str
    said: Mapping[str, Any]


def fragments_in(folder: Folder) -> dict[str, FileSign]:
    """The fragments of an inbox, whose directory this is, and of its writers."""
    files = {folder.below(name): sign for name, sign in folder.files.items()}
    for name in folder.folders - {INBOX}:
        files.update(folder.tree(name))
    start = len(folder.below(""))
    return {path: sign for path, sign in sorted(files.items()) if _FRAGMENT.fullmatch(path, start)}


def database_name(project: str) -> str:
    """The file name that Trackio gives to a project's database."""
    return ("".join(one for one in project if one.isalnum() or one in "-_") or "default") + ".db"


class Inbox:
    """Reads the fragments of one inbox, each once; of some it remembers what they said about a run."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._read: dict[str, FileSign] = {}
        self.problems: dict[str, Problem] = {}
        self.failed = False

    def vanished(self, files: Mapping[str, FileSign]) -> bool:
        """Whether a fragment that was read is gone or another."""
        return any(files.get(path) != sign for path, sign in self._read.items())

    def unread(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Fragment | None]:
        """The records of new fragments in the order of their names, None when the budget ended before them."""
        self.failed = False
        for path in sorted(path for path in files if self._read.get(path) != files[path]):
            if budget <= 0:
                yield None
                return
            try:
                raw = read_bytes(f"{self._root}/{path}")
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                self.problems[path] = Problem(path, None, f"cannot be read: {error}")
                self.failed = isinstance(error, OSError)
                continue
            self._read[path] = files[path]
            budget -= len(raw)
            yield from self._records(path, raw)

    def _records(self, path: str, raw: bytes) -> Iterator[Fragment]:
        bad, offset, first_bad = 0, 0, 0
        for line in raw.split(b"\n"):
            said = parsed(line)
            name = said.get("run") if said and said.get("kind") in _KINDS else None
            if said and isinstance(name, str):
                run, mark = said.get("run_id") or name, said.get("log_id") or said.get("alert_id")
                yield Fragment(str(mark or f"{path}#{offset}"), str(run), name, str(said.get("project") or ""), said)
            elif line.strip():
                first_bad = first_bad if bad else offset
                bad += 1
            offset += len(line) + 1
        self.problems.pop(path, None)
        if bad:
            self.problems[path] = Problem(path, first_bad, f"{bad} line(s) are no records; skipped")


class FragmentRuns:
    """The runs that fragments tell of."""

    def __init__(self) -> None:
        self.runs: dict[str, tuple[str, str]] = {}
        self._configs: dict[str, Mapping[str, Any]] = {}
        self._began: dict[str, object] = {}
        self._steps: dict[str, float] = {}
        self._seen: set[str] = set()

    def take(self, record: Fragment, found: Found) -> None:
        """Add what a record says, unless a record of that id said it before."""
        if record.id in self._seen:
            return
        self._seen.add(record.id)
        run, said = record.run, record.said
        fresh = run not in self.runs
        config = said.get("config")
        self.runs[run] = record.name, record.project
        self._began.setdefault(run, said.get("timestamp"))
        if isinstance(config, dict) and config:
            fresh, self._configs[run] = True, config
        if fresh:
            delta = found.delta(run)
            delta.facts, delta.signs = self.facts(run)
        self.add(run, said, found)

    def facts(self, run: str) -> tuple[RunFacts, Signs]:
        name, project = self.runs[run]
        return facts_of(run, name, self._configs.get(run, {}), self._began[run], project)

    def add(self, run: str, said: Mapping[str, Any], found: Found) -> None:
        time, values = time_of(said.get("timestamp")), said.get("metrics")
        if said["kind"] == "alert":
            words = (said.get("title"), said.get("text"), said.get("level"), said.get("step"), said.get("timestamp"))
            found.delta(run).console += (alert(*words),)
        elif not isinstance(values, dict):
            return
        elif said["kind"] == "system_metric":
            began = time_of(self._began[run])
            add(found.system(run), values, time - began if math.isfinite(time - began) else 0.0, time)
        else:
            step = as_number(said.get("step"))
            if step is None or not math.isfinite(step):
                step = self._steps.get(run, -1.0) + 1.0
            self._steps[run] = step
            add(found.points(run), values, step, time)


class TrackioJsonlFormat:
    name = "trackio_jsonl"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        above, _, name = f"/{folder.path}".rpartition("/")
        if name not in (INBOX, ""):
            return
        files = fragments_in(folder)
        if files and b'"kind"' in folder.head(next(iter(files))[len(folder.path) :].lstrip("/")):
            yield Source(above.lstrip("/") or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return TrackioJsonlReader(root, source.path)


class TrackioJsonlReader:
    """Tells the runs of projects that have no database beside the inbox: the database's own reader tells the others.
    When a fragment goes, so do its points, for then they are in a database."""

    def __init__(self, root: str, path: str) -> None:
        self._home = root if path == "." else f"{root}/{path}"
        self._root = root
        self._known: set[str] = set()
        self._owned: dict[str, bool] = {}
        self._problems: tuple[Problem, ...] = ()
        self._begin()

    def _begin(self) -> None:
        self._inbox = Inbox(self._root)
        self._fragments = FragmentRuns()

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        found = Found()
        owned = {project: self._is_owned(project) for project in self._owned}
        if owned != self._owned or self._inbox.vanished(files):
            self._begin()
            self._owned = owned
            for run in self._known:
                found.restart(run)
        for record in self._inbox.unread(files, budget):
            if record is None:
                found.more = True
            elif not self._owned.setdefault(record.project, self._is_owned(record.project)):
                self._fragments.take(record, found)
        found.failed = self._inbox.failed
        if not found.more:
            for run in self._known - self._fragments.runs.keys():
                found.delta(run).gone = True
            self._known = set(self._fragments.runs)
        self._report(found)
        yield from found.told()

    def _report(self, found: Found) -> None:
        problems = tuple(self._inbox.problems.values())
        if problems != self._problems:
            self._problems = problems
            for run in self._fragments.runs:
                found.delta(run).problems = problems

    def _is_owned(self, project: str) -> bool:
        return os.path.isfile(f"{self._home}/{database_name(project)}")


TRACKIO_JSONL = TrackioJsonlFormat()
