"""What kind of column this is, decided on the reference and checked against the current side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exptui.drift.tables import Column, Labels, Numbers, Times, encode
from exptui.drift.text import is_text
from exptui.errors import DataFileError

Kind = Literal["numeric", "discrete", "categorical", "text", "identifier", "timestamp", "skipped"]

OVERRIDES = ("numeric", "discrete", "categorical", "text", "skip")
FEW_VALUES = 20
ROWS_A_VALUE = 5
"""A number counts as discrete only if values repeat this often on average. Fewer rows than that say nothing
through a chi-square table, but do through the tie-aware Kolmogorov-Smirnov test."""

LEAST_ROWS = 20
"""Whole numbers that are all different name something only from this many rows on."""

STILL_DISTINCT = 0.9
"""Share of different values among the current rows that keeps an identifier one."""

_ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_TIME_WORDS = {"time", "timestamp", "ts", "date", "datetime", "created", "updated", "epoch"}
_NAME_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_YEAR_2000, _YEAR_2100 = 946_684_800.0, 4_102_444_800.0


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Both sides of one column, brought to one kind. `why` says why a column is skipped; `problem` says why
    an override cannot be obeyed."""

    kind: Kind
    reference: Column
    current: Column
    why: str = ""
    problem: str = ""


def check_override(name: str, override: str | None) -> None:
    if override is not None and override not in OVERRIDES:
        raise DataFileError(f"column {name!r}: unknown type {override!r}; use one of {', '.join(OVERRIDES)}")


def pair(name: str, reference: Column, current: Column, override: str | None = None) -> Pair | None:
    """Decides the kind of a column. None when the two sides are of different types, such as numbers here and
    text there; a side without any value fits every type. DataFileError for an unknown override."""
    check_override(name, override)
    if override == "skip":
        return Pair("skipped", reference, current, why="skipped as asked")
    reference, current = _same_type(reference, current)
    if override in ("categorical", "text"):
        kind: Kind = "text" if override == "text" else "categorical"
        return Pair(kind, as_labels(reference), as_labels(current))
    if type(reference) is not type(current):
        return None
    if isinstance(reference, Numbers) and isinstance(current, Numbers):
        return _numbers(name, reference, current, override)
    if override is not None:
        problem = f"cannot be compared as {override}: its values are no numbers"
        return Pair("categorical", reference, current, problem=problem)
    if isinstance(reference, Labels) and isinstance(current, Labels):
        return _labels(name, reference, current)
    why = f"time: {time_range(reference)} against {time_range(current)}"
    return Pair("timestamp", reference, current, why=why)


def has_values(column: Column) -> bool:
    """Whether anything at all is there (an infinite number is)."""
    if isinstance(column, Labels):
        return bool((column.codes >= 0).any())
    return not bool(np.isnan(column.values).all())


def _same_type(reference: Column, current: Column) -> tuple[Column, Column]:
    """Gives an empty side the other's type, and true/false one spelling on both sides."""
    if not has_values(reference):
        return _empty_like(current, reference), current
    if not has_values(current):
        return reference, _empty_like(reference, current)
    if isinstance(reference, Labels) and isinstance(current, Labels):
        words = {name.lower() for name in (*reference.names, *current.names)}
        if words <= {"true", "false"}:
            return _lower(reference), _lower(current)
    return reference, current


def _empty_like(model: Column, empty: Column) -> Column:
    rows = len(empty.codes) if isinstance(empty, Labels) else len(empty.values)
    if isinstance(model, Labels):
        return Labels(np.full(rows, -1, dtype=np.int32), ())
    return type(model)(np.full(rows, np.nan))


def _lower(column: Labels) -> Labels:
    return encode([column.names[code].lower() if code >= 0 else None for code in column.codes.tolist()])


def as_labels(column: Column) -> Labels:
    """Any column as labels; whole numbers are written without a decimal point."""
    if isinstance(column, Labels):
        return column
    words = [None if v != v else f"{v:.0f}" if v.is_integer() else repr(v) for v in column.values.tolist()]
    return encode(words)


