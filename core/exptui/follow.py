"""Follows a directory of runs: scan, watch, read what is new, rescan. Hands out immutable batches, one at a time.

The caller decides the pace: the next batch is computed when it asks for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from exptui.identity import Identities, Key
from exptui.index import Indexed, RunIndex, first_batch, trusted
from exptui.locate import check_root
from exptui.reading import Changes, Learnt, Pace, SourceReading, open_reading, wanted_only
from exptui.records import FINAL, Batch, Progress, RunRecord
from exptui.sources import Sources
from exptui.status import aged
from exptui.watch import Watcher

ACTIVE = 600.0
"""Seconds after its last write for which a run is looked at every `_GLANCE` seconds, events or not."""

_GLANCE = 2.0
_BATCH_SECONDS = 0.1
"""Seconds after which what was read is told."""


class Follower:
    """Follows `root`. `gentle` reads in small bites with a breath between them, so that a screen stays alive.
    `known` is what the index said, where the caller has read it already."""

    def __init__(
        self,
        root: str,
        index: RunIndex | None = None,
        *,
        gentle: bool = False,
        known: Sequence[Indexed] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.root = os.path.abspath(root)
        self._disk = Sources(self.root)
        self._index = index
        self._known = known
        self._clock = clock
        self._pace = Pace(64 << 10, 0.01, breath=0.001) if gentle else Pace(1 << 20, 0.05)
        self._readings: dict[Key, SourceReading] = {}
        self._records: dict[str, RunRecord] = {}
        self._ids = Identities()
        self._wanted: frozenset[str] = frozenset()
        self._released: frozenset[str] = frozenset()
        self._wanting = threading.Lock()
        self._served: set[str] = set()
        self._watcher: Watcher | None = None
        self._stop = threading.Event()
        self._glance_due = 0.0

    # Called from any thread.

    def want(self, ids: Collection[str]) -> None:
        """The runs whose points are wanted in the batches from now on."""
        wanted = frozenset(ids)
        with self._wanting:
            self._released |= self._wanted - wanted
            self._wanted = wanted
        self._wake()

    def rescan(self) -> None:
        self._disk.scan_due = 0.0
        self._wake()

    def stop(self) -> None:
        self._stop.set()
        self._wake()

    def _wake(self) -> None:
        if self._watcher is not None:
            self._watcher.nudge()

    # Called by the one thread that iterates.

    def once(self) -> Iterator[Batch]:
        """Batches until everything that is on the disk now has been read. Raises RunsDirectoryError."""
        check_root(self.root)
        yield from self._from_index()
        self._disk.scan()
        if self._disk.missing:
            self._disk.scan()
        yield from self._read_all()
        self._save(now=True)

    def forever(self) -> Iterator[Batch]:
        """Batches for as long as nobody calls `stop`. A root that is missing is waited for."""
        yield from self._from_index()
        self._watcher = Watcher()
        try:
            while not self._stop.is_set():
                self._look(0.0)
                yield from self._read_all()
                yield from self._judge_again()
                self._save()
                self._look(self._patience())
        finally:
            self._watcher.close()
            self._save(now=True)

    def _from_index(self) -> Iterator[Batch]:
        """What the index knows, unless the caller has told its own screen that already."""
        kept = self._index.load() if self._index and self._known is None else []
        known = kept if self._known is None else self._known
        batch = first_batch(known, self._clock())
        for record, entry in zip(batch.records, known, strict=True):
            key = (record.path, record.format)
            self._records[record.id] = record
            self._ids.restore((key, entry.run), record.id, record.tracker_id)
            self._disk.mark_read(key, {**self._disk.signs_read(key), **entry.files})
        if self._known is None:
            yield batch

    def _look(self, patience: float) -> None:
        """Find out what changed: wait for hints at most `patience` seconds, then scan or glance if it is time."""
        if self._watcher is not None:
            self._disk.note_changed(self._watcher.wait(patience))
        now = time.monotonic()
        if now >= self._disk.scan_due:
            self._disk.scan()
            if self._watcher is not None:
                self._watcher.watch(self._disk.folders_to_watch())
        if now >= self._glance_due:
            self._glance()
            self._glance_due = now + _GLANCE

    def _glance(self) -> None:
        """Stat the files of runs that wrote lately, in case an event was lost."""
        edge = self._clock() - ACTIVE
        open_runs = (record for record in self._records.values() if record.status not in FINAL)
        for key in {self._source_of(one.id) for one in open_runs if (one.updated or 0.0) >= edge}:
            self._disk.check(key)

    def _read_all(self) -> Iterator[Batch]:
        """Read until nothing is dirty: the wanted ones first, then the newest."""
        changes = Changes(self._drop_missing())
        began = time.monotonic()
        while (self._serve_wanted() or self._disk.dirty) and not self._stop.is_set():
            self._read_turn(self._disk.next_dirty(self._wanted_keys()), changes)
            if changes.full or time.monotonic() - began >= _BATCH_SECONDS:
                yield self._batch(changes)
                self._look(0.0)
                changes, began = Changes(self._drop_missing(), changes.read), time.monotonic()
        yield self._batch(changes)

    def _wanted_keys(self) -> list[Key]:
        return [owner[0] for one in self._wanted if (owner := self._ids.owner(one))]

    def _cached(self, key: Key) -> bool:
        """Whether the source's points are kept in the cache, which is where the index is."""
        return self._index is not None and (key[0] in self._wanted or key in self._wanted_keys())

    def _source_of(self, run_id: str) -> Key:
        owner = self._ids.owner(run_id)
        assert owner is not None
        return owner[0]

    def _serve_wanted(self) -> bool:
        """Have sources read from their beginning again whose points were not kept and are wanted now."""
        with self._wanting:
            wanted, released, self._released = self._wanted, self._released, frozenset()
        self._served -= released
        for run_id in wanted - self._served:
            owner = self._ids.owner(run_id)
            if owner is not None and owner[0] in self._disk:
                self._served.add(run_id)
                self._tell_again(*owner)
        return bool(self._disk.dirty)

    def _tell_again(self, key: Key, run: str) -> None:
        """Have a run told from its beginning, one of many by itself where that is possible."""
        if run and key not in self._readings and self._disk.unchanged(key):
            self._readings[key] = SourceReading(self.root, self._disk[key], partial=True)
        if run and key in self._readings and self._readings[key].again(run):
            self._disk.dirty[key] = None
        else:
            self._read_anew(key)

    def _read_anew(self, key: Key) -> None:
        self._readings.pop(key, None)
        if key in self._disk:
            self._disk.dirty[key] = None

    def _read_turn(self, key: Key, changes: Changes) -> None:
        """Read one source until it has no more or its turn is over."""
        source = self._disk[key]
        reading = self._readings.get(key)
        if reading is None or (reading.partial and not self._disk.unchanged(key)):
            reading = self._readings[key] = open_reading(self.root, source, cached=self._cached(key))
        full = lambda: self._stop.is_set() or changes.full  # noqa: E731
        for learnt in reading.turn(source, self._pace, _BATCH_SECONDS, full):
            self._learn(key, reading, learnt, changes)
        if not reading.more:
            # What could not be read is read as soon as it can be, though its files look the same then.
            self._disk.mark_read(key, {} if reading.failed else source.files)
            self._drop_deleted(key, reading, changes)
            self._forget_reader(key, reading)
            changes.read += 1

    def _learn(self, key: Key, reading: SourceReading, learnt: Learnt, changes: Changes) -> None:
        run = reading.runs[learnt.run]
        run_id, former, evicted = self._ids.assign((key, learnt.run), run.tracker_id)
        if former is not None or evicted is not None:
            self._rename(former, run_id, changes)
        if evicted is not None:
            self._read_anew(evicted[0])
        record = run.record(run_id, reading.source, self._clock())
        self._records[run_id] = changes.records[run_id] = record
        if run_id in self._wanted and (run_id in self._served or learnt.chunk.restart):
            self._served.add(run_id)
            changes.add(run_id, learnt.chunk)

    def _rename(self, former: str | None, run_id: str, changes: Changes) -> None:
        """The points that were told under either id belong to another run now."""
        for one in (former or run_id, run_id):
            self._served.discard(one)
            self._records.pop(one, None)
            changes.forget(one)
        if former is not None:
            changes.gone += (former,)
            if self._index:
                self._index.remove([former])

    def _forget_reader(self, key: Key, reading: SourceReading) -> None:
        """A run that has ended needs no position: should it grow again, it is read anew."""
        ids = [one for run in reading.runs if (one := self._ids.id((key, run)))]
        edge = self._clock() - ACTIVE
        records = [self._records[one] for one in ids]
        quiet = all(one.status in FINAL or (one.updated or 0.0) < edge for one in records)
        if quiet and not reading.failed and self._wanted.isdisjoint(ids):
            self._readings.pop(key, None)

    def _drop_missing(self) -> tuple[str, ...]:
        keys = self._disk.drop_missing()
        for key in keys:
            self._readings.pop(key, None)
        return self._drop(self._ids.of_sources(keys) if keys else [])

    def _drop_deleted(self, key: Key, reading: SourceReading, changes: Changes) -> None:
        """Drop the runs that are no longer in their source, all of which was read."""
        if reading.runs.keys() != {""}:
            owners = [(one, self._ids.owner(one)) for one in self._ids.of_sources([key])]
            changes.drop(self._drop([one for one, owner in owners if owner and reading.lacks(owner[1])]))

    def _drop(self, ids: list[str]) -> tuple[str, ...]:
        for one in ids:
            self._records.pop(one, None)
            self._served.discard(one)
            for heir, _ in self._ids.release(one):
                self._read_anew(heir)
        if ids and self._index:
            self._index.remove(ids)
        return tuple(ids)

    def _batch(self, changes: Changes) -> Batch:
        wanted = self._wanted & self._served
        if self._index:
            self._index.put(self._indexed(record) for record in changes.records.values())
        waiting = len(self._disk.dirty)
        return Batch(
            tuple(changes.records.values()),
            changes.gone,
            wanted_only(changes.chunks, wanted),
            Progress(changes.read, changes.read + waiting, not waiting),
            self._disk.problems,
        )

    def _indexed(self, record: RunRecord) -> Indexed:
        owner = self._ids.owner(record.id)
        assert owner is not None
        key, run = owner
        signs = {} if key in self._disk.dirty else self._disk.signs_read(key)
        return Indexed(record, trusted(signs, self._clock()), run)

    def _judge_again(self) -> Iterator[Batch]:
        """States age without a write: a silent run becomes stalled, one whose process died has crashed."""
        changes = Changes()
        changes.records = {record.id: record for record in aged(self._records.values(), self._clock())}
        self._records |= changes.records
        if changes.records:
            yield self._batch(changes)

    def _save(self, *, now: bool = False) -> None:
        if self._index:
            self._index.save(now=now)

    def _patience(self) -> float:
        """Seconds until something is due even without an event."""
        alive = any(record.status in ("running", "stalled") for record in self._records.values())
        due = min(self._disk.scan_due, self._glance_due) if alive else self._disk.scan_due
        return max(0.02, due - time.monotonic())
