"""ClearML's offline mode: `task.json`, and logs whose every line is a JSON list of events."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import Documents
from exptui.formats.plain import mapping, text, texts
from exptui.formats.rows import as_number, as_time
from exptui.records import ConsoleLine, Points, Problem, RunFacts, Signs
from exptui.tail import LineTail, Restarted

_TASK, _METRICS, _LOG = "task.json", "metrics.jsonl", "log.jsonl"
_PLAIN_SECTIONS = ("General", "Args")
_MACHINE = ":monitor:"
_WRITTEN_AS_LITERAL = ("int", "float", "bool", "list", "tuple", "dict", "None")
_LONGEST_LITERAL = 10_000


class ClearMLFormat:
    name = "clearml_offline"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        names = [name for name in (_TASK, _METRICS, _LOG) if name in folder.files]
        named = folder.path.rpartition("/")[2].startswith("offline-")
        if _TASK in names and (named or b'"hyperparams"' in folder.head(_TASK)):
            yield Source(folder.path or ".", self, {folder.below(name): folder.files[name] for name in names})

    def reader(self, root: str, source: Source) -> Reader:
        return ClearMLReader(root, source.path)


class ClearMLReader:
    def __init__(self, root: str, path: str) -> None:
        self._root = root
        self._prefix = "" if path == "." else f"{path}/"
        self._documents = Documents(root)
        self._told = False
        self._reset()

    def _reset(self) -> None:
        self._events = {name: EventLog(self._root, self._prefix + name) for name in (_METRICS, _LOG)}
        self._zeros = 0

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta, problems = Delta(), []
        try:
            for log in self._events.values():
                problems += self._read_log(log, files, budget, delta)
        except Restarted:
            self._reset()
            delta = Delta(restarted=True, more=True)
        task = self._prefix + _TASK
        if self._documents.refresh([task], files) or not self._told:
            delta.facts, delta.signs, self._told = _facts(self._documents.value(task)), Signs(), True
        if self._zeros:
            what = f"ClearML writes NaN and infinity as 0: {self._zeros} value(s) of 0 may be no numbers"
            problems.append(Problem(self._prefix + _METRICS, None, what))
        delta.problems = tuple(problems)
        self._documents.report(delta, files)
        yield delta

    def _read_log(self, log: EventLog, files: Mapping[str, FileSign], budget: int, delta: Delta) -> list[Problem]:
        if log.path not in files:
            if log.offset:
                raise Restarted(log.path)
            return []
        try:
            events, more = log.read(budget)
        except OSError as error:
            delta.failed = True
            return [Problem(log.path, None, f"cannot be read: {error.strerror or error}")]
        delta.more = delta.more or more
        if log.path.endswith(_LOG):
            delta.console = tuple(line for event in events for line in _lines(event))
        else:
            delta.points, delta.system = self._points(events)
        return log.problems()

    def _points(self, events: list[dict[str, Any]]) -> tuple[dict[str, Points], dict[str, Points]]:
        metrics, machine = ColumnBuilder(), ColumnBuilder()
        for event in events:
            step, value = as_number(event.get("iter")), as_number(event.get("value"))
            title, series = text(event.get("metric")), text(event.get("variant"))
            if value is None or step is None or not math.isfinite(step) or title is None:
                continue
            builder = machine if title.startswith(_MACHINE) else metrics
            self._zeros += builder is metrics and value == 0.0
            column = builder.column(f"{title}/{series}" if series else title)
            column[0].append(step)
            column[1].append(value)
            column[2].append(as_time(event.get("timestamp")))
        return metrics.points(), machine.points()


class EventLog:
    """The new events of one such log."""

    def __init__(self, root: str, path: str) -> None:
        self.path = path
        self._tail = LineTail(f"{root}/{path}")
        self._bad = 0

    @property
    def offset(self) -> int:
        return self._tail.tail.offset

    def read(self, budget: int) -> tuple[list[dict[str, Any]], bool]:
        _, lines, more = self._tail.lines(budget)
        events: list[dict[str, Any]] = []
        for line in filter(bytes.strip, lines):
            told = _parse(line)
            if told is None:
                self._bad += 1
            else:
                events += [event for event in told if isinstance(event, dict)]
        return events, more

    def problems(self) -> list[Problem]:
        bad, found = self._bad + self._tail.dropped, []
        if bad:
            found.append(Problem(self.path, None, f"{bad} line(s) are no list of events; skipped"))
        if self._tail.waiting:
            found.append(Problem(self.path, self.offset, "unfinished last line; waiting for the rest"))
        return found


def _parse(line: bytes) -> list[Any] | None:
    try:
        told = orjson.loads(line)
    except ValueError:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return None
    return [told] if isinstance(told, dict) else told if isinstance(told, list) else None


def _lines(event: Mapping[str, Any]) -> Iterator[ConsoleLine]:
    moment = as_time(event.get("timestamp"))
    is_error = text(event.get("level")) in ("error", "critical", "fatal")
    for line in (text(event.get("msg")) or "").splitlines():
        yield ConsoleLine(line, None if math.isnan(moment) else moment, is_error)


def _facts(task: Mapping[str, Any]) -> RunFacts:
    script = mapping(task.get("script"))
    git = {"git.commit": script.get("version_num"), "git.branch": script.get("branch")}
    return RunFacts(
        tracker_id=text(task.get("id")),
        name=text(task.get("name")) or "",
        params=dict(_params(mapping(task.get("hyperparams")))),
        tags=texts(task.get("tags")),
        notes=text(task.get("comment")) or "",
        group=text(task.get("project_name")),
        parent=text(task.get("parent")),
        environment={name: value for name, value in git.items() if value},
    )


def _params(sections: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Params by name; those outside of the two usual sections by section and name."""
    for section, entries in sections.items():
        for name, entry in mapping(entries).items():
            told = mapping(entry)
            value = _typed(told.get("value"), text(told.get("type")) or "")
            yield (name if section in _PLAIN_SECTIONS else f"{section}/{name}"), value


def _typed(value: object, kind: str) -> object:
    """ClearML keeps every value as text beside the name of its type."""
    if not isinstance(value, str) or not kind.startswith(_WRITTEN_AS_LITERAL) or len(value) > _LONGEST_LITERAL:
        return value
    try:
        return float(value) if kind == "float" else ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value


CLEARML_OFFLINE = ClearMLFormat()
