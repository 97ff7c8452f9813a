"""JSON Lines logs written by hand-made loggers: one object a line, nested keys joined with "."."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from exptui.formats.base import HEAD_BYTES, Folder, Reader, Source
from exptui.formats.jsonlines import JsonLines
from exptui.formats.rows import as_number, flatten
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


JSONL = JsonlFormat()
