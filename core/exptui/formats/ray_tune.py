"""Ray Tune: an experiment with one directory per trial; `result.json` in it has one JSON object per report.

Only the experiment's state file tells how a trial ended. Its values that are pickled are left alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import PATIENCE, Documents, parse_json, read_bytes
from exptui.formats.jsonlines import JsonLines
from exptui.formats.plain import items, mapping, moment, text
from exptui.formats.textlog import SingleLogReader
from exptui.records import Problem, RunFacts, Signs, Status

_RESULT, _PARAMS, _ERROR, _STDOUT = "result.json", "params.json", "error.txt", "stdout"
_STATE = re.compile(r"experiment_state.*\.json$")
_STEP, _TIME = "training_iteration", "timestamp"

_OF_RAY = frozenset(
    {
        "pid", "iterations_since_restore", "time_since_restore", "timesteps_since_restore", "time_this_iter_s",
        "time_total_s", "warmup_time", "checkpoint_dir_name", "date", "done", "trial_id", "hostname", "node_ip",
        "experiment_id", "experiment_tag", "should_checkpoint",
    }
)  # fmt: skip
"""What Ray adds to each report by itself."""

_ENDS: dict[str, Status] = {"TERMINATED": "finished", "ERROR": "failed"}


class RayTuneFormat:
    name = "ray_tune"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        states = sorted(name for name in folder.files if _STATE.match(name))
        if not states:
            if _RESULT in folder.files and _is_report(folder.head(_RESULT), described=_PARAMS in folder.files):
                yield self._trial(folder.path, {folder.below(name): sign for name, sign in folder.files.items()})
            return
        shared = {folder.below(states[-1]): folder.files[states[-1]]}
        for name in sorted(folder.folders):
            files = folder.tree(name)
            if not files.keys().isdisjoint({f"{folder.below(name)}/{one}" for one in (_RESULT, _PARAMS)}):
                trial = self._trial(folder.below(name), files)
                yield replace(trial, files={**trial.files, **shared}, group=folder.path or None)

    def _trial(self, path: str, files: Mapping[str, FileSign]) -> Source:
        prefix = f"{path}/" if path else ""
        names = [prefix + name for name in (_RESULT, _PARAMS, _ERROR, _STDOUT)]
        return Source(path or ".", self, {name: files[name] for name in names if name in files})

    def reader(self, root: str, source: Source) -> Reader:
        return TrialReader(root, source.path)


def _is_report(head: bytes, *, described: bool) -> bool:
    """Whether a file begins with a report of Ray's. Beside params, one is awaited where no line is complete yet."""
    if b'"training_iteration":' in head and b'"trial_id":' in head:
        return True
    return described and b"\n" not in head


class Reports(JsonLines):
    """The reports of a trial, without what Ray adds to them."""

    def __init__(self, absolute: str, path: str) -> None:
        super().__init__(absolute, path)
        self._columns.learn((_STEP, _TIME))

    def _rows(self, lines: list[bytes], start: int) -> list[dict[str, Any]]:
        return [_reported(row) for row in super()._rows(lines, start)]


def _reported(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OF_RAY and not name.startswith("config.")}


class TrialReader:
    def __init__(self, root: str, path: str) -> None:
        self._root = root
        self._name = "" if path == "." else path.rpartition("/")[2]
        self._prefix = "" if path == "." else f"{path}/"
        self._documents = Documents(root)
        self._log = self._opened()
        self._logged = False
        self._trial = Trial()

    def _opened(self) -> SingleLogReader:
        return SingleLogReader(self._prefix + _RESULT, Reports, f"{self._root}/{self._prefix}{_RESULT}")

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        if self._prefix + _RESULT in files:
            delta = next(self._log.read(files, budget))
            self._logged = True
        elif self._logged:
            self._log, self._logged, delta.restarted = self._opened(), False, True
        self._documents.refresh([self._prefix + _PARAMS], files)
        self._find_trial(files, delta)
        delta.facts, delta.signs = self._facts(files), self._signs(files)
        self._documents.report(delta, files)
        yield delta

    def _find_trial(self, files: Mapping[str, FileSign], delta: Delta) -> None:
        """What the experiment's state says of this trial; what it said before while that file is half-written."""
        state = next((path for path in files if _STATE.match(path.rpartition("/")[2])), None)
        if state is None:
            return
        try:
            self._trial = _trials(f"{self._root}/{state}", files[state]).get(self._name, self._trial)
        except (OSError, ValueError, RecursionError) as error:
            if time.time() - files[state].mtime_ns / 1e9 <= PATIENCE:
                delta.failed = True
            else:
                delta.problems = (*(delta.problems or ()), Problem(state, None, f"unreadable: {error}"))

    def _facts(self, files: Mapping[str, FileSign]) -> RunFacts:
        params, stdout = self._prefix + _PARAMS, self._prefix + _STDOUT
        return RunFacts(
            name=self._name,
            params=self._documents.value(params) if self._documents.known(params) else self._trial.config,
            created=self._trial.started,
            console=stdout if stdout in files else None,
        )

    def _signs(self, files: Mapping[str, FileSign]) -> Signs:
        error, result = files.get(self._prefix + _ERROR), files.get(self._prefix + _RESULT)
        status = self._trial.status
        end, said = _ENDS.get(status), f"the experiment's state says {status}" if status else ""
        if end is None and error and (result is None or result.mtime_ns <= error.mtime_ns):
            end, said = "failed", f"it left {_ERROR}"  # an older error is that of an attempt which was repeated
        if end == "failed" and error:
            said += self._cause()
        return Signs(end=end, end_said=said)

    def _cause(self) -> str:
        try:
            told = read_bytes(f"{self._root}/{self._prefix}{_ERROR}").decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""
        return next((f": {line.strip()}" for line in reversed(told.splitlines()) if line.strip()), "")


class Trial:
    """One trial in the experiment's state."""

    def __init__(self, document: Mapping[str, Any] | None = None, run: Mapping[str, Any] | None = None) -> None:
        self.status = text((document or {}).get("status")) or ""
        self.config = mapping((document or {}).get("config"))
        self.started = moment((run or {}).get("start_time"))


@lru_cache(maxsize=4)
def _trials(path: str, sign: FileSign) -> Mapping[str, Trial]:
    """The trials by the names of their directories. All trials of an experiment share one file and so one reading."""
    document = parse_json(read_bytes(path))
    found = {}
    for entry in items(document.get("trial_data")) or items(document.get("checkpoints")):
        told, runtime = (_inner(one) for one in (entry if isinstance(entry, list) else [entry, None])[:2])
        place = text(told.get("relative_logdir")) or text(told.get("logdir")) or ""
        found[place.rstrip("/").rpartition("/")[2]] = Trial(told, runtime)
    return found


def _inner(value: object) -> dict[str, Any]:
    """A document that is a string in another one."""
    if not isinstance(value, str):
        return mapping(value)
    try:
        return parse_json(value.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return {}


RAY_TUNE = RayTuneFormat()
