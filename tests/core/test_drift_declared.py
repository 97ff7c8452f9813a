"""Data files that runs declare: where they are looked for and which ones may be read."""

from __future__ import annotations

import os

import pytest

from exptui.drift import column_overrides, declared_files, training_pair
from exptui.errors import DataFileError
from exptui.records import RunRecord


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A runs directory with two runs; the working directory and $EXPTUI_DATA_ROOTS allow nothing else."""
    runs = tmp_path / "runs"
    for name in ("base", "next"):
        (runs / name / "data").mkdir(parents=True)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("EXPTUI_DATA_ROOTS", raising=False)
    return runs


def run(path, data=None, base=None):
    return RunRecord(id=f"id-{path}", format="native", path=path, data=data or {}, data_base=base)


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n1\n")
    return path


def test_relative_paths_start_from_the_declared_directory(root):
    train = write(root.parent / "work" / "train.csv")
    record = run("next", {"current": "train.csv", "columns": {"id": "skip"}, "sha256": "00"}, str(root.parent / "work"))
    assert declared_files(record, root) == {"current": train}


def test_without_a_directory_they_start_from_the_run(root):
    train = write(root / "next" / "train.csv")
    held = write(root / "next" / "held.csv")
    assert declared_files(run("next", {"current": "train.csv", "eval": "held.csv"}), root) == {
        "current": train,
        "eval": held,
    }


def test_files_in_the_run_directory_need_no_declaration(root):
    current = write(root / "next" / "data" / "current.jsonl")
    reference = write(root / "next" / "data" / "reference.csv")
    assert declared_files(run("next"), root) == {"current": current, "reference": reference}


def test_a_run_without_data_declares_nothing(root):
    assert declared_files(run("next"), root) == {}
    assert declared_files(run("runs.csv"), root) == {}


@pytest.mark.parametrize("link", [False, True], ids=["directly", "through a symbolic link"])
def test_a_path_out_of_the_allowed_places_is_refused_with_the_way_to_allow_it(root, link, monkeypatch):
    secret = write(root.parent / "secret" / "data.csv")
    declared = str(secret)
    if link:
        os.symlink(secret, root / "next" / "train.csv")
        declared = "train.csv"
    record = run("next", {"current": declared})
    with pytest.raises(DataFileError) as error:
        declared_files(record, root)
    assert str(secret) in str(error.value)
    assert "EXPTUI_DATA_ROOTS" in str(error.value)
    monkeypatch.setenv("EXPTUI_DATA_ROOTS", os.pathsep.join(["/nowhere", str(secret.parent)]))
    assert declared_files(record, root) == {"current": secret}
    monkeypatch.delenv("EXPTUI_DATA_ROOTS")
    assert declared_files(record, root, [secret.parent]) == {"current": secret}


@pytest.mark.parametrize("declared", ["../../secret/data.csv", "/etc/passwd", "../../secret/absent.csv"])
def test_paths_that_climb_out_are_refused_whether_they_exist_or_not(root, declared):
    write(root.parent / "secret" / "data.csv")
    with pytest.raises(DataFileError, match="outside the runs directory"):
        declared_files(run("next", {"current": declared}), root)


def test_a_found_file_may_not_be_a_link_out_either(root):
    os.symlink(write(root.parent / "secret" / "data.csv"), root / "next" / "data" / "current.csv")
    with pytest.raises(DataFileError, match="outside the runs directory"):
        declared_files(run("next"), root)


def test_a_sibling_with_the_same_beginning_is_outside(root):
    write(root.parent / "runs-private" / "data.csv")
    with pytest.raises(DataFileError, match="outside"):
        declared_files(run("next", {"current": str(root.parent / "runs-private" / "data.csv")}), root)


def test_the_root_directory_as_working_directory_allows_nothing(root, monkeypatch):
    secret = write(root.parent / "secret" / "data.csv")
    monkeypatch.chdir("/")
    with pytest.raises(DataFileError, match="outside"):
        declared_files(run("next", {"current": str(secret)}), root)


@pytest.mark.parametrize(
    ("value", "says"),
    [("absent.csv", "does not exist"), ("data", "not a regular file"), ("pipe.csv", "not a regular file"),
     (7, "not a path"), ("  ", "not a path"), ("a\0b", "cannot be resolved"), ("loop", "cannot be resolved|not exist")],
)  # fmt: skip
def test_declarations_that_lead_nowhere_are_refused(root, value, says):
    os.mkfifo(root / "next" / "pipe.csv")
    os.symlink("loop", root / "next" / "loop")
    with pytest.raises(DataFileError, match=says):
        declared_files(run("next", {"current": value}), root)


def test_the_default_reference_is_the_baselines_current_data(root):
    old, new = write(root / "base" / "data" / "current.csv"), write(root / "next" / "data" / "current.csv")
    assert training_pair(run("next"), run("base"), root, (), lambda _: None) == (old, new)


def test_a_declared_reference_goes_before_the_baseline(root):
    write(root / "base" / "data" / "current.csv")
    new, own = write(root / "next" / "data" / "current.csv"), write(root / "next" / "mine.csv")
    record = run("next", {"reference": "mine.csv"})
    assert training_pair(record, run("base"), root, (), lambda _: None) == (own, new)
    assert training_pair(record, None, root, (), lambda _: None) == (own, new)


def test_another_run_can_be_the_reference(root):
    old, new = write(root / "base" / "data" / "current.csv"), write(root / "next" / "data" / "current.csv")
    record = run("next", {"reference": "run:bert-base"})
    runs = {"bert-base": run("base")}
    assert training_pair(record, None, root, (), runs.get) == (old, new)
    assert declared_files(record, root) == {"current": new}
    with pytest.raises(DataFileError, match="no such run"):
        training_pair(record, None, root, (), lambda _: None)


def test_missing_declarations_say_how_to_make_them(root):
    with pytest.raises(DataFileError, match=r'exptui\.init\(data="train\.csv"\)'):
        training_pair(run("next"), run("base"), root, (), lambda _: None)
    write(root / "next" / "data" / "current.csv")
    with pytest.raises(DataFileError, match=r"id-base.*exptui\.init"):
        training_pair(run("next"), run("base"), root, (), lambda _: None)
    with pytest.raises(DataFileError, match="no baseline"):
        training_pair(run("next"), None, root, (), lambda _: None)


def test_column_overrides_come_from_the_declaration():
    assert column_overrides(run("next", {"columns": {"user_id": "skip", "y": "categorical"}})) == {
        "user_id": "skip",
        "y": "categorical",
    }
    assert column_overrides(run("next", {"columns": "nonsense"})) == {}
