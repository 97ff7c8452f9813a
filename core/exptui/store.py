"""Every run in memory. `Store.apply` is the only thing that changes what is known from run files; decisions come in
through `Store.decide`, which returns when they are on the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from exptui.errors import UnknownRunError
from exptui.journal import Journal
from exptui.records import Batch, ConsoleLine, Problem, Progress, RunRecord, SeriesChunk
from exptui.series import Series

BASELINE = "baseline"

CONSOLE_LINES = 10_000
"""Lines kept of what a followed run printed."""


class Store:
    """Runs by id as their files and the journal tell them, and the series of the runs that are followed closely."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._runs: dict[str, RunRecord] = {}
        self._series: dict[str, dict[str, Series]] = {}
        self._system: dict[str, dict[str, Series]] = {}
        self._console: dict[str, deque[ConsoleLine]] = {}
        self.progress = Progress(0, 0, False)
        self.problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self._runs.values())

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def get(self, run_id: str | None) -> RunRecord | None:
        return self._runs.get(run_id) if run_id is not None else None

    def series(self, run_id: str) -> Mapping[str, Series]:
        """The run's series by metric; empty until they have been read."""
        return self._series.get(run_id, {})

    def system(self, run_id: str) -> Mapping[str, Series]:
        """The load of the run's machine by name, where its tracker logged it."""
        return self._system.get(run_id, {})

    def console(self, run_id: str) -> Sequence[ConsoleLine]:
        """The newest lines that the run printed, where its tracker keeps them in its log; else `RunFacts.console`."""
        return self._console.get(run_id, ())

    def has_series(self, run_id: str) -> bool:
        return run_id in self._series

    @property
    def baseline(self) -> RunRecord | None:
        return self.get(self.baseline_id)

    @property
    def baseline_id(self) -> str | None:
        found = self._journal.get(BASELINE)
        return found if isinstance(found, str) else None

    def apply(self, batch: Batch) -> frozenset[str]:
        """Take a batch in; returns the ids of the runs that are different now."""
        for run_id in batch.gone:
            self._runs.pop(run_id, None)
            self._drop_series(run_id)
        for record in batch.records:
            self._runs[record.id] = self._decided(record)
        for run_id, chunk in batch.series.items():
            self._take_points(run_id, chunk)
        self.progress = batch.progress
        self.problems = batch.problems
        return frozenset({*batch.gone, *batch.series, *(record.id for record in batch.records)})

    def _take_points(self, run_id: str, chunk: SeriesChunk) -> None:
        if chunk.restart:
            self._drop_series(run_id)
            self._series[run_id], self._system[run_id] = {}, {}
            self._console[run_id] = deque(maxlen=CONSOLE_LINES)
        elif run_id not in self._series:
            return  # let go of meanwhile; a whole series comes if it is wanted again
        for kept, new in ((self._series, chunk.points), (self._system, chunk.system)):
            for name, points in new.items():
                kept[run_id].setdefault(name, Series()).extend(points)
        self._console[run_id].extend(chunk.console)

    def _drop_series(self, run_id: str) -> None:
        for kept in (self._series, self._system, self._console):
            kept.pop(run_id, None)

    def keep_series_of(self, ids: Collection[str]) -> None:
        """Let go of the series of all other runs."""
        for run_id in self._series.keys() - set(ids):
            self._drop_series(run_id)

    def decide(self, key: str, value: Any) -> None:
        """Record a decision; it holds at once, and is on the disk when this returns. Raises OSError when it holds
        in memory only."""
        try:
            self._journal.record(key, value)
        finally:
            self._refresh()

    def set_baseline(self, run_id: str | None) -> None:
        self.decide(BASELINE, run_id)

    def set_tags(self, run_id: str, tags: Collection[str]) -> None:
        self.decide(f"{run_id}.tags", list(dict.fromkeys(tags)))

    def set_notes(self, run_id: str, notes: str) -> None:
        self.decide(f"{run_id}.notes", notes)

    def reload_decisions(self) -> bool:
        """Take in what other instances decided; True when anything changed."""
        changed = self._journal.reload()
        if changed:
            self._refresh()
        return changed

    def _refresh(self) -> None:
        for run_id, record in self._runs.items():
            self._runs[run_id] = self._decided(record)

    def _decided(self, record: RunRecord) -> RunRecord:
        """The record with the tags and notes that people gave it in place of the writer's."""
        tags = self._journal.get(f"{record.id}.tags")
        notes = self._journal.get(f"{record.id}.notes")
        if tags is None and notes is None:
            return record
        return replace(
            record,
            tags=record.tags if tags is None else tuple(map(str, tags)),
            notes=record.notes if notes is None else str(notes),
        )

    def find(self, wanted: str) -> RunRecord:
        """The run that an id, a unique prefix of one, or a name that only one run bears stands for.

        Raises UnknownRunError, which names the nearest ones.
        """
        if wanted in self._runs:
            return self._runs[wanted]
        by_prefix = [run for one, run in self._runs.items() if one.startswith(wanted)] if wanted else []
        by_name = [run for run in self._runs.values() if wanted in (run.name, run.path)]
        for found in (by_name, by_prefix):
            if len(found) == 1:
                return found[0]
        many = by_name or by_prefix
        if many:
            ids = ", ".join(sorted(run.id for run in many)[:5])
            raise UnknownRunError(f"{wanted!r} could be any of {len(many)} runs: {ids}; give more of the id")
        raise UnknownRunError(f"no run {wanted!r}; {self._nearest(wanted)}")

    def _nearest(self, wanted: str) -> str:
        words = {run.id: run.id for run in self} | {run.name: run.id for run in self}
        near = {words[word]: word for word in reversed(get_close_matches(wanted, words, 5, 0.4))}
        if near:
            shown = [run_id if word == run_id else f"{run_id} ({word})" for run_id, word in reversed(near.items())]
            return f"nearest: {', '.join(shown[:3])}"
        return "there are no runs here" if not words else "`exptui list --csv` prints the ids"
