"""Damages real runs of every format at random and reads them: `python tests/bench/fuzz.py SAMPLES [COUNT] [SEED]`.

SAMPLES is a directory with one folder a format. No damage may raise, take a second, or cost 64 MiB; and a run that lies
beside the damaged one must be read as if nothing had happened.
"""

from __future__ import annotations

import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "core")]

from exptui.follow import Follower  # noqa: E402 - the project's own source comes first
from exptui.records import RunRecord  # noqa: E402

NEIGHBOUR = '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n'
SECONDS, BYTES = 1.0, 64 << 20


def damage(content: bytes, chance: random.Random) -> bytes:
    """One of the things that happen to files."""
    data = bytearray(content)
    kind = chance.randrange(7)
    at = chance.randrange(len(data)) if data else 0
    end = min(len(data), at + chance.choice((1, 4, 64, 4096)))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1 and data:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 2:
        data[at:end] = bytes(end - at)
    elif kind == 3:
        del data[at:end]
    elif kind == 4:
        data[at:at] = chance.randbytes(chance.choice((1, 7, 300)))
    elif kind == 5:
        data[at:at] = bytes(data[at:end])
    else:
        data[at:end] = chance.randbytes(end - at)
    return bytes(data)


def read(root: Path) -> dict[str, RunRecord]:
    found: dict[str, RunRecord] = {}
    follower = Follower(str(root))
    for batch in follower.once():
        for one in batch.gone:
            found.pop(one, None)
        found |= {one.id: one for one in batch.records}
    return found


def main() -> int:
    samples, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    formats = sorted(one for one in samples.iterdir() if one.is_dir())
    slowest, failures, done = 0.0, [], Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for turn in range(count):
            form = formats[turn % len(formats)]
            shutil.rmtree(root, ignore_errors=True)
            shutil.copytree(form, root / form.name, copy_function=shutil.copyfile)
            (root / "neighbour").mkdir()
            (root / "neighbour" / "metrics.jsonl").write_text(NEIGHBOUR)
            victim = chance.choice(sorted(path for path in (root / form.name).rglob("*") if path.is_file()))
            victim.write_bytes(damage(victim.read_bytes(), chance))
            began = time.perf_counter()
            try:
                runs = read(root)
            except Exception as error:
                failures.append(f"{turn}: {victim.relative_to(root)}: {error!r}")
                continue
            spent = time.perf_counter() - began
            slowest = max(slowest, spent)
            beside = runs.get("neighbour/metrics.jsonl")
            if spent > SECONDS:
                failures.append(f"{turn}: {victim.relative_to(root)}: {spent:.2f} s")
            if beside is None or beside.metrics["loss"].count != 2 or beside.problems:
                failures.append(f"{turn}: {victim.relative_to(root)}: the run beside it was not read")
            done[form.name] += 1
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    print(
        f"{sum(done.values())} damaged trees read, {len(failures)} failures; slowest {slowest:.2f} s, "
        f"peak memory grew by {grown >> 20} MiB"
    )
    for line in failures[:20]:
        print(line)
    return 1 if failures or grown > BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
