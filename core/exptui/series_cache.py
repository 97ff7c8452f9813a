"""Decoded points of large runs, kept in the cache folder so that they need not be decoded again. Deleting it loses
nothing: an entry that is damaged, or whose source is not what it was, is ignored.

A source that has only grown since is read on from where its entry ends, when its reader can tell that place; every
other change has it read from its beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from exptui.formats.base import FileSign, Source
from exptui.reading import Learnt, SourceReading
from exptui.records import RunFacts, SeriesChunk, Signs
from exptui.series_entry import VERSION, Entry, Recording, read_description

MOST = 2 << 30
"""Bytes of all entries together."""

_STALE = 86_400.0
"""Seconds after which an entry that was never finished is taken for abandoned."""


@runtime_checkable
class Resumable(Protocol):
    """A reader that can tell where it is, in plain JSON, and begin there."""

    def position(self) -> dict[str, Any] | None:
        """Where the reader is; None where it cannot tell."""

    def resume(self, position: Mapping[str, Any], facts: RunFacts, signs: Signs) -> None:
        """Go on there, with what was learnt before."""


class SeriesCache:
    """The entries of one runs directory. `most` bounds the bytes of those of all directories."""

    def __init__(self, folder: Path, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._most = most
        self._clock = clock

    def load(self, source: Source) -> Entry | None:
        """What is known of the source as it is now, or as it was before it grew."""
        path = self._path(source)
        try:
            document = read_description(path)
            if document["version"] != VERSION or document["order"] != sys.byteorder:
                return None
            if document["source"] != [source.path, source.format.name]:
                return None
            entry = Entry(path, document)
            if not entry.fits(source.files) and not entry.may_have_grown_to(source.files):
                return None
            os.utime(path)
            return entry
        except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error):
            return None

    def record(self, source: Source) -> Recording | None:
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return Recording(self._path(source), self._most, self._clock)
        return None

    def prune(self) -> None:
        """Remove abandoned files, then the entries that were not used for longest, until the rest fits."""
        kept = []
        for path in self._folder.parent.parent.glob(f"*/{self._folder.name}/*"):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if path.suffix == ".tmp" and status.st_mtime < self._clock() - _STALE:
                    path.unlink()
                elif path.suffix == ".series":
                    kept.append((status.st_mtime_ns, status.st_size, path))
        size = sum(one[1] for one in kept)
        for _, bytes_, path in sorted(kept):
            if size <= self._most:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            size -= bytes_

    def _path(self, source: Source) -> Path:
        name = f"{source.format.name}\0{source.path}".encode("utf-8", "surrogateescape")
        return self._folder / f"{hashlib.sha256(name).hexdigest()[:24]}.series"


class CachedReading(SourceReading):
    def __init__(self, root: str, source: Source, cache: SeriesCache) -> None:
        super().__init__(root, source)
        self._root = root
        self._cache = cache
        self._entry: Entry | None = cache.load(source)
        self._told = 0
        self._recording: Recording | None = None if self._entry else cache.record(source)
        self._unread: Mapping[str, FileSign] | None = None
        """The signs of the files whose points were told without a reader that could read on."""

    def read(self, source: Source, budget: int) -> Iterator[Learnt]:
        if self._entry is not None:
            try:
                yield from self._replayed(self._entry, source)
                return
            except (OSError, ValueError, TypeError, KeyError):
                self._start_over(source)
        if self._unread is not None:
            if self._unread == dict(source.files):
                self.source, self.more, self.failed = source, False, False
                return
            self._start_over(source)
        for learnt in super().read(source, budget):
            self._record(learnt)
            yield learnt
        if not self.more:
            self._finish(source)

    def _replayed(self, entry: Entry, source: Source) -> Iterator[Learnt]:
        """The next slice of the entry. The last one also tells how to go on."""
        self.source, self.more, self.failed = source, True, False
        if not self.runs:
            self.runs = dict(entry.runs)
            for run in self.runs:
                yield Learnt(run, SeriesChunk({}, True, console=entry.console.get(run, ())))
        if self._told < len(entry.slices):
            for run, chunk in entry.chunks(entry.slices[self._told]).items():
                yield Learnt(run, chunk)
            self._told += 1
        if self._told == len(entry.slices):
            self._entry = None
            if not self._resumed(entry.position):
                self._unread = entry.files
                self.more = not entry.fits(source.files)

    def _resumed(self, position: dict[str, Any] | None) -> bool:
        if position is None or not isinstance(self._reader, Resumable) or list(self.runs) != [""]:
            return False
        facts, signs, *_ = self.runs[""].state()
        self._reader.resume(position, facts, signs)
        return True

    def _start_over(self, source: Source) -> None:
        """Read from the beginning: what was told is void, which the first news of each run will say."""
        self._entry = self._unread = None
        self.runs = {}
        self._reader = source.format.reader(self._root, source)
        self._recording = self._cache.record(source)

    def _record(self, learnt: Learnt) -> None:
        if self._recording is not None:
            try:
                self._recording.add(learnt.run, learnt.chunk)
            except (OSError, ValueError):
                self._drop_recording()

    def _finish(self, source: Source) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        position = self._reader.position() if isinstance(self._reader, Resumable) and list(self.runs) == [""] else None
        try:
            if self.failed or self.broken:
                raise ValueError("not all of it was read")
            recording.finish(source, self.runs, position)
            self._cache.prune()
        except (OSError, ValueError, TypeError):
            recording.discard()

    def _drop_recording(self) -> None:
        if self._recording is not None:
            self._recording.discard()
            self._recording = None
