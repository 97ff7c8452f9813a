"""SQLite files that a training process writes meanwhile, read without being in its way.

A cursor that is kept open keeps a writer from committing: every query is fetched whole, takes few rows, and is broken
off after a second. Nothing is written; but a database in WAL mode cannot be opened without a `-shm` file beside it,
and where that must not or cannot be, a private copy is read instead.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

from exptui.formats.base import FileSign, Folder

NO_TOUCH = "EXPTUI_NO_TOUCH"
"""The environment variable that forbids to let anything be created beside a database."""

BATCH = 4000
"""Rows a query."""

_HEADER = b"SQLite format 3\0"
_WAIT = 0.2
_LONGEST = 1.0
_LARGEST_CELL = 16 << 20
_LARGEST_COPY = 2 << 30
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL,
         sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_INTERRUPT}  # fmt: skip
_SEALED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}

Row = tuple[Any, ...]
Tables = Mapping[str, frozenset[str]]


class Later(Exception):  # noqa: N818 - not an error: writers lock what they write
    """The database cannot be read for the moment."""


class Damaged(Exception):  # noqa: N818 - named for what the database is
    """The database is none, or is broken; it may be in the middle of being copied here."""


class Session:
    """An open connection without a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._until = 0.0
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_CELL)
        connection.set_progress_handler(lambda: time.monotonic() > self._until, 10_000)
        self.fetch("PRAGMA trusted_schema=OFF")

    def fetch(self, query: str, *values: object) -> list[Row]:
        """All rows of a query. Raises Later and Damaged."""
        self._until = time.monotonic() + _LONGEST
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            if "decode" in str(error).lower() and self._connection.text_factory is str:
                self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
                return self.fetch(query, *values)
            raise trouble(error) from error

    def columns(self, table: str) -> frozenset[str]:
        """The names of a real table's columns, none where there is no such table."""
        found = self.fetch(
            "SELECT c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.name = ? "
            "AND t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%'",
            table,
        )
        return frozenset(str(name) for (name,) in found)

    def tables(self) -> Tables:
        names = self.fetch("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1000")
        return {str(name): self.columns(str(name)) for (name,) in names}

    def rows(self, table: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """These columns of a whole table, in the order in which its rows were written."""
        query = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {BATCH}"
        last = -(2**63)
        while found := self.fetch(query, last):
            last = found[-1][0]
            yield from (row[1:] for row in found)


def trouble(error: sqlite3.Error) -> Later | Damaged:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return Later(str(error)) if code in _BUSY else Damaged(str(error))


class Database:
    """One database file. It is opened for each reading and closed after it; a private copy lasts until `release`,
    or until the database changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._copy: tuple[list[FileSign | None], str, weakref.finalize[..., Any]] | None = None

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Raises Later and Damaged."""
        try:
            connection = self._connected()
        except sqlite3.Error as error:
            raise trouble(error) from error
        except OSError as error:
            raise Later(error.strerror or str(error)) from error
        try:
            yield Session(connection)
        finally:
            with suppress(sqlite3.Error):
                connection.close()

    def release(self) -> None:
        if self._copy:
            self._copy[2]()
            self._copy = None

    def _connected(self) -> sqlite3.Connection:
        header = _header(self._path)
        if header and not header.startswith(_HEADER):
            raise Damaged("no SQLite database")
        if os.environ.get(NO_TOUCH) == "1" and header[18:20] == b"\2\2":
            return _connect(self._copied(), "rw")
        try:
            return _connect(self._path, "ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _SEALED:
                raise
        if not os.access(os.path.dirname(self._path), os.W_OK) and not any(self._beside()):
            return _connect(self._path, "ro&immutable=1")
        return _connect(self._copied(), "rw")

    def _beside(self) -> list[FileSign | None]:
        """The signs of the log and of the journal that belong to the database, where they hold anything."""
        signs = [_sign(self._path + end) for end in ("-wal", "-journal")]
        return [sign if sign and sign.size else None for sign in signs]

    def _copied(self) -> str:
        """The path of a private copy of the database, its log and its journal, all of one moment."""
        for _ in range(3):
            signs = [_sign(self._path), *self._beside()]
            if self._copy and self._copy[0] == signs:
                return self._copy[1]
            self.release()
            if sum(sign.size for sign in signs if sign) > _LARGEST_COPY:
                raise Damaged("too large to be copied")
            folder = tempfile.mkdtemp(prefix="exptui-")
            remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            copy = f"{folder}/copy.db"
            self._copy = signs, copy, remove
            for sign, end in zip(signs, ("", "-wal", "-journal"), strict=True):
                if sign:
                    shutil.copyfile(self._path + end, copy + end, follow_symlinks=False)
            if signs == [_sign(self._path), *self._beside()]:
                return copy
            self.release()
        raise Later("it changes all the time while it is copied")


def _connect(path: str, mode: str) -> sqlite3.Connection:
    """A connection that has read the schema already, so that what keeps it from reading has shown itself."""
    uri = f"file:{quote(path)}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _sign(path: str) -> FileSign | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return FileSign(status.st_ino, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _header(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 100) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b"no file"
    finally:
        os.close(descriptor)


_Signs = tuple[FileSign, FileSign | None]

_tables: dict[str, tuple[_Signs, Tables]] = {}
"""What was found in the databases that discovery came upon, by their paths."""


def databases(folder: Folder) -> Iterator[tuple[str, Tables]]:
    """The names of the SQLite files of a directory, with the columns of their tables ({} while that is unknown)."""
    for name, sign in folder.files.items():
        if name.endswith((".db", ".sqlite", ".sqlite3")) and folder.head(name).startswith(_HEADER):
            signs = (sign, folder.files.get(f"{name}-wal"))
            yield name, _tables_of(f"{folder.place}/{name}", signs)


def files_of(folder: Folder, name: str) -> dict[str, FileSign]:
    """The files of one database whose signs tell that it changed. The `-shm` changes by being read, and so does a
    `-wal` come into being, an empty one."""
    wal = folder.files.get(f"{name}-wal")
    files = {folder.below(name): folder.files[name]}
    return {**files, folder.below(f"{name}-wal"): wal} if wal and wal.size else files


def _tables_of(path: str, signs: _Signs) -> Tables:
    known = _tables.get(path)
    if known and known[0][0].inode == signs[0].inode and (known[1] or known[0] == signs):
        return known[1]
    database = Database(path)
    found: Tables = {}
    try:
        with database.open() as session:
            found = session.tables()
    except Damaged:
        pass
    except Later:
        return {}
    finally:
        database.release()
    if len(_tables) > 10_000:
        _tables.clear()
    _tables[path] = signs, found
    return found
