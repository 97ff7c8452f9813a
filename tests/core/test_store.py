"""Runs as people meet them: found by what they are called, with the notes and tags people gave them."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from exptui.errors import UnknownRunError
from exptui.journal import Journal
from exptui.places import cache_folder, decision_folders
from exptui.records import Batch, Points, Problem, Progress, RunRecord, SeriesChunk
from exptui.store import Store


def run(run_id: str, **facts: object) -> RunRecord:
    return replace(RunRecord(id=run_id, format="native", path=f"p/{run_id}"), **facts)  # type: ignore[arg-type]


def chunk(*values: float, restart: bool = False) -> SeriesChunk:
    return SeriesChunk({"loss": Points(array("d", range(len(values))), array("d", values), None)}, restart)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(Journal([tmp_path]))
    names = {"20260101-aa": "adam", "20260101-ab": "sgd", "20260202-cc": "twin", "20260202-cd": "twin"}
    store.apply(Batch(tuple(run(one, name=name) for one, name in names.items())))
    return store


@pytest.mark.parametrize("wanted", ["20260101-aa", "adam", "p/20260101-aa"])
def test_a_run_is_found_by_id_name_or_path(wanted: str, store: Store) -> None:
    assert store.find(wanted).id == "20260101-aa"


@pytest.mark.parametrize(("prefix", "run_id"), [("2027", "20270303-ee"), ("20260202-cd", "20260202-cd"), ("2", "2")])
def test_a_prefix_is_enough_when_only_one_id_begins_so(prefix: str, run_id: str, store: Store) -> None:
    store.apply(Batch((run("20270303-ee"), run("2"))))
    assert store.find(prefix).id == run_id


@pytest.mark.parametrize(
    ("wanted", "told"), [("20260101", "20260101-aa, 20260101-ab"), ("twin", "20260202-cc, 20260202-cd")]
)
def test_what_could_be_several_runs_names_them(wanted: str, told: str, store: Store) -> None:
    with pytest.raises(UnknownRunError, match=f"could be any of 2 runs: {told}; give more of the id"):
        store.find(wanted)


@pytest.mark.parametrize("wanted", ["adma", "Adam", "adan"])
def test_what_is_no_run_names_the_nearest(wanted: str, store: Store) -> None:
    with pytest.raises(UnknownRunError, match=f"no run '{wanted}'; nearest: 20260101-aa"):
        store.find(wanted)


def test_nothing_is_never_a_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownRunError, match="`exptui list --csv` prints the ids"):
        store.find("")
    with pytest.raises(UnknownRunError, match="there are no runs here"):
        Store(Journal([tmp_path])).find("x")


def test_an_id_goes_before_a_name_and_a_name_before_a_prefix(store: Store) -> None:
    store.apply(Batch((run("ad", name="sgd"), run("x", name="ad"), run("y", name="2026"))))
    assert store.find("ad").id == "ad"
    assert store.find("2026").id == "y"


def test_a_batch_adds_replaces_and_removes_runs_and_tells_which(store: Store) -> None:
    problem = Problem("", None, "what")
    changed = store.apply(
        Batch((run("new"), run("20260101-aa", name="eve")), ("20260202-cc",), {}, Progress(1, 2, False), (problem,))
    )
    assert changed == {"new", "20260101-aa", "20260202-cc"}
    assert {one.id for one in store} == {"20260101-aa", "20260101-ab", "20260202-cd", "new"}
    assert store.find("eve").id == "20260101-aa"
    assert (store.progress, store.problems) == (Progress(1, 2, False), (problem,))
    assert "20260202-cc" not in store
    assert store.get("20260202-cc") is store.get(None) is None


def test_a_run_that_is_gone_and_back_in_one_batch_is_there(store: Store) -> None:
    store.apply(Batch((run("20260101-aa", name="again"),), ("20260101-aa",)))
    assert store.find("again").id == "20260101-aa"


def test_series_grow_start_over_and_are_let_go_of(store: Store) -> None:
    def values() -> list[float]:
        return list(store.series("r")["loss"].value) if store.has_series("r") else []

    store.apply(Batch((run("r"),), series={"r": chunk(1.0)}))
    assert values() == []
    store.apply(Batch(series={"r": chunk(1.0, 2.0, restart=True)}))
    store.apply(Batch(series={"r": chunk(3.0)}))
    assert values() == [1.0, 2.0, 3.0]
    store.keep_series_of(["other"])
    store.apply(Batch(series={"r": chunk(4.0)}))
    assert values() == []
    store.apply(Batch(series={"r": chunk(1.0, 2.0, 3.0, 4.0, restart=True)}))
    store.apply(Batch(series={"r": chunk(restart=True)}))
    assert list(store.series("r")) == ["loss"]
    assert values() == []
    store.apply(Batch(gone=("r",)))
    assert not store.has_series("r")


def test_decisions_replace_what_the_writer_said_and_survive_a_restart(tmp_path: Path) -> None:
    batch = Batch((run("r", tags=("own",), notes="mine"), run("s", tags=("own",), notes="mine")))
    store = Store(Journal([tmp_path]))
    store.apply(batch)
    store.set_tags("r", ["b", "a", "b"])
    store.set_notes("r", "")
    store.set_baseline("r")
    again = Store(Journal([tmp_path]))
    again.apply(batch)
    for one in (store, again):
        assert (one.find("r").tags, one.find("r").notes) == (("b", "a"), "")
        assert (one.find("s").tags, one.find("s").notes) == (("own",), "mine")
        assert one.baseline_id == "r"
        assert one.baseline is one.get("r")
    again.set_baseline(None)
    assert again.baseline is None
    assert store.reload_decisions()
    assert store.baseline_id is None
    assert not store.reload_decisions()


def test_decisions_about_a_run_hold_when_it_comes_later_and_when_others_take_them(tmp_path: Path) -> None:
    ours, theirs = Store(Journal([tmp_path])), Store(Journal([tmp_path]))
    ours.apply(Batch((run("r"),)))
    theirs.set_tags("r", ["theirs"])
    assert ours.reload_decisions()
    assert ours.find("r").tags == ("theirs",)
    theirs.apply(Batch((run("r", tags=("own",)),)))
    assert theirs.find("r").tags == ("theirs",)


def test_a_decision_that_cannot_be_saved_holds_in_memory_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = Store(Journal([tmp_path / "file/x"]))
    store.apply(Batch((run("r"),)))
    with pytest.raises(OSError):
        store.set_tags("r", ["a"])
    assert store.find("r").tags == ("a",)


def test_decisions_lie_beside_the_runs_when_the_directory_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", "not absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shared, own = decision_folders(str(tmp_path))
    assert shared == tmp_path / ".exptui/decisions"
    assert own.is_relative_to(tmp_path / "state/exptui")
    (tmp_path / "link").symlink_to(tmp_path)
    assert decision_folders(str(tmp_path / "link"))[1] == own
    assert cache_folder(str(tmp_path)).is_relative_to(tmp_path / "home/.cache/exptui")
    assert cache_folder(str(tmp_path)) != cache_folder(str(tmp_path / "state"))
    assert next(iter(decision_folders(str(tmp_path / "nothing")))).is_relative_to(tmp_path / "state")
