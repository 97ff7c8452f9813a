"""JSON Lines logs written by hand-made loggers: one object a line, nested keys joined with ".".

Detectron2 and MMEngine write the same under names that end in .json, beside event files with the same numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from exptui.formats.base import HEAD_BYTES, Folder, Reader, Source
from exptui.formats.jsonlines import JsonLines
from exptui.formats.rows import STEP_KEYS, as_number, flatten
from exptui.formats.textlog import SingleLogReader

_NAME = re.compile(r"(metrics|progress|results?|log|history|train(ing)?)[\w.-]*\.(jsonl|ndjson)$", re.IGNORECASE)


class JsonlFormat:
    name = "jsonl"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        for name in sorted(folder.files):
            if _NAME.match(name) and _looks_like_a_log(folder.head(name)):
                path = folder.below(name)
                yield Source(path, self, {path: folder.files[name]})

    def reader(self, root: str, source: Source) -> Reader:
        return SingleLogReader(source.path, JsonLines, f"{root}/{source.path}")


def _looks_like_a_log(head: bytes) -> bool:
    """The first whole line is an object with a number in it. An empty file may become a log later."""
    line, newline, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if not newline and len(head) < HEAD_BYTES:
        return not line or line.startswith(b"{")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return line.startswith(b"{") and len(head) >= HEAD_BYTES
    return isinstance(row, dict) and any(as_number(value) is not None for _, value in flatten(row))


class DisguisedJsonlFormat(JsonlFormat):
    """Detectron2's `metrics.json`; MMEngine's `vis_data/scalars.json`, which has all of the other logs there."""

    def find(self, folder: Folder) -> Iterator[Source]:
        name = "scalars.json" if folder.path.rpartition("/")[2] == "vis_data" else "metrics.json"
        if name in folder.files and _names_a_step(folder.head(name)):
            events = {folder.below(one): sign for one, sign in folder.files.items() if "tfevents" in one}
            path = folder.below(name)
            yield Source(path, self, {path: folder.files[name], **events})


def _names_a_step(head: bytes) -> bool:
    """Whether the first whole line is an object with a step in it; a document of results has none."""
    line, newline, _ = head.partition(b"\n")
    try:
        row = json.loads(line) if newline else None
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and not row.keys().isdisjoint(STEP_KEYS) and _looks_like_a_log(head)


JSONL = JsonlFormat()
DISGUISED_JSONL = DisguisedJsonlFormat()
