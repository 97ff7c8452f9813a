"""Makes the README's pictures from the running app: `make screenshots`.

The runs are written for the purpose, always the same, so that a picture changes only when the app does; a test
compares what the pictures say with what the app shows now.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PICTURES: dict[str, tuple[tuple[int, int], list[str]]] = {
    "main": ((120, 40), ["down", "space", "up"]),
    "drift": ((120, 40), ["down", "down", "t"]),
    "recommendation": ((120, 40), ["down", "r"]),
    "narrow": ((80, 24), ["down", "d"]),
}
"""Name → size and the keys that lead there from the start."""

_BEGAN = 3.6 * 3600


def _write_run(root: Path, name: str, began: float, **facts: Any) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    metrics = facts.pop("metrics")
    document = {
        "schema": "exptui/1",
        "id": name,
        "name": name,
        "status": "finished",
        "created_at": began,
        "heartbeat": began + 1200,
        "ended_at": began + 1200,
        "group": "sst2",
    } | facts
    (folder / "run.json").write_text(json.dumps(document))
    with open(folder / "metrics.jsonl", "w") as file:
        for at, row in enumerate(metrics):
            file.write(json.dumps({"step": at * 50, "time": round(began + at * 6, 3), **row}) + "\n")
    moment = began + 1200
    for path in (folder / "run.json", folder / "metrics.jsonl"):
        os.utime(path, (moment, moment))
    return folder


def _curve(seed: int, best: float, pace: float, broken_at: int | None = None) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for at in range(200):
        share = 1 - math.exp(-at / pace)
        loss = 0.69 - 0.5 * share * best + chance.gauss(0, 0.008)
        row: dict[str, Any] = {"train/loss": round(loss, 5)}
        if at % 10 == 9:
            row["val/f1"] = round(0.5 + (best - 0.5) * share + chance.gauss(0, 0.002), 4)
        if broken_at is not None and at >= broken_at:
            row = dict.fromkeys(row, "NaN")
        rows.append(row)
        if broken_at is not None and at == broken_at + 3:
            break
    return rows


def _write_data(path: Path, seed: int, shift: float) -> None:
    chance = random.Random(seed)
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["length", "rare_words", "year", "source", "label"])
        for _ in range(1500):
            length = (
                "" if chance.random() < 0.01 + 0.1 * shift else round(chance.lognormvariate(3 + 0.25 * shift, 0.4), 1)
            )
            source = chance.choices(["news", "web", "forum"], [5, 3, 2 + 6 * shift])[0]
            table.writerow(
                [
                    length,
                    round(chance.betavariate(2, 9 - 3 * shift), 4),
                    chance.randint(1990, 2024),
                    source,
                    chance.randint(0, 1),
                ]
            )


def write_runs(root: Path) -> None:
    """A directory of five runs: a baseline, a smaller model, one on drifted data, a larger one, a broken one."""
    now = time.time() - _BEGAN
    data = root / "data"
    data.mkdir(parents=True)
    _write_data(data / "train-v1.csv", 1, 0.0)
    _write_data(data / "train-v2.csv", 2, 1.0)
    declared = {"current": "data/train-v1.csv"}
    common: dict[str, Any] = {
        "data_base": str(root),
        "evaluation": {"dataset": "sst2", "split": "dev", "version": "1.0"},
    }
    base = {"model": "bert-base-uncased", "lr": 3e-5, "batch": 32, "epochs": 3, "warmup": 0.1, "seed": 0}
    small = {**base, "model": "distilbert-base", "lr": 5e-5}
    _write_run(
        root,
        "bert-base",
        now,
        params=base,
        data=declared,
        hypothesis="the plain model sets the mark",
        metrics=_curve(1, 0.921, 40),
        summary={"val/f1": 0.92, "latency_ms": 45, "size_mb": 440},
        **common,
    )
    _write_run(
        root,
        "distilbert",
        now + 300,
        params=small,
        data=declared,
        parent="bert-base",
        hypothesis="half the layers keep most of the quality",
        metrics=_curve(2, 0.893, 36),
        summary={"val/f1": 0.89, "latency_ms": 12, "size_mb": 260},
        **common,
    )
    _write_run(
        root,
        "distilbert-v2",
        now + 600,
        params=small,
        data={"current": "data/train-v2.csv"},
        parent="distilbert",
        hypothesis="fresher reviews help",
        metrics=_curve(3, 0.934, 38),
        summary={"val/f1": 0.931, "latency_ms": 12, "size_mb": 260},
        **common,
    )
    _write_run(
        root,
        "bert-large",
        now + 900,
        params={**base, "model": "bert-large-uncased"},
        data=declared,
        metrics=_curve(4, 0.931, 55),
        summary={"val/f1": 0.93, "latency_ms": 140, "size_mb": 1340},
        **common,
    )
    _write_run(
        root,
        "distilbert-hot",
        now + 1200,
        params={**small, "lr": 1e-2},
        data=declared,
        status="failed",
        error={"type": "FloatingPointError", "message": "loss is NaN"},
        metrics=_curve(5, 0.7, 30, 60),
        **common,
    )


async def _take(root: Path, name: str, out: Path) -> None:
    from exptui_tui.app import ExptuiApp
    from exptui_tui.session import open_directory

    size, keys = PICTURES[name]
    app = ExptuiApp(open_directory(str(root)))
    async with app.run_test(size=size) as pilot:
        await _until_still(pilot)
        await pilot.press(*keys)
        await _until_still(pilot)
        (out / f"{name}.svg").write_text(_plain_fonts(app.export_screenshot(title=f"exptui · {name}")))


async def _until_still(pilot: Any) -> None:
    """Wait until the screen has not changed for a while: runs read, drift computed, curves drawn."""
    before, still = "", 0
    for _ in range(200):
        await pilot.pause(0.1)
        now = pilot.app.export_screenshot()
        still = still + 1 if now == before and "checking" not in now and "reading" not in now else 0
        before = now
        if still >= 8:
            return
    raise TimeoutError("the screen never came to rest")


def _plain_fonts(svg: str) -> str:
    """Without fonts from the network: a picture in a README must not fetch anything."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def words(svg: str) -> list[str]:
    """The text in a picture, for comparing two of them."""
    return [re.sub(r"&#160;", " ", text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)]


def make(out: Path) -> None:
    """Write all pictures into `out`."""
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, XDG_CACHE_HOME=f"{home}/.cache", XDG_STATE_HOME=f"{home}/.state")
        os.environ.pop("NO_COLOR", None)
        root = Path(home) / "runs"
        write_runs(root)
        from exptui_tui.session import read_directory

        read_directory(str(root)).store.set_baseline("bert-base")
        for name in PICTURES:
            asyncio.run(_take(root, name, out))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
