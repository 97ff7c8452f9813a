"""Runs of SwanLab: directories with a log `run-<id>.swanlab` in W&B's framing, and `files/config.yaml` beside it.

The log is written out when 4 KiB have come together, and whole only when the run ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.console import ConsoleLines
from exptui.formats.documents import Documents
from exptui.formats.leveldblog import LogTail
from exptui.formats.plain import mapping
from exptui.formats.protowire import WireError, fields, float64, raw, signed, text
from exptui.records import Media, Problem, RunFacts, Signs, Status
from exptui.tail import Restarted

MAGIC = b":SWL\xd6\xe1\x02"
PATIENCE = 600.0
"""Seconds of silence that the writer's buffer explains, which nothing but more data or the end writes out."""

MOST_MEDIA = 10_000

_LOG = re.compile(r"run-(.+)\.swanlab")
_KINDS = {2: "image", 3: "audio", 4: "text", 5: "video", 6: "echarts", 7: "object3d", 8: "molecule", 9: "html"}
_SYSTEM = 2
"""The class of the columns of the machine's load."""

_ENDS: dict[int, tuple[Status, str]] = {
    1: ("finished", "its finish record says finished"),
    2: ("failed", "its finish record says crashed"),
    3: ("interrupted", "its finish record says aborted"),
}

_RUN_TEXTS = {4: "name", 5: "notes", 7: "group", 10: "tracker_id"}
_RUN_PLACES = {1: "project", 2: "workspace", 8: "job_type"}


class SwanLabFormat:
    name = "swanlab"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        log = next((name for name in sorted(folder.files) if _LOG.fullmatch(name)), None)
        if log is None:
            return
        beside = folder.tree("files") if "files" in folder.folders else {}
        prefix = folder.below("files/")
        files = {
            path: beside[path] for name in ("config.yaml", "swanlab-metadata.json") if (path := prefix + name) in beside
        }
        yield Source(folder.path or ".", self, {folder.below(log): folder.files[log], **files})

    def reader(self, root: str, source: Source) -> Reader:
        return SwanLabReader(root, source)


