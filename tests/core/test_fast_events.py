"""Stretches of an event file decoded at once: the same points and problems as record by record, whatever the bytes."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import writers
from exptui.formats import event_matrix, tensorboard, tfrecord
from exptui.formats.base import Delta, FileSign
from exptui.formats.tensorboard import EventReader
from exptui.tail import HEAD
from writers import event, field, field32, simple, tensor

LOG = "events.tfevents.1"
Told = tuple[dict[str, Any], Any]


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for cycles in small files too, and often."""
    monkeypatch.setattr(tfrecord, "_LEARN", 8)
    monkeypatch.setattr(tfrecord, "_LONG", 2)
    monkeypatch.setattr(event_matrix, "_BLOCK", 700)


class Reading:
    """One reader, fast or slow, and everything that it told."""

    def __init__(self, root: Path, large: int, budget: int) -> None:
        self.reader = EventReader(str(root))
        self.path = root / LOG
        self.large, self.budget = large, budget
        self.points: dict[str, tuple[list[str], list[str], list[str]]] = {}
        self.told = Delta()

    def read(self) -> Told:
        tensorboard.LARGE = self.large
        more = True
        while more:
            status = self.path.stat()
            files = {LOG: FileSign(status.st_ino, status.st_size, status.st_mtime_ns)}
            for delta in self.reader.read(files, self.budget):
                self._take(delta)
                more = delta.more
        return self.points, (self.told.problems, self.told.facts, self.told.signs)

    def _take(self, delta: Delta) -> None:
        if delta.restarted:
            self.points = {}
        for name, points in delta.points.items():
            assert points.time is not None
            kept = self.points.setdefault(name, ([], [], []))
            for column, new in zip(kept, (points.step, points.value, points.time), strict=True):
                column.extend(map(repr, new))
        self.told.problems = delta.problems
        self.told.facts, self.told.signs = delta.facts or self.told.facts, delta.signs or self.told.signs


@pytest.fixture(autouse=True)
def large_again() -> Iterator[None]:
    before = tensorboard.LARGE
    yield
    tensorboard.LARGE = before


