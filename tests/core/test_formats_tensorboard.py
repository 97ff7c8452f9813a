"""TensorBoard event files in every spelling of a scalar, damaged, torn and holed."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

import writers
from watched import Watched, expected, log_of
from writers import event, field, field32, plugin, simple, tensor

FLOATS, DOUBLES, INTS, LONGS = 1, 2, 3, 9


def events(tmp_path: Path, content: bytes, budget: int = 1 << 20) -> Watched:
    run = Watched(tmp_path, "tensorboard", budget)
    run.log.write_bytes(content)
    run.read()
    return run


def values(run: Watched, tag: str) -> list[float]:
    return list(run.series[tag].value)


@pytest.mark.parametrize(
    "body",
    [
        field(1, FLOATS) + field(2, b"") + field32(5, 0.5),
        field(1, FLOATS) + field(2, b"") + field(5, struct.pack("<f", 0.5)),
        field(1, FLOATS) + field(2, b"") + field(4, struct.pack("<f", 0.5)),
        field(1, DOUBLES) + field(2, b"") + field(6, 0.5),
        field(1, DOUBLES) + field(2, b"") + field(6, struct.pack("<d", 0.5)),
        field(1, DOUBLES) + field(2, b"") + field(4, struct.pack("<d", 0.5)),
    ],
    ids=["float_val", "packed float_val", "tensor_content", "double_val", "packed double_val", "double content"],
)
def test_a_scalar_tensor_is_a_point_in_every_spelling(body: bytes, tmp_path: Path) -> None:
    run = events(
        tmp_path, writers.version() + event(3, tensor("loss", body)) + event(4, tensor("loss", body, named=False))
    )
    assert run.points() == {"loss": [("3.0", "0.5"), ("4.0", "0.5")]}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (field(1, INTS) + field(7, -7), -7.0),
        (field(1, LONGS) + field(10, writers.varint(2**40)), 2.0**40),
        (field(1, LONGS) + field(4, struct.pack("<q", -(2**40))), -(2.0**40)),
        (field(1, FLOATS), 0.0),
    ],
)
def test_whole_numbers_and_omitted_zeros_are_points(body: bytes, value: float, tmp_path: Path) -> None:
    assert values(events(tmp_path, event(1, tensor("n", body))), "n") == [value]


def test_a_double_keeps_its_precision_and_a_step_its_sign(tmp_path: Path) -> None:
    body = field(1, DOUBLES) + field(6, 0.1)
    run = events(tmp_path, event(-5, tensor("x", body)) + event(-4, simple("y", 1.0)) + event(None, simple("z", 2.0)))
    assert run.points() == {"x": [("-5.0", "0.1")], "y": [("-4.0", "1.0")], "z": [("0.0", "2.0")]}


def test_several_values_of_one_event_are_points_of_one_step(tmp_path: Path) -> None:
    run = events(tmp_path, event(2, simple("a", 1.0), simple("b", 2.0), simple("a", 3.0)))
    assert run.points() == {"a": [("2.0", "1.0"), ("2.0", "3.0")], "b": [("2.0", "2.0")]}


def test_images_texts_and_histograms_are_no_metrics(tmp_path: Path) -> None:
    text = field(1, b"note") + field(8, field(1, 7) + field(8, b"hello")) + plugin("text")
    image = field(1, b"pixels") + field(4, field(1, 8) + field(4, b"PNG"))
    histogram = field(1, b"weights") + field(5, field(1, -1.0) + field(2, 1.0))
    curve = field(1, b"pr") + field(8, field(1, FLOATS) + field32(5, 1.0)) + plugin("pr_curves")
    run = events(tmp_path, event(1, text, image, histogram, curve, simple("loss", 1.0)))
    assert set(run.series) == {"loss"}
    assert run.problems() == []


def test_hyperparameters_and_their_end_mark_are_facts(tmp_path: Path) -> None:
    told = {"lr": 0.001, "layers": 3, "opt": "adam", "amp": True}
    run = events(tmp_path, event(0, writers.hparams(told)) + event(1, simple("loss", 1.0)))
    assert run.record().params == told
    assert isinstance(run.record().params["layers"], int)
    assert run.record().signs.end is None
    writers.append(run.log, event(2, writers.session_end(2)))
    run.read()
    assert (run.record().status, run.record().params) == ("failed", told)


def test_all_event_files_of_a_directory_are_one_run_in_the_order_of_their_names(tmp_path: Path) -> None:
    run = events(tmp_path, log_of("tensorboard", [{"loss": 1.0}, {"loss": 2.0}]), 16)
    second = run.log.with_name("events.tfevents.2")
    second.write_bytes(log_of("tensorboard", [{"loss": 3.0}], 2))
    run.read()
    assert run.points() == expected("tensorboard", [{"loss": 1.0}, {"loss": 2.0}, {"loss": 3.0}]) == run.fresh()
    writers.append(run.log, event(9, simple("train", 4.0)))
    writers.append(second, event(9, simple("eval", 5.0)))
    run.read()
    assert (values(run, "train"), values(run, "eval")) == ([4.0], [5.0])
    run.log.unlink()
    run.read()
    assert run.points() == run.fresh() == {"loss": [("2.0", "3.0")], "eval": [("9.0", "5.0")]}


@pytest.mark.parametrize("budget", [1, 30, 60, 1 << 20])
def test_records_with_damaged_data_are_skipped_and_counted(budget: int, tmp_path: Path) -> None:
    first = writers.version() + event(0, simple("loss", 1.0))
    bad = bytearray(event(1, simple("loss", 2.0)))
    bad[20] ^= 0x40
    run = events(tmp_path, first + bytes(bad) * 3 + event(2, simple("loss", 3.0)), budget)
    assert run.points() == {"loss": [("0.0", "1.0"), ("2.0", "3.0")]}
    assert run.problems() == [(len(first), "3 record(s) fail their checksum; skipped")]


def test_a_damaged_length_ends_the_file_until_it_is_replaced(tmp_path: Path) -> None:
    first = writers.version() + event(0, simple("loss", 1.0))
    bad = bytearray(event(1, simple("loss", 2.0)))
    bad[2] ^= 0x40
    run = events(tmp_path, first + bytes(bad))
    writers.append(run.log, event(2, simple("loss", 3.0)))
    run.read()
    assert run.points() == {"loss": [("0.0", "1.0")]}
    assert run.problems() == [(len(first), "damaged from here on; what came before is kept")]
    writers.write_atomically(run.log, log_of("tensorboard", [{"loss": 5.0}]))
    run.read()
    assert run.points() == {"loss": [("0.0", "5.0")]}
    assert run.problems() == []


def test_a_stretch_of_zeros_that_begins_anywhere_waits_and_goes_on_when_filled(tmp_path: Path) -> None:
    rows = [{"loss": float(at + 1)} for at in range(6)]
    content = log_of("tensorboard", rows)
    length = len(event(1, simple("loss", 2.0)))
    begun = len(writers.version()) + length
    for start in range(begun, begun + length + 1):
        for end in (len(content), start + 2 * length):
            run = events(tmp_path / f"{start}-{end}", content[:start] + bytes(end - start) + content[end:])
            assert run.problems() != [] or start == len(content)
            assert "damaged" not in str(run.problems())
            assert "skipped" not in str(run.problems())
            with open(run.log, "r+b") as log:
                log.write(content)
            run.read()
            assert run.points() == expected("tensorboard", rows)
            assert run.problems() == []


def test_many_small_files_in_a_directory_are_read_to_their_ends_in_small_bites(tmp_path: Path) -> None:
    for budget in range(20, 140, 3):
        run = Watched(tmp_path / str(budget), "tensorboard", budget)
        for name in range(4):
            log = run.log.with_name(f"events.tfevents.{name}")
            log.write_bytes(log_of("tensorboard", [{f"m{name}": 1.0}, {f"m{name}": 2.0}]))
        run.read()
        assert {tag: values(run, tag) for tag in run.series} == {f"m{name}": [1.0, 2.0] for name in range(4)}


def test_a_record_larger_than_a_bite_is_read(tmp_path: Path) -> None:
    image = field(1, b"pixels") + field(4, field(4, b"P" * 200_000))
    run = events(tmp_path, event(1, image, simple("loss", 1.0)) + event(2, simple("loss", 2.0)), 4096)
    assert values(run, "loss") == [1.0, 2.0]


def test_any_damage_leaves_a_run_that_can_be_told_of(tmp_path: Path) -> None:
    rng = random.Random(5)
    body = field(1, DOUBLES) + field(6, 0.1)
    content = log_of("tensorboard", [{"loss": float(at)} for at in range(8)])
    content += event(9, tensor("x", body), writers.hparams({"lr": 0.1, "opt": "adam"}))
    for number in range(150):
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        run = events(tmp_path / str(number), bytes(damaged[: rng.randrange(1, len(damaged) + 1)]))
        assert set(run.points()) <= {"loss", "x"}


def test_records_that_are_no_events_are_counted(tmp_path: Path) -> None:
    rng = random.Random(6)
    noise = [writers.record(b"\x0b" + rng.randbytes(rng.randrange(60))) for _ in range(50)]
    run = events(tmp_path, b"".join(noise) + event(1, simple("loss", 1.0)))
    assert values(run, "loss") == [1.0]
    assert run.problems() == [(None, "50 record(s) are no events; skipped")]
