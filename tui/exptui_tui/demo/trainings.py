"""The demo's trainings as processes of their own, none of which outlives the demo."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from exptui.rundir import CONSOLE_FILE
from exptui_tui.demo.variants import VARIANTS

DATA_FOLDER = "data"
_PATIENCE = 5.0
"""Seconds that a training gets to record that it was stopped."""

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Trainings:
    """Starts variants below `root`; leaving the context stops those that still run."""

    def __init__(self, root: Path) -> None:
        self.data = root / DATA_FOLDER
        self.stopped: list[str] = []
        self._root = root
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Trainings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, variant: str, *, baseline: str | None = None, pace: float = 0.0, delay: float = 0.0) -> None:
        """Start a training that begins after `delay` seconds and rests for `pace` seconds after each step."""
        command = [sys.executable, "-m", "exptui_tui.demo.training", "--variant", variant]
        command += ["--runs", ".", "--data", DATA_FOLDER, "--pace", str(pace), "--delay", str(delay)]
        command += ["--baseline", baseline] if baseline else []
        with open(self._root / CONSOLE_FILE, "ab") as console:
            self._processes[variant] = subprocess.Popen(
                command,
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C is the demo's affair, which then stops them in order
            )

    def wait(self, ended: Callable[[str], None] = lambda _: None) -> None:
        """Wait until all have ended; `ended` is told each one's name."""
        waiting = dict(self._processes)
        while waiting:
            for name in [name for name, process in waiting.items() if process.poll() is not None]:
                del waiting[name]
                ended(name)
            time.sleep(0.05)

    def gone_wrong(self) -> list[str]:
        """The trainings that ended in another way than they are meant to."""
        return [
            name
            for name, process in self._processes.items()
            if process.poll() not in (None, 1 if VARIANTS[name].fails else 0)
        ]

    def stop(self) -> None:
        """Stop those that still run: by SIGTERM, and by SIGKILL where that does not help."""
        running = {name: process for name, process in self._processes.items() if process.poll() is None}
        for process in running.values():
            process.terminate()
        deadline = time.monotonic() + _PATIENCE
        for process in running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.stopped += running


def _environment() -> dict[str, str]:
    """One thread for each training, as several run side by side. Paths stay valid in another directory."""
    environment = {**os.environ, **dict.fromkeys(_THREADS, "1")}
    if path := environment.get("PYTHONPATH"):
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path.split(os.pathsep)))
    return environment
