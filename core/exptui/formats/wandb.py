"""Runs of Weights & Biases: directories with a transaction log `run-<id>.wandb`, wherever they lie.

The log has everything, for online and offline runs; the files beside it are asked only while it says nothing. A run
that was resumed has several directories with one id: they are read one behind the other as one run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.wandb_part import Part
from exptui.records import Problem, RunFacts, Signs
from exptui.tail import Restarted

_LOG = re.compile(r"run-(.+)\.wandb")
_STAMP = re.compile(r"run-(\d{8}_\d{6})-")


class WandbFormat:
    name = "wandb"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        logs = [(name, found[1]) for name in sorted(folder.files) if (found := _LOG.fullmatch(name))]
        for name, run_id in logs:
            path = folder.path or "." if len(logs) == 1 else folder.below(name)
            yield Source(path, self, {folder.below(name): folder.files[name]}, join=run_id)

    def reader(self, root: str, source: Source) -> Reader:
        return WandbReader(root)


class WandbReader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._reset()

    def _reset(self) -> None:
        self._parts: dict[str, Part] = {}
        self._told: tuple[str | None, ...] | None = None
        self._system = ColumnBuilder()

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        order = sorted(files, key=_moment)
        known = list(self._parts)
        if order[: len(known)] != known:
            # A part is gone, or has come before one that was read.
            yield self._restart()
            return
        builder, delta, changed = ColumnBuilder(), Delta(), False
        for path in order:
            if budget <= 0:
                delta.more = True
            if delta.more:
                break
            try:
                used, new = self._read_part(path, builder, budget, delta)
            except Restarted:
                yield self._restart()
                return
            budget, changed = budget - used, changed or new
        parts = list(self._parts.values())
        delta.points = builder.points()
        delta.console = tuple(chain.from_iterable(part.facts.console.take() for part in parts))
        delta.system = self._system.points()
        self._system = ColumnBuilder()
        delta.problems = tuple(problem for part in parts for problem in part.problems())
        self._tell(parts, delta, changed)
        yield delta

    def _restart(self) -> Delta:
        self._reset()
        return Delta(restarted=True, more=True, facts=RunFacts(), signs=Signs(), problems=())

    def _read_part(self, path: str, builder: ColumnBuilder, budget: int, delta: Delta) -> tuple[int, bool]:
        part = self._parts.get(path)
        if part is None:
            part = self._parts[path] = Part(self._root, path)
        part.facts.system = self._system
        before = part.tail.consumed
        try:
            changed, delta.more = part.read(budget, builder)
            part.unreadable = None
        except OSError as error:
            delta.failed = True
            part.unreadable = Problem(path, None, f"cannot be read: {error.strerror or error}")
            return 0, False
        changed = part.look_beside() or changed
        return part.tail.consumed - before, changed

    def _tell(self, parts: list[Part], delta: Delta, changed: bool) -> None:
        """The facts where they changed, and the signs, which every record may change."""
        delta.signs = _signs(parts)
        console = tuple(part.console_path() for part in parts)
        if changed or console != self._told:
            self._told = console
            delta.facts = _facts(parts, next(filter(None, reversed(console)), None))


def _moment(path: str) -> tuple[str, str]:
    """By when its directory was made, whatever mode it ran in."""
    found = _STAMP.search(os.path.basename(os.path.dirname(path)))
    return (found[1] if found else "", path)


def _signs(parts: list[Part]) -> Signs:
    """The end is that of the last part in which something was written."""
    begun = [part for part in parts if part.facts.begun]
    last = begun[-1] if begun else None
    times = [time for part in parts for time in (part.facts.newest, part.history.newest) if time is not None]
    patience = parts[-1].facts.patience if parts else None
    if last is None:
        return Signs(end_said="nothing has been written out yet", patience=patience)
    return Signs(
        end=last.facts.end,
        end_said=last.facts.end_said,
        heartbeat=max(times, default=None),
        marks_end=True,
        patience=patience,
    )


def _facts(parts: list[Part], console: str | None) -> RunFacts:
    """What the parts say together: the later one's word counts, and the first one's beginning."""
    texts: dict[str, str] = {}
    params: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    goals: dict[str, str] = {}
    for part in parts:
        texts |= {key: value for key, value in part.facts.texts.items() if value}
        params |= part.facts.config or part.facts.beside.config
        environment |= {**part.facts.beside.environment, **part.facts.environment}
        goals |= part.facts.goals
        summary |= part.facts.summary or part.facts.beside.summary
    media = tuple(chain.from_iterable(part.history.media for part in parts))
    logged = {one.name for one in media}.union(*(part.history.metrics for part in parts))
    found = _LOG.fullmatch(os.path.basename(parts[0].path)) if parts else None
    return RunFacts(
        tracker_id=texts.get("id") or (found[1] if found else None),
        name=texts.get("name", ""),
        params=params,
        tags=next((part.facts.tags for part in reversed(parts) if part.facts.tags), ()),
        notes=texts.get("notes", ""),
        group=texts.get("group"),
        created=next((at for part in parts if (at := part.facts.created or part.facts.beside.created)), None),
        summary={key: value for key, value in summary.items() if not _is_logged(key, logged)},
        goals=goals,
        environment=environment,
        console=console,
        media=media,
    )


def _is_logged(key: str, logged: set[str]) -> bool:
    """Whether a summary's value is one of the history: the last, or `min` and the like under the metric's name."""
    return key in logged or key.rpartition(".")[0] in logged


WANDB = WandbFormat()
