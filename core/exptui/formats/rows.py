"""From logged rows to metric columns: which key is the step, which is the time, which values are metrics."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from exptui.formats.base import ColumnBuilder

STEP_KEYS = (
    "step", "global_step", "_step", "iteration", "iter", "training_iteration", "steps", "timesteps",
    "time/total_timesteps", "epoch",
)  # fmt: skip
"""Names of the step column, the most specific first."""

TIME_KEYS = ("time", "ts", "timestamp", "_timestamp", "wall_time", "date")

NON_FINITE = {
    "nan": math.nan, "inf": math.inf, "infinity": math.inf, "+inf": math.inf, "+infinity": math.inf,
    "-inf": -math.inf, "-infinity": -math.inf,
}  # fmt: skip

_MILLISECONDS_FROM = 1e11
"""Seconds reach this in the year 5138, milliseconds did in 1973."""

_CLOCK_FROM = 1e8
"""Seconds since the epoch reached this in 1973; a smaller number is a time since the start of the run."""

_PLAIN = {int, float}

_TOGETHER = 1000
"""Rows turned around together: they stay in the processor's cache."""


def as_number(value: object) -> float | None:
    """A metric's value, or None when it is none: booleans and words are no metrics, "NaN" and "inf" are."""
    if type(value) in _PLAIN:
        try:
            return float(value)  # type: ignore[arg-type]
        except OverflowError:
            return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    if isinstance(value, str):
        return NON_FINITE.get(value.strip().lower())
    return None


def as_time(value: object) -> float:
    """Seconds since the epoch from seconds, milliseconds or ISO 8601; NaN when it is none of these."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = as_number(value)
        if number is None or not math.isfinite(number):
            return math.nan
        return number / 1000.0 if number > _MILLISECONDS_FROM else number
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError):
            return math.nan
    return math.nan


def flatten(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Nested keys joined with "."; nesting deeper than 16 is dropped."""
    for key, value in row.items():
        if isinstance(value, dict):
            if depth < 16:
                yield from flatten(value, f"{prefix}{key}.", depth + 1)
        else:
            yield prefix + key, value


class RowColumns:
    """Turns rows of one log into columns. It learns the step and time keys from the first row that has any."""

    def __init__(self) -> None:
        self._step_key: str | None = None
        self._time_key: str | None = None
        self._is_clock: bool | None = None
        self._rows = 0
        self._last_step = 0.0

    def add(self, rows: Sequence[Mapping[str, Any]], builder: ColumnBuilder) -> None:
        """Append rows (in file order) to the builder. Rows of one shape are turned around together."""
        for keys, group in itertools.groupby(rows, key=tuple):
            self.learn(keys)
            alike = list(group)
            for at in range(0, len(alike), _TOGETHER):
                self._add_alike(keys, alike[at : at + _TOGETHER], builder)

    def learn(self, keys: Sequence[str]) -> None:
        """Find the step and the time among keys, unless they are known already."""
        spelled = {key.lower(): key for key in keys}
        if self._step_key is None:
            self._step_key = next((spelled[key] for key in STEP_KEYS if key in spelled), None)
        if self._time_key is None:
            self._time_key = next((spelled[key] for key in TIME_KEYS if key in spelled), None)

    def _add_alike(self, keys: tuple[str, ...], rows: list[Mapping[str, Any]], builder: ColumnBuilder) -> None:
        cells = map(itemgetter(*keys), rows) if len(keys) > 1 else (row.values() for row in rows)
        columns = dict(zip(keys, zip(*cells, strict=True), strict=True))
        self._add_columns(columns, len(rows), builder)

    def add_columns(self, columns: Mapping[str, array[float]], count: int, builder: ColumnBuilder) -> None:
        """Append rows that have a number in every column."""
        self.learn(tuple(columns))
        self._add_columns(dict(columns), count, builder)

    def _add_columns(self, columns: dict[str, Any], count: int, builder: ColumnBuilder) -> None:
        steps = self._steps(columns.pop(self._step_key or "", None), count)
        times = self._times(columns, count)
        for name, values in columns.items():
            self._add_column(name, steps, values, times, builder)

    def _add_column(
        self,
        name: str,
        steps: array[float],
        values: Sequence[Any],
        times: array[float],
        builder: ColumnBuilder,
    ) -> None:
        if isinstance(values, array) or set(map(type, values)) <= _PLAIN:
            try:
                numbers = values if isinstance(values, array) else array("d", values)
            except OverflowError:
                numbers = array("d", (as_number(value) or 0.0 for value in values))
            into = builder.column(name)
            into[0].extend(steps)
            into[1].extend(numbers)
            into[2].extend(times)
            return
        for step, value, moment in zip(steps, values, times, strict=True):
            number = as_number(value)
            if number is not None:
                into = builder.column(name)
                into[0].append(step)
                into[1].append(number)
                into[2].append(moment)

    def _times(self, columns: dict[str, tuple[Any, ...]], count: int) -> array[float]:
        """The rows' times, taken out of the columns. Time that counts from the run's start stays there: a metric."""
        key = self._time_key or ""
        column = columns.get(key, ())
        if self._is_clock is None and (first := _first_moment(column)) is not None:
            self._is_clock = as_time(column[first]) >= _CLOCK_FROM
            if first and not self._is_clock:
                # What stands before could have been either; the same rows must not depend on how they are read.
                columns[key] = (None,) * first + tuple(column[first:])
        return _times(None if self._is_clock is False else columns.pop(key, None), count)

    def _steps(self, column: Sequence[Any] | None, count: int) -> array[float]:
        """The rows' steps; a row without one has the step before it, a log without any has row numbers."""
        first_row = self._rows
        self._rows += count
        if self._step_key is None:
            return array("d", range(first_row, self._rows))
        if isinstance(column, array) and math.isfinite(sum(column)):
            self._last_step = column[-1]
            return column
        if column is not None and set(map(type, column)) <= {int} and max(map(abs, column)) < 2**63:
            steps = array("d", column)
            self._last_step = steps[-1]
            return steps
        steps = array("d")
        for value in column if column is not None else itertools.repeat(None, count):
            number = as_number(value)
            if number is not None and math.isfinite(number):
                self._last_step = number
            steps.append(self._last_step)
        return steps


def _first_moment(column: Sequence[Any]) -> int | None:
    """The first row that says a time."""
    return next((at for at, value in enumerate(column) if not math.isnan(as_time(value))), None)


def _times(column: Sequence[Any] | None, count: int) -> array[float]:
    if column is None:
        return array("d", [math.nan]) * count
    if set(map(type, column)) <= {float} and max(column) < _MILLISECONDS_FROM:
        return array("d", column)
    return array("d", map(as_time, column))
