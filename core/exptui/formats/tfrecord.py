"""TFRecord framing: length, masked CRC-32C of the length, data, masked CRC-32C of the data.

A torn tail and a stretch of zeros (preallocated or not yet transferred: it may begin inside a record) wait. A record
whose data fails its checksum is skipped and counted: the length guards the framing. A damaged length ends the file,
until it is replaced.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google_crc32c import value as crc32c

from exptui.records import Problem
from exptui.tail import Tail

if TYPE_CHECKING:
    from exptui.formats.event_matrix import CycleFinder, Stretch

_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_ZEROS = bytes(12)
_LEAST = 28
"""Bytes around a record's data, and the header after it, by which damage is told from a stretch of zeros."""

MAX_RECORD = 256 << 20
"""Bytes after which a length is taken for damage."""

_LEARN = 256
"""Records that are read one by one before a cycle is looked for in them; more after each time that there was none."""
_MAX_LEARN = 8192
_LONG = 16
"""Cycles that make a stretch worth the look for it."""


def masked(data: bytes | memoryview) -> int:
    crc: int = crc32c(bytes(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class RecordTail:
    """The new whole records of one growing TFRecord file. With a `finder`, long stretches of them come as one."""

    def __init__(self, absolute: str, path: str) -> None:
        self.finder: CycleFinder | None = None
        self._tail = Tail(absolute)
        self._path = path
        self._skipped = 0
        self._first_skipped: int | None = None
        self._broken_at: int | None = None
        self._waiting = False
        self._hole = False
        self._need = 0
        self._learn = _LEARN

    @property
    def consumed(self) -> int:
        return self._tail.offset

    def position(self) -> list[Any] | None:
        """Where the tail is, in plain JSON; None where the file is damaged."""
        return [self._tail.position(), self._skipped, self._first_skipped] if self._broken_at is None else None

    def resume(self, position: list[Any]) -> None:
        tail, self._skipped, self._first_skipped = position
        self._tail.resume(tail)

    def records(self, budget: int) -> tuple[list[memoryview | Stretch], bool]:
        """New records and stretches, and whether more can be read at once. Raises OSError and tail.Restarted."""
        if self._broken_at is not None:
            self._tail.peek(0)
            return [], False
        data, more = self._tail.peek(max(budget, self._need, _LEAST))
        found, end = list(self._whole(data, more)), self._end
        self._tail.take(data, end)
        self._waiting = end < len(data)
        return found, more and (end > 0 or self._need > len(data)) and self._broken_at is None

    def problems(self) -> list[Problem]:
        at = self._tail.offset
        found = []
        if self._skipped:
            what = f"{self._skipped} record(s) fail their checksum; skipped"
            found.append(Problem(self._path, self._first_skipped, what))
        if self._broken_at is not None:
            found.append(Problem(self._path, self._broken_at, "damaged from here on; what came before is kept"))
        elif self._hole:
            found.append(Problem(self._path, at, "a stretch of zeros; waiting for the writer to fill it"))
        elif self._waiting:
            found.append(Problem(self._path, at, "unfinished last record; waiting for the rest"))
        return found

    def _whole(self, data: bytes, more: bool) -> Iterator[memoryview | Stretch]:
        view, at, size = memoryview(data), 0, len(data)
        self._end = self._need = 0
        self._hole = False
        starts: list[int] = []
        stretch = self.finder.known(data, 0) if self.finder is not None else None
        while at + 12 <= size:
            if stretch is None and self.finder is not None and len(starts) >= self._learn:
                stretch = self._learnt(self.finder, data, starts, at)
                starts.clear()
            if stretch is not None:
                yield stretch
                at = self._end = stretch.end
                if more and size - at < stretch.cycle:
                    return  # the rest of this cycle comes with the next bite, so that the next stretch begins there
                stretch = None
                continue
            length, length_crc = _HEADER.unpack_from(data, at)
            if masked(data[at : at + 8]) != length_crc or length > MAX_RECORD:
                self._hole = data[at : at + 12] == _ZEROS or _only_zeros(data, at + 11, 17)
                self._broken_at = None if self._hole else self._tail.offset + at
                return
            stop = at + 16 + length
            self._need = length + _LEAST
            if stop > size:
                return
            body = view[at + 12 : stop - 4]
            if masked(body) == _CRC.unpack_from(data, stop - 4)[0]:
                yield body
                starts.append(at)
            elif _only_zeros(data, stop - 1, 13):
                self._hole = True
                return
            else:
                self._skipped += 1
                self._first_skipped = self._tail.offset + at if self._first_skipped is None else self._first_skipped
                starts.clear()
            at = self._end = stop
            self._need = 0

    def _learnt(self, finder: CycleFinder, data: bytes, starts: list[int], end: int) -> Stretch | None:
        stretch = finder.learn(data, starts, end)
        found = stretch is not None and stretch.rows >= _LONG
        self._learn = _LEARN if found else min(2 * self._learn, _MAX_LEARN)
        return stretch


def _only_zeros(data: bytes, at: int, count: int) -> bool:
    """Whether a checksum's last byte and what follows it, as far as it has been read, are all zeros."""
    return not any(data[at : at + count])
