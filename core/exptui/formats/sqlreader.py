"""What the readers of databases with many runs share: they take what is new row by row, in the order of insertion."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exptui.formats.base import ColumnBuilder, Delta, FileSign
from exptui.formats.documents import PATIENCE
from exptui.formats.sqlite import BATCH, Damaged, Database, Later, Row, Session
from exptui.records import Problem, RunFacts, Signs

_ROW_BYTES = 16
"""What a row weighs against the budget."""

_FACTS_SHARE = 20.0
"""Facts are looked at again after this many times of what that took: at most 5% of the time."""

_WINDOW = 50_000
"""Rows of all runs that one query for a single run's rows may have to pass over."""


@dataclass(slots=True)
class Stream:
    """A table that grows at its end. Its columns begin with the one that tells the run; `position` is the last row
    that was taken and `foot` that row, by which a table that was written anew is told from a grown one."""

    table: str
    columns: tuple[str, ...]
    position: int = 0
    foot: Row | None = None

    def query(self, where: str) -> str:
        return f"SELECT rowid, {', '.join(self.columns)} FROM {self.table} WHERE {where} ORDER BY rowid LIMIT ?"


_TICK = 0.05
"""Seconds by which no clock of a file system is coarser."""


class Found:
    """What one `read` gathers, a delta a run."""

    def __init__(self) -> None:
        self.deltas: dict[str, Delta] = {}
        self.more = False
        self.failed = False
        self._points: dict[str, ColumnBuilder] = {}
        self._system: dict[str, ColumnBuilder] = {}

    def delta(self, run: str) -> Delta:
        found = self.deltas.get(run)
        if found is None:
            found = self.deltas[run] = Delta(run)
        return found

    def points(self, run: str) -> ColumnBuilder:
        return self._points.get(run) or self._points.setdefault(run, ColumnBuilder())

    def system(self, run: str) -> ColumnBuilder:
        return self._system.get(run) or self._system.setdefault(run, ColumnBuilder())

    def restart(self, run: str) -> None:
        delta = self.delta(run)
        delta.restarted, delta.console = True, ()
        self._points.pop(run, None)
        self._system.pop(run, None)

    def told(self) -> Iterator[Delta]:
        for run, builder in self._points.items():
            self.delta(run).points = builder.points()
        for run, builder in self._system.items():
            self.delta(run).system = builder.points()
        yield Delta(whole=True, more=self.more, failed=self.failed)
        yield from self.deltas.values()


