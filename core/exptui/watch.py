"""Which directories changed on disk. Events are hints: they only say where to look first; a rescan is the truth.

watchdog watches single directories, not trees: a recursive watch is silent about lost events and about limits. When
events may have been lost or the observer dies, everything counts as changed.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

MAX_WATCHES = 512
_MAX_CHANGED = 10_000
_TOLD = [
    DirCreatedEvent, DirDeletedEvent, DirMovedEvent, FileCreatedEvent, FileDeletedEvent, FileModifiedEvent,
    FileMovedEvent,
]  # fmt: skip

EVERYTHING = "*"
"""Stands for all directories in what `Watcher.wait` returns."""


class Watcher:
    """Collects the directories (absolute paths) in which something happened."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._nudged = False
        self._wake = threading.Condition()
        self._watches: dict[str, tuple[ObservedWatch, int]] = {}
        self._observer: BaseObserver | None = None
        self._restarts = 0
        self._alarm = _LossAlarm(self.everything)
        self._start()

    @property
    def polling(self) -> bool:
        """Whether events are not to be had here, so that only rescans find changes."""
        return self._observer is None

    def everything(self) -> None:
        self._note(EVERYTHING)

    def watch(self, folders: Iterable[str]) -> None:
        """Watch exactly these directories, most important first; what is over 512 or cannot be watched is left to
        rescans."""
        wanted = set(itertools.islice(folders, MAX_WATCHES))
        if self._observer is None:
            return
        for path in self._lost() | (self._watches.keys() - wanted):
            with contextlib.suppress(Exception):
                self._observer.unschedule(self._watches[path][0])
            del self._watches[path]
        for path in wanted - self._watches.keys():
            with contextlib.suppress(OSError):
                inode = os.stat(path).st_ino
                watch = self._observer.schedule(_Handler(self._note), path, recursive=False, event_filter=_TOLD)
                self._watches[path] = watch, inode

    def _lost(self) -> set[str]:
        """The paths whose watched directory was removed or moved away; another may be there now."""
        assert self._observer is not None
        alive = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()}
        return {path for path, (watch, inode) in self._watches.items() if watch not in alive or _inode(path) != inode}

    def wait(self, timeout: float) -> set[str]:
        """Changed directories since the last call; blocks until there are some, at most `timeout` seconds."""
        with self._wake:
            if not self._changed and not self._nudged and timeout > 0:
                self._wake.wait(timeout)
            changed, self._changed, self._nudged = self._changed, set(), False
        if self._observer is not None and not self._observer.is_alive():
            self._restart()
            changed.add(EVERYTHING)
        return changed

    def nudge(self) -> None:
        """End a `wait` without a change."""
        with self._wake:
            self._nudged = True
            self._wake.notify()

    def close(self) -> None:
        self._alarm.close()
        observer, self._observer = self._observer, None
        if observer is not None:
            with contextlib.suppress(Exception):
                observer.stop()
                observer.join(2.0)
        self.everything()

    def _note(self, path: str) -> None:
        with self._wake:
            if len(self._changed) >= _MAX_CHANGED:
                self._changed = {EVERYTHING}
            self._changed.add(path)
            self._wake.notify()

    def _start(self) -> None:
        warnings.filterwarnings("ignore", module=r"watchdog\.")
        try:
            observer = Observer()
            observer.daemon = True
            observer.start()
        except OSError:
            return
        self._observer = observer

    def _restart(self) -> None:
        """A new observer for a dead one, three times; after that rescans have to do."""
        watched, self._watches, self._observer = list(self._watches), {}, None
        self._restarts += 1
        if self._restarts <= 3:
            time.sleep(0.1)
            self._start()
            self.watch(watched)


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


class _Handler(FileSystemEventHandler):
    """An exception here would kill watchdog's thread, so nothing but a set is touched."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._note(os.path.dirname(os.fsdecode(path)))


class _LossAlarm(logging.Handler):
    """watchdog tells of an overflowing event queue in its log only."""

    def __init__(self, everything: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._everything = everything
        self._logger = logging.getLogger("watchdog.observers.inotify_c")
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self._everything()

    def close(self) -> None:
        self._logger.removeHandler(self)
        super().close()
