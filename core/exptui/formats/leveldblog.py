"""The LevelDB log framing that W&B and SwanLab share: a file header of 7 bytes, blocks of 32 KiB, and chunks of
CRC-32 (of the type and the data), length, type and data; a record is one FULL chunk, or FIRST, MIDDLE... and LAST.

A torn tail waits, and so does a stretch of zeros at the end of the file (preallocated, or not yet transferred: it may
begin inside a chunk). After any other damage reading goes on with the first record of the next block; the place is
counted and never read again.
"""

from __future__ import annotations

import re
import struct
from zlib import crc32

from exptui.records import Problem
from exptui.tail import Tail

BLOCK = 32768
HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

MAX_RECORD = 256 << 20
"""Bytes after which a record without an end is given up."""

MAX_HOLE = 64 << 20
"""Bytes of zeros through which data are searched for before the zeros are taken for damage."""

_LEAST = 2 * BLOCK
_CHUNK = struct.Struct("<IHB")
_SEEDS = tuple(crc32(bytes([kind])) for kind in range(5))
_NOT_ZERO = re.compile(rb"[^\0]")


class LogTail:
    """The new whole records of one growing log whose header is `magic` (its last byte is the format's version)."""

    def __init__(self, absolute: str, path: str, magic: bytes) -> None:
        self._tail = Tail(absolute)
        self._path = path
        self._magic = magic
        self._begun = False
        self._refused: str | None = None
        self._shift = 0
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._parts_at = 0
        self._dropping = False
        self._unclean = False
        self._jump_to = 0
        self._need = 0
        self._hole = self._waiting = False
        self._skipped = 0
        self._first_skipped: int | None = None

    @property
    def consumed(self) -> int:
        return self._tail.offset

    def records(self, budget: int) -> tuple[list[bytes], bool]:
        """New records, and whether more can be read at once. Raises OSError and tail.Restarted."""
        if self._refused:
            self._tail.peek(0)
            return [], False
        data, more = self._tail.peek(max(budget, self._need, _LEAST))
        found: list[bytes] = []
        self._need, self._hole = 0, False
        end = self._scan(data, more, found)
        self._tail.take(data, end)
        self._waiting = not more and (end < len(data) or bool(self._parts))
        return found, more and not self._refused and (end > 0 or self._need > len(data))

    def problems(self) -> list[Problem]:
        found = []
        if self._refused:
            return [Problem(self._path, 0, self._refused)]
        if self._skipped:
            what = f"{self._skipped} damaged place(s); the records there are lost"
            found.append(Problem(self._path, self._first_skipped, what))
        if self._hole:
            what = "a stretch of zeros; waiting for the writer to fill it"
            found.append(Problem(self._path, self._tail.offset, what))
        elif self._waiting and self._begun:
            at = self._parts_at if self._parts else self._tail.offset
            found.append(Problem(self._path, at, "unfinished last record; waiting for the rest"))
        return found

    def _scan(self, data: bytes, more: bool, found: list[bytes]) -> int:
        """Collect whole records; the count of bytes that are done with."""
        at = 0
        if not self._begun:
            if not self._begin(data[:HEADER]):
                return 0
            at = HEADER
        elif self._tail.offset < self._jump_to:
            at = min(len(data), self._jump_to - self._tail.offset)
        while True:
            at = self._take_chunks(data, at, found)
            after = self._past_damage(data, at, more)
            if after is None:
                return at
            at = after

    def _begin(self, head: bytes) -> bool:
        if head == self._magic:
            self._begun = True
        elif any(head) and not self._magic.startswith(head):
            if head[:-1] == self._magic[:-1]:
                self._refused = f"written in version {head[-1]} of its format, which is not known"
            else:
                self._refused = "damaged at its very beginning, or no such log"
        else:
            self._hole = len(head) == HEADER
        return self._begun

    def _left(self, at: int, shift: int) -> int:
        """Bytes from `at` (an offset into what was peeked) to the end of its block."""
        return BLOCK - (self._tail.offset + at - shift) % BLOCK

    def _take_chunks(self, data: bytes, at: int, found: list[bytes]) -> int:
        """Take good chunks from `at` on; the offset of the first bytes that are none."""
        size, unpack, seed, add = len(data), _CHUNK.unpack_from, _SEEDS[FULL], found.append
        edge = at + self._left(at, self._shift)
        while True:
            limit = min(size, edge)
            last = limit - HEADER
            while at <= last:
                crc, length, kind = unpack(data, at)
                stop = at + HEADER + length
                if kind == FULL and stop <= limit and not self._unclean:
                    body = data[at + HEADER : stop]
                    if crc32(body, seed) != crc:
                        return at
                    add(body)
                elif stop > limit or not self._take_part(data[at + HEADER : stop], kind, crc, at, found):
                    return at
                at = stop
            if edge > size or any(data[at:edge]):
                return at
            at, edge = edge, edge + BLOCK

    def _take_part(self, body: bytes, kind: int, crc: int, at: int, found: list[bytes]) -> bool:
        """Take a chunk that is not simply the next whole record; whether it is good."""
        if not 0 < kind <= LAST or crc32(body, _SEEDS[kind]) != crc:
            return False
        if kind == FULL:
            self._abandon()
            found.append(body)
        else:
            self._add_part(kind, body, at, found)
        return True

    def _add_part(self, kind: int, body: bytes, at: int, found: list[bytes]) -> None:
        if kind == FIRST:
            self._abandon()
            self._parts_at = self._tail.offset + at
            self._unclean = True
        elif not self._parts:
            self._lose(self._tail.offset + at)
            return
        self._parts.append(body)
        self._parts_size += len(body)
        if kind == LAST:
            found.append(b"".join(self._parts))
            self._forget_parts()
        elif self._parts_size > MAX_RECORD:
            self._lose(self._parts_at)

    def _abandon(self) -> None:
        """A new record begins: what is left of the one before will not be finished."""
        if self._parts:
            self._lose(self._parts_at)
        self._forget_parts()
        self._dropping = False

    def _lose(self, offset: int) -> None:
        """Count a damaged place, once until a record has begun anew."""
        if not self._dropping:
            self._skipped += 1
            self._first_skipped = offset if self._first_skipped is None else self._first_skipped
        self._forget_parts()
        self._dropping = self._unclean = True

    def _forget_parts(self) -> None:
        self._parts.clear()
        self._parts_size = 0
        self._unclean = False

    def _past_damage(self, data: bytes, at: int, more: bool) -> int | None:
        """Where to go on after bytes that are no good chunk; None when they may still become one."""
        size, left = len(data), self._left(at, self._shift)
        shifted = self._shifted(data, at)
        if shifted is not None:
            self._shift = HEADER
            return shifted
        if size - at < min(HEADER, left) or self._may_be_shifted(data, at):
            return None
        zeros_from = at
        if left >= HEADER:
            _, length, kind = _CHUNK.unpack_from(data, at)
            stop = at + HEADER + length
            fits = 0 < kind <= LAST and stop <= at + left
            if fits and stop > size:
                return None
            zeros_from = (stop if fits else at + HEADER) - 1
        end = self._end_of_zeros(data, zeros_from, more)
        if end is None:
            return None
        self._lose(self._tail.offset + at)
        target = at + left
        if end > target:
            target = end - (self._tail.offset + end - self._shift) % BLOCK
        self._jump_to = self._tail.offset + target
        return min(size, target)

    def _end_of_zeros(self, data: bytes, at: int, more: bool) -> int | None:
        """The first byte from `at` on that is not zero, None while nothing but zeros is known to follow."""
        found = _NOT_ZERO.search(data, at)
        if found:
            return found.start()
        if more and len(data) >= MAX_HOLE:
            return len(data)
        self._hole = not more
        self._need = 2 * len(data)
        return None

    # wandb-core 0.17.0 to 0.17.5 counted its blocks from behind the file's header.

    def _shifted(self, data: bytes, at: int) -> int | None:
        """Where a good chunk lies if the blocks begin 7 bytes later."""
        if self._shift:
            return None
        starts = (at, at + HEADER) if self._left(at, 0) == BLOCK else (at,)
        return next((start for start in starts if self._is_good(data, start)), None)

    def _is_good(self, data: bytes, at: int) -> bool:
        if len(data) < at + HEADER:
            return False
        crc, length, kind = _CHUNK.unpack_from(data, at)
        stop = at + HEADER + length
        if not 0 < kind <= LAST or stop > len(data) or HEADER + length > self._left(at, HEADER):
            return False
        return bool(crc32(data[at + HEADER : stop], _SEEDS[kind]) == crc)

    def _may_be_shifted(self, data: bytes, at: int) -> bool:
        """Whether a chunk that reaches over the block's end by 7 bytes at most is not all there yet."""
        left = self._left(at, 0)
        if self._shift or len(data) >= at + left + HEADER:
            return False
        if len(data) < at + HEADER:
            return True
        _, length, kind = _CHUNK.unpack_from(data, at)
        stop = HEADER + length
        return bool(0 < kind <= LAST and left < stop <= left + HEADER and at + stop > len(data))
