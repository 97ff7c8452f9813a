"""The cache of decoded points: what it tells is what the files tell, or it is not asked."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import writers
from exptui import reading, series_cache, series_entry
from exptui.discover import scan
from exptui.follow import Follower
from exptui.index import RunIndex
from exptui.journal import Journal
from exptui.places import cache_folder
from exptui.records import RunRecord
from exptui.series_cache import CachedReading, SeriesCache
from exptui.store import Store
from watched import FILE, FORMATS, log_of

ROWS = [{"loss": 1 / (at + 1), "acc": at / 300, "odd": math.nan if at % 7 else math.inf} for at in range(300)]
OLD = 1_600_000_000

Columns = dict[str, tuple[list[str], list[str], list[str] | None]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small sources have entries too, of several slices, in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(reading, "_CACHED", 1)
    monkeypatch.setattr(reading, "_MOST", 2000)
    monkeypatch.setattr(series_entry, "SLICE", 3000)


class Run:
    """A directory with one run, opened again and again."""

    def __init__(self, folder: Path, form: str) -> None:
        self.root, self.form = folder / "runs", form
        self.log = self.root / "run" / FILE[form]
        self.log.parent.mkdir(parents=True)
        if form == "native":
            document = '{"schema": "exptui/1", "status": "finished", "params": {"lr": 0.1}}'
            (self.log.parent / "run.json").write_text(document)
        self.write(log_of(form, ROWS))
        self.name = next(iter(self.opened()[1]))
        self.opened()

    def write(self, content: bytes, *, fresh: bool = False) -> None:
        self.log.write_bytes(content)
        for path in self.log.parent.iterdir():
            if not fresh:
                os.utime(path, (OLD, OLD))

    def opened(self, *, cached: bool = True) -> tuple[Columns, dict[str, RunRecord]]:
        """The points and records of a whole session."""
        index = RunIndex(cache_folder(str(self.root))) if cached else None
        follower, store = Follower(str(self.root), index), Store(Journal([]))
        follower.want(["run", f"run/{FILE[self.form]}"])
        for batch in follower.once():
            store.apply(batch)
        points = {
            name: (texts(one.step), texts(one.value), None if one.time is None else texts(one.time))
            for run in store
            for name, one in store.series(run.id).items()
        }
        return points, {run.id: run for run in store}

    def same(self) -> Columns:
        """What a session with the cache tells, which is what one without it tells."""
        (points, records), (plain, others) = self.opened(), self.opened(cached=False)
        assert points == plain
        assert list(map(repr, records.values())) == list(map(repr, others.values()))
        return points

    @property
    def entries(self) -> list[Path]:
        return list((cache_folder(str(self.root)) / "series").iterdir())


def texts(numbers: object) -> list[str]:
    return list(map(repr, numbers))  # type: ignore[call-overload]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that readers were asked for: none of them, when everything came from the cache."""
    asked: list[int] = []
    read = reading.SourceReading.read

    def noted(self: reading.SourceReading, *arguments: object) -> object:
        if type(self) is not CachedReading or self._entry is None:
            asked.append(1)
        return read(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reading.SourceReading, "read", noted)
    return asked


@pytest.mark.parametrize("form", FORMATS)
def test_a_second_session_has_the_same_points_without_decoding_them(
    form: str, tmp_path: Path, decoded: list[int]
) -> None:
    run = Run(tmp_path, form)
    assert [path.suffix for path in run.entries] == [".series"]
    decoded.clear()
    points, _ = run.opened()
    assert len(decoded) == (1 if form == "tensorboard" else 0)  # which looks whether the file has grown
    assert points == run.same()
    assert len(points["loss"][0]) == 300


