"""The demo for real: its trainings as processes, and the verdicts that its numbers earn."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exptui.compare import Side, compare, compare_all
from exptui.drift.declared import training_pair
from exptui.drift.report import DriftReport
from exptui.drift.verdicts import compare_files
from exptui.recommend import Recommendation, recommend
from exptui.records import RunRecord
from exptui.store import Store
from exptui_tui.demo.variants import BASELINE, VARIANTS
from exptui_tui.session import read_directory

CANDIDATES = [name for name in VARIANTS if name != BASELINE]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "exptui_tui.cli", "demo", *arguments]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(home), "XDG_STATE_HOME": str(home), "TERM": "xterm-256color"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's directory and what it printed."""
    root, elsewhere = tmp_path_factory.mktemp("demo") / "a demo", tmp_path_factory.mktemp("elsewhere")
    run = subprocess.run(
        command("--headless", "--fast", "--dir", str(root)),
        cwd=elsewhere,
        check=False,
        env=environment(elsewhere),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    return root, run.stdout


@pytest.fixture(scope="module")
def store(demo: tuple[Path, str]) -> Store:
    return read_directory(str(demo[0])).store


def named(store: Store, name: str) -> RunRecord:
    (run,) = (run for run in store if run.name == name)
    return run


def drift_of(store: Store, root: Path, name: str) -> DriftReport:
    return compare_files(*training_pair(named(store, name), named(store, BASELINE), root, (), store.get))


def verdict_on(store: Store, root: Path, name: str) -> Recommendation:
    sides = [Side.from_runs([named(store, one)]) for one in (BASELINE, name)]
    return recommend(compare(*sides, drift=drift_of(store, root, name)))


def test_the_list_has_one_run_for_each_variant_and_nothing_else(store: Store) -> None:
    assert sorted(run.name for run in store) == sorted(VARIANTS)
    assert not store.problems
    assert not [problem for run in store for problem in run.problems]


@pytest.mark.parametrize("name", VARIANTS)
def test_each_run_says_what_it_is(store: Store, name: str) -> None:
    run, variant = named(store, name), VARIANTS[name]
    assert run.status == ("failed" if variant.fails else "finished")
    assert run.hypothesis == variant.hypothesis
    assert run.params["learning_rate"] == variant.recipe.learning_rate
    assert run.tags == variant.tags
    assert run.group == "demo"
    assert run.data["current"] == f"data/{variant.data}"
    assert run.evaluation == {"dataset": "machines", "split": "held-out", "version": "1", "n": 20_000}
    assert run.parent == (None if name == BASELINE else named(store, BASELINE).id)


@pytest.mark.parametrize("name", [name for name in VARIANTS if not VARIANTS[name].fails])
def test_each_run_that_ends_well_has_curves_and_a_model(store: Store, name: str) -> None:
    run, recipe = named(store, name), VARIANTS[name].recipe
    for metric in ("val/loss", "val/f1", "val/auc", "val/accuracy", "latency_ms", "model_kb"):
        assert run.metrics[metric].count == recipe.epochs
    assert run.metrics["train/loss"].count > 100
    assert run.artifacts[0]["name"] == "model.npz"


def test_the_baseline_is_decided_in_the_journal(store: Store) -> None:
    assert store.baseline is not None
    assert store.baseline.name == BASELINE


def test_only_the_refreshed_data_drifted_where_they_were_changed(store: Store, demo: tuple[Path, str]) -> None:
    for name in CANDIDATES:
        report = drift_of(store, demo[0], name)
        assert report.verdict == ("drift" if name == "drifted" else "identical")
    columns = {column.column: column for column in drift_of(store, demo[0], "drifted").columns}
    moved = {name for name, column in columns.items() if column.verdict == "drift"}
    assert moved == {"vibration_mm_s", "humidity_pct", "plant"}
    assert all(column.verdict in {"stable", "minor"} for name, column in columns.items() if name not in moved)
    assert (columns["humidity_pct"].missing_current or 0) > 0.15


@pytest.mark.parametrize(
    ("name", "verdict", "code", "escalated"),
    [
        ("candidate", "promote", "improved", []),
        ("degraded", "abandon", "degraded", ["performance"]),
        ("drifted", "iterate", "improved", ["data_drift"]),
        ("distilled", "promote", "tradeoff", []),
        ("diverged", "iterate", "run_failed", []),
    ],
)
def test_verdicts(
    store: Store, demo: tuple[Path, str], name: str, verdict: str, code: str, escalated: list[str]
) -> None:
    found = verdict_on(store, demo[0], name)
    assert (found.verdict, found.code) == (verdict, code)
    assert [one.kind for one in found.escalations] == escalated


def test_verdicts_hold_when_all_candidates_share_one_error_rate(store: Store, demo: tuple[Path, str]) -> None:
    sides = [Side.from_runs([named(store, name)]) for name in (BASELINE, *CANDIDATES)]
    together = compare_all(
        sides[0], sides[1:], drifts={named(store, "drifted").id: drift_of(store, demo[0], "drifted")}
    )
    alone = [verdict_on(store, demo[0], name) for name in CANDIDATES]
    assert [(one.verdict, one.code) for one in map(recommend, together)] == [(one.verdict, one.code) for one in alone]


def test_verdicts_have_room_to_either_side(store: Store, demo: tuple[Path, str]) -> None:
    change = {name: verdict_on(store, demo[0], name).comparison.metrics for name in CANDIDATES}
    assert change["candidate"]["val/f1"].rel > 0.05
    assert change["drifted"]["val/f1"].rel > 0.05
    assert change["degraded"]["val/f1"].rel < -0.10
    assert -0.046 < change["distilled"]["val/f1"].rel < -0.028
    for name in ("candidate", "drifted", "distilled"):
        assert all(change[name][metric].rel > -0.005 for metric in ("val/loss", "val/auc", "val/accuracy"))
        # Ten times the gain is what a cost may rise by.
        assert change[name]["latency_ms"].rel > -0.5
        assert change[name]["model_kb"].rel > 0.9


def test_a_run_that_diverges_says_so(store: Store) -> None:
    run = named(store, "diverged")
    assert run.metrics["train/loss"].nan + run.metrics["train/loss"].inf == 1
    assert "FloatingPointError" in run.status_evidence


def test_the_printed_commands_work(demo: tuple[Path, str]) -> None:
    root, said = demo
    listing, comparing = (re.findall(rf"^  (exptui {word} .*)$", said, re.M)[0] for word in ("list", "compare"))
    assert listing == f"exptui list '{root}'"
    shown = subprocess.run(["/bin/sh", "-c", listing.replace("exptui", f"{sys.executable} -m exptui_tui.cli", 1)],
                           capture_output=True, text=True, env=environment(root / ".cache"), check=True)  # fmt: skip
    assert all(name in shown.stdout for name in VARIANTS)
    assert comparing == f"exptui compare {BASELINE} {' '.join(CANDIDATES)} --runs '{root}'"
    assert f"rm -r '{root}'" in said


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    run = subprocess.run(command("--headless", "--dir", str(tmp_path)), check=False, capture_output=True, text=True)
    assert run.returncode == 2
    assert "is not empty" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def await_running(root: Path) -> list[psutil.Process]:
    """Wait until all variants run; their processes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if root.exists():
            runs = [run for run in read_directory(str(root)).store if run.name != BASELINE]
            if len(runs) == len(CANDIDATES) and all(run.metrics for run in runs):
                return [psutil.Process(run.signs.pid) for run in runs if run.status == "running"]
        time.sleep(0.2)
    raise AssertionError("the trainings did not begin")


def assert_interrupted(root: Path, processes: list[psutil.Process]) -> None:
    assert processes
    assert not any(process.is_running() for process in processes)
    assert {run.status for run in read_directory(str(root)).store} <= {"finished", "interrupted", "failed"}
    assert "interrupted" in {run.status for run in read_directory(str(root)).store}


@pytest.fixture
def in_a_terminal(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The demo on a terminal of its own, and that terminal's other end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("--dir", str(tmp_path / "demo")),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(tmp_path / "home"),
        start_new_session=True,
    )
    os.close(theirs)
    yield process, ours
    process.kill()
    process.wait()
    os.close(ours)


def read_all(terminal: int, said: bytearray) -> None:
    try:
        while part := os.read(terminal, 1 << 16):
            said += part
    except OSError:  # the other end is closed
        pass


def test_quitting_the_screen_leaves_no_training(
    tmp_path: Path, in_a_terminal: tuple[subprocess.Popen[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    process, terminal = in_a_terminal
    said = bytearray()
    threading.Thread(target=read_all, args=(terminal, said), daemon=True).start()
    running = await_running(tmp_path / "demo")
    os.write(terminal, b"q")
    assert process.wait(30) == 0
    assert_interrupted(tmp_path / "demo", running)
    time.sleep(0.2)
    assert b"Stopped while they ran: " in said
    assert b"To delete it all: rm -r " in said


def test_a_signal_leaves_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    process = subprocess.Popen(
        command("--headless", "--dir", str(tmp_path / "demo")),
        stdout=subprocess.DEVNULL,
        env=environment(tmp_path / "home"),
    )
    running = await_running(tmp_path / "demo")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert_interrupted(tmp_path / "demo", running)
