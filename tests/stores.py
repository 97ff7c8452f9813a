"""Small stores as MLflow and Trackio write them, and what a follower makes of a directory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exptui.follow import Follower
from exptui.journal import Journal
from exptui.records import Batch, RunRecord
from exptui.store import Store

RUN = "0123456789abcdef0123456789abcdef"

MLFLOW_TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256), lifecycle_stage VARCHAR(32));
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), user_id VARCHAR(256), status VARCHAR(9),
  start_time BIGINT, end_time BIGINT, lifecycle_stage VARCHAR(20), experiment_id INTEGER);
CREATE TABLE metrics ("key" VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,
  run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,
  PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan));
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE TABLE params ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32), PRIMARY KEY ("key", run_uuid));
CREATE TABLE tags ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32), PRIMARY KEY ("key", run_uuid));
CREATE TABLE alembic_version (version_num VARCHAR(32));
INSERT INTO experiments VALUES (1, 'digits', 'active');
"""

TRACKIO_TABLES = """
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
  run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT);
CREATE UNIQUE INDEX idx_metrics_log_id ON metrics (log_id) WHERE log_id IS NOT NULL;
CREATE INDEX idx_metrics_run_step ON metrics (run_id, step);
CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL,
  config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id));
CREATE TABLE system_metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
  run_name TEXT NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT);
CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
  run_name TEXT NOT NULL, title TEXT NOT NULL, text TEXT, level TEXT NOT NULL DEFAULT 'warn', step INTEGER,
  alert_id TEXT);
"""


@contextmanager
def database(path: Path, tables: str = "") -> Iterator[sqlite3.Connection]:
    """A database to write to, with these tables; what was written is committed at the end."""
    connection = sqlite3.connect(path)
    try:
        connection.executescript(tables)
        yield connection
        connection.commit()
    finally:
        connection.close()


def mlflow_run(db: sqlite3.Connection, run: str = RUN, name: str = "a run", status: str = "FINISHED") -> None:
    values = (run, name, "me", status, 1_700_000_000_000, 1_700_000_100_000, "active", 1)
    db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def mlflow_points(db: sqlite3.Connection, values: Iterable[float], run: str = RUN, first: int = 0) -> None:
    rows = [("loss", value, 1_700_000_000_000 + at, run, at, 0) for at, value in enumerate(values, first)]
    db.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)


def trackio_points(
    db: sqlite3.Connection, rows: Iterable[dict[str, Any]], run: str = RUN, name: str = "sgd", first: int = 0
) -> None:
    for step, row in enumerate(rows, first):
        values = (run, f"2026-01-01T00:00:{step % 60:02d}+00:00", name, step, json.dumps(row).encode(), f"log-{step}")
        db.execute(
            "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics, log_id) VALUES (?, ?, ?, ?, ?, ?)", values
        )


def mlflow_files(folder: Path, name: str = "a run", status: int = 3, run: str = RUN, **more: str) -> Path:
    """A run of MLflow's file store without any metric, in an experiment."""
    place = folder / run
    for part in ("metrics", "params", "tags"):
        (place / part).mkdir(parents=True)
    (folder / "meta.yaml").write_text("experiment_id: '1'\nlifecycle_stage: active\nname: digits\n")
    lines = {"experiment_id": "'1'", "lifecycle_stage": "active", "run_id": run, "run_name": name, "run_uuid": run}
    lines |= {"start_time": "1700000000000", "end_time": "null", "status": str(status), **more}
    (place / "meta.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return place


class Followed:
    """A directory that is looked at again and again by one follower, every run wanted."""

    def __init__(self, root: Path) -> None:
        self.store = Store(Journal([]))
        self.follower = Follower(str(root))

    def look(self) -> dict[str, RunRecord]:
        """The runs by name, once everything that is there was read and is wanted."""
        for _ in range(2):
            self._apply(self.follower.once())
            self.follower.want([run.id for run in self.store])
        return {run.name: run for run in self.store}

    def _apply(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self.store.apply(batch)

    def values(self, name: str, metric: str = "loss") -> list[float]:
        return list(self.store.series(self.look()[name].id)[metric].value)


def look(root: Path) -> dict[str, RunRecord]:
    return Followed(root).look()
