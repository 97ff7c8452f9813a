"""New bytes of one growing file, read without keeping it open.

A torn last record is the normal state of a live file: the caller takes only whole records, the rest waits. A file
that was replaced, cut or rewritten raises `Restarted`, and the caller starts over.
"""

from __future__ import annotations

import os
import stat

HEAD = 512
"""Bytes at the start of a file by which a rewritten file is told from a grown one."""

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
        self._head = b""

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

    def take(self, count: int) -> None:
        self.offset += count

    def _check(self, descriptor: int, status: os.stat_result) -> None:
        head = os.pread(descriptor, HEAD, 0)
        replaced = self._inode not in (None, status.st_ino)
        if replaced or status.st_size < self.offset or not head.startswith(self._head):
            raise Restarted(self.path)
        self._inode, self._head = status.st_ino, head


class LineTail:
    """The new whole lines of one growing text file."""

    def __init__(self, path: str) -> None:
        self.tail = Tail(path)
        self.dropped = 0
        self._inside_long_line = False

    def lines(self, limit: int) -> tuple[list[bytes], bool]:
        """New whole lines without their ends, and whether more can be read at once.

        A line over 16 MiB is dropped and counted in `dropped`.
        """
        data, more = self.tail.peek(limit)
        end = data.rfind(b"\n") + 1
        if not end and more:
            data, more = self.tail.peek(MAX_LINE)
            end = data.find(b"\n") + 1
            if not end and len(data) >= MAX_LINE:
                self.tail.take(len(data))
                self._inside_long_line = True
                return [], more
        if not end:
            return [], False
        self.tail.take(end)
        lines = data[: end - 1].split(b"\n")
        if self._inside_long_line:
            self._inside_long_line = False
            self.dropped += 1
            lines = lines[1:]
        return lines, more or end < len(data)

    @property
    def waiting(self) -> bool:
        """Whether an unfinished line lies at the end of the file, as of the last `lines`."""
        try:
            return os.stat(self.tail.path).st_size > self.tail.offset
        except OSError:
            return False
