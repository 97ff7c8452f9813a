"""Logs of W&B and SwanLab, written from the formats' descriptions and not by the code that reads them."""

from __future__ import annotations

import binascii
import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from exptui.discover import scan
from exptui.reading import SourceReading
from exptui.records import ConsoleLine, RunRecord
from exptui.series import Series
from watched import Points, pairs
from writers import field

WANDB = b":W&B\xe1\xbe\x00"
SWANLAB = b":SWL\xd6\xe1\x02"
BLOCK = 32768
START = 1_790_000_000


def log(records: Iterable[bytes], header: bytes = WANDB, *, shifted: bool = False) -> bytes:
    """A whole log. `shifted` counts the blocks from behind the header, as wandb-core 0.17.0 to 0.17.5 did."""
    out = bytearray(header)
    for data in records:
        first = True
        while True:
            room = BLOCK - (len(out) - (7 if shifted else 0)) % BLOCK
            if room < 7:
                out += b"\0" * room
                continue
            piece, data = data[: room - 7], data[room - 7 :]
            kind = (1 if first else 4) if not data else (2 if first else 3)
            out += struct.pack("<IHB", binascii.crc32(bytes([kind]) + piece), len(piece), kind) + piece
            first = False
            if not data:
                break
    return bytes(out)


def chunks(content: bytes) -> list[tuple[int, int]]:
    """Where each chunk of an unshifted log begins and ends."""
    found, at = [], 7
    while at + 7 <= len(content):
        room = BLOCK - at % BLOCK
        if room < 7:
            at += room
            continue
        size = int.from_bytes(content[at + 4 : at + 6], "little")
        found.append((at, at + 7 + size))
        at += 7 + size
    return found


def spelled(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def item(key: str | Sequence[str], value: Any, *, nested: bool = True) -> bytes:
    parts = [key] if isinstance(key, str) else list(key)
    keys = b"".join(field(2 if nested else 1, part.encode()) for part in parts)
    return field(1, keys + field(16, spelled(value)))


def stamp(seconds: float) -> bytes:
    whole = math.floor(seconds)
    return field(1, whole) + field(2, round((seconds - whole) * 1e9))


def history(
    number: int, step: int | None, values: Mapping[Any, Any], *, time: float = START, nested: bool = True, turn: int = 0
) -> bytes:
    """A record of the history. `turn` rotates the items, as Go's maps do."""
    told = {**values, "_timestamp": time, "_runtime": 0.5}
    if step is not None:
        told["_step"] = step
    items = [item(key, value, nested=nested) for key, value in told.items()]
    turn %= len(items)
    return field(1, number) + field(2, b"".join(items[turn:] + items[:turn]) + field(2, field(1, step or 0)))


def summary(number: int, values: Mapping[Any, Any]) -> bytes:
    return field(1, number) + field(3, b"".join(item(key, value) for key, value in values.items()))


def version(producer: str = "0.31.0") -> bytes:
    return field(1, 1) + field(21, field(1, field(1, producer.encode())))


def run(run_id: str = "abc123", **told: Any) -> bytes:
    config = b"".join(item(key, value, nested=False) for key, value in told.get("config", {}).items())
    texts = {3: "project", 6: "group", 7: "job_type", 8: "name", 9: "notes", 12: "sweep", 13: "host"}
    body = field(1, run_id.encode()) + field(4, config) + field(17, stamp(told.get("start", START)))
    body += b"".join(field(at, told[name].encode()) for at, name in texts.items() if name in told)
    body += b"".join(field(10, tag.encode()) for tag in told.get("tags", ()))
    if "git" in told:
        body += field(21, b"".join(field(at, part.encode()) for at, part in enumerate(told["git"], 1)))
    return field(1, 2) + field(16, b"\x22\x01q") + field(17, body)


def exit_record(code: int) -> bytes:
    return field(1, 9) + field(18, (field(1, code) if code else b"") + field(2, 7))


def output(text: str, *, error: bool = False, time: float = START) -> bytes:
    return field(1, 5) + field(13, field(1, 0 if error else 1) + field(2, stamp(time)) + field(3, text.encode()))


def rows(count: int, first: int = 0, name: str = "loss") -> list[bytes]:
    return [history(at + 3, first + at, {name: 1.0 / (at + 1)}) for at in range(count)]


def points(count: int, first: int = 0) -> list[tuple[str, str]]:
    return [(repr(float(first + at)), repr(1.0 / (at + 1))) for at in range(count)]


class Followed:
    """A directory with the logs of one run, read as the follower reads it."""

    def __init__(self, root: Path, budget: int = 1 << 20, place: str = "run-20261124_100000-abc123") -> None:
        self.root, self.budget = root, budget
        self.log = self.part(place)
        self.reading: SourceReading | None = None
        self.series: dict[str, Series] = {}
        self.system: dict[str, Series] = {}
        self.console: list[ConsoleLine] = []

    def part(self, place: str, name: str = "run-abc123.wandb") -> Path:
        (self.root / place).mkdir(parents=True, exist_ok=True)
        return self.root / place / name

    def read(self) -> None:
        for _ in range(100_000):
            source = next(iter(scan(str(self.root)).sources.values()))
            if self.reading is None:
                self.reading = SourceReading(str(self.root), source)
            for learnt in self.reading.read(source, self.budget):
                if learnt.chunk.restart:
                    self.series, self.system, self.console = {}, {}, []
                for into, told in ((self.series, learnt.chunk.points), (self.system, learnt.chunk.system)):
                    for name, new in told.items():
                        into.setdefault(name, Series()).extend(new)
                self.console += learnt.chunk.console
            if not self.reading.more:
                return
        raise AssertionError("the reader never says that it is done")

    def write(self, records: Iterable[bytes], header: bytes = WANDB) -> None:
        self.log.write_bytes(log(records, header))
        self.read()

    def points(self) -> Points:
        return {name: pairs(one) for name, one in self.series.items()}

    def record(self, now: float = 0.0) -> RunRecord:
        assert self.reading is not None
        return self.reading.runs[""].record("x", self.reading.source, now)

    def problems(self) -> list[tuple[int | None, str]]:
        return [(one.offset, one.what) for one in self.record().problems]
