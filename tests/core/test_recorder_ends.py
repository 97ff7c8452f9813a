"""How runs end, in real processes: by themselves, by an exception, by a signal; and what forks may not do."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import exptui


def start(directory: Path, script: str, *flags: str) -> subprocess.Popen[str]:
    """A Python process that records into `directory` as run `run`."""
    begun = "import os, sys, exptui\nrun = exptui.init('runs', heartbeat=0.05)\n"
    return subprocess.Popen(
        [sys.executable, *flags, "-c", begun + textwrap.dedent(script)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(exptui.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(directory: Path, script: str, *flags: str) -> tuple[int, str]:
    """Run `script` to its end; its exit code and what it said on stderr."""
    with start(directory, script, *flags) as process:
        _, said = process.communicate(timeout=30)
    return process.returncode, said


def documents(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(directory.glob("runs/*/run.json"))]


def lines(directory: Path) -> list[bytes]:
    (path,) = directory.glob("runs/*/metrics.jsonl")
    return path.read_bytes().splitlines(keepends=True)[1:]


def test_a_script_that_ends_without_finish_is_finished(tmp_path: Path) -> None:
    assert end(tmp_path, "run.log({'a': 1})") == (0, "")
    (told,) = documents(tmp_path)
    assert told["status"] == "finished"
    assert "ended_at" in told


@pytest.mark.parametrize("hook", ["", "sys.excepthook = lambda *_: None\n"])
def test_an_uncaught_exception_fails_the_run_whoever_owns_the_hook(tmp_path: Path, hook: str) -> None:
    code, _ = end(tmp_path, hook + "raise ValueError('loss is NaN')")
    assert code == 1
    (told,) = documents(tmp_path)
    assert told["status"] == "failed"
    assert told["error"] == {"type": "ValueError", "message": "loss is NaN"}


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("pass", "finished"),
        ("sys.exit()", "finished"),
        ("sys.exit(3)", "failed"),
        ("sys.exit(['odd'])", "failed"),
        ("sys.exit(143)", "killed"),
        ("raise KeyboardInterrupt", "killed"),
        ("1 / 0", "failed"),
    ],
)
def test_a_with_block_tells_every_ending_apart(tmp_path: Path, raised: str, status: str) -> None:
    end(tmp_path, f"with run:\n    {raised}")
    (told,) = documents(tmp_path)
    assert told["status"] == status


def test_ctrl_c_kills_the_run_and_the_process_as_without_a_recorder(tmp_path: Path) -> None:
    with start(tmp_path, "import time; print('ready', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    (told,) = documents(tmp_path)
    assert told["status"] == "killed"
    assert told["error"]["type"] == "KeyboardInterrupt"


def test_a_second_ending_changes_nothing(tmp_path: Path) -> None:
    end(tmp_path, "run.finish('failed'); run.finish(); raise ValueError")
    (told,) = documents(tmp_path)
    assert told["status"] == "failed"
    assert "error" not in told


def test_an_unknown_ending_counts_as_failed(tmp_path: Path) -> None:
    run = exptui.init(tmp_path / "runs")
    with pytest.warns(RuntimeWarning, match="ending"):
        run.finish("great")  # type: ignore[arg-type]
    assert documents(tmp_path)[0]["status"] == "failed"


def test_no_record_that_was_logged_is_lost_to_kill_9(tmp_path: Path) -> None:
    endless = """
        for step in range(10**9):
            run.log({"loss": 1 / (step + 1), "nested": {"acc": step}}, step=step)
            os.write(1, b"%d\\n" % step)
    """
    for kill in range(30):
        directory = tmp_path / str(kill)
        directory.mkdir()
        with start(directory, endless) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.002 * kill)
            process.kill()
            acknowledged = process.stdout.read().splitlines()
        kept = lines(directory)
        steps = [json.loads(line)["step"] for line in kept if line.endswith(b"\n")]
        assert steps == list(range(len(steps)))
        assert len(steps) > int(acknowledged[-1] if acknowledged else 0)
        (told,) = documents(directory)
        assert told["status"] == "running"
        assert told["env"]["pid"] == process.pid


def test_threads_share_a_run_without_tearing_a_line(tmp_path: Path) -> None:
    def train(worker: int) -> None:
        for i in range(1500):
            run.log({f"worker/{worker}": i, "filler": 0.123456789})

    with exptui.init(tmp_path / "runs") as run:
        workers = [threading.Thread(target=train, args=(worker,)) for worker in range(8)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
    found = [json.loads(line) for line in lines(tmp_path)]
    assert [record["step"] for record in found] == list(range(8 * 1500))
    for worker in range(8):
        assert [r[f"worker/{worker}"] for r in found if f"worker/{worker}" in r] == list(range(1500))


def test_processes_that_start_at_once_have_a_run_each(tmp_path: Path) -> None:
    ranks = [start(tmp_path, f"run.log({{'rank': {rank}}})") for rank in range(8)]
    for rank in ranks:
        rank.communicate(timeout=30)
    assert len({told["id"] for told in documents(tmp_path)}) == 8
    assert all(told["status"] == "finished" for told in documents(tmp_path))


def test_a_forked_child_neither_writes_nor_ends_its_parents_run(tmp_path: Path) -> None:
    script = """
        run.log({"parent": 1})
        for _ in range(4):
            child = os.fork()
            if child == 0:
                for _ in range(3):
                    run.log({"child": 1})
                run.summary(child=1)
                sys.exit()  # ends the child's interpreter with all its exit handlers
            os.waitpid(child, 0)
        print(open(run.path / "run.json").read())
        run.log({"parent": 2})
    """
    with start(tmp_path, script) as process:
        told, said = process.communicate(timeout=30)
    assert json.loads(told)["status"] == "running"
    assert [sorted(json.loads(line)) for line in lines(tmp_path)] == [["parent", "step", "time"]] * 2
    assert said.count("RuntimeWarning") == 4, "each child says once that it records nothing"
    (document,) = documents(tmp_path)
    assert "summary" not in document
    assert "dropped" not in document


def test_a_forked_child_says_nothing_when_it_has_nothing_to_record(tmp_path: Path) -> None:
    code, said = end(tmp_path, "pid = os.fork()\nif pid:\n    os.waitpid(pid, 0)")
    assert (code, said) == (0, "")


def test_a_forked_child_may_begin_a_run_of_its_own(tmp_path: Path) -> None:
    script = """
        if os.fork() == 0:
            own = exptui.init("runs", name="child")
            own.log({"a": 1})
        else:
            os.wait()
    """
    assert end(tmp_path, script) == (0, "")
    assert sorted(told.get("name", "parent") for told in documents(tmp_path)) == ["child", "parent"]
    assert {told["status"] for told in documents(tmp_path)} == {"finished"}


def test_forks_and_signals_amid_busy_threads_never_hang(tmp_path: Path) -> None:
    script = """
        import signal, threading
        signal.signal(signal.SIGALRM, lambda *_: run.log({"alarm": 1}))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        busy = [threading.Thread(target=lambda: [run.log({"a": 1}) for _ in range(1000)]) for _ in range(4)]
        for each in busy: each.start()
        for _ in range(8):
            if os.fork() == 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                run.log({"child": 1}); run.finish(); os._exit(0)
            run.log({"main": 1})
            os.wait()
        for each in busy: each.join()
        signal.setitimer(signal.ITIMER_REAL, 0)
    """
    code, _ = end(tmp_path, script, "-Wignore")
    assert code == 0
    found = [json.loads(line) for line in lines(tmp_path)]
    assert sum("a" in record for record in found) == 4000
    assert sum("main" in record for record in found) == 8
    assert any("alarm" in record for record in found)
    assert not any("child" in record for record in found)
