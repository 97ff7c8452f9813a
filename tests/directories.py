"""A directory of runs, read as the follower reads it: every source by its format and path."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import writers
from exptui.discover import scan
from exptui.reading import SourceReading
from exptui.records import RunRecord
from exptui.series import Series

Points = dict[str, list[tuple[float, float]]]


class Directory:
    """Runs below a root; `read` reads what changed, and keeps the series as the store does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.series: dict[tuple[str, str], dict[str, Series]] = {}
        self.chunks = 0
        self.restarts = 0
        self._readings: dict[tuple[str, str], SourceReading] = {}

    def read(self, budget: int = 1 << 20) -> None:
        for key, source in scan(str(self.root)).sources.items():
            reading = self._readings.setdefault(key, SourceReading(str(self.root), source))
            for _ in range(100_000):
                for learnt in reading.read(source, budget):
                    self._take(key, learnt.chunk)
                if not reading.more:
                    break
            else:
                raise AssertionError("the reader never says that it is done")
        self._readings = {key: one for key, one in self._readings.items() if key in scan(str(self.root)).sources}

    def _take(self, key: tuple[str, str], chunk: Any) -> None:
        if chunk.restart:
            self.restarts += 1
            self.series[key] = {}
        for name, points in chunk.points.items():
            self.chunks += len(points)
            self.series.setdefault(key, {}).setdefault(name, Series()).extend(points)

    def formats(self) -> list[tuple[str, str]]:
        return sorted((form, path) for path, form in self._readings)

    def record(self, run: str | None = None) -> RunRecord:
        """The only run, or the one of that name within its source."""
        [(_, reading)] = self._readings.items()
        [found] = [one for name, one in reading.runs.items() if run in (None, name)]
        return found.record("x", reading.source, time.time())

    def runs(self) -> list[str]:
        """The names of the only source's runs."""
        [reading] = self._readings.values()
        return sorted(reading.runs)

    def points(self) -> Points:
        [series] = self.series.values()
        return {name: list(zip(one.step, one.value, strict=True)) for name, one in series.items()}

    def problems(self) -> list[str]:
        return [one.what for one in self.record().problems]


def write_json(path: Path, document: Any) -> None:
    """In place, as most trackers do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2))


def write_lines(path: Path, *rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(map(writers.json_line, rows))


def write_events(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(writers.version() + writers.scalars([(1, {"loss": 1.0})]))


def make_old(path: Path, seconds: float = 3600.0) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def damaged(content: bytes, seed: int) -> Iterator[bytes]:
    """The content cut, with bytes changed, with bytes inserted, and gone."""
    chance = random.Random(seed)
    yield content[: chance.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(min(len(content), 1 + seed % 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    yield bytes(changed)
    at = chance.randrange(len(content) + 1)
    yield content[:at] + chance.randbytes(20) + content[at:]
    yield b""


def survives_damage(root: Path, seed: int, *, heals: bool = True) -> None:
    """Whatever one file of the run holds, reading neither raises nor hangs, and the mended file reads as before:
    by another reader, and by the same one where a document is read whole each time (`heals`)."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    path = files[seed % len(files)]
    content = path.read_bytes()
    whole = numbers(root)
    directory = Directory(root)
    for version in damaged(content, seed):
        path.write_bytes(version)
        make_old(path, seed % 30)
        directory.read()
    path.write_bytes(content)
    directory.read()
    assert numbers(root) == whole
    if heals:
        assert _numbers(directory) == whole


def numbers(root: Path) -> dict[tuple[str, str], dict[str, bytes]]:
    directory = Directory(root)
    directory.read()
    return _numbers(directory)


def _numbers(directory: Directory) -> dict[tuple[str, str], dict[str, bytes]]:
    return {key: {name: bytes(one.value) for name, one in told.items()} for key, told in directory.series.items()}
