"""`exptui demo`: real trainings in a directory of their own, shown live."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exptui.errors import ExptuiError, RunsDirectoryError
from exptui.records import RunRecord
from exptui.rundir import CONSOLE_FILE

if TYPE_CHECKING:
    from exptui_tui.demo.trainings import Trainings

_PACE = 0.07
"""Seconds between two steps: the longest training takes about two minutes."""

_STAGGER = 1.5
"""Seconds between two starts, so that runs come in one by one."""


class DemoError(ExptuiError):
    """A training of the demo ended in a way it should not; its console log says why."""


def run_demo(options: argparse.Namespace) -> int:
    from exptui_tui.commands.screen import is_terminal
    from exptui_tui.demo.trainings import Trainings

    root = _directory(options.dir)
    headless = options.headless or not is_terminal()
    with _leaving_on_signals(), Trainings(root) as trainings:
        _say(f"Demo in {root}")
        baseline = _train_baseline(root, trainings)
        _start_others(trainings, baseline, fast=options.fast)
        code = _wait(root, trainings) if headless else _show(root)
    if trainings.stopped:
        _say(f"Stopped while they ran: {', '.join(trainings.stopped)}")
    _farewell(root)
    return code


def _directory(named: str | None) -> Path:
    """A new directory. Raises RunsDirectoryError for one that holds something: the demo would mix with it."""
    if named is None:
        return Path(tempfile.mkdtemp(prefix="exptui-demo-")).resolve()
    path = Path(named).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        filled = any(path.iterdir())
    except OSError as error:
        raise RunsDirectoryError(f"{path}: cannot be used for the demo: {error.strerror}; name another") from None
    if filled:
        raise RunsDirectoryError(f"{path}: is not empty; name a new directory, or see what is there: exptui {path}")
    return path


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Leave by an exception on SIGTERM and SIGHUP, so that no training outlives the demo."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, leave) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _train_baseline(root: Path, trainings: Trainings) -> RunRecord:
    """Train the baseline to its end and make it the baseline. Raises DemoError when it does not finish."""
    from exptui_tui.demo.data import make_data
    from exptui_tui.demo.variants import BASELINE
    from exptui_tui.session import read_directory

    begun = time.monotonic()
    _say("Making data: 4,000 machines to train on, 20,000 to evaluate on ...")
    make_data(trainings.data)
    _say("Training the baseline ...")
    trainings.start(BASELINE)
    trainings.wait()
    store = read_directory(str(root)).store
    run = next(iter(store), None)
    if run is None or run.status != "finished":
        raise DemoError(f"the baseline did not finish; see the files {CONSOLE_FILE} below {root}")
    store.set_baseline(run.id)
    f1 = run.metrics["val/f1"].last
    _say(f"Baseline {run.id}: val/f1 {f1:.3f}, ready after {time.monotonic() - begun:.1f} s")
    return run


def _start_others(trainings: Trainings, baseline: RunRecord, *, fast: bool) -> None:
    from exptui_tui.demo.variants import BASELINE, VARIANTS

    pace, stagger = (0.0, 0.0) if fast else (_PACE, _STAGGER)
    names = [name for name in VARIANTS if name != BASELINE]
    _say(f"Starting {', '.join(names)}")
    for at, name in enumerate(names):
        trainings.start(name, baseline=baseline.id, pace=pace, delay=at * stagger)


def _show(root: Path) -> int:
    from exptui_tui.app import run
    from exptui_tui.session import open_directory

    return run(open_directory(str(root)))


def _wait(root: Path, trainings: Trainings) -> int:
    """Wait for all trainings. Raises DemoError when one does not end as it should."""
    trainings.wait(lambda name: _say(f"  {name} ended"))
    if wrong := trainings.gone_wrong():
        raise DemoError(f"{', '.join(wrong)} did not end as meant; see the files {CONSOLE_FILE} below {root}")
    return 0


def _farewell(root: Path) -> None:
    """What is left where, and what to do with it."""
    from exptui_tui.demo.variants import BASELINE, VARIANTS

    place = shlex.quote(str(root))
    candidates = " ".join(name for name in VARIANTS if name != BASELINE)
    _say(f"""
Runs, data and console logs are in {root}
  exptui {place}
  exptui list {place}
  exptui compare {BASELINE} {candidates} --runs {place}
  exptui drift {BASELINE} drifted --runs {place}
To delete it all: rm -r {place}""")


def _say(text: str) -> None:
    print(text, flush=True)