class SwanLabReader:
    def __init__(self, root: str, source: Source) -> None:
        self._root = root
        prefix = "" if source.path == "." else f"{source.path}/"
        self._config, self._metadata = f"{prefix}files/config.yaml", f"{prefix}files/swanlab-metadata.json"
        self._media_folder = f"{prefix}media/"
        self._path = next(path for path in source.files if path.endswith(".swanlab"))
        self._documents = Documents(root)
        self._reset()

    def _reset(self) -> None:
        found = _LOG.fullmatch(self._path.rpartition("/")[2])
        self._tail = LogTail(f"{self._root}/{self._path}", self._path, MAGIC)
        self._facts = RunFacts(tracker_id=found[1] if found else None)
        self._signs = Signs(end_said="nothing has been written out yet", patience=PATIENCE)
        self._system: set[str] = set()
        self._media: list[Media] = []
        self._console = ConsoleLines()
        self._malformed = 0
        self._told: RunFacts | None = None

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        documents = self._documents.refresh((self._config, self._metadata), files)
        try:
            records, delta.more = self._tail.records(budget)
            problems = self._tail.problems()
        except Restarted:
            self._reset()
            yield Delta(restarted=True, more=True, facts=RunFacts(), signs=Signs(), problems=())
            return
        except OSError as error:
            records, delta.failed = [], True
            problems = [Problem(self._path, None, f"cannot be read: {error.strerror or error}")]
        self._take_all(records, delta)
        if documents or self._told is not self._facts:
            self._told = self._facts
            delta.facts = self._whole_facts()
        delta.signs = self._signs
        if self._malformed:
            problems.append(Problem(self._path, None, f"{self._malformed} record(s) are no such messages; skipped"))
        delta.problems = tuple(problems)
        self._documents.report(delta, files)
        yield delta

    def _take_all(self, records: list[bytes], delta: Delta) -> None:
        builder, system = ColumnBuilder(), ColumnBuilder()
        for record in records:
            try:
                self._take(record, builder, system)
            except WireError:
                self._malformed += 1
        delta.points, delta.system, delta.console = builder.points(), system.points(), self._console.take()

    def _take(self, record: bytes, builder: ColumnBuilder, system: ColumnBuilder) -> None:
        for number, value in fields(memoryview(record)):
            if number == 13:
                self._scalar(raw(value), builder, system)
            elif number == 10:
                self._start(raw(value))
            elif number == 11:
                self._finish(raw(value))
            elif number == 12:
                self._column(raw(value))
            elif number == 14:
                self._add_media(raw(value))
            elif number == 16:
                told = dict(fields(raw(value)))
                if 1 in told:
                    self._console.add(text(told[1]) + "\n", _time(told.get(3)), is_error=bool(told.get(2)))

    def _start(self, message: memoryview) -> None:
        told = list(fields(message))
        texts: dict[str, Any] = {_RUN_TEXTS[at]: text(value) for at, value in told if at in _RUN_TEXTS}
        texts["tracker_id"] = texts.get("tracker_id") or self._facts.tracker_id
        places = {_RUN_PLACES[at]: text(value) for at, value in told if at in _RUN_PLACES}
        tags = tuple(text(value) for at, value in told if at == 6)
        started = next((_time(value) for at, value in told if at == 12), None)
        self._facts = replace(
            self._facts, **texts, tags=tags, created=started, environment={**self._facts.environment, **places}
        )
        self._signs = Signs(marks_end=True, patience=PATIENCE)

    def _finish(self, message: memoryview) -> None:
        told = dict(fields(message))
        state = told.get(1, 0)
        end = _ENDS.get(state) if isinstance(state, int) else None
        if end is not None:
            error = text(told.get(2, memoryview(b"")))
            said = f"{end[1]}: {error}" if error else end[1]
            self._signs = replace(self._signs, end=end[0], end_said=said)

    def _column(self, message: memoryview) -> None:
        told = dict(fields(message))
        if told.get(1) == _SYSTEM and 3 in told:
            self._system.add(text(told[3]))

    def _scalar(self, message: memoryview, builder: ColumnBuilder, system: ColumnBuilder) -> None:
        told = dict(fields(message))
        name = text(told.get(1, memoryview(b"")))
        number = next((float64(value) for at, value in fields(raw(told.get(5, memoryview(b"")))) if at == 1), 0.0)
        time = _time(told.get(4))
        steps, values, times = (system if name in self._system else builder).column(name)
        steps.append(signed(told.get(2, 0)))
        values.append(number)
        times.append(math.nan if time is None else time)

    def _add_media(self, message: memoryview) -> None:
        told = dict(fields(message))
        name, step, kind = text(told.get(1, memoryview(b""))), signed(told.get(2, 0)), told.get(3, 0)
        word = _KINDS.get(kind, "media") if isinstance(kind, int) else "media"
        for at, item in fields(raw(told.get(5, memoryview(b"")))):
            file = next((text(value) for inner, value in fields(raw(item)) if inner == 1), "") if at == 1 else ""
            inside = file and "/" not in file and file not in (".", "..")
            self._media.append(Media(name, step, word, f"{self._media_folder}{word}/{file}" if inside else None))
        del self._media[:-MOST_MEDIA]
        self._facts = replace(self._facts, media=tuple(self._media))

    def _whole_facts(self) -> RunFacts:
        """What the log says, and what the documents beside it do."""
        config = {key: _value(told) for key, told in self._documents.value(self._config).items()}
        metadata = self._documents.value(self._metadata)
        git = {f"git.{key}": one for key, one in mapping(metadata.get("git")).items() if isinstance(one, str)}
        runtime = mapping(metadata.get("runtime"))
        names = {"os": "platform", "hostname": "host", "python_version": "python", "command": "command"}
        places = {word: runtime[key] for key, word in names.items() if isinstance(runtime.get(key), str)}
        return replace(self._facts, params=config, environment={**self._facts.environment, **places, **git})


def _value(told: Any) -> Any:
    return told["value"] if isinstance(told, dict) and "value" in told else told


def _time(value: int | memoryview | None) -> float | None:
    if value is None:
        return None
    told = dict(fields(raw(value)))
    return signed(told.get(1, 0)) + signed(told.get(2, 0)) / 1e9


SWANLAB = SwanLabFormat()
