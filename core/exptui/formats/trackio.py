"""Trackio's databases, one file a project. Fragments of the project that wait in the inbox beside it belong to its
runs: their points are told at once, and not again when they are imported."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from exptui.formats.base import FileSign, Folder, Reader, Source
from exptui.formats.rows import as_number
from exptui.formats.sqlite import Damaged, Row, Session, databases, files_of
from exptui.formats.sqlreader import DatabaseReader, Found, Stream
from exptui.formats.trackio_inbox import INBOX, Fragment, FragmentRuns, Inbox, database_name
from exptui.formats.trackio_rows import add, alert, facts_of, parsed, time_of
from exptui.records import RunFacts, Signs

_METRICS = frozenset({"timestamp", "run_name", "step", "metrics"})

_STREAMS = {
    "metrics": ("run_name", "timestamp", "step", "metrics", "log_id"),
    "system_metrics": ("run_name", "timestamp", "step", "metrics", "log_id"),
    "alerts": ("run_name", "timestamp", "step", "title", "text", "level", "alert_id"),
}

_ASKED = 500
"""Ids in one question."""


class TrackioFormat:
    name = "trackio"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        for name, tables in databases(folder):
            if tables.get("metrics", frozenset()) >= _METRICS:
                waiting = folder.tree(INBOX) if INBOX in folder.folders else {}
                fragments = {path: sign for path, sign in waiting.items() if path.endswith(".jsonl")}
                project = name.rpartition(".")[0]
                yield Source(folder.below(name), self, {**files_of(folder, name), **fragments}, group=project)

    def reader(self, root: str, source: Source) -> Reader:
        return TrackioReader(root, source.path)


class TrackioReader(DatabaseReader):
    def __init__(self, root: str, path: str) -> None:
        super().__init__(root, path)
        self._root = root
        self._file = path.rpartition("/")[2]
        self._project = self._file.rpartition(".")[0]
        self._met: set[str] = set()
        self._retold: list[str] = []
        self.forget()

    def forget(self) -> None:
        self._inbox = Inbox(self._root)
        self._fragments = FragmentRuns()
        self._waiting: dict[str, Fragment] = {}

    def streams(self, session: Session) -> list[Stream]:
        found = []
        for table, columns in _STREAMS.items():
            there = session.columns(table)
            if there >= {"run_name", "timestamp"}:
                present = ["NULL" if name not in there else name for name in columns]
                found.append(Stream(table, (_run_column(there), *present)))
        if not found or found[0].table != "metrics":
            raise Damaged("no Trackio database")
        return found

    def meet(self, rows: Sequence[Row]) -> None:
        self._met.update(row[1] for row in rows if isinstance(row[1], str))

    def runs(self, session: Session) -> Mapping[str, tuple[RunFacts, Signs]]:
        """Those with a config, and those that logged something."""
        found = {run: self._fragments.facts(run) for run in self._fragments.runs}
        there = session.columns("configs")
        configured = set()
        if there >= {"run_name", "config"}:
            columns = (_run_column(there), "run_name", "config", "created_at" if "created_at" in there else "NULL")
            for run, name, config, when in session.rows("configs", columns):
                if isinstance(run, str):
                    configured.add(run)
                    found[run] = facts_of(run, str(name), parsed(config) or {}, when, self._project)
        column = _run_column(session.columns("metrics"))
        question = f"SELECT run_name, timestamp FROM metrics WHERE {column} = ? LIMIT 1"
        for run in (self._met | (self.only or set())) - configured:
            for name, when in session.fetch(question, run):
                found[run] = facts_of(run, str(name), {}, when, self._project)
        return found

    def take(self, stream: Stream, rows: Sequence[Row], found: Found) -> None:
        for _, run, _, timestamp, step, *said, mark in rows:
            if self._waiting.pop(mark, None) is not None or run not in self.known:
                continue
            if stream.table == "alerts":
                found.delta(run).console += (alert(said[0], said[1], said[2], step, timestamp),)
                continue
            values, time = parsed(said[0]), time_of(timestamp)
            if values is None:
                self.bad_rows += 1
            elif stream.table == "metrics":
                number = as_number(step)
                add(found.points(run), values, 0.0 if number is None else number, time)
            else:
                since = time - (self.known[run][0].created or time)
                add(found.system(run), values, since if math.isfinite(since) else 0.0, time)

    def again(self, run: str) -> None:
        super().again(run)
        self._retold.append(run)

    def beside(self, session: Session, files: Mapping[str, FileSign], budget: int, found: Found) -> None:
        """Tell the fragments whose records are not in the database yet."""
        for told in self._waiting.values():
            if told.run in self._retold:
                self._fragments.add(told.run, told.said, found)
        self._retold = []
        fragments = {path: sign for path, sign in files.items() if path.endswith(".jsonl")}
        records: list[Fragment] = []
        for record in self._inbox.unread(fragments, budget) if fragments else ():
            if record is None:
                found.more = True
            elif database_name(record.project) == self._file:
                records.append(record)
        for at in range(0, len(records), _ASKED):
            part = records[at : at + _ASKED]
            imported = self._imported(session, [record.id for record in part])
            for record in part:
                if record.id not in imported and record.id not in self._waiting:
                    self._waiting[record.id] = record
                    self._fragments.take(record, Found() if self.only and record.run not in self.only else found)

    def _imported(self, session: Session, ids: list[str]) -> set[str]:
        marks = ", ".join("?" * len(ids))
        found: set[str] = set()
        for stream in self.streams(session):
            column = stream.columns[-1]
            if column != "NULL":
                query = f"SELECT {column} FROM {stream.table} WHERE {column} IN ({marks})"
                found.update(str(mark) for (mark,) in session.fetch(query, *ids))
        return found


def _run_column(there: frozenset[str]) -> str:
    """Old databases know a run by its name only."""
    return "run_id" if "run_id" in there else "run_name"


TRACKIO = TrackioFormat()
