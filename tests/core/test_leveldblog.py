"""The framing of W&B's and SwanLab's logs: torn, damaged, holed, and shifted by its own header."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import writers
from exptui.formats import leveldblog
from exptui.formats.leveldblog import LogTail
from exptui.tail import Restarted
from wandb_writer import BLOCK, WANDB, chunks, log

SIZES = st.one_of(st.integers(0, 60), st.integers(BLOCK - 40, BLOCK + 40), st.just(3 * BLOCK))


class Log:
    """One log file and what was read of it."""

    def __init__(self, path: Path, budget: int = 1 << 20) -> None:
        self.path, self.budget = path, budget
        self.tail = LogTail(str(path), "log", WANDB)
        self.found: list[bytes] = []

    def read(self) -> list[bytes]:
        for _ in range(10_000):
            records, more = self.tail.records(self.budget)
            self.found += records
            if not more:
                return self.found
        raise AssertionError("the reader never says that it is done")

    def problems(self) -> list[tuple[int | None, str]]:
        return [(one.offset, one.what) for one in self.tail.problems()]


def whole(path: Path, content: bytes) -> Log:
    path.write_bytes(content)
    one = Log(path)
    one.read()
    return one


def payloads(sizes: list[int]) -> list[bytes]:
    rng = random.Random(len(sizes))
    return [rng.randbytes(size) for size in sizes]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(SIZES, max_size=12),
    cuts=st.lists(st.floats(0, 1), max_size=8),
    budget=st.sampled_from([1, 40_000, 1 << 20]),
    shifted=st.booleans(),
)
def test_a_log_written_in_any_pieces_gives_the_records_of_one_whole_read(
    sizes: list[int], cuts: list[float], budget: int, shifted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = payloads(sizes)
    content = log(told, shifted=shifted)
    one = Log(tmp_path_factory.mktemp("log") / "log", budget)
    one.path.touch()
    start = 0
    for end in sorted({*(int(cut * len(content)) for cut in cuts), len(content)}):
        writers.append(one.path, content[start:end])
        read = one.read()
        assert read == told[: len(read)]
        assert "lost" not in str(one.problems())
        start = end
    assert one.found == told
    assert one.problems() == []


def test_every_torn_end_waits_with_the_offset_of_its_record(tmp_path: Path) -> None:
    told = payloads([10, BLOCK, 20])
    content, begun = log(told), len(log(told[:1]))
    ends = [*range(begun + 1, begun + 20), BLOCK - 1, BLOCK, BLOCK + 6, len(log(told[:2])) - 1]
    one = Log(tmp_path / "log")
    for end in ends:
        one.path.write_bytes(content[:end])
        assert one.read() == told[:1]
        assert one.problems() == [(begun, "unfinished last record; waiting for the rest")]
    one.path.write_bytes(content)
    assert one.read() == told
    assert one.problems() == []


@pytest.mark.parametrize("count", range(8))
def test_a_log_that_has_only_begun_is_no_problem(count: int, tmp_path: Path) -> None:
    one = whole(tmp_path / "log", WANDB[:count])
    assert (one.found, one.problems()) == ([], [])
    writers.append(one.path, log([b"x"])[count:])
    assert one.read() == [b"x"]


@pytest.mark.parametrize(
    ("header", "what"),
    [(WANDB[:6] + b"\x05", "written in version 5 of its format, which is not known"), (b"garbage", "no such log")],
)
def test_a_log_of_another_kind_is_refused_until_it_is_replaced(header: bytes, what: str, tmp_path: Path) -> None:
    one = whole(tmp_path / "log", header + log([b"x"])[7:])
    assert one.found == []
    assert one.problems()[0][0] == 0
    assert one.problems()[0][1].endswith(what)
    writers.write_atomically(one.path, log([b"y"]))
    with pytest.raises(Restarted):
        one.read()


def test_a_damaged_chunk_costs_the_rest_of_its_block_and_is_counted_once(tmp_path: Path) -> None:
    told = payloads([100] * 1000)
    content = bytearray(log(told))
    spans = chunks(bytes(content))
    start, end = spans[50]
    content[end - 1] ^= 1
    one = whole(tmp_path / "log", bytes(content))
    in_block = [at for at, (begin, _) in enumerate(spans) if begin < BLOCK]
    spanning = spans[in_block[-1]][1] >= BLOCK - 6
    after = in_block[-1] + 1
    assert one.found[:50] == told[:50]
    assert one.found[50:] == told[-len(one.found[50:]) :]
    assert len(told) - after - (1 if spanning else 0) <= len(one.found) - 50 <= len(told) - after
    assert one.problems() == [(start, "1 damaged place(s); the records there are lost")]
    tail = log([*told, b"new"])[len(content) :]
    writers.append(one.path, tail)
    assert one.read()[-1] == b"new"
    assert one.problems() == [(start, "1 damaged place(s); the records there are lost")]


def test_what_is_damaged_is_never_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(log(payloads([100] * 10)))
    content[60] ^= 1
    one = whole(tmp_path / "log", bytes(content))
    asked: list[int] = []
    real = os.pread

    def noting(descriptor: int, count: int, offset: int) -> bytes:
        asked.append(offset if count > 1000 else len(content))
        return real(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", noting)
    one.read()
    one.read()
    assert min(asked) == len(content)


@pytest.mark.parametrize("kinds", [(3,), (4,), (2, 2), (2, 1)])
def test_parts_without_their_record_are_dropped_and_counted(kinds: tuple[int, ...], tmp_path: Path) -> None:
    content = log([b"before"])
    for kind in kinds:
        made = bytearray(log([b"part"])[7:])
        made[6] = kind
        made[:4] = writers.struct.pack("<I", leveldblog.crc32(bytes([kind]) + b"part"))
        content += made
    content += log([b"after"])[7:]
    one = whole(tmp_path / "log", content)
    assert [record for record in one.found if record != b"part"] == [b"before", b"after"]
    assert one.problems()[0][1].startswith(("1 damaged", "2 damaged"))


def test_a_zeroed_block_is_skipped_only_when_something_follows(tmp_path: Path) -> None:
    told = payloads([1000] * 200)
    content = log(told)
    holed = bytearray(content)
    holed[BLOCK : 3 * BLOCK] = bytes(2 * BLOCK)
    one = whole(tmp_path / "log", bytes(holed[: 3 * BLOCK]))
    before = len(one.found)
    assert one.found == told[:before]
    assert one.problems()[0][1] == "a stretch of zeros; waiting for the writer to fill it"
    one.path.write_bytes(bytes(holed))
    one.read()
    assert one.found[before:] == told[-len(one.found[before:]) :]
    assert len(one.found) > 100
    assert "damaged place" in one.problems()[0][1]


def test_a_stretch_of_zeros_that_begins_anywhere_waits_and_goes_on_when_filled(tmp_path: Path) -> None:
    told = payloads([30, 40, BLOCK, 10])
    content = log(told)
    for start in [7, *range(40, 130), BLOCK - 1, BLOCK, BLOCK + 3, len(content) - 5]:
        for size in (len(content), len(content) + 5 * BLOCK):
            path = tmp_path / f"{start}-{size}"
            path.write_bytes(content[:start] + bytes(size - start))
            one = Log(path, 1)
            assert one.read() == told[: len(one.found)]
            assert "lost" not in str(one.problems())
            with open(path, "r+b") as file:
                file.write(content)
            try:
                one.read()
            except Restarted:
                one = Log(path)
            one.read()
            assert one.found == told


def test_a_file_of_nothing_but_zeros_is_searched_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leveldblog, "MAX_HOLE", 1 << 20)
    path = tmp_path / "log"
    path.write_bytes(log([b"first"]))
    os.truncate(path, 8 << 20)
    one = Log(path)
    assert one.read() == [b"first"]
    made = log([b"x" * 100] * 90_000)
    with open(path, "r+b") as file:
        file.seek(8 << 20)
        file.write(made[8 << 20 :])
    assert set(one.read()) == {b"first", b"x" * 100}


def test_a_record_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leveldblog, "MAX_RECORD", 100_000)
    one = whole(tmp_path / "log", log([b"a", b"b" * 300_000, b"c"]))
    assert one.found == [b"a", b"c"]
    assert one.problems() == [(15, "1 damaged place(s); the records there are lost")]


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9), shifted=st.booleans())
def test_no_damage_brings_forth_a_record_that_was_not_written(
    seed: int, shifted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    told = payloads([rng.choice([5, 50, 5000, 40_000]) for _ in range(20)])
    content = bytearray(log(told, shifted=shifted))
    for _ in range(rng.randrange(1, 6)):
        start = rng.randrange(7, len(content))
        end = min(len(content), start + rng.choice([1, 20, BLOCK]))
        content[start:end] = bytes(end - start) if rng.random() < 0.5 else rng.randbytes(end - start)
    one = whole(tmp_path_factory.mktemp("log") / "log", bytes(content[: rng.randrange(1, len(content) + 1)]))
    assert set(one.found) <= set(told)
