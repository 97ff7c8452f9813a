"""One W&B record's items: keys in parts, values as JSON text. History, summary, config and stats have the same."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from exptui.formats.protowire import WireError, fields, raw, signed, text, varint
from exptui.formats.rows import flatten

HISTORY = 2
STEP, TIME = "_step", "_timestamp"

UNUSED = ""
"""The name of what is no metric: the keys that W&B adds itself."""

_OWN = frozenset({"_runtime"})

Row = dict[str, bytes]
"""The values of one history record by their names, as JSON text."""


class Logged(NamedTuple):
    """A media file, or several, that a history record tells of: its `_type`, `path` and so on."""

    name: str
    told: dict[str, Any]


def item_of(message: memoryview) -> tuple[list[str], bytes]:
    """The parts of an item's key and its JSON text: history, summary, config and stats have the same items."""
    parts: list[str] = []
    value = b""
    for number, content in fields(message):
        if number in (1, 2):
            parts.append(text(content))
        elif number == 16:
            value = bytes(raw(content))
    return parts, value


def parsed(value: bytes) -> Any:
    """JSON as W&B writes it, None where it is none."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def number_of(value: bytes) -> float | None:
    """The number that a JSON text is; words and booleans are none."""
    try:
        return float(value) if value[:1] != b'"' else None
    except ValueError:
        return None


def numbers_of(values: Sequence[bytes]) -> array[float] | None:
    """All of them at once, None when one is no plain number."""
    try:
        found = orjson.loads(b"[" + b",".join(values) + b"]")
        return array("d", found) if set(map(type, found)) <= {int, float} else None
    except (ValueError, OverflowError):
        return None


def floats_of(values: Sequence[bytes]) -> array[float]:
    found = numbers_of(values)
    if found is None:
        told = map(number_of, values)
        found = array("d", (math.nan if one is None else one for one in told))
    return found


def parts_of(key: bytes) -> list[str]:
    """The parts of a key from the bytes it is spelled in; [] when these are something else."""
    parts: list[str] = []
    view, at = memoryview(key), 0
    try:
        while at < len(key):
            size, start = varint(view, at + 1)
            if key[at] not in b"\n\x12" or start + size > len(key):
                return []
            parts.append(key[start : start + size].decode("utf-8", "replace"))
            at = start + size
    except WireError:
        return []
    return parts


def name_of(parts: list[str]) -> str:
    """The metric's name."""
    name = ".".join(parts)
    return UNUSED if name in _OWN or parts[0] == "_wandb" else name


def walk(record: bytes) -> tuple[Row, list[Logged]]:
    """One history record's values and media, however they are spelled. Raises WireError."""
    items: list[tuple[list[str], bytes]] = []
    step = 0
    for number, content in fields(memoryview(record)):
        for inner, value in fields(raw(content)) if number == HISTORY else ():
            if inner == 1:
                items.append(item_of(raw(value)))
            elif inner == 2:
                step = next((signed(one) for at, one in fields(raw(value)) if at == 1), 0)
    row: Row = {STEP: b"%d" % step}
    kinds = [parts[:-1] for parts, _ in items if len(parts) > 1 and parts[-1] == "_type"]
    media: dict[tuple[str, ...], dict[str, Any]] = {tuple(one): {} for one in kinds}
    for parts, spelled in items:
        group = next((media[key] for at in range(len(parts)) if (key := tuple(parts[:at])) in media), None)
        if group is not None:
            group[parts[-1]] = parsed(spelled)
        elif parts:
            _spread(parts, spelled, row, media)
    return row, [Logged(".".join(key), told) for key, told in media.items()]


def _spread(parts: list[str], value: bytes, row: Row, media: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """Put one item into the row: an object is several values, or a media file."""
    if value[:1] != b"{":
        row[name_of(parts)] = value
        return
    told = parsed(value)
    if isinstance(told, dict) and "_type" in told:
        media[tuple(parts)] = told
    elif isinstance(told, dict):
        for name, inner in flatten(told):
            row[name_of([*parts, name])] = json.dumps(inner).encode()
