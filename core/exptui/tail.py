"""New bytes of one growing file, read without keeping it open.

A torn last record is the normal state of a live file: the caller takes only whole records, the rest waits. A file
that was replaced, cut or rewritten raises `Restarted`, and the caller starts over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Any

HEAD = 512
FOOT = 64
"""Bytes at the start of a file and before the offset by which a rewritten file is told from a grown one."""

MAX_LINE = 16 << 20
"""Bytes after which a line without an end is given up."""


class Restarted(Exception):  # noqa: N818 - not an error: files are replaced in normal life
    """The file is not the one that was read before."""


class Tail:
    """The unread end of a file. `offset` is the first byte that no one has taken yet."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self._inode: int | None = None
        self._head = self._foot = b""

    def peek(self, limit: int) -> tuple[bytes, bool]:
        """Up to `limit` untaken bytes, and whether the file holds more than these.

        Raises OSError when the file cannot be read or is no regular file, and Restarted when it is another file.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{self.path} is no regular file")
            self._check(descriptor, status)
            data = os.pread(descriptor, limit, self.offset)
            return data, self.offset + len(data) < status.st_size
        finally:
            os.close(descriptor)

    def take(self, data: bytes, count: int) -> None:
        """The first `count` bytes of what `peek` returned are done with."""
        self.offset += count
        self._foot = (self._foot + data[max(0, count - FOOT) : count])[-FOOT:]

    def position(self) -> list[Any]:
        """Where the tail is, in plain JSON."""
        return [self.offset, self._inode, self._head.hex(), self._foot.hex()]

    def resume(self, position: Sequence[Any]) -> None:
        """Go on there. Raises ValueError or TypeError when it is no position."""
        offset, inode, head, foot = position
        self.offset, self._inode = int(offset), None if inode is None else int(inode)
        self._head, self._foot = bytes.fromhex(head), bytes.fromhex(foot)

    def _check(self, descriptor: int, status: os.stat_result) -> None:
        head = os.pread(descriptor, HEAD, 0)
        foot = os.pread(descriptor, len(self._foot), self.offset - len(self._foot)) if self._foot else b""
        replaced = self._inode not in (None, status.st_ino)
        if replaced or status.st_size < self.offset or not head.startswith(self._head) or foot != self._foot:
            raise Restarted(self.path)
        self._inode, self._head = status.st_ino, head


class LineTail:
    """The new whole lines of one growing text file. `waiting` tells whether an unfinished line lay at its end; lines
    over 16 MiB are dropped and counted in `dropped`, the first one's offset is `dropped_at`."""

    def __init__(self, path: str) -> None:
        self.tail = Tail(path)
        self.waiting = False
        self.dropped = 0
        self.dropped_at: int | None = None
        self._inside_long_line = False

    def lines(self, limit: int) -> tuple[int, list[bytes], bool]:
        """The offset of the first new whole line, the lines without their ends, and whether more can be read."""
        data, more = self.tail.peek(limit)
        end = data.rfind(b"\n") + 1
        if not end and more:
            data, more = self.tail.peek(MAX_LINE)
            end = data.find(b"\n") + 1
            more = more or 0 < end < len(data)
        start = self.tail.offset
        if end:
            lines = data[: end - 1].split(b"\n")
            if self._inside_long_line:
                start += len(lines.pop(0)) + 1
            self.tail.take(data, end)
            self._inside_long_line = False
        else:
            lines = []
            if len(data) >= MAX_LINE:
                self._drop(data)
            else:
                more = False
        self.waiting = not more and (end < len(data) or self._inside_long_line)
        return start, lines, more

    def _drop(self, data: bytes) -> None:
        if not self._inside_long_line:
            self.dropped += 1
            self.dropped_at = self.tail.offset if self.dropped_at is None else self.dropped_at
        self._inside_long_line = True
        self.tail.take(data, len(data))
