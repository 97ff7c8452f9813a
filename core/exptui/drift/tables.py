"""Tables in memory, and which reader opens which file.

Three kinds of column: numbers (float64, NaN for missing), labels (whole-number codes into a list of names,
-1 for missing) and times (seconds since the epoch, NaN for missing).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exptui.errors import DataFileError

MAX_COLUMNS = 2_000
MAX_ROWS = 5_000_000
EXACT_INTEGERS = 2**53
"""Whole numbers from here on cannot all be told apart as float64. A column that has any is read as labels:
rounded, different identifiers would look like one constant."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Numbers, shape (rows,), NaN for missing. `integer` when every one is a whole number by type or in a
    text file."""

    values: NDArray[np.float64]
    integer: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Text: `codes`, shape (rows,), are indices into `names`, -1 for missing. Every name occurs."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Points in time, shape (rows,), in seconds since the epoch, NaN for missing."""

    values: NDArray[np.float64]


Column = Numbers | Labels | Times


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Named columns of one length. `name` says where they come from."""

    name: str
    columns: Mapping[str, Column]
    rows: int

    @classmethod
    def of(cls, name: str, columns: Mapping[str, Any]) -> Table:
        """A table from arrays or sequences, one a column, all of one length. None and NaN are missing."""
        made = {str(key): column_of(value) for key, value in columns.items()}
        return assemble(name, made)


def assemble(name: str, columns: Mapping[str, Column]) -> Table:
    """Puts columns together. DataFileError when they are too many, of different lengths, or hold no rows."""
    check_columns(name, len(columns))
    lengths = {key: column_length(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise DataFileError(
            f"{name}: columns differ in length ({short!r}: {lengths[short]} rows, {long!r}: {lengths[long]})"
        )
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise DataFileError(f"{name}: holds no rows of data")
    check_rows(name, rows)
    return Table(name, columns, rows)


def column_length(column: Column) -> int:
    return len(column.codes) if isinstance(column, Labels) else len(column.values)


def check_columns(name: str, count: int) -> None:
    if count > MAX_COLUMNS:
        raise DataFileError(f"{name}: {count:,} columns, more than the {MAX_COLUMNS:,} that can be compared")


def check_rows(name: str, count: int) -> None:
    if count > MAX_ROWS:
        raise DataFileError(f"{name}: more than {MAX_ROWS:,} rows; compare a random sample of them instead")


def column_of(values: Any) -> Column:
    """A column from a one-dimensional array or sequence of numbers, booleans, text or datetime64.

    Booleans become the labels "true" and "false". A sequence that mixes text with anything else becomes
    labels throughout. TypeError for complex numbers and other things without an order, ValueError for text
    that is no Unicode.
    """
    if isinstance(values, Numbers | Labels | Times):
        return values
    array = values if isinstance(values, np.ndarray) else _array_of(values)
    if array.ndim != 1:
        raise TypeError(f"a column has one dimension, not {array.ndim}")
    kind = array.dtype.kind
    if kind == "f":
        return Numbers(np.asarray(array, dtype=np.float64))
    if kind in "iu":
        return _integers(array)
    if kind == "b":
        return encode(["true" if value else "false" for value in array.tolist()])
    if kind in "US":
        words = np.char.decode(array, "utf-8", "backslashreplace") if kind == "S" else _checked_text(array)
        return encode(words.tolist())
    if kind == "O":
        return encode([None if _absent(value) else _word(value) for value in array.tolist()])
    if kind == "M":
        seconds = array.astype("datetime64[us]").astype(np.float64) / 1e6
        return Times(np.where(np.isnat(array), np.nan, seconds))
    if kind == "m":
        seconds = array.astype("timedelta64[us]").astype(np.float64) / 1e6
        return Numbers(np.where(np.isnat(array), np.nan, seconds))
    raise TypeError(f"{array.dtype} cannot be compared")


def _array_of(values: Sequence[Any]) -> NDArray[Any]:
    present = [value for value in values if not _absent(value)]
    if present and all(isinstance(v, bool | np.bool_) for v in present):
        return np.array([None if _absent(v) else bool(v) for v in values], dtype=object)
    if all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in present):
        if len(present) == len(values) and all(isinstance(v, int | np.integer) for v in present):
            try:
                return np.array(values, dtype=np.int64 if values else np.float64)
            except OverflowError:
                return np.array([str(v) for v in values], dtype=object)
        return np.array([np.nan if _absent(v) else v for v in values], dtype=np.float64)
    return np.array([None if _absent(v) else v for v in values], dtype=object)


def _checked_text(array: NDArray[Any]) -> NDArray[Any]:
    """NumPy does not look at the code points it reads from a file, and Python breaks on impossible ones."""
    points = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if points.dtype.itemsize and points.size and points.view(np.uint32).max() > sys.maxunicode:
        raise ValueError("text that is no Unicode")
    return points


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool | np.bool_) else str(value)


def _integers(array: NDArray[Any]) -> Column:
    values = array.astype(np.float64)
    if len(values) and float(np.abs(values).max()) >= EXACT_INTEGERS:
        return encode([str(value) for value in array.tolist()])
    return Numbers(values, integer=True)


def encode(words: Sequence[str | None]) -> Labels:
    """Labels from words, None for missing; names in order of first appearance."""
    known: dict[str | None, int] = {None: -1}
    codes = np.array([known.setdefault(word, len(known) - 1) for word in words], dtype=np.int32)
    return Labels(codes, tuple(word for word in known if word is not None))


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file for reading. DataFileError for anything else: a pipe or a device could block
    for ever, so it is not even waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataFileError(f"{path}: cannot be read ({reason})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise DataFileError(f"{path}: not a regular file")
    return os.fdopen(handle, "rb")


def read_table(path: Path) -> Table:
    """Reads a data file: .csv, .tsv, .jsonl, .ndjson, .npy, .npz or .parquet, by its ending.

    DataFileError, with file, row and column where known, when it is no regular file, damaged, too large,
    or holds no rows. Nothing in the file is executed: object arrays are refused.
    """
    ending = path.suffix.lower()
    if path.name.lower().endswith(".sketch.npz"):
        raise DataFileError(f"{path}: a sketch holds counts and no rows; give the data file itself")
    if ending in (".csv", ".tsv"):
        from exptui.drift.delimited import read_delimited

        return read_delimited(path, "," if ending == ".csv" else "\t")
    if ending in (".jsonl", ".ndjson"):
        from exptui.drift.json_lines import read_json_lines

        return read_json_lines(path)
    if ending in (".npy", ".npz", ".parquet", ".pq"):
        from exptui.drift import binary

        readers = {".npy": binary.read_npy, ".npz": binary.read_npz}
        return readers.get(ending, binary.read_parquet)(path)
    raise DataFileError(f"{path}: unknown kind of data file; use .csv, .tsv, .jsonl, .npy, .npz or .parquet")
