"""Runs as the strict JSON and the CSV that other programs rely on. Adding keys is compatible, renaming is not."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from exptui.documents import strict
from exptui.records import MetricSummary, RunRecord
from exptui.series import Series

SCHEMA = 1


def dumps(document: Mapping[str, Any]) -> str:
    """Strict JSON: what is not finite has become a string before."""
    return json.dumps(strict(document), indent=1, allow_nan=False)


def run_document(run: RunRecord) -> dict[str, Any]:
    """Everything that is known about a run, without its points."""
    return {
        "id": run.id,
        "name": run.name,
        "format": run.format,
        "path": run.path,
        "status": run.status,
        "status_evidence": run.status_evidence,
        "params": dict(run.params),
        "tags": list(run.tags),
        "notes": run.notes,
        "hypothesis": run.hypothesis,
        "group": run.group,
        "parent": run.parent,
        "created": run.created,
        "updated": run.updated,
        "metrics": {name: metric_document(summary) for name, summary in run.metrics.items()},
        "problems": [{"path": one.path, "offset": one.offset, "what": one.what} for one in run.problems],
        "summary": dict(run.summary),
        "goals": dict(run.goals),
        "evaluation": dict(run.evaluation),
        "requires_infra": list(run.requires_infra),
        "data": dict(run.data),
        "environment": dict(run.environment),
        "artifacts": list(run.artifacts),
    }


def metric_document(summary: MetricSummary) -> dict[str, Any]:
    """One metric's summary; whole steps are integers."""
    return {
        "count": summary.count,
        "last": summary.last,
        "last_step": _step(summary.last_step),
        "first_step": _step(summary.first_step),
        "min": summary.min,
        "min_step": _step(summary.min_step),
        "max": summary.max,
        "max_step": _step(summary.max_step),
        "nan": summary.nan,
        "inf": summary.inf,
    }


def series_document(series: Mapping[str, Series]) -> dict[str, Any]:
    """Every point of every metric, in file order. A point without a time has null there."""
    return {
        name: {
            "step": [_step(one) for one in column.step],
            "value": list(column.value),
            "time": None if column.time is None else [None if one != one else one for one in column.time],
        }
        for name, column in series.items()
    }


def _step(value: float | None) -> float | int | None:
    return int(value) if value is not None and float(value).is_integer() else value


def write_csv(runs: Iterable[RunRecord], out: TextIO) -> None:
    """One row a run: identity, state, then each metric's last value and each param."""
    runs = list(runs)
    metrics = sorted({name for run in runs for name in run.metrics})
    params = sorted({name for run in runs for name in run.params})
    writer = csv.writer(out)
    head = ["id", "name", "format", "path", "status", "created", "updated", "tags"]
    writer.writerow([_cell(one) for one in (*head, *metrics, *(f"param:{name}" for name in params))])
    for run in runs:
        fixed = [run.id, run.name, run.format, run.path, run.status, run.created, run.updated, " ".join(run.tags)]
        values = [run.metrics[name].last if name in run.metrics else None for name in metrics]
        row = [*fixed, *values, *(run.params.get(name) for name in params)]
        writer.writerow([_cell(one) for one in row])


def _cell(value: object) -> str | int | float:
    """Numbers as they are; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return strict(value)  # type: ignore[no-any-return]
    text = str(value).replace("\0", "␀").encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
