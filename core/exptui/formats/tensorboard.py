"""TensorBoard event files: every directory that has some is one run (tensorboard/backend/event_processing).

All event files of a directory are read and followed, in the order of their names: train and eval writers may share
a directory. Points stay in file order; a restart's overlap is a matter of the view.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.events import HParams, Scalar, parse_event
from exptui.formats.protowire import WireError
from exptui.formats.tfrecord import RecordTail
from exptui.records import Media, Problem, RunFacts, Signs
from exptui.tail import Restarted

if TYPE_CHECKING:
    from exptui.formats.event_matrix import Stretch

MAX_MEDIA = 500
"""Images, histograms and the like that are told of a run; more of them are passed over."""

LARGE = 4 << 20
"""Unread bytes that are worth loading what decodes long stretches at once."""


class TensorBoardFormat:
    name = "tensorboard"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        files = {folder.below(name): sign for name, sign in folder.files.items() if "tfevents" in name}
        if files:
            yield Source(folder.path or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return EventReader(root)


class EventReader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._reset()

    def _reset(self) -> None:
        self._tails: dict[str, RecordTail] = {}
        self._plugins: dict[str, str] = {}
        self._facts = RunFacts()
        self._signs = Signs()
        self._unreadable: dict[str, Problem] = {}
        self._malformed = 0
        self._media: list[Media] = []
        self._told: RunFacts | None = None

    def position(self) -> dict[str, Any] | None:
        tails = {path: tail.position() for path, tail in self._tails.items()}
        if self._unreadable or None in tails.values():
            return None
        return {"tails": tails, "plugins": self._plugins, "malformed": self._malformed}

    def resume(self, position: Mapping[str, Any], facts: RunFacts, signs: Signs) -> None:
        self._reset()
        for path, where in position["tails"].items():
            self._tails[path] = self._tail(path)
            self._tails[path].resume(where)
        self._plugins, self._malformed = dict(position["plugins"]), position["malformed"]
        self._facts = self._told = facts
        self._media = list(facts.media)
        self._signs = signs

    def _tail(self, path: str) -> RecordTail:
        return RecordTail(f"{self._root}/{path}", path)

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        if not self._tails.keys() <= files.keys():
            yield self._restart()
            return
        builder, delta = ColumnBuilder(), Delta()
        for path in sorted(files):
            if budget <= 0:
                delta.more = True
                break
            try:
                budget -= self._read_file(path, files[path].size, builder, budget, delta)
            except Restarted:
                yield self._restart()
                return
            if delta.more:
                break
        delta.points = builder.points()
        if len(self._media) != len(self._facts.media):
            self._facts = replace(self._facts, media=tuple(self._media))
        if self._told is not self._facts:
            delta.facts, delta.signs = self._facts, self._signs
            self._told = self._facts
        delta.problems = self._problems()
        yield delta

    def _restart(self) -> Delta:
        self._reset()
        return Delta(restarted=True, more=True, facts=RunFacts(), signs=Signs(), problems=())

    def _read_file(self, path: str, size: int, builder: ColumnBuilder, budget: int, delta: Delta) -> int:
        tail = self._tails.get(path)
        if tail is None:
            tail = self._tails[path] = self._tail(path)
        before = tail.consumed
        if tail.finder is None and size - before > LARGE:
            from exptui.formats.event_matrix import CycleFinder

            tail.finder = CycleFinder()
        try:
            records, more = tail.records(budget)
            self._unreadable.pop(path, None)
        except OSError as error:
            delta.failed = True
            self._unreadable[path] = Problem(path, None, f"cannot be read: {error.strerror or error}")
            return 0
        for record in records:
            if isinstance(record, memoryview):
                self._add(record, builder)
            else:
                _add_stretch(record, builder)
        delta.more = delta.more or more
        return tail.consumed - before

    def _add(self, record: memoryview, builder: ColumnBuilder) -> None:
        try:
            event = parse_event(record, self._plugins)
        except WireError:
            self._malformed += 1
            return
        for value in event.values:
            if isinstance(value, Scalar):
                step, numbers, time = builder.column(value.tag)
                step.append(event.step)
                numbers.append(value.value)
                time.append(event.wall_time if event.wall_time else math.nan)
            elif isinstance(value, HParams):
                self._take_hparams(value)
            elif len(self._media) < MAX_MEDIA:
                self._media.append(Media(value.tag, event.step, value.kind))

    def _take_hparams(self, found: HParams) -> None:
        if found.params is not None:
            self._facts = replace(self._facts, params={**self._facts.params, **found.params}, created=found.started)
        if found.ended is not None:
            said = f"its hparams say {found.ended}"
            self._signs = replace(self._signs, end=found.ended, end_said=said)
            self._facts = replace(self._facts)

    def _problems(self) -> tuple[Problem, ...]:
        found = list(self._unreadable.values())
        for tail in self._tails.values():
            found.extend(tail.problems())
        if self._malformed:
            found.append(Problem(next(iter(self._tails)), None, f"{self._malformed} record(s) are no events; skipped"))
        return tuple(found)


def _add_stretch(stretch: Stretch, builder: ColumnBuilder) -> None:
    for column in stretch.columns:
        step, numbers, time = builder.column(column.tag)
        step.extend(column.step)
        numbers.extend(column.value)
        time.extend(column.time)


TENSORBOARD = TensorBoardFormat()
