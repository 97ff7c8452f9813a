"""Reader of comma- or tab-separated values."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from exptui.drift.building import (
    BLOCK,
    MISSING,
    Block,
    ColumnBuilder,
    all_whole,
    read_in_passes,
    text_lines,
    too_coarse,
)
from exptui.drift.tables import Table, check_columns, check_rows
from exptui.errors import DataFileError


def parse_words(cells: Sequence[str]) -> Block | None:
    """Numbers from the words of a block, NaN for missing; None if one is no number."""
    try:
        values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        try:
            values = np.array([math.nan if cell in MISSING else float(cell) for cell in map(str.strip, cells)])
        except ValueError:
            return None
    joined = "\n".join(cells)
    # Python reads "1_0" and the digits of every script as numbers; here they are words.
    if "_" in joined or not joined.isascii():
        return None
    whole = all_whole(values)
    return None if whole and too_coarse(values) and not set(".eE") & set(joined) else (values, whole)


def parse_plain(lines: Sequence[str], delimiter: str, width: int) -> NDArray[np.float64] | None:
    """Numbers, shape (width, rows), from lines that hold nothing else; None for anything that needs care."""
    if all(map(str.isspace, lines)):
        return None
    try:
        table = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2, dtype=np.float64)
    except ValueError:
        return None
    if table.shape[1] != width or too_coarse(table):
        return None
    return np.ascontiguousarray(table.T)


def read_delimited(path: Path, delimiter: str) -> Table:
    """Reads a file of separated values with a header row; quotes as in RFC 4180. See `read_table`."""
    return read_in_passes(path, lambda source, text: _one_pass(path, source, delimiter, text))


def _one_pass(path: Path, source: BinaryIO, delimiter: str, text: set[str]) -> dict[str, ColumnBuilder]:
    lines = text_lines(path, source)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    before = done = 0
    try:
        names = _header(path, next(rows, []))
        builders = {name: ColumnBuilder(name in text, parse_words, str.strip) for name in names}
        before, rest = rows.line_num, lines
        if not text:
            done, rest = _add_plain(path, lines, delimiter, list(builders.values()))
        rows = csv.reader(rest, delimiter=delimiter, strict=True)
        while block := _next_block(rows):
            _check_widths(path, block, len(names), done)
            for builder, cells in zip(builders.values(), zip(*block, strict=True), strict=True):
                builder.add(cells)
            done += len(block)
            check_rows(str(path), done)
    except csv.Error as error:
        raise DataFileError(f"{path}, near line {before + done + 1}: {error}") from None
    if not done:
        raise DataFileError(f"{path}: no rows below the header")
    return builders


def _add_plain(
    path: Path, lines: Iterator[str], delimiter: str, builders: list[ColumnBuilder]
) -> tuple[int, Iterator[str]]:
    """Takes blocks as long as they are nothing but numbers, several times faster than cell by cell.
    Returns how many rows that were and the lines that are left."""
    done = 0
    while taken := list(islice(lines, BLOCK)):
        table = parse_plain(taken, delimiter, len(builders))
        if table is None:
            return done, chain(taken, lines)
        for builder, values in zip(builders, table, strict=True):
            builder.add_numbers(values)
        done += table.shape[1]
        check_rows(str(path), done)
    return done, lines


def _next_block(rows: Iterator[list[str]]) -> list[list[str]]:
    """The next rows; blank lines are passed over."""
    while taken := list(islice(rows, BLOCK)):
        if block := [row for row in taken if row]:
            return block
    return []


def _check_widths(path: Path, block: list[list[str]], width: int, done: int) -> None:
    if set(map(len, block)) == {width}:
        return
    for number, row in enumerate(block, start=done + 1):
        if len(row) != width:
            raise DataFileError(f"{path}, data row {number}: {len(row)} cells where the header has {width}")


def _header(path: Path, cells: list[str]) -> list[str]:
    if not cells:
        raise DataFileError(f"{path}: empty; a header row with column names is needed")
    check_columns(str(path), len(cells))
    names = [cell.strip() or f"column {index}" for index, cell in enumerate(cells, start=1)]
    if all(parse_words([name]) for name in names) and names != [str(i) for i in range(len(names))]:
        raise DataFileError(f"{path}: the first row holds numbers; a header row with column names is needed")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataFileError(f"{path}: more than one column is called {twice[0]!r}")
    return names
