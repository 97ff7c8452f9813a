"""JSON Lines and tables as loggers of all kinds write them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import writers
from watched import Points, Watched


def jsonl(tmp_path: Path, *lines: dict[str, Any] | bytes, form: str = "jsonl") -> Watched:
    run = Watched(tmp_path, form)
    run.log.write_bytes(b"".join(one if isinstance(one, bytes) else writers.json_line(one) for one in lines))
    run.read()
    return run


def table(tmp_path: Path, content: bytes) -> Watched:
    run = Watched(tmp_path, "csv")
    run.log.write_bytes(content)
    run.read()
    return run


def values(run: Watched, metric: str) -> list[float]:
    return list(run.series[metric].value)


def steps(run: Watched, metric: str) -> list[float]:
    return list(run.series[metric].step)


@pytest.mark.parametrize("form", ["jsonl", "native"])
def test_lines_that_are_no_object_are_skipped_and_counted_with_the_first_ones_offset(form: str, tmp_path: Path) -> None:
    good = writers.json_line({"step": 1, "loss": 1.0})
    junk = b'{"step": 2, "loss"\n[1, 2]\n"words"\n\n   \n\xff\xfe\n{}}\n' + b"[" * 100_000 + b"\n"
    run = jsonl(tmp_path, good, junk, {"step": 3, "loss": 3.0}, form=form)
    assert run.points() == {"loss": [("1.0", "1.0"), ("3.0", "3.0")]}
    assert run.problems() == [(len(good), "6 line(s) are no JSON object; skipped")]


@pytest.mark.parametrize("line", [b"5\n", b"[1]\n", b"null\n", b'"text"\n', b"[{}]\n"])
def test_a_bite_of_nothing_but_other_json_is_counted_like_any_bad_line(line: bytes, tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"step": 1, "loss": 1.0})
    writers.append(run.log, line * 3)
    run.read()
    assert [what for _, what in run.problems()] == ["3 line(s) are no JSON object; skipped"]
    writers.append(run.log, writers.json_line({"step": 2, "loss": 2.0}))
    run.read()
    assert values(run, "loss") == [1.0, 2.0]


NON_FINITE = [
    (b"NaN", math.nan), (b"Infinity", math.inf), (b"-Infinity", -math.inf), (b'"NaN"', math.nan), (b'"nan"', math.nan),
    (b'"inf"', math.inf), (b'"-inf"', -math.inf), (b'"Infinity"', math.inf), (b'"-Infinity"', -math.inf),
    (b"1" + b"0" * 400, math.inf), (b"-1" + b"0" * 400, -math.inf), (b"1e400", math.inf),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), NON_FINITE)
def test_every_spelling_of_a_non_finite_number_is_a_point(text: bytes, value: float, tmp_path: Path) -> None:
    line = b'{"step": 1, "loss": %s, "acc": 0.5}\n' % text
    run = jsonl(tmp_path, {"step": 0, "loss": 1, "acc": 0.25}, line)
    assert writers.same(values(run, "loss")[1], value)
    assert values(run, "acc") == [0.25, 0.5]
    summary = run.record().metrics["loss"]
    assert (summary.nan, summary.inf, summary.min, summary.max) == (math.isnan(value), math.isinf(value), 1.0, 1.0)


def test_booleans_words_lists_and_null_are_no_metrics(tmp_path: Path) -> None:
    row = {"step": 1, "done": True, "phase": "warmup", "shape": [1, 2], "gap": None, "loss": 0.5}
    run = jsonl(tmp_path, row, {**row, "done": False})
    assert set(run.series) == {"loss"}


def test_nested_keys_are_joined_with_dots(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"step": 1, "eval": {"acc": 0.5, "by": {"class 1": 1, "x.y": 2}}, "a{b": 3, "empty": {}})
    assert {name: values(run, name) for name in run.series} == {
        "eval.acc": [0.5],
        "eval.by.class 1": [1.0],
        "eval.by.x.y": [2.0],
        "a{b": [3.0],
    }


@pytest.mark.parametrize("key", ["step", "global_step", "_step", "iteration", "training_iteration", "Epoch", "STEP"])
def test_the_step_is_known_by_its_name(key: str, tmp_path: Path) -> None:
    run = jsonl(tmp_path, *({key: at * 10, "loss": 1.0 / at} for at in (1, 2, 3)))
    assert steps(run, "loss") == [10.0, 20.0, 30.0]
    assert set(run.series) == {"loss"}


def test_the_most_specific_step_wins_and_the_other_stays_a_metric(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"epoch": 1, "step": 100, "loss": 1.0}, {"epoch": 2, "step": 200, "loss": 0.5})
    assert (steps(run, "loss"), values(run, "epoch")) == ([100.0, 200.0], [1.0, 2.0])


def test_rows_without_a_step_have_the_one_before_or_their_number(tmp_path: Path) -> None:
    with_steps = jsonl(tmp_path / "a", {"step": 7, "loss": 1}, {"acc": 0.5}, {"step": None, "acc": 0.6})
    assert steps(with_steps, "acc") == [7.0, 7.0]
    without = jsonl(tmp_path / "b", {"loss": 3}, {"loss": 2}, {"loss": 1})
    assert steps(without, "loss") == [0.0, 1.0, 2.0]


def test_times_are_seconds_milliseconds_or_iso(tmp_path: Path) -> None:
    moments = [1_700_000_000.5, 1_700_000_001_000, "2023-11-14T22:13:22+00:00", "soon", None]
    run = jsonl(tmp_path, *({"step": at, "time": moment, "loss": 1.0} for at, moment in enumerate(moments)))
    times = run.series["loss"].time
    assert times is not None
    assert list(times[:3]) == [1_700_000_000.5, 1_700_000_001.0, 1_700_000_002.0]
    assert all(map(math.isnan, times[3:]))


def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    text = json.dumps({"step": 1, "loss": 0.5}).encode()
    run = jsonl(tmp_path / "a", b"\xef\xbb\xbf" + text + b"\r\n", text + b"\r\n")
    assert values(run, "loss") == [0.5, 0.5]
    run = table(tmp_path / "b", b"\xef\xbb\xbfstep,loss\r\n1,0.5\r\n2,0.25\r\n")
    assert run.points() == {"loss": [("1.0", "0.5"), ("2.0", "0.25")]}
    assert run.problems() == []


LOSS: Points = {"loss": [("1.0", "0.5"), ("2.0", "0.25")]}


@pytest.mark.parametrize(
    "content",
    [
        b"step\tloss\n1\t0.5\n2\t0.25\n",
        b"step;loss\n1;0.5\n2;0.25\n",
        b"step|loss\n1|0.5\n2|0.25\n",
        b" step ,  loss  \n 1, 0.5\n 2 , 0.25 \n",
        b'"step","loss"\n"1","0.5"\n2,0.25\n',
        b'# {"made": "by hand"}\nstep,loss\n1,0.5\n\n2,0.25\n',
        b",step,loss\n0,1,0.5\n1,2,0.25\n",
    ],
    ids=["tabs", "semicolons", "bars", "blanks", "quotes", "comment", "row numbers"],
)
def test_tables_of_all_spellings_are_read_alike(content: bytes, tmp_path: Path) -> None:
    run = table(tmp_path, content)
    assert run.points() == LOSS
    assert run.problems() == []


def test_quoted_names_may_hold_the_delimiter(tmp_path: Path) -> None:
    run = table(tmp_path, b'step,"acc, top 5"\n1,0.5\n')
    assert run.points() == {"acc, top 5": [("1.0", "0.5")]}


@pytest.mark.parametrize("cell", ["", "NA", "None", "n/a", "null", "  "])
def test_an_empty_cell_is_no_point(cell: str, tmp_path: Path) -> None:
    run = table(tmp_path, f"step,loss,val\n1,0.5,{cell}\n2,0.25,7\n".encode())
    assert run.points() == {**LOSS, "val": [("2.0", "7.0")]}


def test_a_header_again_is_skipped_and_another_one_switches_the_columns(tmp_path: Path) -> None:
    run = table(tmp_path, b"step,loss\n1,0.5\nstep,loss\n2,0.25\nstep,acc,loss\n3,0.9,0.125\n")
    assert run.points() == {"loss": [*LOSS["loss"], ("3.0", "0.125")], "acc": [("3.0", "0.9")]}
    assert run.problems() == []


def test_rows_of_another_width_are_skipped_and_counted_with_the_first_ones_offset(tmp_path: Path) -> None:
    run = table(tmp_path, b"step,loss\n1,0.5\n1,2,3\n7\n2,0.25\n")
    assert run.points() == LOSS
    assert run.problems() == [(16, "2 row(s) do not match the header's 2 columns; skipped")]


def test_the_step_column_is_the_headers_best_though_its_first_cells_are_empty(tmp_path: Path) -> None:
    run = table(tmp_path, b"epoch,step,loss\n1,,0.5\n1,20,0.25\n")
    assert steps(run, "loss") == [0.0, 20.0]
    assert values(run, "epoch") == [1.0, 1.0]


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    odd = ["1e308", "-0.0", "5e-324", "0.1", "1_0", "inf", "-inf", "nan", "Infinity"]
    run = table(tmp_path, b"step,x\n" + "".join(f"{at},{one}\n" for at, one in enumerate(odd)).encode())
    expected = [1e308, -0.0, 5e-324, 0.1, 10.0, math.inf, -math.inf, math.nan, math.inf]
    assert all(writers.same(one, other) for one, other in zip(values(run, "x"), expected, strict=True))


def test_a_table_wider_than_the_first_look_is_still_found(tmp_path: Path) -> None:
    names = [f"metric_number_{at}" for at in range(600)]
    header, row = writers.csv_line(["step", *names]), writers.csv_line([1, *range(600)])
    run = table(tmp_path, header + row)
    assert len(run.series) == 600
    assert values(run, "metric_number_599") == [599.0]
