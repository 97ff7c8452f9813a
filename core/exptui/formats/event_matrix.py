"""Long stretches of an event file decoded at once, as the columns of a byte matrix.

A training loop writes the same tags in the same order at every step, so that its records repeat one cycle of fixed
byte shape: only wall times, steps, values and checksums differ. Such a stretch is a matrix with one cycle a row. Every
other byte is compared with the first cycle's, and every checksum is verified: CRC-32C is linear, so that the checksum
of a record is that of the first cycle's, changed by a table look-up for each byte that differs.

Whatever does not fit (another shape, damage, a cut-off end) ends the stretch and is left to the reader of records.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from google_crc32c import value as crc32c
from numpy.typing import NDArray

from exptui.formats.events import scalar_layout

_FRAME = 12
"""Bytes of a record before its data; four more follow it."""

_MAX_STEP_WIDTH = 9
"""Bytes of a step that is not negative."""

_MAX_CYCLE = 512
"""Records of the longest cycle that is looked for."""

_BLOCK = 256 << 10
"""Bytes decoded at once: they and what is computed from them stay in the processor's cache."""

_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Shape:
    """A record with one scalar, and which of its bits may differ in a record of the same shape (zeros in `fixed`)."""

    tag: str
    record: bytes
    fixed: bytes
    step_width: int

    @property
    def key(self) -> tuple[bytes, bytes]:
        kept = int.from_bytes(self.record, "big") & int.from_bytes(self.fixed, "big")
        return kept.to_bytes(len(self.record), "big"), self.fixed


