"""What the records of one W&B log say about its run, besides its history."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from exptui.formats.base import ColumnBuilder
from exptui.formats.console import ConsoleLines
from exptui.formats.plain import mapping, moment, prefixed
from exptui.formats.protowire import fields, raw, signed
from exptui.formats.protowire import text as string
from exptui.formats.wandb_items import item_of, number_of, parsed
from exptui.records import Status

FLUSHES_FROM = (0, 31)
"""The version from which a log is written out every 15 s; older ones wait until 32 KiB have come together."""

FLUSHED, BUFFERED = 60.0, 600.0
"""Seconds of silence that these two ways explain."""

INTERRUPTED = 255

_GOALS = {1: "min", 2: "max"}


class Beside(NamedTuple):
    """What the files beside a log say."""

    config: Mapping[str, Any] = MappingProxyType({})
    environment: Mapping[str, Any] = MappingProxyType({})
    summary: Mapping[str, Any] = MappingProxyType({})
    created: float | None = None


class PartFacts:
    """Facts of one log, which is one part of a run. Every `take` may be followed by more of the same."""

    def __init__(self) -> None:
        self.begun = False
        self.has_environment = False
        self.beside = Beside()
        self.texts: dict[str, str] = {}
        self.tags: tuple[str, ...] = ()
        self.config: dict[str, Any] = {}
        self.environment: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.goals: dict[str, str] = {}
        self.created: float | None = None
        self.end: Status | None = None
        self.end_said = ""
        self.newest: float | None = None
        self.patience = BUFFERED
        self.whole_summaries = True
        self.console = ConsoleLines()
        self.system = ColumnBuilder()

    def take(self, number: int, message: memoryview) -> bool:
        """Take one record's message in; whether it is of a kind that tells facts. Raises WireError."""
        taker = _TAKERS.get(number)
        if taker is None:
            return False
        taker(self, message)
        return number not in _NO_FACTS

    def _run(self, message: memoryview) -> None:
        self.begun, tags = True, []
        for number, value in fields(message):
            if number in _RUN_TEXTS:
                self.texts[_RUN_TEXTS[number]] = string(value)
            elif number in _RUN_PLACES:
                self.environment[_RUN_PLACES[number]] = string(value)
            elif number == 4:
                self._config(raw(value))
            elif number == 10:
                tags.append(string(value))
            elif number == 17:
                self.created = _timestamp(raw(value))
            elif number == 21:
                self._git(raw(value))
        self.tags = tuple(tags) or self.tags

    def _git(self, message: memoryview) -> None:
        for number, value in fields(message):
            if number in (1, 2):
                self.environment["git.remote" if number == 1 else "git.commit"] = string(value)

    def _config(self, message: memoryview) -> None:
        for number, value in fields(message):
            parts, spelled = item_of(raw(value)) if number in (1, 2) else ([], b"")
            if not parts or parts[0] == "_wandb":
                continue
            inner = self.config
            for part in parts[:-1]:
                deeper = inner.get(part)
                if not isinstance(deeper, dict):
                    deeper = inner[part] = {}
                inner = deeper
            if number == 1:
                inner[parts[-1]] = parsed(spelled)
            else:
                inner.pop(parts[-1], None)

    def _summary(self, message: memoryview) -> None:
        for number, value in fields(message):
            parts, spelled = item_of(raw(value)) if number in (1, 2) else ([], b"")
            if not parts or parts[0].startswith("_") or parts[-1].startswith("_"):
                continue
            if number == 1:
                self.summary[".".join(parts)] = parsed(spelled)
            else:
                self.summary.pop(".".join(parts), None)

    def _stats(self, message: memoryview) -> None:
        found = list(fields(message))
        time = next((_timestamp(raw(value)) for number, value in found if number == 2), None)
        if time is None:
            return
        self._note(time)
        self.created = time if self.created is None else self.created
        for number, value in found:
            parts, spelled = item_of(raw(value)) if number == 3 else ([], b"")
            told = number_of(spelled)
            if parts and told is not None:
                column = self.system.column(".".join(parts))
                for into, one in zip(column, (time - self.created, told, time), strict=True):
                    into.append(one)

    def _metric(self, message: memoryview) -> None:
        told = dict(fields(message))
        goal = told.get(8)
        if 1 in told and isinstance(goal, int) and goal in _GOALS:
            self.goals[string(told[1])] = _GOALS[goal]

    def _output(self, message: memoryview) -> None:
        told = dict(fields(message))
        time = _timestamp(raw(told[2])) if 2 in told else None
        self._note(time)
        self.console.add(string(told.get(3, memoryview(b""))), time, is_error=told.get(1, 0) == 0)

    def _exit(self, message: memoryview) -> None:
        told = dict(fields(message))
        code = signed(told.get(1, 0))
        if code == 0:
            self.end, self.end_said = "finished", "its log has an exit record with code 0"
        elif code == INTERRUPTED:
            self.end, self.end_said = "interrupted", "its exit record has code 255: stopped from outside, as by Ctrl-C"
        else:
            self.end, self.end_said = "failed", f"its exit record has code {code}"
        self.console.end()

    def _header(self, message: memoryview) -> None:
        version = re.compile(rb"(\d+)\.(\d+)").match(next((raw(v) for n, v in _inner(message, 1) if n == 1), b""))
        known = (int(version[1]), int(version[2])) if version else (0, 0)
        self.patience = FLUSHED if known >= FLUSHES_FROM else BUFFERED
        self.whole_summaries = not version

    def _environment(self, message: memoryview) -> None:
        self.has_environment = True
        arguments: list[str] = []
        for number, value in fields(message):
            if number in _PLACES:
                self.environment[_PLACES[number]] = string(value)
            elif number == 5:
                arguments.append(string(value))
            elif number == 9:
                self._git(raw(value))
        if arguments:
            self.environment["args"] = arguments

    def _note(self, time: float | None) -> None:
        if time is not None:
            self.newest = time

    def take_files(self, metadata: Mapping[str, Any], config: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """What the files beside the log say."""
        environment = {_FILE_NAMES[key]: metadata[key] for key in _FILE_NAMES if metadata.get(key)}
        environment |= prefixed("git.", mapping(metadata.get("git")))
        params = {
            key: value["value"]
            for key, value in config.items()
            if isinstance(value, dict) and "value" in value and key not in ("_wandb", "wandb_version")
        }
        plain = {key: value for key, value in summary.items() if not key.startswith("_")}
        self.beside = Beside(params, environment, plain, moment(metadata.get("startedAt")))


_RUN_TEXTS = {1: "id", 6: "group", 8: "name", 9: "notes"}
_RUN_PLACES = {2: "entity", 3: "project", 7: "job_type", 12: "sweep", 13: "host"}
_PLACES = {1: "platform", 2: "python", 6: "program", 12: "host", 14: "executable"}
_FILE_NAMES = {
    "os": "platform", "python": "python", "program": "program", "host": "host", "executable": "executable",
    "args": "args",
}  # fmt: skip

_TAKERS: dict[int, Callable[[PartFacts, memoryview], None]] = {
    3: PartFacts._summary, 4: PartFacts._output, 5: PartFacts._config, 7: PartFacts._stats, 12: PartFacts._metric,
    13: PartFacts._output, 17: PartFacts._run, 18: PartFacts._exit, 21: PartFacts._header, 26: PartFacts._environment,
}  # fmt: skip
_NO_FACTS = frozenset({4, 7, 13})


def _inner(message: memoryview, wanted: int) -> list[tuple[int, int | memoryview]]:
    """The fields of the first message that is in field `wanted`."""
    return next((list(fields(raw(value))) for number, value in fields(message) if number == wanted), [])


def _timestamp(message: memoryview) -> float:
    told = dict(fields(message))
    seconds, nanoseconds = signed(told.get(1, 0)), signed(told.get(2, 0))
    return seconds + nanoseconds / 1e9
