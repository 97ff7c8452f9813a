"""Runs written by exptui's own recorder: `run.json` (replaced whole) and `metrics.jsonl` (appended to)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.jsonlines import JsonLines
from exptui.formats.plain import items, mapping, moment, prefixed, text, texts
from exptui.records import Problem, RunFacts, Signs, Status
from exptui.rundir import CONSOLE_FILE, METRICS_FILE, RUN_FILE
from exptui.tail import Restarted

_MAX_RUN_FILE = 16 << 20

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
        names = (RUN_FILE, METRICS_FILE, CONSOLE_FILE)
        files = {folder.below(name): folder.files[name] for name in names if name in folder.files}
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
        self._facts = RunFacts()

    def _open_log(self) -> JsonLines:
        path = self._prefix + METRICS_FILE
        return JsonLines(f"{self._root}/{path}", path)

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        sign = files.get(self._prefix + RUN_FILE)
        if sign is not None and sign != self._run_sign:
            self._read_run_file(sign, delta)
        self._find_console(files, delta)
        problems = [self._run_problem] if self._run_problem else []
        if self._prefix + METRICS_FILE in files:
            problems += self._read_log(budget, delta)
            self._logged = True
        elif self._logged:
            self._log, self._logged, delta.restarted = self._open_log(), False, True
        delta.problems = tuple(problems)
        yield delta

    def _find_console(self, files: Mapping[str, FileSign], delta: Delta) -> None:
        path = self._prefix + CONSOLE_FILE
        console = path if path in files else None
        if delta.facts is not None or console != self._facts.console:
            delta.facts = self._facts = replace(delta.facts or self._facts, console=console)

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
        tracker_id=text(document.get("id")),
        name=text(document.get("name")) or "",
        params=mapping(document.get("params")),
        tags=texts(document.get("tags")),
        notes=text(document.get("notes")) or "",
        hypothesis=text(document.get("hypothesis")),
        group=text(document.get("group")),
        parent=text(document.get("parent")),
        created=moment(document.get("created_at")),
        summary=mapping(document.get("summary")),
        goals={str(k): str(v) for k, v in mapping(document.get("goals")).items()},
        evaluation=mapping(document.get("evaluation")),
        requires_infra=texts(document.get("requires_infra")),
        data={"current": data} if isinstance(data, str) else mapping(data),
        data_base=text(document.get("data_base")),
        environment={**mapping(document.get("env")), **prefixed("git.", mapping(document.get("git")))},
        artifacts=tuple(one for one in items(document.get("artifacts")) if isinstance(one, dict)),
    )


def signs_of(document: Mapping[str, Any]) -> Signs:
    status = text(document.get("status")) or ""
    ended = _ENDS.get(status)
    env = mapping(document.get("env"))
    pid = env.get("pid")
    return Signs(
        end=ended,
        end_said=_end_said(document, status) if ended else "",
        heartbeat=moment(document.get("heartbeat")),
        pid=pid if isinstance(pid, int) and not isinstance(pid, bool) and 0 < pid < 2**22 + 1 else None,
        pid_started=moment(env.get("pid_started")),
        host=text(env.get("host")),
        marks_end=status == "running",
    )


def _end_said(document: Mapping[str, Any], status: str) -> str:
    error = document.get("error")
    if isinstance(error, dict):
        error = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
    return f"run.json says {status}" + (f": {error}" if isinstance(error, str) and error else "")


NATIVE = NativeFormat()
