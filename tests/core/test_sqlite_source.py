"""Databases that a training process writes while they are read: it never waits for us, and nothing of it is lost."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from exptui.formats import sqlite
from exptui.formats.sqlite import NO_TOUCH, Damaged, Database, Later
from stores import MLFLOW_TABLES, RUN, Followed, database, look, mlflow_points, mlflow_run

WRITER = """
import json, sqlite3, sys, time
path, run, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
db = sqlite3.connect(path, timeout=30, isolation_level=None)
db.execute("PRAGMA synchronous=OFF")
began, waits = time.monotonic(), []
while time.monotonic() - began < seconds:
    at, step = time.monotonic(), len(waits)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO metrics VALUES ('live', ?, ?, ?, ?, 0)", (step / 2, int(time.time() * 1000), run, step))
    db.execute("COMMIT")
    waits.append(time.monotonic() - at)
    time.sleep(0.005)
print(json.dumps(waits))
"""


def store(path: Path, rows: int, mode: str = "delete") -> None:
    with database(path, MLFLOW_TABLES) as db:
        db.execute(f"PRAGMA journal_mode={mode}")
        mlflow_run(db, status="RUNNING")
        mlflow_points(db, [float(at) for at in range(rows)])


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_writer_never_waits_for_the_reading_and_loses_nothing(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store(path, 100_000, mode)
    followed = Followed(tmp_path)
    followed.follower.want([RUN])
    command = [sys.executable, "-c", WRITER, str(path), RUN, "2"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    waits: list[float] = []

    def stop_when_caught_up() -> None:
        out, _ = writer.communicate(timeout=60)
        waits.extend(json.loads(out))
        time.sleep(2.2)
        followed.follower.stop()

    stopper = threading.Thread(target=stop_when_caught_up)
    stopper.start()
    for batch in followed.follower.forever():
        followed.store.apply(batch)
    stopper.join()
    live = followed.store.series(RUN)["live"]
    assert list(live.step) == list(range(len(waits)))
    assert list(live.value) == [step / 2 for step in range(len(waits))]
    assert len(followed.store.series(RUN)["loss"]) == 100_000
    assert max(waits) < 1.0
    assert sorted(waits)[len(waits) * 9 // 10] < 0.1


def test_a_locked_database_keeps_the_last_state_and_is_read_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store(path, 3)
    followed = Followed(tmp_path)
    assert followed.look()["a run"].metrics["loss"].count == 3
    with database(path) as db:
        mlflow_points(db, [9.0], first=3)
        db.commit()
        db.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        run = followed.look()["a run"]
        assert time.monotonic() - began < 2.0
        assert (run.metrics["loss"].count, run.problems) == (3, ())
    assert followed.look()["a run"].metrics["loss"].count == 4


def test_a_half_copied_database_keeps_the_last_state_and_is_told_when_it_lasts(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store(path, 3000)
    whole = path.read_bytes()
    followed = Followed(tmp_path)
    followed.look()
    path.write_bytes(whole[: len(whole) // 2])
    assert followed.look()["a run"].problems == ()
    path.write_bytes(whole[:1000] + bytes(len(whole) // 2))
    os.utime(path, (time.time() - 60, time.time() - 60))
    run = followed.look()["a run"]
    assert "what was read is kept" in run.problems[0].what
    assert run.metrics["loss"].count == 3000
    path.write_bytes(whole)
    run = followed.look()["a run"]
    assert (run.problems, run.metrics["loss"].count) == ((), 3000)


def test_a_broken_database_that_was_never_read_is_shown_as_such_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    os.utime(path, (time.time() - 60, time.time() - 60))
    followed = Followed(tmp_path)
    assert "cannot be read" in followed.look()["mlflow.db"].problems[0].what
    path.unlink()
    store(path, 2)
    assert set(followed.look()) == {"a run"}


def test_no_mutation_of_a_database_crashes_or_hangs(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    store(tmp_path / "good" / "mlflow.db", 5)
    store(tmp_path / "mlflow.db", 500)
    whole = (tmp_path / "mlflow.db").read_bytes()
    random.seed(2)
    followed = Followed(tmp_path)
    began = time.monotonic()
    for _ in range(40):
        raw = bytearray(whole)
        for _ in range(random.choice([1, 5, 50, 500])):
            raw[random.randrange(16, len(raw))] = random.randrange(256)
        (tmp_path / "mlflow.db").write_bytes(raw[: random.choice([len(raw), random.randrange(len(raw))])])
        followed.look()
        assert next(run for run in followed.store if run.path == "good/mlflow.db").metrics["loss"].count == 5
    assert time.monotonic() - began < 20.0


def test_a_table_that_never_ends_is_broken_off(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store(path, 1)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    with Database(str(path)).open() as session, pytest.raises(Later):
        session.fetch(endless)
    with database(path) as db:
        db.execute("DROP TABLE tags")
        db.execute(f"CREATE VIEW tags AS SELECT i AS key, i AS value, i AS run_uuid FROM ({endless})")
    began = time.monotonic()
    look(tmp_path)
    assert time.monotonic() - began < 5.0


def test_text_that_is_no_utf8_is_read_with_replacements(tmp_path: Path) -> None:
    store(tmp_path / "mlflow.db", 1)
    with database(tmp_path / "mlflow.db") as db:
        db.execute("INSERT INTO params VALUES ('bad', CAST(X'61FF62' AS TEXT), ?)", (RUN,))
    assert look(tmp_path)["a run"].params == {"bad": "a\ufffdb"}


def test_no_touch_leaves_nothing_beside_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_TOUCH, "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(sqlite.tempfile, "tempdir", None)
    runs = tmp_path / "runs"
    runs.mkdir()
    store(runs / "mlflow.db", 3, "wal")
    followed = Followed(runs)
    assert followed.values("a run") == [0.0, 1.0, 2.0]
    assert [path.name for path in runs.iterdir()] == ["mlflow.db"]
    with database(runs / "mlflow.db") as db:
        mlflow_points(db, [3.0], first=3)
        db.commit()
        assert followed.values("a run") == [0.0, 1.0, 2.0, 3.0]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_log_without_its_index_is_read_from_a_copy_where_the_index_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, mode: str) -> sqlite3.Connection:
        if mode == "ro":
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = sqlite3.SQLITE_READONLY
            raise error
        modes.append(mode)
        return connect(path, mode)

    connect, modes = sqlite._connect, list[str]()
    store(tmp_path / "mlflow.db", 3, "wal")
    monkeypatch.setattr(sqlite, "_connect", refuse)
    monkeypatch.setattr(sqlite.os, "access", lambda path, mode: False)
    assert look(tmp_path)["a run"].metrics["loss"].count == 3
    assert set(modes) == {"ro&immutable=1"}
    modes.clear()
    with database(tmp_path / "mlflow.db") as db:
        mlflow_points(db, [3.0], first=3)
        db.commit()
        assert look(tmp_path)["a run"].metrics["loss"].count == 4
        assert set(modes) == {"rw"}


def test_a_transaction_that_a_crash_left_behind_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store(path, 2000)
    with database(path) as db:
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN")
        db.execute("UPDATE metrics SET value = -1")
        half, journal = path.read_bytes(), Path(f"{path}-journal").read_bytes()
        db.rollback()
    path.write_bytes(half)
    Path(f"{path}-journal").write_bytes(journal)
    loss = look(tmp_path)["a run"].metrics["loss"]
    assert (loss.count, loss.min) == (2000, 0.0)


def test_what_is_no_database_is_told_from_one_that_is_busy(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(Damaged), Database(str(tmp_path / "text.db")).open():
        pass
    with pytest.raises(Later), Database(str(tmp_path / "none.db")).open():
        pass
    assert look(tmp_path) == {}
