"""Decisions: the baseline, notes and tags. An append-only journal is their truth; each running instance writes a
file of its own, so no lock is needed, and a decision counts as saved only when fsync has returned.

A line is `crc32 SP json`: {"v": 1, "w": writer, "seq": n, "lam": Lamport counter, "t": time, "k": key, "x": value}.
The state is the last record of each key by (lam, w, seq). Damaged lines are skipped and counted, never repaired.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exptui.places import OWN_FOLDER

RESERVE = 64 * 1024
"""Bytes of newlines written ahead, so that decisions still fit when the disk is full."""

_RACY_NS = 2_000_000_000
"""A file written this recently may change once more without a sign of it: neither its size nor its mtime need move."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One record: who decided what and when. `value` None means the decision was taken back."""

    key: str
    value: Any
    lamport: int
    writer: str
    sequence: int
    time: float

    @property
    def order(self) -> tuple[int, str, int]:
        return self.lamport, self.writer, self.sequence


class Journal:
    """All decisions of one runs directory. `places` are read; the first that can be written takes new records."""

    def __init__(self, places: list[Path]) -> None:
        self._places = places
        self._latest: dict[str, Decision] = {}
        self._read: dict[Path, tuple[int, int, int]] = {}
        self._lamport = 0
        self._sequence = 0
        self._writer = _writer()
        self._file: _JournalFile | None = None
        self._damaged: dict[Path, int] = {}
        self.unsaved: list[Decision] = []
        self.reload()

    def get(self, key: str, default: Any = None) -> Any:
        found = self._latest.get(key)
        return default if found is None or found.value is None else found.value

    def decisions(self) -> list[Decision]:
        """The standing decisions in the order they were taken."""
        return sorted(self._latest.values(), key=lambda decision: decision.order)

    @property
    def damaged(self) -> int:
        """Lines that were skipped because their checksum does not fit."""
        return sum(self._damaged.values())

    @property
    def place(self) -> Path | None:
        """The directory that new decisions go to, None before the first one."""
        return self._file.path.parent if self._file else None

    def record(self, key: str, value: Any) -> Decision:
        """Append a decision and wait until it is on the disk. Raises OSError, and keeps it in `unsaved`, when no
        place takes it; the next `record` or `retry` tries again."""
        self.reload()
        self._lamport += 1
        self._sequence += 1
        decision = Decision(key, value, self._lamport, self._writer, self._sequence, time.time())
        self._latest[key] = decision
        self.unsaved.append(decision)
        self.retry()
        return decision

    def retry(self) -> None:
        """Write what could not be written before. Raises OSError when it still cannot be."""
        while self.unsaved:
            self._append(self.unsaved[0])
            self.unsaved.pop(0)

    def reload(self) -> bool:
        """Read what other instances wrote since; True when anything changed."""
        changed = False
        for place in self._places:
            found = list[Path]()
            with contextlib.suppress(OSError):
                found = sorted(place.glob("*.jsonl"))
            for path in found:
                with contextlib.suppress(OSError):
                    changed |= self._read_file(path)
        return changed

    def _append(self, decision: Decision) -> None:
        line = encode(decision)
        errors: list[OSError] = []
        for place in [self._file.path.parent, *self._places] if self._file else self._places:
            try:
                self._file = self._file or _JournalFile(place, self._writer)
                self._file.append(line)
                return
            except OSError as error:
                # After a failed write or fsync the file's state is unknown: the next try takes a new file.
                if self._file is not None:
                    self._file.give_up()
                self._file = None
                errors.append(error)
        raise errors[-1] if errors else OSError("no place for decisions")

    def _read_file(self, path: Path) -> bool:
        status = path.stat()
        sign = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._read.get(path) == sign or (self._file is not None and path == self._file.path):
            return False
        if time.time_ns() - status.st_mtime_ns > _RACY_NS:
            self._read[path] = sign
        lines = [line for line in path.read_bytes().strip(b"\n").split(b"\n") if line.strip()]
        decisions = [decode(line) for line in lines]
        self._damaged[path] = decisions.count(None)
        taken = [self._take(decision) for decision in decisions if decision is not None]
        return any(taken)

    def _take(self, decision: Decision) -> bool:
        self._lamport = max(self._lamport, decision.lamport)
        standing = self._latest.get(decision.key)
        if standing is not None and standing.order >= decision.order:
            return False
        self._latest[decision.key] = decision
        return True


class _JournalFile:
    """One instance's own file. Appends at its own offset over a reserve of newlines."""

    def __init__(self, place: Path, writer: str) -> None:
        # Beside the runs the umask decides, so that colleagues can read; elsewhere decisions are private.
        shared = place.parent.name == OWN_FOLDER
        place.mkdir(parents=True, exist_ok=True, mode=0o777 if shared else 0o700)
        self.path = place / f"{writer}-{secrets.token_hex(3)}.jsonl"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o666 if shared else 0o600)
        self._offset = self._reserved = 0
        self._reserve()
        try:
            _sync_directory(place)
            _sync_directory(place.parent)
        except OSError:
            self.give_up()
            raise

    def append(self, line: bytes) -> None:
        written = os.pwrite(self._descriptor, line, self._offset)
        if written != len(line):
            raise OSError(f"{self.path}: only {written} of {len(line)} bytes were written")
        os.fsync(self._descriptor)
        if not os.fstat(self._descriptor).st_nlink:
            raise FileNotFoundError(f"{self.path} was removed")
        self._offset += len(line)
        if self._offset + RESERVE // 2 > self._reserved:
            self._reserve()

    def give_up(self) -> None:
        """Leave only what was acknowledged: no half a line, and no file that holds nothing."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._offset)
        if not self._offset:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _reserve(self) -> None:
        with contextlib.suppress(OSError):
            self._reserved += os.pwrite(self._descriptor, b"\n" * RESERVE, max(self._reserved, self._offset))

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._descriptor)


def encode(decision: Decision) -> bytes:
    record = {
        "v": 1, "w": decision.writer, "seq": decision.sequence, "lam": decision.lamport,
        "t": round(decision.time, 3), "k": decision.key, "x": decision.value,
    }  # fmt: skip
    body = json.dumps(record, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Decision | None:
    """The decision in one line, None when the line is damaged."""
    crc, _, body = line.partition(b" ")
    try:
        if int(crc, 16) != zlib.crc32(body):
            return None
        record = json.loads(body)
        return Decision(
            str(record["k"]), record.get("x"), int(record["lam"]), str(record["w"]), int(record["seq"]),
            float(record["t"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _writer() -> str:
    """A journal's name as a writer, like no other: host, boot, process and chance."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:8]
    except OSError:
        boot = "noboot"
    host = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:32]
    return f"{host}-{boot}-{os.getpid()}-{secrets.token_hex(3)}"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
