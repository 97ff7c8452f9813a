"""One entry of the cache of series: its file, written while a source is read and read instead of it.

Slices of raw doubles as they were read, then a description of them with the signs of the source's files, then where it
begins. Every slice and the description have a checksum.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import sys
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson
from google_crc32c import value as crc32c

from exptui.documents import from_document, to_document
from exptui.formats.base import FileSign, Source
from exptui.reading import RunReading, joined
from exptui.records import ConsoleLine, Points, RunFacts, RunRecord, SeriesChunk

VERSION = 1

SLICE = 12 << 20
"""Bytes of columns told at once: what a screen takes in without a stutter."""

_RACY_NS = 2_000_000_000
_CONSOLE_LINES = 10_000
_END = struct.Struct("<QII8s")
_MAGIC = b"exptuiSC"
_FACTS = tuple(field.name for field in fields(RunFacts))


@dataclass(frozen=True, slots=True)
class Slice:
    """Points in one stretch of an entry's bytes: [run, kind, metric, count, step, value and time offset] each."""

    at: int
    size: int
    crc: int
    columns: list[list[Any]]


class Entry:
    """What the cache knows of one source."""

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self._path = path
        self.files = {name: FileSign(*sign) for name, sign in document["files"].items()}
        self._racy: list[str] = document["racy"]
        self.position: dict[str, Any] | None = document["position"]
        self.slices = [Slice(*one) for one in document["slices"]]
        self.runs = {name: _run_from(one) for name, one in document["runs"].items()}
        self.console = {
            name: tuple(ConsoleLine(*line) for line in lines) for name, lines in document["console"].items()
        }

    def fits(self, files: Mapping[str, FileSign]) -> bool:
        return not self._racy and self.files == dict(files)

    def may_have_grown_to(self, files: Mapping[str, FileSign]) -> bool:
        """Whether it is worth reading on from it; the reader itself finds out whether the beginning is the same."""
        if self.position is None or not self.files.keys() <= files.keys():
            return False
        same = all(
            sign.inode == files[name].inode and sign.size <= files[name].size for name, sign in self.files.items()
        )
        size = sum(sign.size for sign in self.files.values())
        return same and 2 * size >= sum(sign.size for sign in files.values())

    def chunks(self, one: Slice) -> dict[str, SeriesChunk]:
        """A slice's points by run. Raises OSError or ValueError when they cannot be had."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = os.pread(descriptor, one.size, one.at)
        finally:
            os.close(descriptor)
        if len(data) != one.size or crc32c(data) != one.crc:
            raise ValueError("damaged")
        view = memoryview(data)
        known: dict[tuple[int, int], array[float]] = {}

        def column(at: int, count: int) -> array[float]:
            if (at, count) not in known:
                made = known[at, count] = array("d")
                made.frombytes(view[at - one.at : at - one.at + 8 * count])
            return known[at, count]

        found: dict[str, tuple[dict[str, Points], dict[str, Points]]] = {}
        for run, kind, name, count, step, value, moment in one.columns:
            time = None if moment is None else column(moment, count)
            found.setdefault(run, ({}, {}))[kind][name] = Points(column(step, count), column(value, count), time)
        return {run: SeriesChunk(points, system=system) for run, (points, system) in found.items()}


class Recording:
    """An entry that is being written while its source is read."""

    def __init__(self, path: Path, most: int, clock: Callable[[], float]) -> None:
        self._path = path
        self._most = most
        self._clock = clock
        self._temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = open(os.open(self._temporary, flags, 0o600), "wb", buffering=0)  # noqa: SIM115
        self._at = 0
        self._slices: list[Slice] = []
        self._console: dict[str, deque[ConsoleLine]] = {}
        self._waiting: dict[str, list[SeriesChunk]] = {}
        self._size = 0

    def add(self, run: str, chunk: SeriesChunk) -> None:
        """Raises OSError or ValueError."""
        if chunk.restart:
            self._waiting.pop(run, None)
            for one in self._slices:
                one.columns[:] = [column for column in one.columns if column[0] != run]
            self._console.pop(run, None)
        self._console.setdefault(run, deque(maxlen=_CONSOLE_LINES)).extend(chunk.console)
        self._waiting.setdefault(run, []).append(SeriesChunk(chunk.points, system=chunk.system))
        self._size += 24 * sum(len(one) for kind in (chunk.points, chunk.system) for one in kind.values())
        if self._size >= SLICE:
            self._flush()

    def _flush(self) -> None:
        """Write what waits as one slice."""
        parts: list[bytes] = []
        columns: list[list[Any]] = []
        begin = end = self._at
        for run, waiting in self._waiting.items():
            chunk = joined(waiting)
            last = [(b"", begin)] * 3
            for kind, by_name in enumerate((chunk.points, chunk.system)):
                for name, points in by_name.items():
                    places: list[int | None] = []
                    for which, column in enumerate((points.step, points.value, points.time)):
                        raw = b"" if column is None else column.tobytes()
                        if raw != last[which][0]:  # the metrics of one log mostly have one step column
                            last[which] = raw, end
                            parts.append(raw)
                            end += len(raw)
                        places.append(None if column is None else last[which][1])
                    columns.append([run, kind, name, len(points), *places])
        self._waiting, self._size = {}, 0
        if columns:
            data = b"".join(parts)
            self._slices.append(Slice(begin, len(data), crc32c(data), columns))
            self._write(data)

    def finish(self, source: Source, runs: Mapping[str, RunReading], position: dict[str, Any] | None) -> None:
        """Put the entry in its place, unless it could not be trusted. Raises OSError or ValueError."""
        self._flush()
        racy = int(self._clock() * 1e9) - _RACY_NS
        unsure = [name for name, sign in source.files.items() if sign.mtime_ns >= racy]
        if unsure and position is None:
            raise ValueError("the files could change again without a sign")
        document = {
            "version": VERSION,
            "order": sys.byteorder,
            "source": [source.path, source.format.name],
            "files": {name: list(sign) for name, sign in source.files.items()},
            "racy": unsure,
            "position": position,
            "runs": {name: _run_document(run, source) for name, run in runs.items()},
            "slices": [[one.at, one.size, one.crc, one.columns] for one in self._slices if one.columns],
            "console": {
                run: [[one.text, one.time, one.is_error] for one in lines]
                for run, lines in self._console.items()
                if lines
            },
        }
        body, at = orjson.dumps(document), self._at
        self._write(body + _END.pack(at, len(body), crc32c(body), _MAGIC))
        self._file.close()
        os.replace(self._temporary, self._path)

    def _write(self, data: bytes) -> None:
        if self._at + len(data) > self._most:
            raise ValueError("larger than the cache")
        if self._file.write(data) != len(data):
            raise OSError("the disk is full")
        self._at += len(data)

    def discard(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)

    def __del__(self) -> None:
        if hasattr(self, "_file") and not self._file.closed:
            self.discard()


def read_description(path: Path) -> dict[str, Any]:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        file.seek(-_END.size, os.SEEK_END)
        at, size, crc, magic = _END.unpack(file.read())
        file.seek(at)
        body = file.read(size)
    if magic != _MAGIC or len(body) != size or crc32c(body) != crc:
        raise ValueError("damaged")
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise ValueError("no description")
    return document


def _run_document(run: RunReading, source: Source) -> dict[str, Any]:
    """Everything learnt of a run but its points. Raises ValueError when a document would not be it again."""
    facts, signs, problems, summaries = run.state()
    known = {name: getattr(facts, name) for name in _FACTS}
    metrics, newest, times = summaries
    record = RunRecord(
        **known,
        id="-",
        format=source.format.name,
        path=source.path,
        metrics=metrics,
        problems=problems,
        signs=signs,
    )
    document = to_document(record)
    if repr(from_document(orjson.loads(orjson.dumps(document)))) != repr(record):
        raise ValueError("there is something in it that JSON cannot say")
    return {"record": document, "newest": newest, "times": times}


def _run_from(document: Mapping[str, Any]) -> RunReading:
    record = from_document(document["record"])
    run = RunReading()
    facts = RunFacts(**{name: getattr(record, name) for name in _FACTS})
    run.restore(facts, record.signs, record.problems, (record.metrics, document["newest"], document["times"]))
    return run
