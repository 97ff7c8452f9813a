"""What a row of Trackio says, alike in its database and in the fragments of its inbox."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from exptui.formats.base import ColumnBuilder
from exptui.formats.plain import moment, text
from exptui.formats.rows import as_number, flatten
from exptui.records import ConsoleLine, RunFacts, Signs

_OWN = "_"
"""The prefix of the config keys that Trackio sets itself."""

_ERRORS = ("error", "critical", "fatal")


def parsed(cell: object) -> dict[str, Any] | None:
    """The object in a cell of JSON, which is bytes or text; None when there is none."""
    if not isinstance(cell, bytes | str):
        return None
    try:
        found = orjson.loads(cell)
    except ValueError:
        try:
            found = json.loads(cell)  # knows the bare NaN, too
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The metrics among logged values: no media, no tables, no text."""
    for name, value in values.items():
        number = as_number(value)
        if number is not None:
            yield name, number
        elif isinstance(value, dict) and "_type" not in value:
            for key, one in flatten(value, f"{name}."):
                number = as_number(one)
                if number is not None:
                    yield key, number


def add(builder: ColumnBuilder, values: Mapping[str, Any], step: float, time: float) -> None:
    for name, number in numbers(values):
        steps, column, times = builder.column(name)
        steps.append(step)
        column.append(number)
        times.append(time)


def time_of(cell: object) -> float:
    found = moment(cell)
    return math.nan if found is None else found


def facts_of(run: str, name: str, config: Mapping[str, Any], created: object, project: str) -> tuple[RunFacts, Signs]:
    began = moment(config.get("_Created")) or moment(created)
    user = text(config.get("_Username"))
    facts = RunFacts(
        tracker_id=run if run != name else None,
        name=name,
        params={key: value for key, value in config.items() if not key.startswith(_OWN)},
        group=text(config.get("_Group")) or project,
        created=began,
        environment={"user": user} if user else {},
    )
    return facts, Signs(last_write=began or 0.0)


def alert(title: object, said: object, level: object, step: object, time: object) -> ConsoleLine:
    words = ": ".join(str(one) for one in (title, said) if one)
    where = "" if step is None else f" (step {step})"
    name = str(level or "warn").lower()
    return ConsoleLine(f"[{name}] {words}{where}", moment(time), name in _ERRORS)
