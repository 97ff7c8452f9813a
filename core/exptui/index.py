"""The index of runs: a TinyDB table that makes the second start instant. It is a cache: deleting it loses nothing.

TinyDB's own JSON storage writes in place and can lose a file to a crash or a full disk, so the storage here keeps the
tables in memory and replaces the file whole, behind a checksum. One instance per machine writes, the others read.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from exptui.documents import from_document, to_document
from exptui.records import Batch, FileSign, Progress, RunRecord
from exptui.status import judge

VERSION = 1
MAX_BYTES = 256 << 20
_REST = 100.0
"""Saving rests this many times as long as it took, and at least `_LEAST` seconds: at most 1% of a core."""
_LEAST = 2.0


_RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Indexed:
    """A record, which run of its source it is ("" where there is one), and the signs of the files it was read from."""

    record: RunRecord
    files: Mapping[str, FileSign]
    run: str = ""


def trusted(signs: Mapping[str, FileSign], now: float) -> dict[str, FileSign]:
    """The signs to keep. A file that was written just now could change again within one tick of its mtime: its sign
    is kept as one that fits no file."""
    racy = int(now * 1e9) - _RACY_NS
    return {path: sign if sign.mtime_ns < racy else sign._replace(size=-1) for path, sign in signs.items()}


def first_batch(known: Collection[Indexed], now: float) -> Batch:
    """The known runs as the first batch of a session, their states judged anew."""
    records = []
    for entry in known:
        status, evidence = judge(entry.record.signs, now)
        records.append(replace(entry.record, status=status, status_evidence=evidence))
    return Batch(tuple(records), progress=Progress(0, len(records), False))


class RunIndex:
    """Runs by id, on disk in `folder`/index.json."""

    def __init__(self, folder: Path) -> None:
        self._storage = AtomicStorage(folder / "index.json")
        self._runs = TinyDB(storage=lambda: self._storage).table("runs", cache_size=0)
        self._waiting: dict[int, dict[str, Any] | None] = {}

    def load(self) -> list[Indexed]:
        """Every run of the index. A document that is not ours is left out and will be read from its files."""
        found = []
        for document in self._runs.all():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                files = {path: FileSign(*sign) for path, sign in document["files"].items()}
                found.append(Indexed(from_document(document["record"]), files, document["run"]))
        return found

    def put(self, entries: Iterable[Indexed]) -> None:
        """Note changed runs; `save` brings them to the table and the disk."""
        for entry in entries:
            self._waiting[_document_id(entry.record.id)] = {
                "record": to_document(entry.record),
                "files": {path: list(sign) for path, sign in entry.files.items()},
                "run": entry.run,
            }

    def remove(self, ids: Iterable[str]) -> None:
        self._waiting.update((_document_id(one), None) for one in ids)

    def save(self, *, now: bool = False) -> None:
        """Write what waits, unless the last writing is too recent. Never raises: the index is only a cache."""
        if self._waiting and (now or self._storage.rested):
            self._apply()
        self._storage.flush(now=now)

    def _apply(self) -> None:
        waiting, self._waiting = self._waiting, {}
        known = [one for one in waiting if self._runs.contains(doc_id=one)]
        if known:
            self._runs.remove(doc_ids=known)
        self._runs.insert_multiple(Document(doc, one) for one, doc in waiting.items() if doc is not None)


def _document_id(run_id: str) -> int:
    return int.from_bytes(hashlib.sha1(run_id.encode("utf-8", "surrogatepass")).digest()[:7], "big") >> 1


class AtomicStorage(Storage):
    """TinyDB tables in memory, written as `header line, body` by temp file, fsync, rename, fsync of the directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._dirty = False
        self._next = 0.0
        self.quarantined = False
        self._tables = self._load()

    @property
    def rested(self) -> bool:
        return time.monotonic() >= self._next

    def read(self) -> dict[str, dict[str, Any]]:
        return self._tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self._tables = data
        self._dirty = True

    def flush(self, *, now: bool = False) -> None:
        """Replace the file when anything changed and this instance is the one that writes."""
        if not self._dirty or not (now or self.rested):
            return
        began = time.monotonic()
        with contextlib.suppress(OSError, ValueError):
            if self._leads():
                self._replace(encode(self._tables))
                self._dirty = False
        spent = time.monotonic() - began
        self._next = time.monotonic() + max(_LEAST, _REST * spent)

    def close(self) -> None:
        self.flush(now=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __del__(self) -> None:
        # The lock goes with the descriptor: another index of this process may lead then.
        lock: int | None = getattr(self, "_lock", None)
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            if self._path.stat().st_size > MAX_BYTES:
                raise ValueError("too large")
            return decode(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            self._quarantine()
            return {}

    def _quarantine(self) -> None:
        """Put a damaged index aside; it is rebuilt from the runs."""
        self.quarantined = True
        with contextlib.suppress(OSError):
            os.replace(self._path, self._path.with_name("index.damaged"))

    def _leads(self) -> bool:
        """Whether this instance holds the lock. The kernel frees it when a process dies; nobody waits for it."""
        if self._lock is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._path.with_name("index.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                return False
            self._lock = lock
        return True

    def _replace(self, content: bytes) -> None:
        temporary = self._path.with_name(f".index-{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def encode(tables: Mapping[str, Any]) -> bytes:
    body = json.dumps(tables, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b'{"exptui_index":%d,"crc":%d}\n' % (VERSION, zlib.crc32(body)) + body


def decode(content: bytes) -> dict[str, dict[str, Any]]:
    """Raises ValueError when the header, the version, the checksum or the body is not right."""
    header, _, body = content.partition(b"\n")
    said = json.loads(header)
    if not isinstance(said, dict) or said.get("exptui_index") != VERSION or said.get("crc") != zlib.crc32(body):
        raise ValueError("not an index of this version")
    tables = json.loads(body)
    if not isinstance(tables, dict):
        raise ValueError("no tables")
    return tables
