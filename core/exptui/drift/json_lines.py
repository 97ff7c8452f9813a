"""Reader of files with one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from exptui.drift.building import (
    BLOCK,
    Block,
    ColumnBuilder,
    all_whole,
    read_in_passes,
    text_lines,
    too_coarse,
)
from exptui.drift.tables import MAX_ROWS, Table, check_columns, check_rows
from exptui.errors import DataFileError


def read_json_lines(path: Path) -> Table:
    """Reads one JSON object a line; keys of an object within it are joined with a dot. See `read_table`."""
    return read_in_passes(path, lambda source, text: _one_pass(path, source, text))


def _one_pass(path: Path, source: BinaryIO, text: set[str]) -> dict[str, ColumnBuilder]:
    builders: dict[str, ColumnBuilder] = {}
    block: list[dict[str, Any]] = []
    done = 0
    for number, line in enumerate(text_lines(path, source), start=1):
        if not line.isspace():
            block.append(_flat_object(path, number, line))
        if len(block) == BLOCK:
            done = _add_objects(path, block, builders, text, done)
            block = []
    if block:
        done = _add_objects(path, block, builders, text, done)
    if not done:
        raise DataFileError(f"{path}: empty; one JSON object a line is needed")
    return builders


def _add_objects(
    path: Path, block: list[dict[str, Any]], builders: dict[str, ColumnBuilder], text: set[str], done: int
) -> int:
    for name in dict.fromkeys(name for row in block for name in row):
        if name not in builders:
            builders[name] = ColumnBuilder(name in text, parse_json, json_word)
            check_columns(str(path), len(builders))
            builders[name].pad(done)
    for name, builder in builders.items():
        builder.add([row.get(name) for row in block])
    if done + len(block) > MAX_ROWS:
        check_rows(str(path), done + len(block))
    return done + len(block)


def _flat_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path}, line {number}: not JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise DataFileError(f"{path}, line {number}: not a JSON object")
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            flat.update({f"{key}.{inner}": _plain(deeper) for inner, deeper in item.items()})
        else:
            flat[key] = _plain(item)
    return flat


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def json_word(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def parse_json(cells: Sequence[Any]) -> Block | None:
    """Numbers from the values of a block, NaN for missing; None if one is text or true or false."""
    kinds = set(map(type, cells))
    if not kinds <= {int, float, type(None)}:
        return None
    try:
        values = np.array([math.nan if cell is None else float(cell) for cell in cells])
    except OverflowError:
        return None
    return None if float not in kinds and too_coarse(values) else (values, all_whole(values))
