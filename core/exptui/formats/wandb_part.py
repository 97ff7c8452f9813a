"""One W&B log, which is one part of a run, as far as it was read; what its records say comes apart here."""

from __future__ import annotations

import os
from itertools import compress
from pathlib import PurePosixPath
from typing import Any

from exptui.formats.base import ColumnBuilder
from exptui.formats.documents import parse_json, read_bytes
from exptui.formats.leveldblog import LogTail
from exptui.formats.protowire import WireError, fields
from exptui.formats.safeyaml import read_mapping
from exptui.formats.wandb_history import HistoryColumns
from exptui.formats.wandb_items import HISTORY
from exptui.formats.wandb_run import PartFacts
from exptui.records import Problem

MAGIC = b":W&B\xe1\xbe\x00"

_HISTORY_KEY, _SUMMARY_KEY = 2 << 3 | 2, 3 << 3 | 2
_IS_HISTORY = bytes(kind == _HISTORY_KEY for kind in range(256))
_IS_SUMMARY = bytes(kind == _SUMMARY_KEY for kind in range(256))
_IS_OTHER = bytes(kind not in (_HISTORY_KEY, _SUMMARY_KEY) for kind in range(256))
_FLIPPED = bytes(kind ^ 128 for kind in range(256))

_FEW = 32

_OWN_KEY = b"\x08_runtime\x82\x01"
"""In the summaries that W&B writes at every step, with the values that the history has as well."""


class Part:
    """One directory of a run: its log as far as it was read."""

    def __init__(self, root: str, path: str) -> None:
        self.path = path
        self.folder = f"{os.path.dirname(path)}/".lstrip("/")
        self.tail = LogTail(f"{root}/{path}", path, MAGIC)
        self.facts = PartFacts()
        self.history = HistoryColumns(self._media_path)
        self.malformed = 0
        self.unreadable: Problem | None = None
        self._root = root
        self._begun = False

    def read(self, budget: int, builder: ColumnBuilder) -> tuple[bool, bool]:
        """Take what is new; whether facts changed, and whether more can be read. Raises OSError and Restarted."""
        records, more = self.tail.records(budget)
        first = [] if self._begun else records[:1]
        self._begun = self._begun or bool(records)
        # What the first one says of the writer tells how to take the others.
        changed = any(self._take(record, builder) for record in first)
        histories, others = self._sorted(records[len(first) :])
        media = len(self.history.media)
        self.history.add(histories, builder)
        changed = changed or len(self.history.media) != media
        for record in others:
            changed = self._take(record, builder) or changed
        return changed, more

    def _sorted(self, records: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The history's records, and those of the others that say something."""
        kinds = kinds_of(records)
        histories = list(compress(records, kinds.translate(_IS_HISTORY)))
        others = list(compress(records, kinds.translate(_IS_OTHER)))
        summaries = list(compress(records, kinds.translate(_IS_SUMMARY)))
        if self.facts.whole_summaries:
            others += summaries
        elif b"".join(summaries).count(_OWN_KEY) < len(summaries):
            others += (record for record in summaries if _OWN_KEY not in record)
        return histories, others

    def _take(self, record: bytes, builder: ColumnBuilder) -> bool:
        changed = False
        try:
            for number, value in fields(memoryview(record)):
                if number == HISTORY:
                    self.history.add([record], builder)
                elif not isinstance(value, int):
                    changed = self.facts.take(number, value) or changed
        except WireError:
            self.malformed += 1
        return changed

    def _media_path(self, told: str) -> str | None:
        """A media file's path below the root; one that leads out of the run's directory is none."""
        path = PurePosixPath(told)
        return None if path.is_absolute() or ".." in path.parts else f"{self.folder}files/{path}"

    def console_path(self) -> str | None:
        path = f"{self.folder}files/output.log"
        return path if os.path.isfile(f"{self._root}/{path}") else None

    def look_beside(self) -> bool:
        """Ask the files beside the log what it does not say (yet); whether they say something new."""
        if self.facts.has_environment:
            return False
        before = self.facts.beside
        config, summary = {}, {}
        if not self.facts.begun:
            config, summary = self._document("config.yaml"), self._document("wandb-summary.json")
        self.facts.take_files(self._document("wandb-metadata.json"), config, summary)
        return self.facts.beside != before

    def _document(self, name: str) -> dict[str, Any]:
        path = f"{self._root}/{self.folder}files/{name}"
        try:
            return read_mapping(path) if name.endswith(".yaml") else parse_json(read_bytes(path))
        except (OSError, ValueError, RecursionError):
            return {}

    def problems(self) -> list[Problem]:
        found = [self.unreadable] if self.unreadable else self.tail.problems()
        malformed = self.malformed + self.history.malformed
        if malformed:
            found.append(Problem(self.path, None, f"{malformed} record(s) are no such messages; skipped"))
        return found


def _kind(record: bytes) -> int:
    """The key of the field behind the record's number, 0 where it does not begin with its number."""
    at = 1
    while at < len(record) - 1 and record[at] > 127:
        at += 1
    return record[at + 1] if record[:1] == b"\x08" and at + 1 < len(record) else 0


def kinds_of(records: list[bytes]) -> bytes:
    """The same for many records, whose numbers mostly have one length."""
    heads = b"".join([record[:6] for record in records])
    if len(heads) == 6 * len(records) and heads[::6].count(8) == len(records):
        for size in range(1, 5):
            bytes_of_number = heads[size::6]
            if bytes_of_number.isascii():
                return heads[size + 1 :: 6]
            if not bytes_of_number.translate(_FLIPPED).isascii():
                break
    if len(records) <= _FEW:
        return bytes(map(_kind, records))
    half = len(records) // 2
    return kinds_of(records[:half]) + kinds_of(records[half:])