@dataclass(frozen=True, slots=True)
class Column:
    tag: str
    step: array[float]
    value: array[float]
    time: array[float]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole cycles up to the offset `end`; `cycle` is the length of one in bytes."""

    end: int
    rows: int
    cycle: int
    columns: Sequence[Column]


def shape_of(data: bytes, start: int, end: int) -> Shape | None:
    """The shape of the verified record between two offsets, when it is one scalar."""
    layout = scalar_layout(memoryview(data)[start + _FRAME : end - 4])
    if layout is None:
        return None
    step_end, tag_at, tag_end = layout
    width = step_end - 10
    if width > _MAX_STEP_WIDTH:
        return None
    record = data[start:end]
    tag = str(record[_FRAME + tag_at : _FRAME + tag_end], "utf-8", "replace")
    fixed = b"\xff" * (_FRAME + 1) + bytes(8) + b"\xff" + b"\x80" * width
    fixed = fixed.ljust(len(record) - 8, b"\xff") + bytes(8)
    return Shape(tag, record, fixed, width)


class Cycle:
    """The shapes of one cycle of records."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes
        self._first = b"".join(one.record for one in shapes)
        self._fixed = b"".join(one.fixed for one in shapes)
        self.length = len(self._first)
        self._first_bits = int.from_bytes(self._first, "big")
        self._fixed_bits = int.from_bytes(self._fixed, "big")

    def fits(self, data: bytes, at: int) -> bool:
        """Whether one whole cycle begins there, its checksums aside."""
        found = data[at : at + self.length]
        if len(found) < self.length:
            return False
        return not (int.from_bytes(found, "big") ^ self._first_bits) & self._fixed_bits

    def stretch(self, data: bytes, at: int) -> Stretch | None:
        """The cycles from the offset `at` on, up to the first one that is in any way different."""
        if not self.fits(data, at):
            return None
        count = (len(data) - at) // self.length
        matrix = np.frombuffer(data, np.uint8, count * self.length, at).reshape(count, self.length)
        columns = [Column(one.tag, array("d"), array("d"), array("d")) for one in self._shapes]
        first, fixed = np.frombuffer(self._first, np.uint8), np.frombuffer(self._fixed, np.uint8)
        step, done = max(1, _BLOCK // self.length), 0
        while done < count:
            block = matrix[done : done + step]
            good = self._decode(block, block ^ first, fixed, columns)
            done += good
            if good < len(block):
                break
        return Stretch(at + done * self.length, done, self.length, _interleaved(columns)) if done else None

    def _decode(
        self, block: NDArray[np.uint8], changed: NDArray[np.uint8], fixed: NDArray[np.uint8], into: list[Column]
    ) -> int:
        """Append the rows before the first one that does not fit; returns how many they are."""
        varies = np.bitwise_or.reduce(changed, axis=0)
        good = len(block)
        if (varies & fixed).any():
            good = int((changed & fixed).any(axis=1).argmax())
        offset = 0
        for shape in self._shapes:
            good = _verified(block[:good], changed[:good], varies, offset, shape)
            offset += len(shape.record)
        offset = 0
        for shape, column in zip(self._shapes, into, strict=True):
            _append(block[:good], offset, shape, column)
            offset += len(shape.record)
        return good


def _verified(
    block: NDArray[np.uint8], changed: NDArray[np.uint8], varies: NDArray[np.uint8], offset: int, shape: Shape
) -> int:
    """How many rows have the right checksum in their record at `offset`."""
    end = offset + len(shape.record) - 4
    crc = np.full(len(block), crc32c(shape.record[_FRAME:-4]), np.uint32)
    for at in np.flatnonzero(varies[offset + _FRAME : end]).tolist():
        at += offset + _FRAME
        crc ^= _table(end - at - 1).take(changed[:, at])
    crc = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    wrong = _view(block, end, "<u4") != crc
    return int(wrong.argmax()) if wrong.any() else len(block)


@lru_cache(1024)
def _table(behind: int) -> NDArray[np.uint32]:
    """How each change of a byte changes the checksum of a message in which `behind` bytes follow it."""
    table = np.zeros(256, np.uint32)
    plain = crc32c(bytes(behind + 1))
    for bit in range(8):
        table[1 << bit : 2 << bit] = table[: 1 << bit] ^ np.uint32(crc32c(bytes([1 << bit]) + bytes(behind)) ^ plain)
    return table


def _append(block: NDArray[np.uint8], offset: int, shape: Shape, column: Column) -> None:
    data = offset + _FRAME
    time = _view(block, data + 1, "<f8").astype(np.float64)
    time[time == 0.0] = np.nan
    step = np.zeros(len(block), np.int64)
    for at in range(shape.step_width):
        step |= (block[:, data + 10 + at] & np.uint8(0x7F)).astype(np.int64) << np.int64(7 * at)
    value = _view(block, offset + len(shape.record) - 8, "<f4").astype(np.float64)
    for into, numbers in ((column.step, step.astype(np.float64)), (column.value, value), (column.time, time)):
        into.frombytes(numbers.view(np.uint8).data)


def _view(block: NDArray[np.uint8], at: int, kind: str) -> NDArray[Any]:
    """The numbers that begin at byte `at` of every row."""
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(block[:, at : at + width]).view(kind)[:, 0]


def _interleaved(columns: Sequence[Column]) -> list[Column]:
    """Columns of one tag that a cycle has several times, joined in file order."""
    by_tag: dict[str, list[Column]] = {}
    for column in columns:
        by_tag.setdefault(column.tag, []).append(column)
    return [
        parts[0]
        if len(parts) == 1
        else Column(tag, *(_woven([getattr(one, name) for one in parts]) for name in ("step", "value", "time")))
        for tag, parts in by_tag.items()
    ]


def _woven(parts: Sequence[array[float]]) -> array[float]:
    woven = array("d", bytes(8 * len(parts) * len(parts[0])))
    for at, part in enumerate(parts):
        woven[at :: len(parts)] = part
    return woven


class CycleFinder:
    """Looks for stretches: learns the cycle from records that were read one by one, and keeps it for the next bite."""

    def __init__(self) -> None:
        self._cycle: Cycle | None = None

    def known(self, data: bytes, at: int) -> Stretch | None:
        """A stretch of the cycle found last."""
        return self._cycle.stretch(data, at) if self._cycle is not None else None

    def learn(self, data: bytes, starts: Sequence[int], end: int) -> Stretch | None:
        """A stretch that goes on as the verified records that begin at `starts`, and end at `end`, did."""
        edges = [*starts[-2 * _MAX_CYCLE :], end]
        shapes = [shape_of(data, one, other) for one, other in pairwise(edges)]
        period = _period([one.key if one is not None else None for one in shapes])
        found = [one for one in shapes[-period:] if one is not None] if period else []
        if not found:
            return None
        self._cycle = Cycle(found)
        return self._cycle.stretch(data, end)


def _period(keys: Sequence[object]) -> int:
    """The length of the shortest cycle that the last records repeat, 0 when there is none."""
    for period in range(1, len(keys) // 2 + 1):
        span = max(2 * period, min(64, len(keys)))
        tail = keys[-span:]
        if keys[-period] is not None and tail[period:] == tail[:-period]:
            return 0 if None in tail else period
    return 0