def _numbers(name: str, reference: Numbers, current: Numbers, override: str | None) -> Pair:
    old, new = finite(reference), finite(current)
    kind: Kind = "numeric"
    if override == "discrete" or (override is None and few_values(old, new)):
        kind = "discrete"
    elif override is None and (unit := _time_unit(name, old, new)) is not None:
        sides = [Times(side.values / unit) for side in (reference, current)]
        why = f"time: {time_range(sides[0])} against {time_range(sides[1])}"
        return Pair("timestamp", reference, current, why=why)
    elif override is None and reference.integer and _names_rows(old, new):
        why = 'all different or in order: an identifier (set its type to "numeric" to compare it)'
        return Pair("identifier", reference, current, why=why)
    return Pair(kind, reference, current)


def finite(column: Numbers) -> NDArray[np.float64]:
    """The finite values in file order."""
    usable = np.isfinite(column.values)
    return column.values if usable.all() else column.values[usable]


def few_values(old: NDArray[np.float64], new: NDArray[np.float64]) -> bool:
    """Whether both sides together have at most 20 values that repeat. A look at the first rows settles
    most columns without sorting them."""
    if len(np.unique(old[:200])) > FEW_VALUES or len(np.unique(new[:200])) > FEW_VALUES:
        return False
    distinct = len(np.unique(np.concatenate([old, new])))
    return distinct <= FEW_VALUES and len(old) + len(new) >= ROWS_A_VALUE * distinct


def _names_rows(old: NDArray[np.float64], new: NDArray[np.float64]) -> bool:
    """Whether whole numbers name rows: all different, or in order with few repeats (a file sorted by an
    ordinary column is in order too, but there values repeat much more)."""
    if len(old) < LEAST_ROWS:
        return False
    share = _distinct_share(old)
    if share < 1:
        steps = np.diff(old)
        if share < 0.5 or not ((steps >= 0).all() or (steps <= 0).all()):
            return False
    return _distinct_share(new) >= min(share, STILL_DISTINCT)


def _distinct_share(values: NDArray[np.float64]) -> float:
    return len(np.unique(values)) / len(values) if len(values) else 1.0


def _time_unit(name: str, old: NDArray[np.float64], new: NDArray[np.float64]) -> float | None:
    """Units a second (1, 1e3, 1e6 or 1e9) when the name speaks of time and all values lie in this century."""
    words = {word.lower() for word in _NAME_WORDS.findall(name)}
    if not words & _TIME_WORDS or not len(old) or not len(new):
        return None
    low, high = min(old.min(), new.min()), max(old.max(), new.max())
    for unit in (1.0, 1e3, 1e6, 1e9):
        if _YEAR_2000 * unit <= low and high <= _YEAR_2100 * unit:
            return unit
    return None


def _labels(name: str, reference: Labels, current: Labels) -> Pair:
    names = reference.names or current.names
    if all(label.isdecimal() for label in (*reference.names, *current.names)):
        # Whole numbers beyond float64's reach; nanoseconds since the epoch are such.
        moments = [np.array(side.names, dtype=np.float64) for side in (reference, current)]
        if (unit := _time_unit(name, *moments)) is not None:
            times = [Times(moment / unit) for moment in moments]
            why = f"time: {time_range(times[0])} against {time_range(times[1])}"
            return Pair("timestamp", reference, current, why=why)
    if {*reference.names, *current.names} <= {"true", "false"}:
        return Pair("discrete", reference, current)
    if names and all(_ISO_TIME.fullmatch(name) for name in names[:50]):
        why = f"time: {_word_range(reference)} against {_word_range(current)}"
        return Pair("timestamp", reference, current, why=why)
    if is_text(reference):
        return Pair("text", reference, current)
    rows = int((reference.codes >= 0).sum())
    if rows >= 5 and len(reference.names) == rows:
        now = int((current.codes >= 0).sum())
        if len(current.names) >= STILL_DISTINCT * now:
            why = 'all different: an identifier (set its type to "categorical" to compare it)'
            return Pair("identifier", reference, current, why=why)
    return Pair("categorical", reference, current)


def time_range(column: Column) -> str:
    """First and last moment of a column in words, in UTC."""
    values = np.empty(0) if isinstance(column, Labels) else column.values[np.isfinite(column.values)]
    if not len(values):
        return "none"
    first, last = float(values.min()), float(values.max())
    return f"{_moment(first)} to {_moment(last)}"


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"


def _word_range(column: Labels) -> str:
    return f"{min(column.names)} to {max(column.names)}" if column.names else "none"