CHANGES: dict[str, Callable[[Run], None]] = {
    "grown": lambda run: writers.append(run.log, log_of(run.form, ROWS[:9], 300).removeprefix(writers.version())),
    "rewritten": lambda run: run.write(log_of(run.form, [{"loss": 5.0}] * 300)),
    "replaced": lambda run: writers.write_atomically(run.log, log_of(run.form, ROWS[::-1])),
    "cut": lambda run: os.truncate(run.log, run.log.stat().st_size // 2),
    "touched": lambda run: os.utime(run.log, (OLD + 1, OLD + 1)),
    "grown a lot": lambda run: run.write(log_of(run.form, ROWS * 4)),
    "torn": lambda run: writers.append(run.log, b"\x18\0\0"),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(change: str, form: str, tmp_path: Path) -> None:
    run = Run(tmp_path, form)
    before = run.same()
    CHANGES[change](run)
    after = run.same()
    assert (before == after) == (change in ("touched", "torn"))
    assert run.same() == after
    assert run.same() == after


def test_a_change_between_two_slices_is_seen(tmp_path: Path) -> None:
    for form in ("tensorboard", "jsonl"):
        run = Run(tmp_path / form, form)
        source = next(iter(scan(str(run.root)).sources.values()))
        cached = CachedReading(str(run.root), source, SeriesCache(cache_folder(str(run.root)) / "series"))
        count, grown = 0, False
        while cached.more:
            source = next(iter(scan(str(run.root)).sources.values()))
            for learnt in cached.read(source, 1 << 20):
                count = (0 if learnt.chunk.restart else count) + len(learnt.chunk.points.get("loss", ()))
            if not grown:
                CHANGES["grown"](run)
                grown = True
        assert count == 309


def test_what_was_written_a_moment_ago_is_not_trusted_by_its_sign(tmp_path: Path) -> None:
    for form in ("jsonl", "tensorboard"):
        run = Run(tmp_path / form, form)
        for path in run.entries:
            path.unlink()
        run.write(log_of(form, ROWS), fresh=True)
        run.opened()
        assert bool(run.entries) == (form == "tensorboard")
        sign = run.log.stat()
        with open(run.log, "r+b") as file:  # the last record again, and nothing that a sign shows
            file.seek(-30, os.SEEK_END)
            last = file.read()
            file.seek(-30, os.SEEK_END)
            file.write(bytes(byte ^ 1 for byte in last))
        os.utime(run.log, ns=(sign.st_atime_ns, sign.st_mtime_ns))
        run.same()


@pytest.mark.parametrize("form", ["tensorboard", "csv"])
def test_a_damaged_entry_is_ignored(form: str, tmp_path: Path) -> None:
    run = Run(tmp_path, form)
    [entry] = run.entries
    content, plain = entry.read_bytes(), run.opened(cached=False)[0]
    rng = random.Random(1)
    places = [0, 1, len(content) // 3, len(content) - 1, *(rng.randrange(len(content)) for _ in range(60))]
    for at in places:
        entry.write_bytes(content[:at] + bytes([content[at] ^ 0x21]) + content[at + 1 :])
        assert run.opened()[0] == plain
    for end in (0, 5, 30, len(content) // 2, len(content) - 1):
        entry.write_bytes(content[:end])
        assert run.opened()[0] == plain
    assert entry.read_bytes() != content[:end]


def test_an_entry_of_another_source_or_version_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, "jsonl")
    cache = SeriesCache(cache_folder(str(run.root)) / "series")
    [source] = scan(str(run.root)).sources.values()
    assert cache.load(source) is not None
    monkeypatch.setattr(series_cache, "VERSION", 99)
    assert cache.load(source) is None


def test_the_entries_together_have_a_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "series"
    folder.mkdir(parents=True)
    other = tmp_path / "two" / "series"
    other.mkdir(parents=True)
    for at, place in enumerate([folder, other, folder, other]):
        path = place / f"{at}.series"
        path.write_bytes(bytes(100))
        os.utime(path, (OLD + at, OLD + at))
    for name, age in (("left.tmp", 90_000), ("young.tmp", 5)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    SeriesCache(folder, most=250).prune()
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["2.series", "3.series", "young.tmp"]


def test_a_source_larger_than_the_cache_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, "jsonl")
    for path in run.entries:
        path.unlink()
    monkeypatch.setattr(series_cache.SeriesCache.__init__, "__kwdefaults__", {"most": 5000, "clock": time.time})
    run.same()
    assert run.entries == []


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    run = Run(tmp_path, "csv")
    folder = cache_folder(str(run.root)) / "series"
    for path in run.entries:
        path.unlink()
    folder.rmdir()
    folder.write_text("no folder")
    assert len(run.same()["loss"][0]) == 300


def test_a_reading_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    run = Run(tmp_path, "tensorboard")
    [entry] = run.entries
    entry.unlink()
    source = next(iter(scan(str(run.root)).sources.values()))
    cached = CachedReading(str(run.root), source, SeriesCache(entry.parent))
    assert list(cached.read(source, 500))
    assert [path.suffix for path in run.entries] == [".tmp"]
    del cached
    assert run.entries == []
