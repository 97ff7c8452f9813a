"""CSV and TSV logs: the step column by name, empty cells are points that were not logged.

Headers may repeat in mid-file (a logger that restarts) or change (a logger that learns a new metric and rewrites
the file): an equal line is skipped, a different header line switches the mapping.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from exptui.formats.base import HEAD_BYTES, ColumnBuilder, Folder, Reader, Source
from exptui.formats.rows import STEP_KEYS, TIME_KEYS, RowColumns, as_number
from exptui.formats.textlog import SingleLogReader
from exptui.records import Points, Problem
from exptui.tail import LineTail

_NAME = re.compile(
    r"((metrics|progress|results?|log|history|train(ing)?)[\w.-]*|([\w-]+\.)?monitor)\.(csv|tsv)$", re.IGNORECASE
)
_EPISODES = {"r", "l", "t"}
"""Reward, length and time: the columns of Stable-Baselines3's monitor, whose rows are its steps."""

_BLOCK = 1000
"""Rows parsed together."""
_DELIMITERS = ",\t;|"
_NOT_LOGGED = {"", "na", "n/a", "none", "null"}


class CsvFormat:
    name = "csv"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        for name in sorted(folder.files):
            if _NAME.match(name) and looks_like_a_log(folder.head(name)):
                path = folder.below(name)
                yield Source(path, self, {path: folder.files[name]})

    def reader(self, root: str, source: Source) -> Reader:
        return SingleLogReader(source.path, CsvLog, f"{root}/{source.path}")


def looks_like_a_log(head: bytes) -> bool:
    """The header names a step, and the first row (if there is one yet) is numbers: a table of data is no run."""
    lines = [line for line in head.splitlines(keepends=True) if line.strip() and not line.startswith(b"#")]
    if not lines or not (lines[0].endswith(b"\n") or len(head) >= HEAD_BYTES):
        return False
    header = parse_header(lines[0])
    of_monitor = head.startswith(b"#{") and set(header) >= _EPISODES
    if not (of_monitor or any(name.lower() in STEP_KEYS for name in header)) or len(header) < 2:
        return False
    if len(lines) < 2 or not lines[1].endswith((b"\n", b"\r")):
        return True
    cells = split(lines[1].decode("utf-8", "replace"), delimiter_of(lines[0]))
    return any(number(cell) is not None for cell in cells)


def delimiter_of(header: bytes) -> str:
    text = header.decode("utf-8", "replace")
    return max(_DELIMITERS, key=text.count)


def parse_header(line: bytes) -> list[str]:
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").strip("\r\n")
    return [cell.strip() for cell in split(text, delimiter_of(line))]


def split(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.strip("\r\n").split(delimiter)
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return as_number(cell)


class CsvLog:
    """Tails one CSV file into metric columns."""

    def __init__(self, absolute: str, path: str) -> None:
        self._tail = LineTail(absolute)
        self._path = path
        self._columns = RowColumns()
        self._header: list[str] | None = None
        self._delimiter = ","
        self._ragged = 0
        self._first_ragged: int | None = None

    def read(self, budget: int) -> tuple[dict[str, Points], bool]:
        start, lines, more = self._tail.lines(budget)
        builder = ColumnBuilder()
        for at in range(0, len(lines), _BLOCK):
            block = lines[at : at + _BLOCK]
            columns = self._dense(block)
            if columns is not None:
                self._columns.add_columns(columns, len(block), builder)
            else:
                self._columns.add(list(self._rows(block, start)), builder)
            start += sum(map(len, block)) + len(block)
        return builder.points(timed=self._has_time()), more

    def problems(self) -> tuple[Problem, ...]:
        found = []
        ragged = self._ragged + self._tail.dropped
        if ragged:
            what = f"{ragged} row(s) do not match the header's {len(self._header or [])} columns; skipped"
            at = min(one for one in (self._first_ragged, self._tail.dropped_at) if one is not None)
            found.append(Problem(self._path, at, what))
        if self._tail.waiting:
            found.append(Problem(self._path, self._tail.tail.offset, "unfinished last row; waiting for the rest"))
        return tuple(found)

    def _has_time(self) -> bool:
        return any(name in TIME_KEYS for name in self._header or ())

    def _dense(self, lines: list[bytes]) -> dict[str, array[float]] | None:
        """The columns of rows that have a number in every cell, parsed together; None as soon as one is in any way
        special."""
        if self._header is None or not (text := b"\n".join(lines)) or b'"' in text or b"#" in text:
            return None
        width, delimiter = len(self._header), self._delimiter
        if set(map(bytes.count, lines, repeat(delimiter.encode()))) != {width - 1}:
            return None
        cells = text.decode("utf-8", "replace").replace("\n", delimiter).split(delimiter)
        try:
            return {name: array("d", map(float, cells[at::width])) for at, name in enumerate(self._header) if name}
        except ValueError:
            return None

    def _rows(self, lines: list[bytes], offset: int) -> Iterator[dict[str, Any]]:
        for line in lines:
            at, offset = offset, offset + len(line) + 1
            if not line.strip() or line.startswith(b"#"):
                continue
            if self._header is None:
                self._header, self._delimiter = parse_header(line), delimiter_of(line)
                self._columns.learn(self._header)
                continue
            cells = split(line.decode("utf-8", "replace"), self._delimiter)
            if self._takes_header(cells, line):
                continue
            if len(cells) != len(self._header):
                self._ragged += 1
                self._first_ragged = at if self._first_ragged is None else self._first_ragged
                continue
            yield self._row(cells)

    def _takes_header(self, cells: list[str], line: bytes) -> bool:
        """Whether the line is a header again: the same one, or another with the same first name."""
        assert self._header is not None
        if [cell.strip() for cell in cells[:1]] != self._header[:1]:
            return False
        if all(number(cell) is None and cell.strip() for cell in cells):
            self._header = parse_header(line)
            return True
        return False

    def _row(self, cells: list[str]) -> dict[str, Any]:
        assert self._header is not None
        row: dict[str, Any] = {}
        for name, cell in zip(self._header, cells, strict=True):
            if not name:
                continue  # a table with row numbers has no word for them
            value = number(cell)
            if value is not None:
                row[name] = value
            elif name in TIME_KEYS and cell.strip().lower() not in _NOT_LOGGED:
                row[name] = cell.strip()
        return row


CSV = CsvFormat()
