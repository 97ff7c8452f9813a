"""Hugging Face Trainer: `trainer_state.json` in every checkpoint, and beside them once the training is over.

Each state holds the whole history up to its step. What was logged since the last save is nowhere on the disk, and a
training that resumes from a checkpoint forgets what came after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import Documents, History, rows_as_points
from exptui.formats.plain import items, mapping, text
from exptui.formats.rows import as_number
from exptui.records import Points, RunFacts, Signs

STATE = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,18})$")
_RESULTS = ("train_results.json", "all_results.json")
_CHECKPOINTS_KEPT = 3
_BEST = ("best_metric", "best_model_checkpoint")
_SETTINGS = ("max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "save_steps")


class HfTrainerFormat:
    name = "hf_trainer"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        files = {folder.below(name): folder.files[name] for name in (STATE, *_RESULTS) if name in folder.files}
        states = _newest_states(folder)
        files |= states
        if STATE not in folder.files and not states:
            return
        if "runs" in folder.folders:  # its event files have the same numbers; they only tell that it lives
            files.update((one, sign) for one, sign in folder.tree("runs").items() if "tfevents" in one)
        yield Source(folder.path or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return HfTrainerReader(root, source.path)


def _newest_states(folder: Folder) -> dict[str, FileSign]:
    """The states in the newest checkpoints; older ones are read only while these are being written."""
    numbered = sorted((int(found[1]), found[0]) for name in folder.folders if (found := _CHECKPOINT.match(name)))
    states: dict[str, FileSign] = {}
    for _, name in reversed(numbered):
        path = f"{folder.below(name)}/{STATE}"
        states.update((one, sign) for one, sign in folder.tree(name).items() if one == path)
        if len(states) == _CHECKPOINTS_KEPT:
            break
    return states


class HfTrainerReader:
    def __init__(self, root: str, path: str) -> None:
        self._prefix = "" if path == "." else f"{path}/"
        self._documents = Documents(root)
        self._history = History()
        self._points: dict[str, dict[str, Points]] = {}
        self._told: tuple[str, bool, bool] | None = None

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        results = [self._prefix + name for name in _RESULTS]
        changed = self._documents.refresh(results, files)
        path, state_changed = self._newest_state(files)
        delta = Delta()
        state = self._documents.value(path)
        over = self._is_over(path, state, files)
        if state_changed or changed or self._told != (path, over, self._documents.known(path)):
            if self._documents.known(path):
                self._history.advance(self._points.get(path, {}), delta)
            delta.facts = self._facts(state)
            delta.signs = _signs(over, state)
            self._told = (path, over, self._documents.known(path))
        self._documents.report(delta, files)
        yield delta

    def _newest_state(self, files: Mapping[str, FileSign]) -> tuple[str, bool]:
        """The path of the state with the largest step, and whether a state was read anew. Older checkpoints are read
        only where the newest is not readable yet."""
        final = self._prefix + STATE
        best, changed = final, self._refresh(final, files)
        numbered = [(int(found[1]), one) for one in files if (found := self._checkpoint(one))]
        for _, path in sorted(numbered, reverse=True):
            changed = self._refresh(path, files) or changed
            if self._documents.known(path):
                here, there = _step(self._documents.value(path)), _step(self._documents.value(best))
                return (path if not self._documents.known(best) or here > there else best), changed
        return best, changed

    def _refresh(self, path: str, files: Mapping[str, FileSign]) -> bool:
        """Read a state if it changed. Its history is kept as columns, which are much smaller than its rows."""
        changed = self._documents.refresh([path], files)
        if changed:
            self._points[path] = rows_as_points(items(self._documents.value(path).pop("log_history", None)), "step")
        self._points = {one: points for one, points in self._points.items() if one in files}
        return changed

    def _checkpoint(self, path: str) -> re.Match[str] | None:
        folder, _, name = path.removeprefix(self._prefix).rpartition("/")
        return _CHECKPOINT.match(folder) if name == STATE else None

    def _is_over(self, path: str, state: Mapping[str, Any], files: Mapping[str, FileSign]) -> bool:
        limit = as_number(state.get("max_steps")) or 0.0
        if path == self._prefix + STATE or 0 < limit <= _step(state):
            return self._documents.known(path)
        result, newest = files.get(self._prefix + _RESULTS[0]), files.get(path)
        return result is not None and newest is not None and result.mtime_ns >= newest.mtime_ns

    def _facts(self, state: Mapping[str, Any]) -> RunFacts:
        settings = {name: state[name] for name in _SETTINGS if state.get(name) is not None}
        summary = {name: state[name] for name in _BEST if state.get(name) is not None}
        for name in _RESULTS:
            summary.update(self._documents.value(self._prefix + name))
        return replace(
            RunFacts(),
            name=text(state.get("trial_name")) or "",
            params={**settings, **mapping(state.get("trial_params"))},
            summary=summary,
        )


def _step(state: Mapping[str, Any]) -> float:
    step = as_number(state.get("global_step"))
    return step if step is not None else -1.0


def _signs(over: bool, state: Mapping[str, Any]) -> Signs:
    if not over:
        return Signs(end_said="its trainer has written no final state")
    return Signs(end="finished", end_said=f"its trainer's final state is written, at step {_step(state):.0f}")


HF_TRAINER = HfTrainerFormat()
