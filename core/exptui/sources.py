"""What lies below the root, and which of it has changed since it was read. The scan is the truth, events are hints."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping

from exptui.discover import Scan, resign, scan
from exptui.errors import RunsDirectoryError
from exptui.formats.base import FileSign, Source
from exptui.identity import Key
from exptui.records import Problem

_SCAN_EVERY = (4.0, 30.0)
_SCAN_SHARE = 200.0
"""A scan is repeated after this many times its own duration: at most 0.5% of a core."""
_HINT_SHARE = 20.0
"""Hints may hasten it to this many times: a training that writes other files all the time costs at most 5%."""


class Sources:
    """The sources by key; `dirty` are those with unread bytes, in the order in which to read them."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.dirty: dict[Key, None] = {}
        self.problems: tuple[Problem, ...] = ()
        self.scan_due = 0.0
        self._sources: dict[Key, Source] = {}
        self._read: dict[Key, Mapping[str, FileSign]] = {}
        self._missed: dict[Key, int] = {}
        self._by_folder: dict[str, list[Key]] = {}
        self._folders: tuple[str, ...] = ()
        self._scan_from = 0.0

    def __contains__(self, key: Key) -> bool:
        return key in self._sources

    def __getitem__(self, key: Key) -> Source:
        return self._sources[key]

    def mark_read(self, key: Key, files: Mapping[str, FileSign]) -> None:
        """The source was read up to the state that these signs tell."""
        self._read[key] = dict(files)
        self.dirty.pop(key, None)

    def signs_read(self, key: Key) -> Mapping[str, FileSign]:
        return self._read.get(key, {})

    def unchanged(self, key: Key) -> bool:
        """Whether the source's files are as they were when they were read, as far as is known."""
        source = self._sources.get(key)
        return source is not None and self._read.get(key) == dict(source.files)

    def scan(self) -> None:
        """Look at the whole tree. A root that cannot be listed keeps the last view and leaves a problem."""
        began = time.monotonic()
        try:
            found = scan(self.root)
        except RunsDirectoryError as error:
            self.problems = (Problem("", None, str(error)),)
            self.scan_due = began + _SCAN_EVERY[0]
            return
        self.problems = found.problems
        self._take(found)
        low, high = _SCAN_EVERY
        now = time.monotonic()
        self._scan_from = now + _HINT_SHARE * (now - began)
        self.scan_due = now + (0.5 if self._missed else min(high, max(low, _SCAN_SHARE * (now - began))))

    def _take(self, found: Scan) -> None:
        changed = [key for key, source in found.sources.items() if self._read.get(key) != dict(source.files)]
        for key in sorted(changed, key=lambda key: newest(found.sources[key]), reverse=True):
            self.dirty[key] = None
        for key in {*self._sources, *self._read} - found.sources.keys():
            if not any(_within(key[0], folder) for folder in found.unlisted):
                self._missed[key] = self._missed.get(key, 0) + 1
        for key in found.sources:
            self._missed.pop(key, None)
        self._sources.update(found.sources)
        self._folders = found.folders
        self._by_folder = {}
        for key, source in found.sources.items():
            for folder in {os.path.dirname(f"{self.root}/{path}") for path in source.files}:
                self._by_folder.setdefault(folder, []).append(key)

    def drop_missing(self) -> frozenset[Key]:
        """Forget the sources that two scans in a row did not find: a directory may be unreadable for a moment."""
        gone = frozenset(key for key, times in self._missed.items() if times >= 2)
        for key in gone:
            del self._missed[key]
            self._sources.pop(key, None)
            self._read.pop(key, None)
            self.dirty.pop(key, None)
        return gone

    @property
    def missing(self) -> bool:
        return bool(self._missed)

    def check(self, key: Key) -> bool:
        """Look at one source's files; True when they changed since they were read."""
        source = self._sources.get(key)
        if source is None:
            return False
        fresh = resign(self.root, source)
        if not fresh.files or self._read.get(key) == dict(fresh.files):
            return False
        self._sources[key] = fresh
        self.dirty[key] = None
        return True

    def note_changed(self, folders: Iterable[str]) -> None:
        """Follow hints: look at the sources of these directories. A change in none of them asks for a scan."""
        for folder in folders:
            changed = [self.check(key) for key in self._by_folder.get(folder, ())]
            if not any(changed):
                self.scan_due = min(self.scan_due, max(time.monotonic() + 0.05, self._scan_from))

    def folders_to_watch(self) -> list[str]:
        """Directories where runs appear first, then those of the runs, the newest first."""
        folders = [f"{self.root}/{path}" if path else self.root for path in self._folders]
        latest = sorted(self._sources.values(), key=newest, reverse=True)
        runs = [os.path.dirname(f"{self.root}/{path}") for source in latest for path in source.files]
        return list(dict.fromkeys([folder for folder in folders if folder not in self._by_folder] + runs))

    def next_dirty(self, preferred: Collection[Key]) -> Key:
        return next((key for key in preferred if key in self.dirty), None) or next(iter(self.dirty))


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def newest(source: Source) -> int:
    """The newest mtime of the source's files, in nanoseconds."""
    return max((sign.mtime_ns for sign in source.files.values()), default=0)
