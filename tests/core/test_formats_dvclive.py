"""DVCLive: a table per metric, followed as they grow, and starting over when they do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directories import Directory, survives_damage, write_json


def curve(home: Path, name: str, rows: str, header: str | None = None) -> Path:
    path = home / "plots" / "metrics" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = header if header is not None else f"step\t{name.rpartition('/')[2]}\n"
    path.write_bytes((header + rows).encode())
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_metrics_are_named_by_their_place_and_read_as_they_grow(directory: Directory) -> None:
    home = directory.root / "exp" / "dvclive"
    acc = curve(home, "train/acc", "0\t0.5\n1\tna")
    write_json(home / "metrics.json", {"train": {"acc": "nan"}, "step": 1})
    (home / "params.yaml").write_text("lr: 0.1\nnet:\n  depth: 3\n")
    directory.read()
    assert directory.formats() == [("dvclive", "exp")]
    assert directory.points() == {"train/acc": [(0, 0.5)]}
    assert directory.problems() == ["unfinished last row; waiting for the rest"]
    assert (directory.record().params, directory.record().summary) == (
        {"lr": 0.1, "net": {"depth": 3}},
        {"train/acc": "nan"},
    )
    with acc.open("ab") as file:
        file.write(b"n\r\n2\t0.75\n")
    curve(home, "loss", "2\t1.5\n")
    directory.read()
    assert directory.points()["train/acc"][2] == (2, 0.75)
    assert directory.points()["loss"] == [(2, 1.5)]
    assert directory.record().metrics["train/acc"].nan == 1
    assert (directory.record().status, directory.restarts, directory.problems()) == ("running", 1, [])


@pytest.mark.parametrize(
    ("home", "path"),
    [("dvclive", "."), ("a/b/dvclive", "a/b"), ("a/live", "a/live"), ("dvclive/one/dvclive", "dvclive/one")],
)
def test_the_run_is_the_directory_or_what_a_default_name_lies_in(home: str, path: str, directory: Directory) -> None:
    curve(directory.root / home, "loss", "0\t1\n")
    directory.read()
    assert directory.formats() == [("dvclive", path)]


def test_tables_with_names_of_logs_are_not_shown_twice(directory: Directory) -> None:
    for name in ("train_loss", "results/metrics", "log"):
        curve(directory.root / "dvclive", name, "0\t1\n")
    directory.read()
    assert directory.formats() == [("dvclive", ".")]
    assert set(directory.points()) == {"train_loss", "results/metrics", "log"}


def test_a_new_training_in_the_same_place_starts_over(directory: Directory) -> None:
    home = directory.root / "dvclive"
    for name in ("loss", "acc"):
        curve(home, name, "0\t5\n1\t4\n2\t3\n")
    directory.read()
    curve(home, "loss", "0\t9\n")
    (home / "plots" / "metrics" / "acc.tsv").unlink()
    directory.read()
    assert directory.points() == {"loss": [(0, 9)]}
    shutil.rmtree(home)
    directory.read()
    curve(home, "loss", "0\t7\n")
    directory.read()
    assert directory.points() == {"loss": [(0, 7)]}


def test_times_come_first_and_step_and_time_may_be_metrics(directory: Directory) -> None:
    home = directory.root / "live"
    curve(home, "loss", "1700000000\t3\t0.5\n", "timestamp\tstep\tloss\n")
    curve(home, "time", "4\t12.5\n")
    curve(home, "note", "4\tword\n")
    directory.read()
    assert directory.points() == {"loss": [(3, 0.5)], "time": [(4, 12.5)]}
    time = directory.series["live", "dvclive"]["loss"].time
    assert time is not None
    assert list(time) == [1_700_000_000.0]
    assert directory.problems() == ["1 row(s) hold no step and number; skipped"]


def test_many_tables_are_read_within_any_budget(directory: Directory) -> None:
    for at in range(30):
        curve(directory.root / "live", f"m{at}", "".join(f"{step}\t{at}\n" for step in range(50)))
    directory.read(budget=64)
    assert {name: len(points) for name, points in directory.points().items()} == {f"m{at}": 50 for at in range(30)}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("dvclive")
    curve(root / "dvclive", "loss", "".join(f"{step}\t{step / 7}\n" for step in range(30)))
    write_json(root / "dvclive" / "metrics.json", {"loss": 1.0, "step": 3})
    survives_damage(root, seed, heals=False)
