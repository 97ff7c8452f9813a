"""A run's state follows from evidence, the strongest first."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from exptui.records import Signs
from exptui.rundir import process_started
from exptui.status import judge

NOW = 1_800_000_000.0
HOST = socket.gethostname()


def state(now: float = NOW, **signs: object) -> str:
    return judge(Signs(**signs), now)[0]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("end", ["finished", "failed", "interrupted"])
def test_an_end_mark_goes_before_everything(end: str, dead_pid: int) -> None:
    assert state(end=end, pid=os.getpid(), host=HOST, last_write=NOW) == end
    assert state(end=end, pid=dead_pid, host=HOST) == end


def test_a_dead_process_without_an_end_mark_has_crashed_however_fresh_its_files(dead_pid: int) -> None:
    assert state(pid=dead_pid, host=HOST, last_write=NOW, heartbeat=NOW, marks_end=True) == "crashed"


def test_a_process_of_another_host_is_judged_by_its_signs_of_life(dead_pid: int) -> None:
    signs = {"pid": dead_pid, "host": "another", "marks_end": True}
    assert state(**signs, heartbeat=NOW - 10, last_write=NOW - 20) == "running"
    assert state(**signs, heartbeat=NOW - 300, last_write=NOW - 300) == "crashed"


def test_a_later_process_with_the_same_pid_is_not_the_run() -> None:
    started = process_started()
    assert started is not None
    alive = {"pid": os.getpid(), "host": HOST, "last_write": NOW}
    assert state(**alive, pid_started=started) == "running"
    assert state(**alive, pid_started=started - 1000) == "crashed"
    assert state(**alive) == "running"


def test_a_live_process_that_is_silent_beyond_its_rhythm_is_stalled() -> None:
    alive = {"pid": os.getpid(), "host": HOST}
    assert state(**alive, last_write=NOW - 59, rhythm=0.1) == "running"
    assert state(**alive, last_write=NOW - 61, rhythm=0.1) == "stalled"
    assert state(**alive, last_write=NOW - 900, rhythm=100.0) == "running"
    assert state(**alive, last_write=NOW - 1100, rhythm=100.0) == "stalled"
    assert state(**alive) == "running"


@pytest.mark.parametrize(
    ("silence", "rhythm", "expected"),
    [(119, None, "running"), (121, None, "stalled"), (121, 1.0, "stalled"), (599, 1.0, "stalled"),
     (601, 1.0, "crashed"), (601, 100.0, "running"), (1001, 100.0, "crashed")],
)  # fmt: skip
def test_a_writer_that_buffers_is_given_up_later(silence: float, rhythm: float | None, expected: str) -> None:
    assert state(last_write=NOW - silence, rhythm=rhythm, marks_end=True, patience=120.0) == expected


def test_files_from_the_future_count_as_written_now() -> None:
    assert state(last_write=NOW + 86_400, rhythm=1.0) == "running"


def test_nothing_at_all_is_unknown() -> None:
    assert judge(Signs(), NOW) == ("unknown", "nothing written yet and no end mark")


@pytest.mark.parametrize(("age", "words"), [(5, "5s"), (0, "1s"), (300, "5m"), (7200, "2h"), (200_000, "2d")])
def test_the_evidence_says_how_long_ago(age: float, words: str) -> None:
    signs = Signs(pid=os.getpid(), host=HOST, last_write=NOW - age, rhythm=1e6)
    assert judge(signs, NOW)[1].endswith(f"last write {words} ago")
