"""DVCLive: one table per metric below `plots/metrics`, and documents with the latest values and the params.

Run and directory have one name unless the directory has the default one: then the run is what it lies in.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.csvlog import number
from exptui.formats.documents import Documents
from exptui.formats.rows import as_time
from exptui.records import Problem, RunFacts, Signs
from exptui.tail import LineTail, Restarted

_LATEST = "metrics.json"
_PARAMS = "params.yaml"
_CURVES = "plots/metrics/"
_DEFAULT_NAME = "dvclive"


class DvcLiveFormat:
    name = "dvclive"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        place, default = os.path.split(folder.path)
        is_default = default == _DEFAULT_NAME
        if "plots" not in folder.folders and not (is_default and _LATEST in folder.files):
            return
        below = folder.tree(_CURVES.rstrip("/"))
        files = {path: sign for path, sign in below.items() if _is_curve(path, folder.below(_CURVES))}
        if not files and not (is_default and _LATEST in folder.files):
            return
        files |= {folder.below(name): folder.files[name] for name in (_LATEST, _PARAMS) if name in folder.files}
        yield Source((place if is_default else folder.path) or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return DvcLiveReader(root)


def _is_curve(path: str, folder: str) -> bool:
    return path.startswith(folder) and path.endswith(".tsv")


def _home(files: Mapping[str, FileSign]) -> str:
    """The directory of the run's files, with a "/" behind it unless it is the root."""
    path = min(files, key=len, default="")
    found = path.rfind(_CURVES)
    return path[:found] if found >= 0 else path[: path.rfind("/") + 1]


class DvcLiveReader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._documents = Documents(root)
        self._curves: dict[str, Curve] = {}
        self._unreadable: dict[str, Problem] = {}

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        home, delta = _home(files), Delta()
        curves = sorted(path for path in files if _is_curve(path, home + _CURVES))
        if not self._curves.keys() <= set(curves):
            self._restart(delta)
        builder = ColumnBuilder()
        try:
            self._read_curves(curves, home, budget, builder, delta)
        except Restarted:
            self._restart(delta)
            builder = ColumnBuilder()
        delta.points = builder.points(timed=any(curve.timed for curve in self._curves.values()))
        if self._documents.refresh([home + _LATEST, home + _PARAMS], files) or delta.restarted:
            latest = dict(_slashed(self._documents.value(home + _LATEST)))
            latest.pop("step", None)
            delta.facts = RunFacts(params=self._documents.value(home + _PARAMS), summary=latest)
            delta.signs = Signs()
        waiting = [problem for curve in self._curves.values() for problem in curve.problems()]
        delta.problems = (*self._unreadable.values(), *waiting)
        self._documents.report(delta, files)
        yield delta

    def _restart(self, delta: Delta) -> None:
        self._curves = {}
        delta.restarted = delta.more = True

    def _read_curves(self, paths: list[str], home: str, budget: int, builder: ColumnBuilder, delta: Delta) -> None:
        self._unreadable = {}
        for path in paths:
            if budget <= 0:
                delta.more = True
                return
            curve = self._curves.get(path)
            if curve is None:
                name = path[len(home + _CURVES) : -len(".tsv")]
                curve = self._curves[path] = Curve(f"{self._root}/{path}", path, name)
            try:
                budget -= curve.read(budget, builder)
            except OSError as error:
                delta.failed = True
                self._unreadable[path] = Problem(path, None, f"cannot be read: {error.strerror or error}")
            delta.more = delta.more or curve.more


class Curve:
    """The table of one metric: step and value, and the time of either where the header names one."""

    def __init__(self, absolute: str, path: str, name: str) -> None:
        self.more = False
        self.timed = False
        self._tail = LineTail(absolute)
        self._path, self._name = path, name
        self._header: list[str] | None = None
        self._bad = 0
        self._count = 0

    def read(self, budget: int, builder: ColumnBuilder) -> int:
        """Put new points into the builder; returns how many bytes that took."""
        before = self._tail.tail.offset
        _, lines, self.more = self._tail.lines(budget)
        for line in lines:
            cells = line.decode("utf-8", "replace").strip("\r").split("\t")
            if self._header is None or cells == self._header:
                self._header = cells
                self.timed = "timestamp" in cells[:-1]
            elif line.strip():
                self._add(cells, builder)
        return self._tail.tail.offset - before

    def _add(self, cells: list[str], builder: ColumnBuilder) -> None:
        row: dict[str, Any] = dict(zip((self._header or [])[:-1], cells[:-1], strict=False))
        value = number(cells[-1])
        step = number(row["step"]) if "step" in row else float(self._count)
        self._count += 1
        if len(cells) != len(self._header or ()) or value is None or step is None or not math.isfinite(step):
            self._bad += 1
            return
        steps, values, times = builder.column(self._name)
        steps.append(step)
        values.append(value)
        moment = number(row.get("timestamp", ""))
        times.append(as_time(moment if moment is not None else row.get("timestamp", "")))

    def problems(self) -> Iterator[Problem]:
        bad = self._bad + self._tail.dropped
        if bad:
            yield Problem(self._path, None, f"{bad} row(s) hold no step and number; skipped")
        if self._tail.waiting:
            yield Problem(self._path, self._tail.tail.offset, "unfinished last row; waiting for the rest")


def _slashed(document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The latest values by their metrics' names: DVCLive nests them at every "/"."""
    for key, value in document.items():
        if isinstance(value, dict) and depth < 16:
            yield from _slashed(value, f"{prefix}{key}/", depth + 1)
        else:
            yield prefix + key, value


DVCLIVE = DvcLiveFormat()
