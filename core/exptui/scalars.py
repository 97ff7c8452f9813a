"""Numbers out of whatever a training loop holds: Python, numpy, torch and jax scalars, nested mappings.

Known by their behaviour, never by their type, so that no array library is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

SEPARATOR = "/"
LONGEST_NAME = 1000
DEEPEST = 16
UNNAMED = "<unnamed>"

_TEXT = (str, bytes, bytearray)
_INT64 = 2**63


def number(value: object) -> int | float | None:
    """The number `value` stands for; None when it is none or its own methods raise.

    Booleans count as 0 and 1. Arrays count when they hold one element. Integers beyond 64 bits become
    floats, and None where no float is large enough.
    """
    if type(value) is float:
        return value
    try:
        return _number(value)
    except Exception:  # the methods called belong to the user's objects and may raise anything
        return None


def _number(value: object) -> int | float | None:
    if isinstance(value, int):
        exact = int.__index__(value)  # also for subclasses that override __int__
        return exact if -_INT64 <= exact < _INT64 else float(exact)
    if isinstance(value, float):
        return float.__float__(value)
    if value is None or isinstance(value, _TEXT):
        return None
    item = getattr(value, "item", None)
    if callable(item):
        plain = item()
        if type(plain) is float:
            return plain
        # numpy.longdouble.item() returns another longdouble: convert, do not ask again
        return _number(plain) if isinstance(plain, (int, float)) else _converted(plain)
    return _converted(value)


def _converted(value: object) -> float | None:
    if isinstance(value, _TEXT) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        return None
    return float(value)  # type: ignore[arg-type]


def number_text(value: int | float) -> str:
    """`value` as JSON; what JSON has no number for becomes "NaN", "Infinity" or "-Infinity" in quotes."""
    if isinstance(value, int):
        return int.__repr__(value)
    if math.isfinite(value):
        return float.__repr__(value)
    return f'"{spelled(value)}"'


def spelled(value: float) -> str:
    """The word for a float that is not finite."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def name_of(key: object) -> str:
    """A metric's or parameter's name from a mapping's key, which may be anything."""
    try:
        return (key if type(key) is str else str(key))[:LONGEST_NAME]
    except Exception:
        return UNNAMED


def flatten(metrics: Mapping[object, object]) -> Iterator[tuple[str, int | float | None]]:
    """Every value of a nested mapping with its name, "/" between levels; None for what is no number.

    A mapping inside itself, or nested deeper than 16 levels, counts as one value that is no number.
    """
    # a copy, because another thread may add metrics meanwhile
    return _flatten(list(metrics.items()), "", (id(metrics),))


def _flatten(
    items: list[tuple[object, object]], prefix: str, above: tuple[int, ...]
) -> Iterator[tuple[str, int | float | None]]:
    for key, value in items:
        name = prefix + name_of(key)
        if type(value) is float:
            yield name, value
            continue
        inner = _inner(value, above)
        if inner is None:
            yield name, number(value)
        else:
            yield from _flatten(inner, name + SEPARATOR, (*above, id(value)))


def _inner(value: object, above: tuple[int, ...]) -> list[tuple[object, object]] | None:
    try:
        if isinstance(value, Mapping) and id(value) not in above and len(above) < DEEPEST:
            return list(value.items())
    except Exception:
        pass
    return None
