"""Lines of text files, and columns that grow block by block.

Memory holds numbers and codes and not a Python string for every cell. A column counts as numbers until a
block says otherwise; if that block is not the first, the file is read once more with the column taken as
text from the start, because the words behind the earlier numbers are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from exptui.drift.tables import EXACT_INTEGERS, Column, Labels, Numbers, Table, assemble, open_regular
from exptui.errors import DataFileError

MAX_LINE = 1 << 20
CHUNK = 1 << 18
BLOCK = 4_096
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None"})

Block = tuple[NDArray[np.float64], bool]
"""Numbers of one block and whether all of them are whole."""


class ColumnBuilder:
    """Collects one column block by block: numbers at first, text from `as_text` on."""

    def __init__(
        self, as_text: bool, parse: Callable[[Sequence[Any]], Block | None], word: Callable[[Any], str]
    ) -> None:
        self.as_text = as_text
        self.stale = False
        self._parse = parse
        self._word = word
        self._blocks: list[NDArray[Any]] = []
        self._whole = True
        self._known: dict[str, int] = dict.fromkeys(MISSING, -1)

    def add(self, cells: Sequence[Any]) -> None:
        if not self.as_text:
            block = self._parse(cells)
            if block is not None:
                self._blocks.append(block[0])
                self._whole = self._whole and block[1]
                return
            self.as_text = True
            self.stale = any(not np.isnan(done).all() for done in self._blocks)
            self._blocks = [np.full(len(done), -1, dtype=np.int32) for done in self._blocks]
        known, offset = self._known, len(MISSING)
        codes = [known.setdefault(word, len(known) - offset) for word in map(self._word, cells)]
        self._blocks.append(np.array(codes, dtype=np.int32))

    def add_numbers(self, values: NDArray[np.float64]) -> None:
        self._blocks.append(values)
        self._whole = self._whole and all_whole(values)

    def pad(self, rows: int) -> None:
        """Counts `rows` missing values, for a key that first appears later in the file."""
        if rows:
            self._blocks.append(np.full(rows, -1 if self.as_text else np.nan))

    def column(self) -> Column:
        values = np.concatenate(self._blocks) if self._blocks else np.empty(0)
        if self.as_text:
            return Labels(values.astype(np.int32), tuple(self._known)[len(MISSING) :])
        return Numbers(values, integer=self._whole and bool(np.isfinite(values).any()))


OnePass = Callable[[BinaryIO, set[str]], dict[str, ColumnBuilder]]


def read_in_passes(path: Path, one_pass: OnePass) -> Table:
    """Reads a file with `one_pass(source, text)`, where `text` names the columns to take as text, again and
    again until every column was right from its first block; twice is nearly always enough."""
    text: set[str] = set()
    while True:
        with open_regular(path) as source:
            builders = one_pass(source, text)
        stale = {name for name, builder in builders.items() if builder.stale}
        if not stale:
            return assemble(str(path), {name: builder.column() for name, builder in builders.items()})
        text |= stale


def all_whole(values: NDArray[np.float64]) -> bool:
    finite = values[np.isfinite(values)]
    return bool((finite == np.floor(finite)).all())


def too_coarse(values: NDArray[np.float64]) -> bool:
    """Whether there are numbers beyond what float64 counts one by one. Written as whole numbers they are
    names, not amounts, and are kept as text."""
    finite = values[np.isfinite(values)]
    return len(finite) > 0 and float(np.abs(finite).max()) >= EXACT_INTEGERS


def text_lines(path: Path, source: BinaryIO) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends, without a byte order mark. DataFileError names the row
    that is too long or not UTF-8."""
    row, tail = 0, b""
    start = source.read(3)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataFileError(f"{path}: encoded as UTF-16; save it as UTF-8")
    source.seek(3 if start == b"\xef\xbb\xbf" else 0)
    while piece := source.read(CHUNK):
        whole, newline, tail = (tail + piece).rpartition(b"\n")
        yield from _decoded(path, row, whole + newline)
        row += whole.count(b"\n") + len(newline)
        if len(tail) > MAX_LINE:
            raise DataFileError(f"{path}, row {row + 1}: longer than {MAX_LINE:,} bytes")
    yield from _decoded(path, row, tail)


def _decoded(path: Path, row: int, lines: bytes) -> StringIO:
    try:
        # With this setting only "\n" ends a line; str.splitlines would also cut at rare separators.
        return StringIO(lines.decode(), newline="\n")
    except UnicodeDecodeError as error:
        row += lines.count(b"\n", 0, error.start) + 1
        raise DataFileError(f"{path}, row {row}: not UTF-8; save the file as UTF-8") from None
