"""The two files that a recording process writes, run.json and metrics.jsonl, and the run's pulse.

Everything here may raise; `recorder.Run` is the shield between it and the training.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping

from exptui.losses import Losses, words
from exptui.rundir import (
    HEARTBEAT_SECONDS,
    METRICS_FILE,
    RUN_FILE,
    RUNNING,
    SCHEMA,
    SESSION,
    STEP,
    TIME,
    encode_value,
    environment,
    utc_text,
    write_atomically,
    write_whole,
)
from exptui.scalars import flatten, name_of, number, number_text

ORDER = (
    *("schema", "id", "name", "status", "created_at", "heartbeat", "ended_at", "params", "tags"),
    *("hypothesis", "notes", "group", "parent", "data", "data_base", "goals", "evaluation"),
    *("requires_infra", "summary", "artifacts", "env", "error", "dropped"),
)
"""The keys of run.json in the order they are written."""

HASHED_BYTES = 16 * 2**20
MOST_ARTIFACTS = 1_000
MOST_HEADS = 10_000


class MetricsFile:
    """metrics.jsonl: one system call for each record, so that a record whose append() returned outlives a
    kill -9 of the process. Not safe for threads by itself."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._identity = (0, 0)
        self._torn = False

    def open(self) -> None:
        """Open the file before the first record, while there are descriptors left. Raises OSError."""
        self._own()

    def append(self, line: bytes) -> None:
        """Write one record with its newline. Raises OSError; the next one ends a line left half written."""
        descriptor = self._own()
        if self._torn:
            line = b"\n" + line
        self._write(descriptor, line)

    def close(self) -> None:
        """Let go of the file."""
        if self._links() is not None:
            os.close(self._descriptor)
        self._descriptor = -1

    def _own(self) -> int:
        # A descriptor is only a number: a training that closes "all" files and opens a checkpoint may have
        # given ours to the checkpoint. And a file that was deleted takes writes that nobody will ever read.
        links = self._links()
        if links:
            return self._descriptor
        if links == 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        found = os.fstat(self._descriptor)
        self._identity = (found.st_dev, found.st_ino)
        if not found.st_size:
            self._begin()
        return self._descriptor

    def _begin(self) -> None:
        # Its random text makes this file differ from any other of the same length and step numbers.
        line = json.dumps({SESSION: os.urandom(8).hex(), "schema": SCHEMA, "began": utc_text(time.time())})
        self._write(self._descriptor, line.encode() + b"\n")

    def _write(self, descriptor: int, line: bytes) -> None:
        try:
            write_whole(descriptor, line)
        except BaseException:
            self._torn = True
            raise
        self._torn = False

    def _links(self) -> int | None:
        """How many names our file still has in the file system; None when the descriptor is not ours."""
        if self._descriptor < 0:
            return None
        try:
            found = os.fstat(self._descriptor)
        except OSError:
            return None
        return found.st_nlink if (found.st_dev, found.st_ino) == self._identity else None


class RunFile:
    """run.json. Each fact is encoded when told, so that the pulse only joins texts. Safe for threads."""

    def __init__(self, path: str, facts: Mapping[str, object], losses: Losses) -> None:
        self._path = path
        self._losses = losses
        self._lock = threading.RLock()
        self._texts = {key: encode_value(value) for key, value in facts.items() if value is not None}
        self._ended = False

    def put(self, **facts: object) -> None:
        """Set facts and write the file. Raises OSError; the facts are then written with the next pulse."""
        self.put_texts(**{key: encode_value(value) for key, value in facts.items()})

    def put_texts(self, **texts: str) -> None:
        """As `put`, for values that are JSON already."""
        with self._lock:
            self._texts.update(texts)
            self._write()

    def beat(self) -> None:
        """Renew the heartbeat; does nothing once the run ended."""
        with self._lock:
            if not self._ended:
                self._write()

    def end(self, status: str, error: Mapping[str, object] | None) -> None:
        """Write how and when the run ended, as the last word on it. Raises OSError."""
        with self._lock:
            self._ended = True
            facts: dict[str, object] = {"status": status, "ended_at": utc_text(time.time())}
            self.put(**facts, **({"error": error} if error else {}))

    def _write(self) -> None:
        self._texts["heartbeat"] = encode_value(utc_text(time.time()))
        if lost := self._losses.counts():
            self._texts["dropped"] = encode_value(lost)
        facts = (f' "{key}": {self._texts[key]}' for key in ORDER if key in self._texts)
        write_atomically(self._path, ("{\n" + ",\n".join(facts) + "\n}\n").encode())


