"""One source being read: its format's reader, and what has been learnt about each of its runs so far."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from exptui.formats.base import Delta, FileSign, Reader, RunsReader, Source
from exptui.places import cache_folder
from exptui.records import Points, Problem, RunFacts, RunRecord, SeriesChunk, Signs
from exptui.status import judge
from exptui.summary import Summaries, SummaryState

_FACTS = tuple(field.name for field in fields(RunFacts))

_MOST = 8 << 20
"""Bytes of the largest bite."""

_BATCH_POINTS = 1 << 19
_CACHED = 1 << 20
"""Bytes of a source whose points are worth a place in the cache."""

_COPIED = 600.0
"""Seconds by which a file may be younger than its newest point before it is taken for a copy."""


class RunReading:
    """What is known about one run, as far as it was read."""

    def __init__(self) -> None:
        self._summaries = Summaries()
        self._facts = RunFacts()
        self._signs = Signs()
        self._problems: tuple[Problem, ...] = ()

    @property
    def tracker_id(self) -> str | None:
        return self._facts.tracker_id

    def take(self, delta: Delta) -> None:
        if delta.restarted:
            self._summaries = Summaries()
        self._summaries.add(delta.points)
        self._facts = delta.facts or self._facts
        self._signs = delta.signs or self._signs
        if delta.problems is not None:
            self._problems = delta.problems

    def state(self) -> tuple[RunFacts, Signs, tuple[Problem, ...], SummaryState]:
        return self._facts, self._signs, self._problems, self._summaries.state()

    def restore(self, facts: RunFacts, signs: Signs, problems: tuple[Problem, ...], summaries: SummaryState) -> None:
        """Take over what `state` told when the same was read before."""
        self._facts, self._signs, self._problems = facts, signs, problems
        self._summaries.restore(summaries)

    def fail(self, problem: Problem) -> None:
        self._problems = (problem,)

    def record(self, run_id: str, source: Source, now: float) -> RunRecord:
        signs = self._aged_signs(source.files)
        status, evidence = judge(signs, now)
        facts = {name: getattr(self._facts, name) for name in _FACTS}
        facts["name"] = self._facts.name or source.path
        facts["group"] = self._facts.group or source.group
        return RunRecord(
            **facts,
            id=run_id,
            format=source.format.name,
            path=source.path,
            status=status,
            status_evidence=evidence,
            updated=signs.last_write,
            metrics=self._summaries.snapshot(),
            problems=self._problems,
            signs=signs,
        )

    def _aged_signs(self, files: Mapping[str, FileSign]) -> Signs:
        """The newest write is the newest mtime, unless the points are much older: then the files were copied. A reader
        of many runs in one file tells it itself."""
        newest = self._summaries.newest
        touched = max((sign.mtime_ns / 1e9 for sign in files.values()), default=None)
        if self._signs.last_write is not None:
            touched = max(self._signs.last_write, newest or 0.0)
        if newest is not None and (touched is None or touched - newest > _COPIED):
            touched = newest
        return replace(self._signs, last_write=touched, rhythm=self._summaries.rhythm)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A run that a read changed, and its new points as a chunk of its series."""

    run: str
    chunk: SeriesChunk


class Pace:
    """How many bytes to read at a time: as many as take about `seconds`, which differs a hundredfold by format. After
    each bite there is a `breath`, so that a screen stays alive."""

    def __init__(self, least: int, seconds: float, *, breath: float = 0.0) -> None:
        self.breath = breath
        self._least = least
        self._seconds = seconds

    def bite(self, last: int, spent: float) -> int:
        """The next bite, after the last one (0: there was none) took `spent` seconds."""
        fitting = last * self._seconds / max(spent, 1e-6)
        return int(min(max(self._least, min(fitting, 2 * last)), _MOST))


