"""The figures of the screen beside W&B LEET's, measured in a pseudo-terminal: `make bench`.

Needs the terminal probe (`ttyprobe.py`, in $EXPTUI_TOOLS or beside the project in shared/tools) with psutil, pyte and
pillow. LEET joins in when $PEERS_ROOT holds `venvs/wandb` and `data/wandb1000`. Rounds of ours and theirs alternate,
so that a machine whose speed drifts is fair to both: quote the ratio.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("EXPTUI_TOOLS", PROJECT.parent / "shared" / "tools"))
PEERS = Path(os.environ["PEERS_ROOT"]) if "PEERS_ROOT" in os.environ else None
EXPTUI = str(Path(sys.executable).with_name("exptui"))
FULL_ROW = r"finished +sweep \d+.* 0\.\d+"
"""A run by its name, with its state and a metric: what makes a first screen useful."""

sys.path.insert(0, str(TOOLS))


def write_run(folder: Path, at: int, points: int) -> None:
    """A finished native run of five metrics."""
    chance = random.Random(at)
    began = time.time() - 90_000 + at * 60
    folder.mkdir(parents=True)
    document = {
        "schema": "exptui/1",
        "id": folder.name,
        "name": f"sweep {at}",
        "status": "finished",
        "created_at": began,
        "ended_at": began + 50,
        "params": {"lr": 10 ** chance.uniform(-4, -1), "seed": at % 5},
    }
    (folder / "run.json").write_text(json.dumps(document))
    with open(folder / "metrics.jsonl", "w") as file:
        for step in range(points):
            decay = math.exp(-step / 200)
            row = {
                "step": step,
                "time": began + step * 0.05,
                "train/loss": 2 * decay + chance.gauss(0.1, 0.02),
                "val/loss": 2.1 * decay + chance.gauss(0.2, 0.02),
                "val/acc": 0.95 - 0.9 * decay + chance.gauss(0, 0.01),
                "lr": 0.01,
                "grad_norm": abs(chance.gauss(1, 0.3)),
            }
            file.write(json.dumps(row) + "\n")
    for path in folder.iterdir():
        os.utime(path, (began + 50, began + 50))


def runs_of(count: int, points: int, home: Path) -> Path:
    root = home / f"runs{count}"
    for at in range(count):
        write_run(root / f"run-{at:05d}", at, points)
    return root


def probe(command: list[str], home: Path, **options: Any) -> Any:
    from ttyprobe import Probe

    environment = {"XDG_CACHE_HOME": str(home / "cache"), "XDG_STATE_HOME": str(home / "state")}
    return Probe(command, cols=120, rows=40, env=environment | options.pop("env", {}), timeout=60, **options)


def first_screen(root: Path, home: Path) -> dict[str, float]:
    """Seconds from exec to a screen with names, states and metrics."""
    with probe([EXPTUI, str(root)], home) as screen:
        useful = screen.wait_regex(FULL_ROW, timeout=60)
        screen.settle(1.0, 10)
        total = screen.report()["total"]
        return {"first screen s": useful, "bytes to open": total["bytes"], "RSS MB": total["rss_peak"] / 1e6}


def leet_list(root: Path) -> dict[str, float]:
    """LEET's list, as its own benchmark takes it: the first folder name."""
    assert PEERS is not None
    (root / ".wandb-leet.json").unlink(missing_ok=True)
    environment = {
        "WANDB_CONFIG_DIR": tempfile.mkdtemp(prefix="leet-"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_MODE": "offline",
        "SSH_TTY": "/dev/pts/0",
    }
    with probe([str(PEERS / "venvs/wandb/bin/wandb"), "leet", str(root)], root.parent, env=environment) as screen:
        return {"LEET list s": screen.wait_regex(r"run-2\d+", timeout=60)}


def cold(root: Path, home: Path) -> dict[str, float]:
    """Without an index: seconds to the first useful screen, and until every run is read; keys on the way."""
    shutil.rmtree(home / "cache", ignore_errors=True)
    with probe([EXPTUI, str(root)], home, ignore_rows=(0,)) as screen:
        useful = screen.wait_regex(FULL_ROW, timeout=60)
        screen.keys(["down"], repeat=10)
        screen.wait_gone("% of ", timeout=120)
        done = time.perf_counter() - screen.t0
        key = screen.report()["keys"]["down"]["first_change_ms"]["p50"]
        return {"cold first screen s": useful, "cold all read s": done, "key ms while reading": key}


def append_to_screen(home: Path, points: int = 20) -> dict[str, float]:
    """Seconds from an appended point to its value on the screen, and bytes to the terminal for one point."""
    folder = home / "live" / "live-run"
    folder.mkdir(parents=True)
    document = {
        "schema": "exptui/1",
        "id": "live-run",
        "name": "live run",
        "status": "running",
        "created_at": time.time(),
        "heartbeat": time.time(),
        "env": {"host": os.uname().nodename, "pid": os.getpid()},
    }
    (folder / "run.json").write_text(json.dumps(document))
    chance = random.Random(1)
    with open(folder / "metrics.jsonl", "ab", buffering=0) as file:

        def log(step: int, value: float) -> None:
            file.write(json.dumps({"step": step, "time": time.time(), "val/acc": value, "loss": 1.0}).encode() + b"\n")

        for step in range(500):
            log(step, round(0.5 + chance.gauss(0, 0.05), 4))
        with probe([EXPTUI, str(folder.parent)], home) as screen:
            screen.wait_text("live run")
            screen.settle(1.0, 10)
            before, waits = screen.report()["total"]["bytes"], []
            for at in range(points):
                value = round(0.4501 + 0.0013 * at, 4)
                waits.append(screen.measure_visible(lambda s=500 + at, v=value: log(s, v), f"{value:.4f}"))
                screen.sleep(0.5 + 0.37 * chance.random())
            spent = screen.report()["total"]["bytes"] - before
    shutil.rmtree(folder.parent)
    return {
        "append to screen s p50": statistics.median(waits),
        "append to screen s max": max(waits),
        "bytes a point": spent / points,
    }


def idle(root: Path, home: Path, seconds: float = 20.0) -> dict[str, float]:
    """What a screen at rest costs."""
    with probe([EXPTUI, str(root)], home) as screen:
        screen.wait_regex(FULL_ROW, timeout=60)
        screen.settle(1.5, 15)
        screen.sleep(4)
        row = screen.idle(seconds)
        screen.keys(["down"], repeat=20)
        keys = screen.report()["keys"]["down"]
        return {
            "idle CPU %": row["cpu_pct"],
            "idle bytes/s": row["bytes_per_s"],
            "key to screen ms": keys["settled_ms"]["p50"],
            "bytes a key": keys["bytes_p50"],
        }


def rounds(count: int, measure: Callable[[], dict[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(count):
        for name, value in measure().items():
            found.setdefault(name, []).append(value)
    return found


def report(found: dict[str, list[float]], load: tuple[float, float, float]) -> None:
    print(f"\nload average at the start {load[0]:.2f}; {os.cpu_count()} cores; medians (least – most) of n\n")
    print("| measure | n | median | least | most |\n|---|---|---|---|---|")
    for name, values in found.items():
        cells = (statistics.median(values), min(values), max(values))
        print(f"| {name} | {len(values)} | " + " | ".join(f"{value:.4g}" for value in cells) + " |")
    ours, theirs = found.get("first screen s"), found.get("LEET list s")
    if ours and theirs:
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        print(f"\nfirst useful screen / LEET's list, pair by pair: median {statistics.median(ratios):.2f}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--runs", type=int, default=1000)
    chosen = options.parse_args()
    if not (TOOLS / "ttyprobe.py").is_file():
        print(f"bench: no ttyprobe.py in {TOOLS}; set EXPTUI_TOOLS", file=sys.stderr)
        return 2
    load = os.getloadavg()
    home = Path(tempfile.mkdtemp(prefix="exptui-bench-"))
    try:
        many, hundred = runs_of(chosen.runs, 1000, home), runs_of(100, 200, home)
        found = rounds(2, lambda: cold(many, home))
        subprocess.run(
            [EXPTUI, "list", str(many)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"XDG_CACHE_HOME": str(home / "cache")},
        )
        theirs = PEERS / "data" / "wandb1000" if PEERS else None
        pair = (
            (lambda: first_screen(many, home) | leet_list(theirs))
            if theirs and theirs.is_dir()
            else (lambda: first_screen(many, home))
        )
        found |= rounds(chosen.rounds, pair)
        found |= rounds(2, lambda: append_to_screen(home))
        subprocess.run(
            [EXPTUI, "list", str(hundred)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"XDG_CACHE_HOME": str(home / "cache")},
        )
        found |= rounds(2, lambda: idle(hundred, home))
        report(found, load)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