class Writer:
    """Everything one process records about one run."""

    def __init__(self, directory: str, facts: Mapping[str, object], losses: Losses, heartbeat: float) -> None:
        self._directory = directory
        self._losses = losses
        self._lock = threading.RLock()  # a signal handler that logs may interrupt log()
        self._heads: dict[str, str] = {}
        self._step = 0
        self._ended = False
        self._summary: dict[str, object] = {}
        self._artifacts: dict[str, str] = {}
        self._metrics = MetricsFile(os.path.join(directory, METRICS_FILE))
        began = {"schema": SCHEMA, "status": RUNNING, "created_at": utc_text(time.time())}
        told = {**facts, **began, "env": environment()}
        self._file = RunFile(os.path.join(directory, RUN_FILE), told, losses)
        try:
            self._metrics.open()
        except OSError as error:  # the first record tries again
            losses.say("open", f"{METRICS_FILE} cannot be opened: {words(error)}")
        self._beat()
        self._stop = _start_pulse(self._beat, heartbeat, losses)

    def log(self, metrics: Mapping[object, object], step: object) -> None:
        """Append one record. Raises OSError, and TypeError when `metrics` is no mapping."""
        if not isinstance(metrics, Mapping):
            raise TypeError(f"log() takes a mapping of metrics, not {type(metrics).__name__}")
        parts: list[str] = []
        for name, value in flatten(metrics):
            if value is None:
                self._losses.value(name)
            elif name == STEP and step is None:
                step = value
            else:
                parts.append((self._heads.get(name) or self._head(name)) + number_text(value))
        with self._lock:
            if self._ended:
                raise ValueError("log() after finish()")
            chosen = self._next_step(step)
            if parts:
                line = f'{{"{STEP}": {chosen}, "{TIME}": {time.time():.3f}{"".join(parts)}}}\n'
                self._metrics.append(line.encode())

    def artifact(self, path: str, name: str | None) -> None:
        """Note a file in run.json; a second one of the same name replaces the first. Raises OSError."""
        full = os.path.abspath(path)
        name = name or os.path.basename(full)
        inside = (full + os.sep).startswith(self._directory + os.sep)
        found: dict[str, object] = {
            "path": os.path.relpath(full, self._directory) if inside else full,
            "name": name,
        }
        if not os.path.exists(full):
            self._losses.say(f"missing {name}", f"artifact {path!r} is not there yet: no size noted")
        elif os.path.isfile(full):
            found["size"] = os.path.getsize(full)
            if os.path.getsize(full) <= HASHED_BYTES:
                found["sha256"] = _digest(full)
        with self._lock:
            if name not in self._artifacts and len(self._artifacts) >= MOST_ARTIFACTS:
                self._losses.say("artifacts", f"no more than {MOST_ARTIFACTS} artifacts are noted")
                return
            self._artifacts[name] = encode_value(found)
            listed = ", ".join(self._artifacts.values())
        self._file.put_texts(artifacts=f"[{listed}]")

    def summary(self, values: Mapping[str, object]) -> None:
        """Set final values in run.json, beside those set before. Raises OSError."""
        with self._lock:
            self._summary.update({name_of(name): value for name, value in values.items()})
            told = encode_value(self._summary)
        self._file.put_texts(summary=told)

    def end(self, status: str, error: Mapping[str, object] | None) -> None:
        """Stop the pulse, close the metrics and write the end. Raises OSError."""
        if self._stop is not None:
            self._stop.set()
        with self._lock:
            self._ended = True
            try:
                self._metrics.close()
            except OSError as trouble:  # the end must be written all the same
                self._losses.say("close", f"{METRICS_FILE} may be incomplete: {words(trouble)}")
        self._file.end(status, error)

    def _head(self, name: str) -> str:
        kept = f"metric/{name}" if name in (STEP, TIME) else name
        head = f", {json.dumps(kept)}: "
        if len(self._heads) < MOST_HEADS:
            self._heads[name] = head
        return head

    def _next_step(self, step: object) -> str:
        chosen: int | float = self._step
        if step is not None:
            given = number(step)
            if given is None or not math.isfinite(given):
                self._losses.say("step", "a step that is no number is replaced by the next one")
            else:
                chosen = int(given) if given == int(given) else given
        self._step = math.floor(chosen) + 1
        return number_text(chosen)

    def _beat(self) -> None:
        try:
            self._file.beat()
        except Exception as error:  # the training goes on, and the next pulse tries again
            self._losses.say("run.json", f"run.json cannot be written: {words(error)}")


def _start_pulse(beat: Callable[[], None], heartbeat: float, losses: Losses) -> threading.Event | None:
    """Call `beat` every `heartbeat` seconds until the event is set; None when there is no such thread."""
    seconds = number(heartbeat)
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        seconds = HEARTBEAT_SECONDS
    stop = threading.Event()

    def pulse() -> None:
        while not stop.wait(seconds):
            beat()

    try:
        threading.Thread(target=pulse, name="exptui heartbeat", daemon=True).start()
    except RuntimeError as error:  # no more threads allowed
        losses.say("pulse", f"no heartbeat: {words(error)}")
        return None
    return stop


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
