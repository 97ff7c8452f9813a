"""MLflow's database: one file with the runs of many experiments."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from exptui.formats.base import Folder, Reader, Source
from exptui.formats.mlflow_facts import facts_of, seconds, signs_of
from exptui.formats.sqlite import Damaged, Row, Session, databases, files_of
from exptui.formats.sqlreader import DatabaseReader, Found, Stream
from exptui.records import RunFacts, Signs

_TABLES = frozenset({"experiments", "runs", "metrics", "params", "tags"})

_USUAL_NAME = "mlflow.db"

_METRICS = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
_RUN_FIELDS = ("run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage", "experiment_id", "user_id")

_INFINITE = 1.7976931348623157e308
"""What MLflow writes for infinity, the largest number that a database can hold."""


class MlflowSqliteFormat:
    name = "mlflow_sqlite"
    owns_folder = False

    def find(self, folder: Folder) -> Iterator[Source]:
        for name, tables in databases(folder):
            if tables.keys() >= _TABLES or (name == _USUAL_NAME and not tables):
                yield Source(folder.below(name), self, files_of(folder, name))

    def reader(self, root: str, source: Source) -> Reader:
        return MlflowSqliteReader(root, source.path)


class MlflowSqliteReader(DatabaseReader):
    def streams(self, session: Session) -> list[Stream]:
        there = session.columns("metrics")
        if not there >= {"run_uuid", "key", "value", "timestamp"}:
            raise Damaged("no MLflow database")
        return [Stream("metrics", tuple(name if name in there else "0" for name in _METRICS))]

    def runs(self, session: Session) -> Mapping[str, tuple[RunFacts, Signs]]:
        there = session.columns("runs")
        experiments = {key: _text(name) for key, name in session.rows("experiments", ("experiment_id", "name"))}
        params, tags = _texts(session, "params"), _texts(session, "tags")
        runs: dict[str, tuple[RunFacts, Signs]] = {}
        for values in session.rows("runs", tuple(name if name in there else "NULL" for name in _RUN_FIELDS)):
            fields = dict(zip(_RUN_FIELDS, values, strict=True))
            run = fields["run_uuid"]
            if isinstance(run, str) and fields["lifecycle_stage"] != "deleted":
                group = experiments.get(fields["experiment_id"])
                facts = facts_of(fields, params.get(run, {}), tags.get(run, {}), group)
                moments = [
                    one for one in (seconds(fields["start_time"]), seconds(fields["end_time"])) if one is not None
                ]
                signs = signs_of(fields, "its row in the database")
                runs[run] = facts, replace(signs, last_write=max(moments, default=0.0))
        return runs

    def take(self, stream: Stream, rows: Sequence[Row], found: Found) -> None:
        columns: dict[tuple[object, object], tuple[array[float], array[float], array[float]]] = {}
        for _, run, key, value, moment, step, is_nan in rows:
            if (type(value) is not float and type(value) is not int) or type(step) is not int:
                self.bad_rows += run in self.known
                continue
            column = columns.get((run, key))
            if column is None:
                if run not in self.known:
                    continue
                column = columns[run, key] = found.points(run).column(key if isinstance(key, str) else str(key))
            column[0].append(step)
            column[1].append(value if not is_nan and -_INFINITE < value < _INFINITE else _not_finite(value, is_nan))
            column[2].append(moment / 1000.0 if type(moment) is int else math.nan)


def _not_finite(value: float, is_nan: object) -> float:
    return math.nan if is_nan == 1 else math.copysign(math.inf, value)


def _texts(session: Session, table: str) -> dict[str, dict[str, str]]:
    """The params or the tags of every run."""
    found: dict[str, dict[str, str]] = {}
    for run, key, value in session.rows(table, ("run_uuid", "key", "value")):
        if isinstance(key, str):
            found.setdefault(run, {})[key] = _text(value) or ""
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)


MLFLOW_SQLITE = MlflowSqliteFormat()
