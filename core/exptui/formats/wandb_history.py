"""History records of W&B to metric columns, a bite of the log at a time.

Values are JSON text, and the same keys come again and again, in any order. So a record is taken apart by one regular
expression that yields each item's key as the bytes it is spelled in, and its value; a bite whose records all have
the same keys in the same order is taken apart as one. What these do not understand, a walk through the record does.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterator, Sequence

from exptui.formats.base import ColumnBuilder
from exptui.formats.protowire import WireError
from exptui.formats.wandb_items import STEP, TIME, UNUSED, Logged, Row, floats_of, name_of, number_of, numbers_of
from exptui.formats.wandb_items import parts_of as parts_of
from exptui.formats.wandb_items import walk as walk
from exptui.records import Media

MOST_MEDIA = 10_000

_BARE = rb"([-+.0-9a-zA-Z]++)"
_VARINT = rb"[\x80-\xff]*+[\x00-\x7f]"
_LENGTH = rb"[\x80-\xff]?."
_VALUE = b"\x82\x01"
_HEAD = rb"\x08" + _VARINT + rb"\x12" + _VARINT
_SEPARATOR = b"\xff\xff\xff"
_WORTH_A_SHAPE = 64
"""Records of a bite from which on an expression for all of them is worth its compilation."""

_LONGEST = 1 << 18
"""Bytes of a record that an expression is let loose on."""

_head = re.compile(_HEAD, re.DOTALL).match
_items = re.compile(
    rb"\n" + _LENGTH + rb"([\n\x12][^\x82]*+)" + _VALUE + _LENGTH + rb'("[^"\\]*+"|' + _BARE[1:],
    re.DOTALL,
).findall


Shape = Callable[[bytes], list[tuple[bytes, ...]]]


class HistoryColumns:
    """Turns history records into columns; keeps what media they tell of. `media_path` gives a file's path below the
    root, or None."""

    def __init__(self, media_path: Callable[[str], str | None]) -> None:
        self._media_path = media_path
        self._names: dict[bytes, str] = {}
        self._shape: Shape | None = None
        self._shape_names: tuple[str, ...] = ()
        self._shapes_failed = 0
        self.media: list[Media] = []
        self.metrics: set[str] = set()
        self.malformed = 0
        self.newest: float | None = None

    def add(self, records: Sequence[bytes], builder: ColumnBuilder) -> None:
        """Append the points of records of the history, in file order."""
        if not records:
            return
        if self._shape is None:
            self._learn_shape(records)
        if self._shape is None or not self._add_alike(records, self._shape, builder):
            self._add_rows([row for record in records if (row := self._row(record))], builder)

    def _add_alike(self, records: Sequence[bytes], shape: Shape, builder: ColumnBuilder) -> bool:
        """Take the bite apart as a whole, if every record of it has the known shape and numbers only."""
        found = shape(_SEPARATOR + (_SEPARATOR * 2).join(records) + _SEPARATOR)
        columns = list(map(_all_numbers, zip(*found, strict=True))) if len(found) == len(records) else [None]
        if None in columns:
            self._shape, self._shapes_failed = None, self._shapes_failed + 1
            return False
        named = {name: column for name, column in zip(self._shape_names, columns, strict=True) if column is not None}
        steps, times = named.pop(STEP), named.pop(TIME)
        for name, numbers in named.items():
            self._extend(builder, name, steps, numbers, times)
        self._note_time(times)
        return True

    def _learn_shape(self, records: Sequence[bytes]) -> None:
        """An expression for records like the first of this bite, if the last one is like it."""
        if len(records) < _WORTH_A_SHAPE or self._shapes_failed > 2:
            return
        items = self._items_of(records[0])
        keys = [key for key, _ in items]
        names = list(self._learn_names(items))
        alike = keys == [key for key, _ in self._items_of(records[-1])]
        if not alike or len(names) != len(keys) or not {STEP, TIME} <= set(names):
            return
        pattern = b"".join(
            rb"\n" + _LENGTH + re.escape(key) + _VALUE + rb"." + (_BARE if name else rb"(?:" + _BARE[1:])
            for key, name in zip(keys, names, strict=True)
        )
        self._shape_names = tuple(name for name in names if name)
        step = rb"(?:\x12.(?:\x08" + _VARINT + rb")?)?"
        self._shape = re.compile(_SEPARATOR + _HEAD + pattern + step + _SEPARATOR, re.DOTALL).findall

    def _items_of(self, record: bytes) -> list[tuple[bytes, bytes]]:
        """The spelled keys and the values; [] where not every item is a word or a number."""
        head = _head(record)
        if not head or len(record) > _LONGEST:
            return []
        start = head.end()
        items = _items(record, start)
        return items if record.count(_VALUE, start) == len(items) else []

    def _row(self, record: bytes) -> Row:
        """One record's values by name."""
        items = self._items_of(record)
        try:
            row = {self._names[key]: value for key, value in items}
        except KeyError:
            row = self._learn_names(items)
        if STEP in row:
            return row
        try:
            row, media = walk(record)
        except WireError:
            self.malformed += 1
            return {}
        step = number_of(row[STEP]) or 0.0
        self.media += (one for logged in media for one in self._media_of(logged, step))
        del self.media[:-MOST_MEDIA]
        return row

    def _learn_names(self, items: list[tuple[bytes, bytes]]) -> Row:
        """The row, if every key is one: {} else."""
        row = {}
        for key, value in items:
            name = self._names.get(key)
            if name is None:
                parts = parts_of(key)
                if not parts or parts[-1] == "_type":
                    return {}
                name = self._names[key] = name_of(parts)
            row[name] = value
        return row

    def _media_of(self, logged: Logged, step: float) -> Iterator[Media]:
        kind = logged.told.get("_type")
        names = logged.told.get("filenames") or logged.told.get("path")
        for one in names if isinstance(names, list) else [names]:
            path = self._media_path(one) if isinstance(one, str) else None
            yield Media(logged.name, step, kind if isinstance(kind, str) else "media", path)

    def _add_rows(self, rows: list[Row], builder: ColumnBuilder) -> None:
        steps = floats_of([row[STEP] for row in rows])
        times = floats_of([row.get(TIME, b"null") for row in rows])
        columns: dict[str, tuple[list[int], list[bytes]]] = {}
        for at, row in enumerate(rows):
            for name, value in row.items():
                column = columns.get(name)
                if column is None:
                    column = columns[name] = ([], [])
                column[0].append(at)
                column[1].append(value)
        for name in (STEP, TIME, UNUSED):
            columns.pop(name, None)
        for name, (places, values) in columns.items():
            numbers = numbers_of(values)
            if numbers is None:
                told = [(at, one) for at, value in zip(places, values, strict=True)
                        if (one := number_of(value)) is not None]  # fmt: skip
                places, numbers = [at for at, _ in told], array("d", [one for _, one in told])
            whole = len(places) == len(rows)
            self._extend(
                builder, name,
                steps if whole else array("d", map(steps.__getitem__, places)), numbers,
                times if whole else array("d", map(times.__getitem__, places)),
            )  # fmt: skip
        self._note_time(times)

    def _extend(
        self, builder: ColumnBuilder, name: str, steps: array[float], numbers: array[float], times: array[float]
    ) -> None:
        if numbers:
            self.metrics.add(name)
            column = builder.column(name)
            column[0].extend(steps)
            column[1].extend(numbers)
            column[2].extend(times)

    def _note_time(self, times: array[float]) -> None:
        if times and math.isfinite(times[-1]):
            self.newest = times[-1]


def _plain(group: bytes) -> bytes:
    return b"(?:" + group[1:]


def _all_numbers(values: Sequence[bytes]) -> array[float] | None:
    """The numbers that the texts are, None when one is a word."""
    found = numbers_of(values)
    if found is None:
        told = [one for one in map(number_of, values) if one is not None]
        found = array("d", told) if len(told) == len(values) else None
    return found
