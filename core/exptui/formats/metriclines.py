"""One metric file of MLflow's file store: a line `milliseconds value step` a point."""

from __future__ import annotations

import math
from array import array

from exptui.formats.base import FileSign
from exptui.formats.rows import as_time
from exptui.records import Points, Problem
from exptui.tail import LineTail


class MetricLines:
    """Tails one such file. Very old files have no step, newer ones name a data set behind it."""

    def __init__(self, absolute: str, path: str) -> None:
        self._tail = LineTail(absolute)
        self._path = path
        self._bad = 0
        self._first_bad: int | None = None
        self._sign: FileSign | None = None

    def unread(self, sign: FileSign) -> bool:
        """Whether the file has another sign than when all of it had been read."""
        return sign != self._sign

    def read(self, sign: FileSign, limit: int) -> tuple[Points, int, bool]:
        """The new points, the bytes they took, and whether more can be read. Raises OSError and tail.Restarted."""
        before = self._tail.tail.offset
        start, lines, more = self._tail.lines(limit)
        if not more:
            self._sign = sign
        return self._parsed(lines, start), self._tail.tail.offset - before, more

    def problems(self) -> list[Problem]:
        found = []
        bad = self._bad + self._tail.dropped
        if bad:
            at = min(one for one in (self._first_bad, self._tail.dropped_at) if one is not None)
            found.append(Problem(self._path, at, f"{bad} line(s) are no points; skipped"))
        if self._tail.waiting:
            found.append(Problem(self._path, self._tail.tail.offset, "unfinished last line; waiting for the rest"))
        return found

    def _parsed(self, lines: list[bytes], start: int) -> Points:
        rows = [line.split() for line in lines]
        if set(map(len, rows)) == {3}:
            try:
                moments, values, steps = (array("d", map(float, column)) for column in zip(*rows, strict=True))
                if math.isfinite(sum(steps)) and min(moments) > 1e11 and max(moments) < 1e14:
                    return Points(steps, values, array("d", [moment / 1000.0 for moment in moments]))
            except ValueError:
                pass
        return self._one_by_one(rows, lines, start)

    def _one_by_one(self, rows: list[list[bytes]], lines: list[bytes], offset: int) -> Points:
        points = Points(array("d"), array("d"), array("d"))
        for row, line in zip(rows, lines, strict=True):
            point = _point(row)
            if point is not None:
                for column, number in zip((points.step, points.value, points.time), point, strict=True):
                    assert column is not None
                    column.append(number)
            elif row:
                self._bad += 1
                self._first_bad = offset if self._first_bad is None else self._first_bad
            offset += len(line) + 1
        return points


def _point(row: list[bytes]) -> tuple[float, float, float] | None:
    """Step, value and time of a line, None when it is none: also when two lines ran into one after a crash."""
    if len(row) not in (2, 3, 5) or (len(row) == 5 and None not in map(_number, row[3:])):
        return None
    moment, value, step = _number(row[0]), _number(row[1]), _number(row[2]) if len(row) > 2 else 0.0
    if moment is None or value is None or step is None or not math.isfinite(step):
        return None
    return step, value, as_time(moment)


def _number(word: bytes) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
