"""MLflow's files and its database, as they are written, torn, damaged and changed while they are read."""

from __future__ import annotations

import math
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from stores import MLFLOW_TABLES, RUN, Followed, database, look, mlflow_files, mlflow_points, mlflow_run

OTHER = "f" * 32


def metric(place: Path, text: str, name: str = "loss") -> None:
    path = place / "metrics" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def lines(values: list[float], first: int = 0) -> str:
    return "".join(f"{1_700_000_000_000 + at} {value} {at}\n" for at, value in enumerate(values, first))


@pytest.mark.parametrize("root", ["", "mlruns", "mlruns/1", f"mlruns/1/{RUN}"])
def test_a_run_is_found_wherever_the_root_is(root: str, tmp_path: Path) -> None:
    place = mlflow_files(tmp_path / "mlruns" / "1", name='"\\U0001F377 7"')
    metric(place, lines([1.0, 0.5]))
    (place / "params" / "lr").write_text("0.1")
    run = look(tmp_path / root)["🍷 7"]
    assert (run.format, run.status, run.id) == ("mlflow_file", "finished", RUN)
    assert run.metrics["loss"].count == 2
    assert run.params == {"lr": "0.1"}
    assert run.group == (None if root.endswith(RUN) else "digits")


def test_tags_become_what_they_mean(tmp_path: Path) -> None:
    place = mlflow_files(tmp_path, status=5)
    tags = {
        "mlflow.note.content": "why\nso", "mlflow.parentRunId": OTHER, "mlflow.source.git.commit": "abc",
        "mlflow.user": "me", "stage": "baseline", "hypothesis": "more is better",
    }  # fmt: skip
    for key, value in tags.items():
        (place / "tags" / key).write_text(value)
    run = look(tmp_path)["a run"]
    assert (run.notes, run.parent, run.hypothesis, run.status) == ("why\nso", OTHER, "more is better", "interrupted")
    assert run.tags == ("hypothesis=more is better", "stage=baseline")
    assert run.environment == {"git.commit": "abc", "user": "me"}


def test_lines_of_every_age_are_read_and_bad_ones_counted(tmp_path: Path) -> None:
    place = mlflow_files(tmp_path)
    metric(place, "1700000000000 1.5 3\n1700000000001 nan 4 data abc123\n1700000000 inf\n1700000000003 -inf 6\n\n")
    metric(place, "oops\n1700000000004 1.0\t7 9\n1 2 31 2 3\n1700000000005 2.5 8\n17000000000")
    metric(place, lines([1.0]), "val/deep/checkpoint/loss é")
    run = look(tmp_path)["a run"]
    loss = run.metrics["loss"]
    assert (loss.count, loss.nan, loss.inf, loss.last, loss.last_step) == (5, 1, 2, 2.5, 8.0)
    assert set(run.metrics) == {"loss", "val/deep/checkpoint/loss é"}
    assert [problem.what for problem in run.problems] == [
        "3 line(s) are no points; skipped", "unfinished last line; waiting for the rest",
    ]  # fmt: skip


def test_what_is_no_run_is_not_shown(tmp_path: Path) -> None:
    mlflow_files(tmp_path / "1")
    mlflow_files(tmp_path / "1", run=OTHER, name="deleted", lifecycle_stage="deleted")
    mlflow_files(tmp_path / ".trash" / "2", run="e" * 32, name="trash")
    shutil.copytree(tmp_path / "1" / RUN, tmp_path / "1" / "models" / "m-1")
    (tmp_path / "1" / "models" / "m-1" / "meta.yaml").write_text("model_id: m-1\nname: m\nsource_run_id: x\n")
    (tmp_path / "models" / "best" / "version-1").mkdir(parents=True)
    (tmp_path / "models" / "best" / "version-1" / "meta.yaml").write_text(f"name: best\nrun_id: {RUN}\nversion: 1\n")
    assert set(look(tmp_path)) == {"a run"}


def test_a_half_written_meta_keeps_the_last_state_and_is_told_when_it_lasts(tmp_path: Path) -> None:
    place = mlflow_files(tmp_path, status=1)
    metric(place, lines([1.0]))
    meta, whole = place / "meta.yaml", (place / "meta.yaml").read_text()
    followed = Followed(tmp_path)
    followed.look()
    meta.write_text("")
    assert followed.look()["a run"].problems == ()
    os.utime(meta, (time.time() - 60, time.time() - 60))
    assert "unreadable" in followed.look()["a run"].problems[0].what
    meta.write_text(whole.replace("status: 1", "status: 4"))
    run = followed.look()["a run"]
    assert (run.status, run.problems) == ("failed", ())


def test_a_run_without_meta_still_has_its_metrics(tmp_path: Path) -> None:
    place = mlflow_files(tmp_path)
    metric(place, lines([1.0, 2.0]))
    (place / "tags" / "mlflow.runName").write_text("orphan")
    (place / "meta.yaml").unlink()
    run = look(tmp_path)["orphan"]
    assert (run.id, run.metrics["loss"].count) == (RUN, 2)
    assert "missing" in run.problems[0].what