class DatabaseReader:
    """Reads the streams of one database. Subclasses say which, and what the rows mean."""

    def __init__(self, root: str, path: str) -> None:
        self.path = path
        self.known: dict[str, tuple[RunFacts, Signs]] = {}
        self._database = Database(f"{root}/{path}")
        self._streams: list[Stream] = []
        self._inode: int | None = None
        self._again: list[tuple[str, int, int]] = []
        self.only: set[str] | None = None
        self._facts_due = 0.0
        self._learnt: Mapping[str, FileSign] = {}
        self._dropped: set[str] = set()
        self.bad_rows = 0
        self._bad_since: float | None = None
        self._problem: Problem | None = None
        self._bare = False

    def streams(self, session: Session) -> list[Stream]:
        """The tables to follow, with the columns that they have."""
        raise NotImplementedError

    def runs(self, session: Session) -> Mapping[str, tuple[RunFacts, Signs]]:
        """What is known about every run that is to be shown."""
        raise NotImplementedError

    def take(self, stream: Stream, rows: Sequence[Row], found: Found) -> None:
        """Add rows (rowid first) of runs in `known` to what was found; rows of other runs are dropped."""
        raise NotImplementedError

    def meet(self, rows: Sequence[Row]) -> None:
        """See rows with runs that are not known, before `runs` is asked again."""

    def beside(self, session: Session, files: Mapping[str, FileSign], budget: int, found: Found) -> None:
        """Tell what lies beside the database, once everything in it was told."""

    def forget(self) -> None:
        """The database is another one: nothing that was told counts."""

    def again(self, run: str) -> None:
        self._again = [one for one in self._again if one[0] != run] + [(run, 0, -1)]
        if self.only is not None:
            self.only.add(run)
            self._learnt, self._facts_due = {}, 0.0

    def only_again(self) -> None:
        self.only = set()

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        found = Found()
        sign = files.get(self.path)
        try:
            with self._database.open() as session:
                self._prepare(session, files, found)
                self._follow(session, max(BATCH // 8, budget // _ROW_BYTES), found)
                if not found.more:
                    self.beside(session, files, budget, found)
            self._bad_since = None
            bad = f"{self.bad_rows} row(s) are no points; skipped"
            self._say(Problem(self.path, None, bad) if self.bad_rows else None, found)
            found.failed = found.failed or _fresh(files)
        except Later as error:
            self._put_off(f"cannot be read: {error}; tried again", sign, found, transient=True)
        except Damaged as error:
            self._put_off(f"cannot be read: {error}; what was read is kept", sign, found, transient=False)
        if not found.more:
            self._database.release()
        yield from found.told()

    def _put_off(self, what: str, sign: FileSign | None, found: Found, *, transient: bool) -> None:
        """Try again, and say what is wrong when that has lasted: a database may be locked, or half copied."""
        now = time.time()
        self._bad_since = now if self._bad_since is None else self._bad_since
        since = self._bad_since if sign is None or transient else min(self._bad_since, sign.mtime_ns / 1e9)
        lasting = now - since > PATIENCE
        found.more, found.failed = False, transient or not lasting
        if lasting:
            self._say(Problem(self.path, None, what), found)

    def _say(self, problem: Problem | None, found: Found) -> None:
        """Tell the problem, or that it is over, of every run; of the file itself where no run is known."""
        if problem != self._problem:
            self._problem = problem
            if self._bare or not self.known:
                self._bare = problem is not None
                found.delta("").gone = problem is None
            for run in self.known if not self._bare else [""]:
                found.delta(run).problems = (problem,) if problem else ()

    def _prepare(self, session: Session, files: Mapping[str, FileSign], found: Found) -> None:
        """Start over when this is another database, or its rows were renumbered; learn the runs."""
        fresh = self.streams(session)
        sign = files.get(self.path)
        inode = sign.inode if sign else self._inode
        shapes = [(one.table, one.columns) for one in self._streams]
        if self._streams and (
            self._inode != inode
            or shapes != [(one.table, one.columns) for one in fresh]
            or any(_foot(session, stream) != stream.foot for stream in self._streams)
        ):
            for run in self.known:
                found.restart(run)
            self._streams, self._learnt, self._facts_due, self.bad_rows = [], {}, 0.0, 0
            self._dropped = set()
            self.forget()
        self._inode = inode
        if not self._streams:
            self._streams = fresh
            if self.only is not None:
                for stream in fresh:
                    stream.position = session.fetch(f"SELECT max(rowid) FROM {stream.table}")[0][0] or 0
                    stream.foot = _foot(session, stream)
        if self._learnt == files:
            return
        if time.monotonic() < self._facts_due:
            found.failed = True  # that is soon enough: it is read again although the files stay as they are
            return
        self._learn(session, found)
        self._learnt = dict(files)

    def _learn(self, session: Session, found: Found) -> None:
        """Look at the runs again."""
        began = time.monotonic()
        runs = self.runs(session)
        for run in self.known.keys() - runs.keys():
            found.restart(run)
            found.delta(run).gone = True
        if self.only is not None:
            runs = {run: told for run, told in runs.items() if run in self.only}
        for run, (facts, signs) in runs.items():
            before = self.known.get(run)
            if before != (facts, signs):
                delta = found.delta(run)
                delta.facts, delta.signs, delta.gone = facts, signs, False
            if before is None and self.only is None and any(stream.position for stream in self._streams):
                self.again(run)  # it was hidden until now
        self.known = dict(runs)
        ended = time.monotonic()
        self._facts_due = ended + _FACTS_SHARE * (ended - began)

    def _follow(self, session: Session, limit: int, found: Found) -> None:
        limit = self._repeat(session, limit, found)
        for stream in self._streams if self.only is None else ():
            while True:
                if limit <= 0:
                    found.more = True
                    return
                count = min(limit, BATCH)
                rows = session.fetch(stream.query("rowid > ?"), stream.position, count)
                strangers = {row[1] for row in rows} - self.known.keys() - self._dropped
                if strangers:
                    self.meet(rows)
                    self._learn(session, found)
                    self._dropped |= strangers - self.known.keys()
                self.take(stream, rows, found)
                limit -= len(rows)
                if rows:
                    stream.position, stream.foot = rows[-1][0], rows[-1]
                if len(rows) < count:
                    break
        found.more = found.more or bool(self._again)

    def _repeat(self, session: Session, limit: int, found: Found) -> int:
        """Tell the runs again that were asked for, up to where the streams are."""
        while self._again and limit > 0:
            run, number, position = self._again[0]
            if (number, position) == (0, -1):
                found.restart(run)
                position = 0
            if number >= len(self._streams) or run not in self.known:
                del self._again[0]
                continue
            stream = self._streams[number]
            until, count = min(position + _WINDOW, stream.position), min(limit, BATCH)
            where = f"{stream.columns[0]} = ? AND rowid > ? AND rowid <= ?"
            rows = session.fetch(stream.query(where), run, position, until, count)
            bad = self.bad_rows
            self.take(stream, rows, found)
            self.bad_rows = self.bad_rows if self.only is not None else bad
            limit -= len(rows) + 1
            position = rows[-1][0] if len(rows) == count else until
            self._again[0] = (run, number, position) if position < stream.position else (run, number + 1, 0)
        if self._again:
            found.more = True
            return 0
        return limit


def _foot(session: Session, stream: Stream) -> Row | None:
    """The row at the stream's position, as it is now."""
    if not stream.position:
        return stream.foot
    rows = session.fetch(stream.query("rowid = ?"), stream.position, 1)
    return rows[0] if rows else None


def _fresh(files: Mapping[str, FileSign]) -> bool:
    """Whether a file could change again within one tick of its mtime: pages are written over in place."""
    return time.time() - max((sign.mtime_ns for sign in files.values()), default=0) / 1e9 < _TICK
