"""The screen in a real terminal: what is live moves, what is idle is silent, and the terminal is left as it was."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import exptui
from exptui_tui.session import read_directory
from tui.recorded import EXPTUI, begin, exptui_, record, three, without_ages
from tui.terminal import OFF, Terminal

Open = Callable[..., Terminal]


def age(root: Path, seconds: float) -> None:
    """Make all files look that old."""
    then = time.time() - seconds
    for path in root.rglob("*.json*"):
        os.utime(path, (then, then))


def test_the_first_screen_shows_the_runs(root: Path, terminal: Open) -> None:
    three(root)
    shown = terminal(*EXPTUI, root)
    shown.wait(lambda: "3 runs · 1 failed" in shown.screen and "val/f1" in shown.screen)
    assert "✓ finished" in shown.row("better ")
    assert "✗ failed" in shown.row("broken ")
    assert "0.9500" in shown.row("better ")
    shown.wait("press b on the run")
    shown.press("down")
    shown.wait("step 2")
    assert any(0x2800 < ord(letter) < 0x2900 for letter in shown.screen), "a curve"


def test_a_running_training_is_seen_live(root: Path, terminal: Open) -> None:
    run = begin(root, "live", {"loss": [1.0, 0.5]})
    shown = terminal(*EXPTUI, root)
    shown.wait(lambda: "0.5000" in shown.row("live "))
    assert "● running" in shown.row("live ")
    run.log({"loss": 0.123456})
    shown.wait(lambda: "0.1235" in shown.row("live "), 5)
    run.log({"loss": float("nan")})
    shown.wait(lambda: "NaN" in shown.row("live "), 5)
    shown.wait(lambda: "╳" in shown.screen and "1 not finite, first at 3" in shown.screen, 5)
    other = exptui.init(root, name="newcomer")
    other.log({"loss": 0.75})
    shown.wait(lambda: "0.7500" in shown.row("newcomer "), 10)
    assert "2 runs · 2 running" in shown.screen
    other.finish("failed")
    shown.wait(lambda: "✗ failed" in shown.row("newcomer "), 10)
    run.finish()
    shown.wait(lambda: "✓ finished" in shown.row("live "), 10)


def test_a_point_costs_few_bytes(root: Path, terminal: Open) -> None:
    run = begin(root, "live", {"loss": [1 / (1 + at) for at in range(50)]})
    shown = terminal(*EXPTUI, root)
    shown.wait(lambda: "0.02000" in shown.row("live "))
    shown.wait("step 50")
    shown.quiet(0.5)
    before = len(shown.sent)
    run.log({"loss": 0.0123})
    shown.wait(lambda: "0.01230" in shown.row("live "), 5)
    shown.pump(0.5)
    run.finish()
    assert len(shown.sent) - before < 4000


def test_an_idle_screen_is_silent(root: Path, terminal: Open) -> None:
    three(root)
    age(root, 7200)
    shown = terminal(*EXPTUI, root)
    shown.wait("better")
    shown.quiet(0.5)
    used = psutil.Process(shown.process.pid).cpu_times()
    assert shown.pump(3.0) == 0
    now = psutil.Process(shown.process.pid).cpu_times()
    assert (now.user + now.system) - (used.user + used.system) < 0.3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, None])
def test_the_terminal_is_left_as_it_was(root: Path, terminal: Open, number: int | None) -> None:
    three(root)
    shown = terminal(*EXPTUI, root)
    shown.wait("better")
    assert shown.modes != OFF, "the screen is another one while it runs"
    assert shown.termios_now != shown.termios_before
    if number is None:
        shown.press("q")
    else:
        shown.signal(number)
    code = shown.wait_exit(5)
    assert code == (0 if number is None else 128 + number)
    assert shown.modes == OFF
    assert shown.keyboard_levels == 0
    assert shown.termios_now == shown.termios_before
    assert shown.sent.rstrip().endswith(b"\x1b[?1016l")
    assert "Traceback" not in shown.screen


def test_a_terminal_that_is_gone_ends_the_program(root: Path, terminal: Open) -> None:
    three(root)
    shown = terminal(*EXPTUI, root)
    shown.wait("better")
    shown.hang_up()
    shown.process.wait(5)


def test_what_was_saved_survives_a_kill(root: Path, terminal: Open) -> None:
    three(root)
    for at in range(8):
        shown = terminal(*EXPTUI, root)
        shown.wait("better ")
        shown.press("g" + "j" * (at % 3) + "b", pause=0)
        shown.wait("saved: baseline is", 5)
        shown.signal(signal.SIGKILL)
        shown.process.wait(5)
        saved = next(name for name in ("base", "better", "broken") if f"saved: baseline is {name} " in shown.screen)
        store = read_directory(str(root)).store
        assert store.baseline is not None
        assert store.baseline.name == saved


def test_keys_that_come_in_one_burst_mean_the_run_they_lead_to(root: Path, terminal: Open) -> None:
    ids = [record(root, f"run-{at}") for at in range(9)]
    shown = terminal(*EXPTUI, root)
    shown.wait("run-0 ")
    rows = [next(name for name in line.split() if name.startswith("run-")) for line in shown.screen.splitlines()[3:12]]
    shown.press("gjjjjb", pause=0)
    shown.wait(f"saved: baseline is {rows[4]} ", 5)
    shown.press("kkn", pause=0)
    shown.wait(f"Note on {rows[2]} ")
    shown.press("one\r", pause=0)
    shown.wait(f"saved: note on {rows[2]} ", 5)
    found = read_directory(str(root)).store
    assert found.baseline_id == ids[int(rows[4][-1])]
    assert [run.notes for run in found if run.name == rows[2]] == ["one"]


def test_a_storm_of_sizes_ends_in_the_right_picture(root: Path, terminal: Open) -> None:
    three(root)
    shown = terminal(*EXPTUI, root)
    shown.wait("better")
    for at in range(60):
        shown.resize((1, 200, 80, 7, 120)[at % 5], (1, 60, 24, 2, 40)[at % 5])
        shown.pump(0.01)
    shown.resize(100, 30)
    shown.quiet(0.5)
    assert "better" in shown.row("✓ finished ")
    assert shown.screen.splitlines()[-1].strip().startswith("space Mark")
    assert shown.screen.splitlines()[0].startswith(" exptui")
    shown.press("q")
    assert shown.wait_exit() == 0


@pytest.mark.parametrize("setting", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_dumb_terminal_gets_the_list(root: Path, terminal: Open, setting: dict[str, str]) -> None:
    three(root)
    shown = terminal(*EXPTUI, root, env=setting)
    assert shown.wait_exit() == 0
    assert "no terminal to draw on; this is `exptui list`" in shown.screen
    assert "better" in shown.screen
    assert b"\x1b[?" not in shown.sent


def test_without_a_terminal_it_prints_the_list(root: Path) -> None:
    three(root)
    found = exptui_(root)
    assert found.returncode == 0
    assert without_ages(found.stdout) == without_ages(exptui_("list", root).stdout)
    assert found.stderr == "exptui: no terminal to draw on; this is `exptui list`\n"


def test_a_directory_that_vanishes_keeps_the_view_and_says_so(root: Path, terminal: Open) -> None:
    three(root)
    shown = terminal(*EXPTUI, root)
    shown.wait("better")
    shown.quiet(0.4)
    away = root.parent / "away"
    root.rename(away)
    shown.press("R")
    shown.wait(lambda: "no such directory" in shown.screen.splitlines()[0], 20)
    assert "0.9500" in shown.row("better ")
    away.rename(root)
    record(root, "after", {"val/f1": [0.99]})
    shown.press("R")
    shown.wait(lambda: "0.9900" in shown.row("after "), 20)
    shown.wait(lambda: "no such directory" not in shown.screen, 10)


def test_a_second_start_paints_known_runs_at_once(root: Path, terminal: Open) -> None:
    three(root)
    first = terminal(*EXPTUI, root)
    first.wait("better")
    first.quiet(0.5)
    first.press("q")
    assert first.wait_exit() == 0
    second = terminal(*EXPTUI, root)
    second.wait(lambda: "0.9500" in second.row("better "))