def test_growing_rewritten_and_vanished_metrics_are_followed(tmp_path: Path) -> None:
    place = mlflow_files(tmp_path, status=1)
    followed = Followed(tmp_path)
    metric(place, lines([1.0, 2.0])[:-3])
    assert followed.values("a run") == [1.0]
    metric(place, lines([1.0, 2.0])[-3:] + lines([3.0], 2))
    metric(place, lines([9.0]), "new")
    assert followed.values("a run") == [1.0, 2.0, 3.0]
    assert followed.values("a run", "new") == [9.0]
    (place / "metrics" / "loss").write_text(lines([7.0]))
    assert followed.values("a run") == [7.0]
    (place / "metrics" / "new").unlink()
    assert set(followed.look()["a run"].metrics) == {"loss"}


def test_no_mutation_of_a_run_stops_the_reading_of_another(tmp_path: Path) -> None:
    random.seed(1)
    metric(mlflow_files(tmp_path / "1"), lines([1.0]))
    for number in range(30):
        place = mlflow_files(tmp_path / "2", run=f"{number:032x}", name=f"mutant {number}")
        metric(place, lines([1.0, 2.0, 3.0]))
        for path in (place / "meta.yaml", place / "metrics" / "loss"):
            raw = bytearray(path.read_bytes())
            for _ in range(20):
                raw[random.randrange(len(raw))] = random.randrange(256)
            path.write_bytes(raw)
    assert look(tmp_path)["a run"].metrics["loss"].count == 1


def test_the_database_tells_every_run(tmp_path: Path) -> None:
    with database(tmp_path / "any name #1?.sqlite", MLFLOW_TABLES) as db:
        mlflow_run(db)
        mlflow_run(db, OTHER, "hidden")
        db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (OTHER,))
        big = 1.7976931348623157e308
        for step, (value, is_nan) in enumerate([(0.5, 0), (0.0, 1), (big, 0), (-big, 0), (0.25, 0)]):
            db.execute("INSERT INTO metrics VALUES ('loss', ?, ?, ?, ?, ?)", (value, 1000 - step, RUN, step, is_nan))
        db.execute("INSERT INTO params VALUES ('lr', '0.1', ?)", (RUN,))
        db.execute("INSERT INTO tags VALUES ('mlflow.note.content', 'note', ?), ('k', 'v', ?)", (RUN, RUN))
    followed = Followed(tmp_path)
    runs = followed.look()
    run = runs["a run"]
    assert set(runs) == {"a run"}
    assert (run.id, run.format, run.status, run.group) == (RUN, "mlflow_sqlite", "finished", "digits")
    assert (run.params, run.tags, run.notes) == ({"lr": "0.1"}, ("k=v",), "note")
    assert [repr(value) for value in followed.values("a run")] == ["0.5", "nan", "inf", "-inf", "0.25"]
    assert run.metrics["loss"].last_step == 4.0
    assert math.isclose(followed.store.series(RUN)["loss"].time[0], 1.0)  # type: ignore[index]


def test_runs_come_and_go_in_a_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with database(path, MLFLOW_TABLES) as db:
        mlflow_run(db)
        mlflow_points(db, [1.0, 2.0])
    followed = Followed(tmp_path)
    assert set(followed.look()) == {"a run"}
    with database(path) as db:
        mlflow_run(db, OTHER, "other", "RUNNING")
        mlflow_points(db, [5.0], OTHER)
        mlflow_points(db, [3.0], first=2)
        db.execute("UPDATE runs SET name = 'renamed' WHERE run_uuid = ?", (RUN,))
    assert followed.values("renamed") == [1.0, 2.0, 3.0]
    assert followed.values("other") == [5.0]
    with database(path) as db:
        db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (OTHER,))
    time.sleep(0.3)
    assert set(followed.look()) == {"renamed"}
    with database(path) as db:
        db.execute("UPDATE runs SET lifecycle_stage = 'active' WHERE run_uuid = ?", (OTHER,))
    time.sleep(0.3)
    assert followed.values("other") == [5.0]


def test_a_database_that_was_emptied_or_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with database(path, MLFLOW_TABLES) as db:
        mlflow_run(db, status="RUNNING")
        mlflow_points(db, [1.0, 2.0, 3.0])
    followed = Followed(tmp_path)
    assert followed.values("a run") == [1.0, 2.0, 3.0]
    with database(path) as db:
        db.execute("DELETE FROM metrics WHERE step > 0")
        mlflow_points(db, [8.0, 9.0], first=1)
    assert followed.values("a run") == [1.0, 8.0, 9.0]
    path.unlink()
    with database(path, MLFLOW_TABLES) as db:
        mlflow_run(db)
        mlflow_points(db, [4.0])
    assert followed.values("a run") == [4.0]


def test_a_database_is_not_read_whole_for_the_points_of_one_run(tmp_path: Path) -> None:
    runs = [f"{number:032x}" for number in range(40)]
    with database(tmp_path / "mlflow.db", MLFLOW_TABLES) as db:
        for number, run in enumerate(runs):
            mlflow_run(db, run, f"run {number}")
            mlflow_points(db, [float(number)] * 50, run)
    followed = Followed(tmp_path)
    list(followed.follower.once())
    followed.follower.want([runs[7]])
    batches = list(followed.follower.once())
    assert [record.id for batch in batches for record in batch.records] == [runs[7]]
    assert [list(chunk.points["loss"].value) for batch in batches for chunk in batch.series.values()] == [[7.0] * 50]
