"""Runs for tests, made by the recorder itself, and the command line that reads them."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import exptui

EXPTUI = (sys.executable, "-m", "exptui_tui.cli")


def begin(root: Path, name: str, metrics: Mapping[str, Sequence[float]] | None = None, **declared: Any) -> exptui.Run:
    """A run that is still going on, with the points of `metrics` at the steps 0, 1, 2, ..."""
    run = exptui.init(root, name=name, **declared)
    metrics = metrics or {}
    for step in range(max(map(len, metrics.values()), default=0)):
        run.log({key: values[step] for key, values in metrics.items() if step < len(values)}, step=step)
    return run


def record(
    root: Path,
    name: str,
    metrics: Mapping[str, Sequence[float]] | None = None,
    ending: Any = "finished",
    **declared: Any,
) -> str:
    """A run that has ended; its id."""
    run = begin(root, name, metrics, **declared)
    run.finish(ending)
    return run.id


def three(root: Path) -> dict[str, str]:
    """A baseline, a better run and a failed one; their ids by name."""
    good = {"val/f1": [0.5, 0.8, 0.9], "latency_ms": [45.0, 45.0, 45.0], "train/loss": [1.0, 0.5, 0.25]}
    better = {"val/f1": [0.5, 0.9, 0.95], "latency_ms": [40.0, 40.0, 40.0], "train/loss": [1.0, 0.4, 0.2]}
    broken = {"val/f1": [0.4], "train/loss": [1.0, float("nan")]}
    return {
        "base": record(root, "base", good, params={"lr": 0.1, "layers": 4}),
        "better": record(root, "better", better, params={"lr": 0.2, "layers": 4}, tags=["sweep"]),
        "broken": record(root, "broken", broken, "failed", params={"lr": 9.0, "layers": 4}),
    }


def exptui_(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, without a terminal."""
    return subprocess.run(
        [*EXPTUI, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def without_ages(listed: str) -> str:
    """A list whose ages do not matter: a second may pass between two."""
    return re.sub(r" +\d+[smh] ", " age ", listed)
