"""Runs written by exptui's own recorder: `run.json` (replaced whole) and `metrics.jsonl` (appended to)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.jsonlines import JsonLines
from exptui.records import Problem, RunFacts, Signs, Status
from exptui.rundir import METRICS_FILE, RUN_FILE
from exptui.tail import Restarted

_MAX_RUN_FILE = 16 << 20

_LATEST = 253402300800.0
"""The end of the year 9999: a larger number, or none at all, is no moment."""

_ENDS: dict[str, Status] = {
    "finished": "finished", "failed": "failed", "killed": "interrupted", "interrupted": "interrupted",
}  # fmt: skip


class NativeFormat:
    name = "native"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        if RUN_FILE not in folder.files:
            return
        if METRICS_FILE not in folder.files and not _is_ours(folder.head(RUN_FILE)):
            return
        files = {folder.below(name): folder.files[name] for name in (RUN_FILE, METRICS_FILE) if name in folder.files}
        yield Source(folder.path or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return NativeReader(root, source.path)


def _is_ours(head: bytes) -> bool:
    return b'"exptui/' in head


class NativeReader:
    def __init__(self, root: str, path: str) -> None:
        self._root = root
        self._prefix = "" if path == "." else f"{path}/"
        self._log = self._open_log()
        self._run_sign: FileSign | None = None
        self._run_problem: Problem | None = None
        self._logged = False

    def _open_log(self) -> JsonLines:
        path = self._prefix + METRICS_FILE
        return JsonLines(f"{self._root}/{path}", path)

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        sign = files.get(self._prefix + RUN_FILE)
        if sign is not None and sign != self._run_sign:
            self._read_run_file(sign, delta)
        problems = [self._run_problem] if self._run_problem else []
        if self._prefix + METRICS_FILE in files:
            problems += self._read_log(budget, delta)
            self._logged = True
        elif self._logged:
            self._log, self._logged, delta.restarted = self._open_log(), False, True
        delta.problems = tuple(problems)
        yield delta

    def _read_log(self, budget: int, delta: Delta) -> list[Problem]:
        try:
            delta.points, delta.more = self._log.read(budget)
        except Restarted:
            self._log, self._run_sign = self._open_log(), None
            delta.restarted = delta.more = True
        except OSError as error:
            delta.failed = True
            return [Problem(self._prefix + METRICS_FILE, None, f"cannot be read: {error.strerror or error}")]
        return list(self._log.problems())

    def _read_run_file(self, sign: FileSign, delta: Delta) -> None:
        """Take the document; keep the last good state while it is half-written."""
        path = self._prefix + RUN_FILE
        try:
            document = _load(f"{self._root}/{path}")
        except (OSError, ValueError, RecursionError) as error:
            what = error.strerror if isinstance(error, OSError) else f"no valid JSON ({error})"
            self._run_problem = Problem(path, None, f"cannot be read: {what}; waiting for it to be written anew")
            delta.failed = isinstance(error, OSError)
            return
        self._run_problem, self._run_sign = None, sign
        delta.facts, delta.signs = facts_of(document), signs_of(document)


def _load(path: str) -> dict[str, Any]:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        raw = file.read(_MAX_RUN_FILE + 1)
    if len(raw) > _MAX_RUN_FILE:
        raise ValueError("larger than 16 MiB")
    document = json.loads(raw)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


def facts_of(document: Mapping[str, Any]) -> RunFacts:
    """The facts in a run.json; whatever has the wrong type counts as not said."""
    data = document.get("data")
    return RunFacts(
        tracker_id=_text(document.get("id")),
        name=_text(document.get("name")) or "",
        params=_mapping(document.get("params")),
        tags=_texts(document.get("tags")),
        notes=_text(document.get("notes")) or "",
        hypothesis=_text(document.get("hypothesis")),
        group=_text(document.get("group")),
        parent=_text(document.get("parent")),
        created=_moment(document.get("created_at")),
        summary=_mapping(document.get("summary")),
        goals={str(k): str(v) for k, v in _mapping(document.get("goals")).items()},
        evaluation=_mapping(document.get("evaluation")),
        requires_infra=_texts(document.get("requires_infra")),
        data={"current": data} if isinstance(data, str) else _mapping(data),
        data_base=_text(document.get("data_base")),
        environment={**_mapping(document.get("env")), **_prefixed("git.", _mapping(document.get("git")))},
        artifacts=tuple(one for one in _list(document.get("artifacts")) if isinstance(one, dict)),
    )


def signs_of(document: Mapping[str, Any]) -> Signs:
    status = _text(document.get("status")) or ""
    ended = _ENDS.get(status)
    env = _mapping(document.get("env"))
    pid = env.get("pid")
    return Signs(
        end=ended,
        end_said=_end_said(document, status) if ended else "",
        heartbeat=_moment(document.get("heartbeat")),
        pid=pid if isinstance(pid, int) and not isinstance(pid, bool) and 0 < pid < 2**22 + 1 else None,
        pid_started=_moment(env.get("pid_started")),
        host=_text(env.get("host")),
        marks_end=status == "running",
    )


def _end_said(document: Mapping[str, Any], status: str) -> str:
    error = document.get("error")
    if isinstance(error, dict):
        error = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
    return f"run.json says {status}" + (f": {error}" if isinstance(error, str) and error else "")


def _moment(value: object) -> float | None:
    """Seconds since the epoch from a number or ISO 8601; naive times are taken as UTC, as the recorder writes it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < _LATEST else None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return moment.timestamp() if moment.tzinfo else datetime.fromisoformat(value + "+00:00").timestamp()
        except (ValueError, OverflowError):
            return None
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(one) for one in _list(value))


def _prefixed(prefix: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + key: value for key, value in mapping.items()}


NATIVE = NativeFormat()
