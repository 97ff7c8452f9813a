"""What formats share that keep a run in documents: JSON or YAML files that are replaced, or rewritten in place.

A document that is being rewritten is empty or half there for a moment. Its last whole state stays in force, and it
is called unreadable only when it stays so.
"""

from __future__ import annotations

import json
import math
import os
import stat
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from exptui.formats.base import ColumnBuilder, Delta, FileSign
from exptui.formats.rows import as_number, flatten
from exptui.formats.safeyaml import load_mapping
from exptui.records import Points, Problem

MAX_BYTES = 64 << 20

PATIENCE = 10.0
"""Seconds for which a document may be empty or half-written before that is worth a word."""


def parse_json(raw: bytes) -> dict[str, Any]:
    """The JSON object, with the bare NaN that Python writes. Raises ValueError or RecursionError."""
    try:
        document = orjson.loads(raw)
    except ValueError:
        document = json.loads(raw)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def read_bytes(path: str, limit: int = MAX_BYTES) -> bytes:
    """A regular file of at most `limit` bytes. Raises OSError, and ValueError when it is larger."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"larger than {limit >> 20} MiB")
    return raw


class Document:
    """One such file. `value` is its last whole state ({} before there was one), `problem` what is wrong with it, and
    `failed` tells that it is worth another try although its sign stays the same."""

    def __init__(
        self,
        root: str,
        path: str,
        parse: Callable[[bytes], dict[str, Any]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.value: dict[str, Any] = {}
        self.known = False
        self.problem: Problem | None = None
        self.failed = False
        self._absolute = f"{root}/{path}"
        self._parse = parse or (load_mapping if path.endswith((".yaml", ".yml")) else parse_json)
        self._clock = clock
        self._sign: FileSign | None = None
        self._bad_since: float | None = None

    def refresh(self, files: Mapping[str, FileSign]) -> bool:
        """Read the file if it changed; True when it could be."""
        sign = files.get(self.path)
        if sign is None:
            return self._forget()
        if sign == self._sign and not self.failed:
            return False
        self.failed = False
        try:
            value = self._parse(read_bytes(self._absolute))
        except FileNotFoundError:
            self.failed = True
            return False
        except OSError as error:
            self.failed = True
            self.problem = Problem(self.path, None, f"cannot be read: {error.strerror or error}")
            return False
        except (ValueError, RecursionError) as error:
            self._keep(sign, error)
            return False
        self._sign, self._bad_since, self.problem = sign, None, None
        self.value, self.known = value, True
        return True

    def _forget(self) -> bool:
        was_known = self.known
        self.value, self.known, self.problem, self.failed = {}, False, None, False
        self._sign = self._bad_since = None
        return was_known

    def _keep(self, sign: FileSign, error: Exception) -> None:
        """Stay with the last whole state, for a while without a word."""
        now = self._clock()
        self._bad_since = now if self._bad_since is None else self._bad_since
        if now - min(self._bad_since, sign.mtime_ns / 1e9) <= PATIENCE:
            self.failed = True
            return
        self._sign = sign
        shown = "; its last whole state is shown" if self.known else ""
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error) or "no valid document"
        self.problem = Problem(self.path, None, f"unreadable: {what}{shown}")


class Documents:
    """The documents of one run, by their paths below the root."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._by_path: dict[str, Document] = {}

    def refresh(self, paths: Iterable[str], files: Mapping[str, FileSign]) -> bool:
        """Read those of `paths` that changed; True when the value of one is new."""
        changed = False
        for path in paths:
            document = self._by_path.get(path)
            if document is None:
                if path not in files:
                    continue
                document = self._by_path[path] = Document(self._root, path)
            changed = document.refresh(files) or changed
        return changed

    def value(self, path: str) -> dict[str, Any]:
        document = self._by_path.get(path)
        return document.value if document else {}

    def known(self, path: str) -> bool:
        document = self._by_path.get(path)
        return document is not None and document.known

    def report(self, delta: Delta, files: Mapping[str, FileSign]) -> None:
        """Add the documents' problems to the delta's; forget the documents that are gone."""
        self._by_path = {path: one for path, one in self._by_path.items() if path in files}
        found = [document.problem for document in self._by_path.values() if document.problem]
        delta.problems = (*(delta.problems or ()), *found)
        delta.failed = delta.failed or any(document.failed for document in self._by_path.values())


class History:
    """The points of a run that a document holds whole: tells which ones are new."""

    def __init__(self) -> None:
        self._told: Mapping[str, Points] = {}

    def advance(self, points: Mapping[str, Points], delta: Delta) -> None:
        """Put into the delta what is new, or everything when the points told before are not the first of these."""
        fresh: dict[str, Points] = {}
        for name in self._told.keys() | points.keys():
            rest = _rest(self._told.get(name, _NONE), points.get(name, _NONE))
            if rest is None:
                delta.restarted, fresh = True, {name: one for name, one in points.items() if len(one)}
                break
            if len(rest):
                fresh[name] = rest
        delta.points = fresh
        self._told = points


_NONE = Points(array("d"), array("d"), None)


def _rest(told: Points, now: Points) -> Points | None:
    """What `now` has beyond `told`, None when it does not begin with it. NaN is told from NaN by its bytes."""
    count = len(told)
    columns = [(told.step, now.step), (told.value, now.value)]
    if told.time is not None and now.time is not None:
        columns.append((told.time, now.time))
    if len(now) < count or any(old.tobytes() != new[:count].tobytes() for old, new in columns):
        return None
    return Points(now.step[count:], now.value[count:], now.time[count:] if now.time is not None else None)


def rows_as_points(rows: Iterable[object], step_key: str) -> dict[str, Points]:
    """The columns of a list of rows, each metric under its key; a row without a step has that of the row before."""
    builder, last = ColumnBuilder(), 0.0
    for row in rows:
        if not isinstance(row, dict):
            continue
        step = as_number(row.get(step_key))
        last = step if step is not None and math.isfinite(step) else last
        for name, value in flatten(row):
            number = as_number(value)
            if number is not None and name != step_key:
                steps, values, _ = builder.column(name)
                steps.append(last)
                values.append(number)
    return builder.points(timed=False)
