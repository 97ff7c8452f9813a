"""Values in documents that others wrote, taken for what they should be: whatever has the wrong type is not said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

_LATEST = 253402300800.0
"""The end of the year 9999: a larger number, or none at all, is no moment."""


def moment(value: object) -> float | None:
    """Seconds since the epoch from a number or ISO 8601; a time without a zone is taken as UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < _LATEST else None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
            return found.timestamp() if found.tzinfo else datetime.fromisoformat(value + "+00:00").timestamp()
        except (ValueError, OverflowError):
            return None
    return None


def text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(one) for one in items(value))


def prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + key: value for key, value in values.items()}
