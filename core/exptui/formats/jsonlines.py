"""Rows of a log with one JSON object a line: shared by every format that is such a log."""

from __future__ import annotations

import json
from typing import Any

import orjson

from exptui.formats.base import ColumnBuilder
from exptui.formats.rows import RowColumns, flatten
from exptui.records import Points, Problem
from exptui.tail import LineTail


class JsonLines:
    """Tails one JSON Lines file into metric columns; counts what is no JSON object and goes on."""

    def __init__(self, absolute: str, path: str) -> None:
        self._tail = LineTail(absolute)
        self._path = path
        self._columns = RowColumns()
        self._bad = 0
        self._first_bad: int | None = None

    @property
    def offset(self) -> int:
        return self._tail.tail.offset

    def read(self, budget: int) -> tuple[dict[str, Points], bool]:
        """New points, and whether more can be read at once. Raises OSError and tail.Restarted."""
        start, lines, more = self._tail.lines(budget)
        builder = ColumnBuilder()
        self._columns.add(self._rows(lines, start), builder)
        return builder.points(), more

    def problems(self) -> tuple[Problem, ...]:
        found = []
        bad = self._bad + self._tail.dropped
        if bad:
            at = min(one for one in (self._first_bad, self._tail.dropped_at) if one is not None)
            found.append(Problem(self._path, at, f"{bad} line(s) are no JSON object; skipped"))
        if self._tail.waiting:
            found.append(Problem(self._path, self.offset, "unfinished last line; waiting for the rest"))
        return tuple(found)

    def _rows(self, lines: list[bytes], start: int) -> list[dict[str, Any]]:
        """The objects of all lines, parsed together; one by one as soon as a line is in any way special."""
        text = b"[" + b",".join(lines) + b"]"
        try:
            rows = orjson.loads(text)
        except ValueError:
            return self._rows_one_by_one(lines, start)
        if len(rows) != len(lines) or not set(map(type, rows)) <= {dict}:
            return self._rows_one_by_one(lines, start)
        nested = text.count(b"{") > len(lines)
        return [dict(flatten(row)) for row in rows] if nested else rows

    def _rows_one_by_one(self, lines: list[bytes], offset: int) -> list[dict[str, Any]]:
        rows = []
        for line in lines:
            row = _parse(line)
            if row is not None:
                rows.append(dict(flatten(row)))
            elif line.strip():
                self._bad += 1
                self._first_bad = offset if self._first_bad is None else self._first_bad
            offset += len(line) + 1
        return rows


def _parse(line: bytes) -> dict[str, Any] | None:
    """One object. The standard library also reads the bare NaN and the huge integers that some writers write."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