def both(root: Path, *contents: bytes, budget: int = 1 << 20) -> Told:
    """What both ways tell after each of the contents, which must be the same."""
    root.mkdir(parents=True, exist_ok=True)
    (root / LOG).write_bytes(b"")
    fast, slow = Reading(root, -1, budget), Reading(root, 1 << 60, 1 << 20)
    told: Told = ({}, None)
    for content in contents:
        with open(root / LOG, "r+b") as file:
            file.write(content)
            file.truncate()
        told = fast.read()
        assert told == slow.read()
        assert list(told[0]) == list(slow.points)
    return told


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of every stretch found from now on."""
    rows: list[int] = []
    stretch = event_matrix.Cycle.stretch

    def noted(self: event_matrix.Cycle, data: bytes, at: int) -> event_matrix.Stretch | None:
        found = stretch(self, data, at)
        rows.append(found.rows if found else 0)
        return found

    monkeypatch.setattr(event_matrix.Cycle, "stretch", noted)
    return rows


def cycles(tags: list[str], count: int, first: int = 0, seed: int = 1) -> bytes:
    rng = random.Random(seed)
    special = [math.nan, -math.nan, math.inf, -math.inf, -0.0, 1e-45]
    parts = []
    for step in range(first, first + count):
        for tag in tags:
            value = rng.choice(special) if rng.random() < 0.05 else rng.gauss(0, 1)
            parts.append(timed(step, tag, value, 0.0 if rng.random() < 0.02 else 1.7e9 + step + rng.random()))
    return b"".join(parts)


def timed(step: int, tag: str, value: float, time: float) -> bytes:
    return writers.record(field(1, time) + field(2, step) + field(5, field(1, simple(tag, value))))


@pytest.mark.parametrize(
    "tags", [["a"], ["a", "b", "a"], ["loss", "acc", "lr", "größe"], [f"m{at}" for at in range(20)]]
)
@pytest.mark.parametrize("first", [0, 100, 16_300, (1 << 21) - 20, (1 << 35) - 9])
def test_steps_of_every_width_and_cycles_of_every_length(
    tags: list[str], first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = counted(monkeypatch)
    points, _ = both(tmp_path, writers.version() + cycles(tags, 160, first))
    assert sum(len(steps) for steps, _, _ in points.values()) == 160 * len(tags)
    assert sum(rows) > 60


@pytest.mark.parametrize("budget", [40, 333, 1000, 5000])
def test_bites_that_cut_cycles_anywhere(budget: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = counted(monkeypatch)
    both(tmp_path, writers.version() + cycles(["a", "b", "c"], 200), budget=budget)
    assert budget < 1000 or sum(rows) > 100


def test_a_growing_file_with_a_torn_tail(tmp_path: Path) -> None:
    content = writers.version() + cycles(["a", "b"], 200)
    rng = random.Random(3)
    ends = sorted(rng.sample(range(HEAD, len(content)), 25))
    both(tmp_path, *(content[:end] for end in ends), content)


SHAPES = st.sampled_from(["cycle", "eval", "tensor", "negative", "several", "noise", "stepless", "other"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SHAPES, st.integers(1, 40)), max_size=12), st.integers(0, 1 << 22), st.randoms(), st.data())
def test_any_mixture_of_shapes_and_damage(
    tmp_path: Path, parts: list[tuple[str, int]], step: int, rng: random.Random, data: st.DataObject
) -> None:
    content = bytearray(writers.version())
    for shape, count in parts:
        content += mixed(shape, count, step)
        step += count
    for _ in range(data.draw(st.integers(0, 4))):
        damage(content, rng)
    budget = data.draw(st.sampled_from([100, 700, 4000, 1 << 20]))
    both(tmp_path, bytes(content), budget=budget)


def mixed(shape: str, count: int, step: int) -> bytes:
    body = field(1, 1) + field(2, b"") + field32(5, 0.5)
    made = {
        "cycle": lambda at: timed(at, "loss", at / 7, 1e9 + at) + timed(at, "lr", 1e-3, 1e9 + at),
        "eval": lambda at: cycles(["loss", "lr"], 9, at, at) + timed(at, "eval", 1.0, 0.0),
        "tensor": lambda at: event(at, tensor("t", body, named=at % 2 == 0)),
        "negative": lambda at: event(-at - 1, simple("loss", 1.0)),
        "several": lambda at: event(at, simple("loss", 1.0), simple("lr", 2.0)),
        "noise": lambda at: writers.record(b"\x0b" + bytes([at % 256] * (at % 50))),
        "stepless": lambda at: event(None, simple("loss", 3.0)),
        "other": lambda at: timed(at, "lo\xe9s", at * 3.0, 5.0),
    }[shape]
    return b"".join(made(step + at) for at in range(count))


def damage(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content))
    kind = rng.randrange(4)
    if kind == 0:
        content[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del content[at:]
        content += b"\0" if not content else b""
    elif kind == 2:
        content[at : at + 30] = bytes(len(content[at : at + 30]))
    else:
        content[at] = rng.randrange(256)


def test_damage_at_any_byte_of_a_stretch(tmp_path: Path) -> None:
    content = writers.version() + cycles(["a", "bc"], 30)
    length = len(cycles(["a", "bc"], 1))
    begun = len(content) - 10 * length
    for at in range(begun, begun + length):
        bad = bytearray(content)
        bad[at] ^= 0x11
        points, (problems, *_) = both(tmp_path, bytes(bad))
        assert problems
        assert sum(len(steps) for steps, _, _ in points.values()) < 60


def test_a_checksum_guards_every_bit_of_a_value(tmp_path: Path) -> None:
    """A change of value and checksum together is no damage: the look-up tables tell the two apart."""
    plain = cycles(["a"], 60)
    changed = plain[: 40 * (len(plain) // 60)] + timed(40, "a", 12345.678, 1.5) + plain[41 * (len(plain) // 60) :]
    points, (problems, *_) = both(tmp_path, changed)
    assert problems == ()
    assert points["a"][1][40] == repr(struct.unpack("<f", struct.pack("<f", 12345.678))[0])
