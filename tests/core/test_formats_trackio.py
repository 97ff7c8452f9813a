"""Trackio's databases of every age, and the fragments that wait in an inbox to be imported."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from stores import RUN, TRACKIO_TABLES, Followed, database, look, trackio_points

OTHER = "f" * 32
WHEN = "2026-01-01T00:00:00+00:00"


def fragment(folder: Path, records: list[dict[str, Any]], writer: str = "w1", number: int = 0) -> Path:
    path = folder / "inbox" / writer / f"{number:08d}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def record(step: int, loss: object, run: str = RUN, name: str = "sgd", **more: Any) -> dict[str, Any]:
    base = {"v": 1, "kind": "metric", "project": "digits", "run": name, "run_id": run, "metrics": {"loss": loss}}
    return {**base, "step": step, "timestamp": WHEN, "log_id": f"log-{step}", "config": None, **more}


def test_a_database_tells_runs_params_system_and_alerts(tmp_path: Path) -> None:
    with database(tmp_path / "digits.db", TRACKIO_TABLES) as db:
        rows = [{"loss": 1.0, "note": "text"}, {"loss": "NaN"}, {"loss": "-Infinity", "a": {"b": 2}}, {"loss": True}]
        trackio_points(db, rows)
        trackio_points(db, [{"loss": 7, "img": {"_type": "trackio.image", "width": 9}}], OTHER, first=100)
        config = json.dumps({"lr": 0.1, "_Username": "me", "_Created": WHEN, "_Group": "small"}).encode()
        values = (RUN, "sgd", config, WHEN)
        db.execute("INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)", values)
        system = (RUN, "2026-01-01T00:00:30+00:00", "sgd", b'{"gpu": 0.5}')
        db.execute("INSERT INTO system_metrics (run_id, timestamp, run_name, metrics) VALUES (?, ?, ?, ?)", system)
        alert = (RUN, WHEN, "sgd", "low", "below 0.9", "error", 3)
        columns = "run_id, timestamp, run_name, title, text, level, step"
        db.execute(f"INSERT INTO alerts ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", alert)
    followed = Followed(tmp_path)
    followed.look()
    runs = {run.id: run for run in followed.store}
    run, other = runs[RUN], runs[OTHER]
    assert (run.name, run.format, run.path, run.group) == ("sgd", "trackio", "digits.db", "small")
    assert (run.params, run.environment, run.created) == ({"lr": 0.1}, {"user": "me"}, 1767225600.0)
    assert run.status == "unknown"
    assert [repr(value) for value in followed.store.series(RUN)["loss"].value] == ["1.0", "nan", "-inf"]
    assert set(run.metrics) == {"loss", "a.b"}
    assert (other.name, other.group, set(other.metrics)) == ("sgd", "digits", {"loss"})
    batches = []
    followed.follower.want([])
    followed.follower.want([RUN])
    for batch in followed.follower.once():
        batches += [batch.series[RUN]] if RUN in batch.series else []
    assert [(list(one.system["gpu"].step), list(one.system["gpu"].value)) for one in batches] == [([30.0], [0.5])]
    assert [(line.text, line.is_error) for one in batches for line in one.console] == [
        ("[error] low: below 0.9 (step 3)", True)
    ]


def test_an_old_database_without_run_ids_is_read_and_so_is_what_becomes_of_it(tmp_path: Path) -> None:
    tables = """CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL,
        run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL);"""
    insert = "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)"
    path = tmp_path / "old.db"
    with database(path, tables) as db:
        for name, step in (("a", 0), ("b", 0), ("a", 1)):
            db.execute(insert, (WHEN, name, step, f'{{"loss": {step}}}'))
        db.execute(insert, (WHEN, "a", 2, "no json"))
    followed = Followed(tmp_path)
    runs = followed.look()
    assert {name: run.metrics["loss"].count for name, run in runs.items()} == {"a": 2, "b": 1}
    assert "1 row(s) are no points" in runs["a"].problems[0].what
    with database(path) as db:
        db.execute("ALTER TABLE metrics ADD COLUMN run_id TEXT")
        db.execute("UPDATE metrics SET run_id = 'id of ' || run_name")
    runs = followed.look()
    assert {run.id: run.metrics["loss"].count for run in runs.values()} == {"id of a": 2, "id of b": 1}


def test_a_database_whose_rows_are_all_in_its_log_is_found(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "digits.db")
    db.execute("PRAGMA journal_mode=WAL")
    followed = Followed(tmp_path)
    assert followed.look() == {}
    db.executescript(TRACKIO_TABLES)
    trackio_points(db, [{"loss": 1.0}])
    db.commit()
    assert followed.values("sgd") == [1.0]
    trackio_points(db, [{"loss": 2.0}], first=1)
    db.commit()
    assert followed.values("sgd") == [1.0, 2.0]
    db.close()
    assert followed.values("sgd") == [1.0, 2.0]


def test_an_inbox_without_a_database_tells_its_runs(tmp_path: Path) -> None:
    fragment(tmp_path / "t", [record(0, 1.0, config={"lr": 1, "_Group": "g"}), record(1, "NaN")])
    more = [record(2, 3.0), record(2, 3.0), {"kind": "alert", "run": "sgd", "run_id": RUN, "title": "!"}]
    path = fragment(tmp_path / "t", more, number=1)
    path.write_text(path.read_text() + "no json\n")
    fragment(tmp_path / "t", [record(5, 2.0, OTHER, "other", project="p é")], "w2")
    followed = Followed(tmp_path)
    runs = followed.look()
    assert [repr(value) for value in followed.values("sgd")] == ["1.0", "nan", "3.0"]
    run = runs["sgd"]
    assert (run.format, run.path, run.id, run.group, run.params) == ("trackio_jsonl", "t", RUN, "g", {"lr": 1})
    assert "1 line(s) are no records" in run.problems[0].what
    assert (runs["other"].group, runs["other"].metrics["loss"].last_step) == ("p é", 5.0)
    fragment(tmp_path / "t", [record(6, 1.0, OTHER, "other", log_id="x", project="p é")], "w2", 1)
    assert followed.values("other") == [2.0, 1.0]
    assert set(look(tmp_path / "t" / "inbox")) == {"sgd", "other"}


def test_fragments_are_told_once_although_they_are_imported_and_deleted(tmp_path: Path) -> None:
    with database(tmp_path / "digits.db", TRACKIO_TABLES) as db:
        trackio_points(db, [{"loss": 0.0}, {"loss": 1.0}])
    kept = fragment(tmp_path, [record(1, 1.0), record(2, 2.0)])
    waiting = fragment(tmp_path, [record(3, 3.0), record(0, 9.0, OTHER, "new", log_id="n")], number=1)
    followed = Followed(tmp_path)
    assert set(followed.look()) == {"sgd", "new"}
    assert followed.values("sgd") == [0.0, 1.0, 2.0, 3.0]
    assert {run.format for run in followed.store} == {"trackio"}
    with database(tmp_path / "digits.db") as db:
        trackio_points(db, [{"loss": 2.0}, {"loss": 3.0}, {"loss": 4.0}], first=2)
    kept.unlink()
    waiting.unlink()
    assert followed.values("sgd") == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert followed.values("new") == [9.0]
    assert Followed(tmp_path).values("sgd") == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_inbox_yields_to_the_database_that_imports_it(tmp_path: Path) -> None:
    path = fragment(tmp_path, [record(0, 1.0), record(1, 2.0)])
    followed = Followed(tmp_path)
    assert followed.look()["sgd"].format == "trackio_jsonl"
    with database(tmp_path / "digits.db", TRACKIO_TABLES) as db:
        trackio_points(db, [{"loss": 1.0}, {"loss": 2.0}])
    path.write_text(path.read_text() + "\n")
    followed.look()
    assert {(run.format, run.id) for run in followed.store} == {("trackio", RUN)}
    assert followed.values("sgd") == [1.0, 2.0]
