"""Lightning's CSVLogger, and other tables that training frameworks write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directories import Directory, survives_damage, write_events, write_lines


def version(root: Path, table: str, hparams: str | None = "lr: 0.1\n", name: str = "lightning_logs/version_0") -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text(table)
    if hparams is not None:
        (folder / "hparams.yaml").write_text(hparams)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_the_table_is_sparse_and_the_params_lie_beside_it(directory: Directory) -> None:
    table = 'epoch,"grad/norm, late",step,train_loss\n0,,4,1.5\n0,0.5,4,\n1,,9,nan\n'
    version(directory.root, table, "lr: 0.1\nnet: !!python/name:torch.nn.ReLU ''\nhidden: [1, 2]\n")
    directory.read()
    assert directory.formats() == [("lightning_csv", "lightning_logs/version_0")]
    assert directory.points()["epoch"] == [(4, 0), (4, 0), (9, 1)]
    assert directory.points()["grad/norm, late"] == [(4, 0.5)]
    assert directory.record().metrics["train_loss"].nan == 1
    assert directory.record().params == {"lr": 0.1, "net": "torch.nn.ReLU", "hidden": [1, 2]}
    assert directory.record().status == "running"


@pytest.mark.parametrize("name", ["logs/exp/v-final", "lightning_logs/abc", "logs/version_7"])
def test_a_version_may_have_any_name(name: str, directory: Directory) -> None:
    version(directory.root, "epoch,step\n0,1\n", name=name)
    directory.read()
    assert directory.formats() == [("lightning_csv", name)]


@pytest.mark.parametrize("columns", [3, 200])
def test_a_new_metric_rewrites_the_table_and_doubles_nothing(columns: int, directory: Directory) -> None:
    names = [f"metric_{at:03}" for at in range(columns)]
    rows = [f"0,{step}," + ",".join(["0.5"] * columns) for step in range(50)]
    folder = version(directory.root, "\n".join(["epoch,step," + ",".join(names), *rows]) + "\n")
    directory.read()
    with (folder / "metrics.csv").open("r+") as file:
        again = [f"{row}," for row in rows] + ["1,50," + "," * columns + "7.0"]
        file.write("\n".join(["epoch,step," + ",".join([*names, "z_late"]), *again]) + "\n")
    directory.read()
    assert directory.points()["metric_000"] == [(step, 0.5) for step in range(50)]
    assert directory.points()["z_late"] == [(50, 7.0)]
    assert directory.problems() == []


def test_a_resume_deletes_the_table_and_writes_another(directory: Directory) -> None:
    folder = version(directory.root, "epoch,step,loss\n0,1,5.0\n0,2,4.0\n")
    directory.read()
    (folder / "metrics.csv").unlink()
    directory.read()
    assert directory.formats() == [("lightning_csv", "lightning_logs/version_0")]
    (folder / "metrics.csv").write_text("epoch,step,loss\n1,3,3.0\n")
    directory.read()
    assert directory.points()["loss"] == [(3, 3.0)]


def test_the_events_of_a_version_are_not_shown_beside_its_table(directory: Directory) -> None:
    folder = version(directory.root, "epoch,step,loss\n0,1,5.0\n")
    write_events(folder / "events.out.tfevents.1")
    directory.read()
    assert directory.formats() == [("lightning_csv", "lightning_logs/version_0")]


def test_params_that_cannot_be_read_cost_the_params_alone(directory: Directory) -> None:
    folder = version(directory.root, "epoch,step,loss\n0,1,5.0\n", "lr: [1\n")
    directory.read()
    assert directory.points()["loss"] == [(1, 5.0)]
    (folder / "hparams.yaml").write_text("lr: 0.5\n")
    directory.read()
    assert (directory.record().params, directory.problems()) == ({"lr": 0.5}, [])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("lightning")
    version(root, "epoch,step,loss\n" + "".join(f"0,{at},{at / 7}\n" for at in range(40)))
    survives_damage(root, seed, heals=False)


def test_ultralytics_pads_its_header_and_counts_time_from_the_start(directory: Directory) -> None:
    table = "                  epoch,      time,         train/box_loss\n                      1,    12.5,     1.25\n"
    (directory.root / "results.csv").write_text(table)
    directory.read()
    assert directory.formats() == [("csv", "results.csv")]
    assert directory.points() == {"time": [(1, 12.5)], "train/box_loss": [(1, 1.25)]}
    assert directory.record().status == "running"


def test_the_monitor_of_stable_baselines_counts_episodes(directory: Directory) -> None:
    table = '#{"t_start": 1.7e9, "env_id": "Pole"}\nr,l,t\n1.5,20,0.1\n2.5,30,0.2\n'
    (directory.root / "0.monitor.csv").write_text(table)
    directory.read()
    assert directory.points()["r"] == [(0, 1.5), (1, 2.5)]


def test_keras_repeats_epochs_and_says_na(directory: Directory) -> None:
    table = "epoch,loss,val_loss\n0,1.5,NA\n1,1.0,NA\nepoch,loss,val_loss\n0,0.5,0.75\n"
    (directory.root / "training.csv").write_text(table)
    directory.read()
    assert directory.points() == {"loss": [(0, 1.5), (1, 1.0), (0, 0.5)], "val_loss": [(0, 0.75)]}


def test_lines_of_json_behind_another_name_are_read_without_their_events(directory: Directory) -> None:
    for name in ("a/metrics.json", "b/vis_data/scalars.json", "b/vis_data/20260101.json"):
        write_lines(directory.root / name, *({"iter": at, "loss": 1 / at, "time": 0.1} for at in (10, 20)))
        write_events((directory.root / name).parent / "events.out.tfevents.1")
    write_lines(directory.root / "c" / "metrics.json", {"acc": 0.5})
    directory.read()
    assert directory.formats() == [("jsonl", "a/metrics.json"), ("jsonl", "b/vis_data/scalars.json")]
    one = directory.series["a/metrics.json", "jsonl"]
    assert (list(one["loss"].step), list(one["time"].value)) == ([10, 20], [0.1, 0.1])
