"""A run directory with one log, read piece by piece, and logs whose points are known beforehand."""

from __future__ import annotations

import struct
from pathlib import Path

import writers
from exptui.discover import scan
from exptui.reading import SourceReading
from exptui.records import RunRecord
from exptui.series import Series

FORMATS = ("native", "jsonl", "csv", "tensorboard")
FILE = {"native": "metrics.jsonl", "jsonl": "metrics.jsonl", "csv": "metrics.csv", "tensorboard": "events.tfevents.1"}

Points = dict[str, list[tuple[str, str]]]


class Watched:
    """A run directory with one log, read as the follower reads it."""

    def __init__(self, root: Path, form: str, budget: int = 1 << 20) -> None:
        self.root, self.form, self.budget = root, form, budget
        self.log = root / "run" / FILE[form]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if form == "native":
            (root / "run" / "run.json").write_text('{"schema": "exptui/1", "status": "running"}')
        self.reading: SourceReading | None = None
        self.series: dict[str, Series] = {}

    def read(self) -> None:
        """Read until there is no more, folding chunks into series as the store does."""
        for _ in range(100_000):
            source = next(iter(scan(str(self.root)).sources.values()))
            if self.reading is None:
                self.reading = SourceReading(str(self.root), source)
            for learnt in self.reading.read(source, self.budget):
                if learnt.chunk.restart:
                    self.series = {}
                for name, points in learnt.chunk.points.items():
                    self.series.setdefault(name, Series()).extend(points)
            if not self.reading.more:
                return
        raise AssertionError("the reader never says that it is done")

    def points(self) -> Points:
        return {name: pairs(one) for name, one in self.series.items()}

    def fresh(self) -> Points:
        """The points of one read of the whole file by another reader."""
        other = Watched(self.root, self.form)
        other.read()
        return other.points()

    def record(self) -> RunRecord:
        assert self.reading is not None
        return self.reading.runs[""].record("x", self.reading.source, 0.0)

    def problems(self) -> list[tuple[int | None, str]]:
        return [(one.offset, one.what) for one in self.record().problems]


def pairs(series: Series) -> list[tuple[str, str]]:
    return [(repr(step), repr(value)) for step, value in zip(series.step, series.value, strict=True)]


def log_of(form: str, rows: list[dict[str, float]], first_step: int = 0) -> bytes:
    """A log of the rows; where a format has nothing to say of a metric in a row, the metric is missing in it."""
    numbered = list(enumerate(rows, first_step))
    if form == "tensorboard":
        return writers.version() + writers.scalars(numbered)
    if form == "csv":
        names = sorted({name for row in rows for name in row} - {"step"})
        cells = [[step, *(row.get(name, "") for name in names)] for step, row in numbered]
        return b"".join(writers.csv_line(line) for line in [["step", *names], *cells])
    return b"".join(writers.json_line({"step": step, **row, "note": "Größe 🌊"}) for step, row in numbered)


def expected(form: str, rows: list[dict[str, float]], first_step: int = 0) -> Points:
    points: Points = {}
    for step, row in enumerate(rows, first_step):
        for name, value in row.items():
            if form == "tensorboard":
                value = struct.unpack("<f", struct.pack("<f", value))[0]
            points.setdefault(name, []).append((repr(float(step)), repr(float(value))))
    return points
