"""What is a run, what is none, and trees that would trap a careless walk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import writers
from exptui.discover import scan
from exptui.errors import RunsDirectoryError
from exptui.follow import Follower
from exptui.records import RunRecord
from writers import event, native_run, simple

LOG = writers.json_line({"step": 1, "loss": 0.5})
EVENTS = event(1, simple("loss", 0.5))


def found(root: Path) -> dict[str, str]:
    return dict(scan(str(root)).sources.keys())


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def runs(root: Path) -> dict[str, RunRecord]:
    records: dict[str, RunRecord] = {}
    for batch in Follower(str(root)).once():
        records.update((one.id, one) for one in batch.records)
        for gone in batch.gone:
            records.pop(gone, None)
    return records


def test_runs_of_all_formats_are_found_at_any_depth(tmp_path: Path) -> None:
    native_run(tmp_path / "n")
    native_run(tmp_path / "a/b/c/d/deep")
    put(tmp_path / "tb/train/events.out.tfevents.1.host", EVENTS)
    put(tmp_path / "tb/train/eval/events.out.tfevents.1.host", EVENTS)
    put(tmp_path / "j/metrics.jsonl", LOG)
    put(tmp_path / "c/progress.csv", b"epoch,loss\n1,0.5\n")
    put(tmp_path / "t/results.tsv", b"step\tloss\n1\t0.5\n")
    assert found(tmp_path) == {
        "n": "native",
        "a/b/c/d/deep": "native",
        "tb/train": "tensorboard",
        "tb/train/eval": "tensorboard",
        "j/metrics.jsonl": "jsonl",
        "c/progress.csv": "csv",
        "t/results.tsv": "csv",
    }


def test_the_root_itself_may_be_a_run(tmp_path: Path) -> None:
    put(tmp_path / "events.out.tfevents.1.host", EVENTS)
    put(tmp_path / "eval/events.out.tfevents.1.host", EVENTS)
    assert found(tmp_path) == {".": "tensorboard", "eval": "tensorboard"}


def test_child_directories_of_a_run_are_its_group(tmp_path: Path) -> None:
    for name in ("exp", "exp/train", "exp/validation/late"):
        put(tmp_path / name / "events.out.tfevents.1.host", EVENTS)
    sources = scan(str(tmp_path)).sources
    assert {path: source.group for (path, _), source in sources.items()} == {
        "exp": None,
        "exp/train": "exp",
        "exp/validation/late": "exp",
    }


def test_a_run_that_owns_its_directory_is_not_searched_for_others(tmp_path: Path) -> None:
    native_run(tmp_path / "n", [{"step": 1, "loss": 1}])
    put(tmp_path / "n/results.csv", b"step,loss\n1,0.5\n")
    put(tmp_path / "n/tb/events.out.tfevents.1.host", EVENTS)
    scanned = scan(str(tmp_path))
    assert list(scanned.sources) == [("n", "native")]
    assert set(scanned.folders) == {"", "n"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", b"sepal,petal,species\n1.0,2.0,setosa\n"),
        ("results.csv", b"name,score\nAnn,1.0\n"),
        ("training_data.csv", b"step,text\nfirst,hello\n"),
        ("metrics.csv", b"loss\n0.5\n"),
        ("metrics.csv", b""),
        ("measurements.csv", b"step,loss\n1,0.5\n"),
        ("log.jsonl", b'{"prompt": "hi", "answer": "ho"}\n'),
        ("train.jsonl", b"[1, 2]\n"),
        ("train.jsonl", b"\x00\x01\x02\n"),
        ("run.json", b'{"name": "something else"}'),
        ("metrics.json", b"{}"),
    ],
)
def test_data_that_only_looks_like_a_log_is_no_run(name: str, content: bytes, tmp_path: Path) -> None:
    put(tmp_path / "d" / name, content)
    assert found(tmp_path) == {}


def test_an_empty_log_that_may_still_become_one_is_found(tmp_path: Path) -> None:
    put(tmp_path / "r/metrics.jsonl", b"")
    put(tmp_path / "s/metrics.csv", b"step,loss\n")
    assert set(found(tmp_path)) == {"r/metrics.jsonl", "s/metrics.csv"}


def test_loops_of_links_end(tmp_path: Path) -> None:
    native_run(tmp_path / "r")
    for name in ("self", "again"):
        (tmp_path / name).symlink_to(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/up").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "to itself").symlink_to(tmp_path / "to itself")
    assert found(tmp_path) == {"r": "native"}


def test_a_link_never_takes_the_place_of_the_directory_it_points_to(tmp_path: Path) -> None:
    put(tmp_path / "run-2/events.out.tfevents.1.host", EVENTS)
    (tmp_path / "latest").symlink_to("run-2")
    assert found(tmp_path) == {"run-2": "tensorboard"}


def test_a_linked_directory_from_elsewhere_is_read_once(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "runs", tmp_path / "big disk"
    put(elsewhere / "exp/events.out.tfevents.1.host", EVENTS)
    root.mkdir()
    (root / "b").symlink_to(elsewhere)
    (root / "a").symlink_to(elsewhere)
    assert found(root) == {"a/exp": "tensorboard"}


def test_what_is_no_regular_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "fifo").mkdir()
    os.mkfifo(tmp_path / "fifo/metrics.jsonl")
    (tmp_path / "folder/metrics.jsonl").mkdir(parents=True)
    native_run(tmp_path / "native")
    (tmp_path / "native/metrics.jsonl").unlink()
    os.mkfifo(tmp_path / "native/metrics.jsonl")
    put(tmp_path / "link/target", LOG)
    (tmp_path / "link/metrics.jsonl").symlink_to("target")
    assert {run.path: dict(run.metrics) for run in runs(tmp_path).values()} == {"native": {}}


def test_a_log_swapped_for_a_fifo_after_the_scan_does_not_hang(tmp_path: Path) -> None:
    log = put(tmp_path / "r/metrics.jsonl", LOG)
    source = scan(str(tmp_path)).sources["r/metrics.jsonl", "jsonl"]
    log.unlink()
    os.mkfifo(log)
    [delta] = source.format.reader(str(tmp_path), source).read(source.files, 1000)
    assert delta.failed
    assert "no regular file" in str(delta.problems)


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is unreadable to root")
def test_a_directory_without_permission_costs_itself_only(tmp_path: Path) -> None:
    native_run(tmp_path / "closed/r")
    native_run(tmp_path / "open")
    (tmp_path / "closed").chmod(0)
    try:
        scanned = scan(str(tmp_path))
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert list(scanned.sources) == [("open", "native")]
    assert [(one.path, one.what) for one in scanned.problems] == [("closed", "cannot be listed: Permission denied")]


@pytest.mark.parametrize(
    "name",
    [b"bad \xff\xfe utf-8", b"new\nline", b"tab\tesc\x1b[31m", "größe 🌊".encode(), b"quo'te\"", b"-dash", b"#%?"],
)
def test_any_name_the_file_system_takes_is_a_run(name: bytes, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    put(folder / "events.out.tfevents.1.host", EVENTS)
    [run] = runs(tmp_path).values()
    assert os.fsencode(run.path) == name
    assert run.metrics["loss"].last == 0.5


def test_a_root_that_cannot_be_listed_is_told_with_a_mend(tmp_path: Path) -> None:
    file = put(tmp_path / "metrics.csv", b"step,loss\n1,0.5\n")
    with pytest.raises(RunsDirectoryError, match="no such directory"):
        list(Follower(str(tmp_path / "nothing")).once())
    with pytest.raises(RunsDirectoryError, match="is a file; name the directory that holds it"):
        list(Follower(str(file)).once())


def copies(root: Path, *names: str, **document: Any) -> None:
    for name in names:
        native_run(root / name, [{"step": 1, "loss": float(len(name))}], **document)


@pytest.mark.parametrize("last_touched", ["kept", "copy of kept", "a copy"])
def test_of_copies_the_one_with_its_trackers_name_keeps_the_id_whichever_is_newest(
    last_touched: str, tmp_path: Path
) -> None:
    copies(tmp_path, "a copy", "copy of kept", "kept", id="kept")
    for name in ("a copy", "copy of kept", "kept"):
        moment = 2_000_000_000 if name == last_touched else 1_000_000_000
        for file in ("run.json", "metrics.jsonl"):
            os.utime(tmp_path / name / file, (moment, moment))
    assert {run.id: run.path for run in runs(tmp_path).values()} == {
        "kept": "kept",
        "a copy": "a copy",
        "copy of kept": "copy of kept",
    }


def test_of_renamed_copies_the_first_in_order_keeps_the_id(tmp_path: Path) -> None:
    copies(tmp_path, "y", "x", "z", id="lost name")
    assert {run.id: run.path for run in runs(tmp_path).values()} == {"lost name": "x", "y": "y", "z": "z"}
