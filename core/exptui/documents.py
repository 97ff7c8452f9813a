"""RunRecord ↔ the JSON document that the index keeps. Non-finite numbers become the strings "NaN", "Infinity" and
"-Infinity", so that the file is strict JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from exptui.records import Media, MetricSummary, Problem, RunRecord, Signs

_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def strict(value: Any, depth: int = 0) -> Any:
    """`value` with nothing in it that strict JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else spelled(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if depth > 32:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): strict(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(one, depth + 1) for one in value]
    return str(value)


def spelled(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


_METRIC_FIELDS = tuple(field.name for field in fields(MetricSummary))
_SIGN_FIELDS = tuple(field.name for field in fields(Signs))
_PLAIN_FIELDS = tuple(
    field.name
    for field in fields(RunRecord)
    if field.name not in ("metrics", "problems", "signs", "artifacts", "media")
)
_TUPLES = ("tags", "requires_infra")


def to_document(record: RunRecord) -> dict[str, Any]:
    """Everything of a record, metrics and signs as bare lists in the order of their fields."""
    document = {name: strict(getattr(record, name)) for name in _PLAIN_FIELDS if getattr(record, name)}
    document["metrics"] = {
        name: [strict(getattr(summary, field)) for field in _METRIC_FIELDS] for name, summary in record.metrics.items()
    }
    document["signs"] = [strict(getattr(record.signs, name)) for name in _SIGN_FIELDS]
    document["problems"] = [[one.path, one.offset, one.what] for one in record.problems]
    document["artifacts"] = strict(record.artifacts)
    document["media"] = [[one.name, strict(one.step), one.kind, one.path] for one in record.media]
    return document


def from_document(document: Mapping[str, Any]) -> RunRecord:
    """The record again. Raises KeyError, TypeError or ValueError when the document is not one of ours."""
    plain = {name: document[name] for name in _PLAIN_FIELDS if name in document}
    for name in _TUPLES:
        if name in plain:
            plain[name] = tuple(plain[name])
    return RunRecord(
        **plain,
        metrics={name: _metric(values) for name, values in document["metrics"].items()},
        signs=Signs(*document["signs"]),
        problems=tuple(Problem(*one) for one in document["problems"]),
        artifacts=tuple(document["artifacts"]),
        media=tuple(Media(*one) for one in document["media"]),
    )


def _metric(values: list[Any]) -> MetricSummary:
    if str in map(type, values):
        values = [_SPELLED[one] if isinstance(one, str) else one for one in values]
    return MetricSummary(*values)