class SourceReading:
    """Reads one source from its beginning, a budget at a time. `more` tells whether the budget ended first, `failed`
    whether a file could not be read for now, `broken` whether its reader ever gave up, and `partial` whether only
    those of its runs are read that `again` asks for: the rest is known, and the files have not changed."""

    def __init__(self, root: str, source: Source, *, partial: bool = False) -> None:
        self.source = source
        self.runs: dict[str, RunReading] = {}
        self.more = True
        self.failed = False
        self.broken = False
        self._bite = 0
        self._spent = 0.0
        self._reader: Reader = source.format.reader(root, source)
        self._fresh: set[str] = set()
        self._deleted: set[str] = set()
        self.partial = partial and self.by_run
        if self.partial and isinstance(self._reader, RunsReader):
            self._reader.only_again()

    def read(self, source: Source, budget: int) -> Iterator[Learnt]:
        """Take at most about `budget` new bytes of the source, whose files have the signs in `source`."""
        self.source = source
        self.more = self.failed = False
        try:
            for delta in self._reader.read(source.files, budget):
                self.more = self.more or delta.more
                self.failed = self.failed or delta.failed
                if delta.gone:
                    self.runs.pop(delta.run, None)
                    self._deleted.add(delta.run)
                elif not delta.whole:
                    self._run(delta.run).take(delta)
                    yield self._learnt(delta)
        except Exception as error:
            # Whatever a file has in it, it must not keep the other runs from being read.
            self.broken = True
            problem = Problem(source.path, None, f"cannot be read: {type(error).__name__}: {error}")
            for name in list(self.runs) or [""]:
                self._run(name).fail(problem)
                yield self._learnt(Delta(name))

    def turn(self, source: Source, pace: Pace, seconds: float, stopped: Callable[[], bool]) -> Iterator[Learnt]:
        """Read bite by bite until there is no more, or the time is over."""
        began = now = time.monotonic()
        while now - began < seconds:
            self._bite = pace.bite(self._bite, self._spent)
            yield from self.read(source, self._bite)
            self._spent = time.monotonic() - now
            if not self.more or stopped():
                return
            if pace.breath:
                time.sleep(pace.breath)
            now = time.monotonic()

    def again(self, run: str) -> bool:
        """Have one of many runs told again from its beginning; False when the source can only be read whole."""
        if isinstance(self._reader, RunsReader):
            self._reader.again(run)
        return self.by_run

    def lacks(self, run: str) -> bool:
        """Whether the source has no such run, now that all of it was read."""
        return run not in self.runs and (run in self._deleted or not (self.partial or self.failed))

    @property
    def by_run(self) -> bool:
        """Whether one of its runs can be read without the others."""
        return isinstance(self._reader, RunsReader)

    def _run(self, name: str) -> RunReading:
        reading = self.runs.get(name)
        if reading is None:
            reading = self.runs[name] = RunReading()
            self._fresh.add(name)
        return reading

    def _learnt(self, delta: Delta) -> Learnt:
        restart = delta.restarted or delta.run in self._fresh
        self._fresh.discard(delta.run)
        return Learnt(delta.run, SeriesChunk(delta.points, restart, delta.system, delta.console))


def open_reading(root: str, source: Source, *, cached: bool) -> SourceReading:
    """A reading of the source from its beginning; `cached` has the points of a large one kept for the next time."""
    plain = SourceReading(root, source)
    if not cached or plain.by_run or sum(sign.size for sign in source.files.values()) < _CACHED:
        return plain
    from exptui.series_cache import CachedReading, SeriesCache

    return CachedReading(root, source, SeriesCache(cache_folder(root) / "series"))


class Changes:
    """What one batch is going to say."""

    def __init__(self, gone: tuple[str, ...] = (), read: int = 0) -> None:
        self.records: dict[str, RunRecord] = {}
        self.chunks: dict[str, list[SeriesChunk]] = {}
        self.gone = gone
        self.read = read
        self._points = 0

    @property
    def full(self) -> bool:
        """Whether a screen that takes it in should not have to take in more at once."""
        return self._points >= _BATCH_POINTS

    def forget(self, run_id: str) -> None:
        self.records.pop(run_id, None)
        self.chunks.pop(run_id, None)

    def drop(self, ids: tuple[str, ...]) -> None:
        """Say that these runs are gone."""
        self.gone += ids
        for run_id in ids:
            self.forget(run_id)

    def add(self, run_id: str, chunk: SeriesChunk) -> None:
        self.chunks.setdefault(run_id, []).append(chunk)
        self._points += sum(map(len, chunk.points.values()))


def wanted_only(chunks: Mapping[str, list[SeriesChunk]], wanted: Collection[str]) -> dict[str, SeriesChunk]:
    """Several chunks a run joined into one, for the wanted runs only."""
    return {run: joined(parts) for run, parts in chunks.items() if run in wanted}


def joined(parts: list[SeriesChunk]) -> SeriesChunk:
    """Several chunks of one run as one. None of them changes, and columns may be shared between metrics."""
    last = max((at for at, part in enumerate(parts) if part.restart), default=None)
    kept = parts if last is None else parts[last:]
    if len(kept) == 1:
        return kept[0]
    points = _all_of([part.points for part in kept])
    system = _all_of([part.system for part in kept])
    return SeriesChunk(points, last is not None, system, tuple(line for part in kept for line in part.console))


def _all_of(parts: list[Mapping[str, Points]]) -> dict[str, Points]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _concatenated([part[name] for part in parts if name in part]) for name in names}


def _concatenated(parts: list[Points]) -> Points:
    if len(parts) == 1:
        return parts[0]
    step, value, time = array("d"), array("d"), array("d")
    timed = all(part.time is not None for part in parts)
    for part in parts:
        step.extend(part.step)
        value.extend(part.value)
        if timed and part.time is not None:
            time.extend(part.time)
    return Points(step, value, time if timed else None)
