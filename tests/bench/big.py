"""The figures of very large runs: one run of five metrics, a million points each, opened twice by a whole process.

    python tests/bench/big.py [--points N] [--rounds N] [--keep FOLDER] [format …]

Writes its own TensorBoard, native, JSON Lines and CSV runs; W&B joins in when $PEERS_ROOT holds `data/wandb_big`. The
first opening decodes the files, the second one finds the points in the cache. The file system's cache is warm.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from google_crc32c import value as crc32c

METRICS = ("m0", "m1", "m2", "m3", "m4")
PROJECT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ["PEERS_ROOT"]) if "PEERS_ROOT" in os.environ else None

SESSION = """
import json, sys, time
began = time.perf_counter()
from exptui_tui.session import open_directory
session = open_directory(sys.argv[1])
follower = session.follower(gentle=sys.argv[2] == "gentle")
first = None
if len(sys.argv) > 3:
    follower.want(sys.argv[3:])
for batch in follower.once():
    session.store.apply(batch)
    if first is None and any(one.points for one in batch.series.values()):
        first = time.perf_counter() - began
runs = [run.id for run in session.store]
points = sum(len(one) for run in runs for one in session.store.series(run).values())
counted = sum(metric.count for run in session.store for metric in run.metrics.values())
print(json.dumps({"first": first, "runs": runs, "points": points, "counted": counted}))
"""


def rows(count: int) -> Iterator[tuple[int, float, list[float]]]:
    for step in range(count):
        decay = math.exp(-step / (count / 5))
        noise = (step * 7919 % 997) / 50_000
        yield step, 1.7e9 + step * 0.1, [decay * (at + 1) + noise for at in range(len(METRICS))]


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number % 0x80 + 0x80)
        number //= 0x80
    return bytes([*out, number])


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def write_tensorboard(folder: Path, count: int) -> None:
    """One scalar an event, as the usual writers do it."""
    with open(folder / "events.out.tfevents.1.big", "wb") as file:
        file.write(framed(b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2"))
        for step, moment, values in rows(count):
            head = b"\x09" + struct.pack("<d", moment) + b"\x10" + varint(step)
            for name, value in zip(METRICS, values, strict=True):
                scalar = b"\x0a\x02" + name.encode() + b"\x15" + struct.pack("<f", value)
                file.write(framed(head + b"\x2a\x0b\x0a\x09" + scalar))


def write_jsonl(folder: Path, count: int) -> None:
    with open(folder / "metrics.jsonl", "w") as file:
        for step, moment, values in rows(count):
            told = {"step": step, "time": moment, **dict(zip(METRICS, values, strict=True))}
            file.write(json.dumps(told) + "\n")


def write_native(folder: Path, count: int) -> None:
    (folder / "run.json").write_text('{"schema": "exptui/1", "id": "run", "status": "finished"}')
    write_jsonl(folder, count)


def write_csv(folder: Path, count: int) -> None:
    with open(folder / "metrics.csv", "w") as file:
        file.write(",".join(["step", "time", *METRICS]) + "\n")
        for step, moment, values in rows(count):
            file.write(f"{step},{moment!r},{','.join(map(repr, values))}\n")


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "tensorboard": write_tensorboard,
    "native": write_native,
    "csv": write_csv,
    "jsonl": write_jsonl,
}


def made(base: Path, form: str, points: int) -> Path:
    """The directory of one format, written unless it is there already."""
    if form == "wandb":
        assert PEERS is not None
        return PEERS / "data" / "wandb_big"
    root = base / f"{form}-{points}"
    if not root.exists():
        scratch = root.with_name(f"{root.name}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "run").mkdir(parents=True)
        WRITERS[form](scratch / "run", points)
        for path in (scratch / "run").iterdir():
            os.utime(path, (1.7e9, 1.7e9))  # what was written a moment ago is not trusted
        scratch.rename(root)
    return root


def opened(root: Path, cache: Path, pace: str, ids: list[str]) -> dict[str, float]:
    """Seconds, memory and what was read of one whole process."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment["PYTHONPATH"] = os.pathsep.join(str(PROJECT / name) for name in ("core", "tui"))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(root), pace, *ids], stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{root} cannot be read"
    return {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / 1024,
        **json.loads(out),
    }


def measure(base: Path, form: str, points: int, rounds: int) -> None:
    root, cache = made(base, form, points), base / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    ids = opened(root, cache, "whole", [])["runs"]  # without points: finds the ids, fills the file system's cache
    for pace in ("whole", "gentle"):
        first, second = [], []
        for _ in range(rounds):
            shutil.rmtree(cache, ignore_errors=True)
            first.append(opened(root, cache, pace, ids))  # type: ignore[arg-type]
            second.append(opened(root, cache, pace, ids))  # type: ignore[arg-type]
        for name, told in (("first", first), ("second", second)):
            middle = {key: statistics.median(one[key] or 0.0 for one in told) for key in ("seconds", "cpu", "rss")}
            curve = statistics.median(one["first"] or 0.0 for one in told)
            print(
                f"{form:12} {pace:7} {name:7} {middle['seconds']:6.2f} s  cpu {middle['cpu']:6.2f} s  "
                f"first curve {curve:5.2f} s  {middle['rss']:4.0f} MiB  {told[0]['points']:,.0f} points",
                flush=True,
            )


def main() -> None:
    forms = [*WRITERS, *(["wandb"] if PEERS and (PEERS / "data" / "wandb_big").is_dir() else [])]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", default=forms, help=f"of {', '.join(forms)}")
    parser.add_argument("--points", type=int, default=1_000_000, help="of each metric")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for the runs, for the next time")
    options = parser.parse_args()
    base = options.keep or Path(tempfile.mkdtemp(prefix="exptui-big-"))
    base.mkdir(parents=True, exist_ok=True)
    try:
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for form in options.formats:
            measure(base, form, options.points, options.rounds)
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
