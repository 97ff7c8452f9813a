"""The run list's columns, rows and order."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui.records import MetricSummary, RunRecord
from exptui_tui.format import Line, width_of
from exptui_tui.present.runs import RunsView, change, choose_metrics, heading, layout, ordered, row

NAMES = st.text(st.characters(codec=None, categories=None), max_size=60)
VALUES = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])


def text(line: Line) -> str:
    return "".join(part for part, _ in line)


def summary(last: float, nan: int = 0) -> MetricSummary:
    finite = last if math.isfinite(last) else None
    return MetricSummary(9, last, 8.0, 0.0, finite, 0.0, finite, 0.0, nan, 0)


def run(name: str, metrics: dict[str, float] | None = None, **more: Any) -> RunRecord:
    found = {key: summary(value) for key, value in (metrics or {}).items()}
    return RunRecord(**{"id": f"id-{name}", "format": "native", "path": name, "name": name, "metrics": found} | more)


def view(runs: list[RunRecord], baseline: RunRecord | None = None) -> RunsView:
    return RunsView(choose_metrics(runs), baseline, {one.id: at % 8 for at, one in enumerate(runs)}, 1000.0)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=2, max_size=5), st.integers(66, 200))
def test_all_rows_have_the_width_of_the_heading_whatever_the_names(seen: list[tuple[str, float]], width: int) -> None:
    runs = [run(name, {"val/f1": value, "train/loss": value}, id=str(at)) for at, (name, value) in enumerate(seen)]
    told = view(runs, runs[0])
    columns = layout(width, told.metrics, (one.name for one in runs), compared=True)
    widths = {width_of(row(one, columns, told)) for one in runs} | {width_of(heading(columns, told))}
    assert len(widths) == 1
    assert widths.pop() <= width


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("name", ["a", "a-name-of-usual-length", "模型" * 30, "x" * 1_000_000])
@pytest.mark.parametrize("metrics", [[], ["val/f1"], ["a-metric-with-a-very-long-name", *"bcdefghij"]])
def test_no_line_is_wider_than_the_screen(width: int, compared: bool, name: str, metrics: list[str]) -> None:
    runs = [run("base", dict.fromkeys(metrics, 0.5)), run(name, dict.fromkeys(metrics, 123.456))]
    told = view(runs, runs[0] if compared else None)
    columns = layout(width, told.metrics, (one.name for one in runs), compared=compared)
    assert width_of(heading(columns, told)) <= width
    assert all(width_of(row(one, columns, told)) <= width for one in runs)


def test_a_wide_screen_has_room_for_a_whole_wide_name() -> None:
    name = "模型-very-wide-名前の長い-run"
    told = view([run(name)])
    assert name in text(row(run(name), layout(120, (), [name], compared=False), told))


def test_columns_come_with_room() -> None:
    runs = [run("one", {"val/f1": 0.9, "train/loss": 0.1, "latency_ms": 4.0})]
    told = view(runs, runs[0])
    narrow, wide = (text(heading(layout(width, told.metrics, ["one"], compared=True), told)) for width in (72, 160))
    assert "val/f1" in narrow
    assert "Δ baseline" in narrow
    assert "verdict" not in narrow
    for word in ("val/f1", "Δ baseline", "train/loss", "latency_ms", "verdict", "format"):
        assert word in wide


def test_a_metric_s_name_is_harmless_in_the_heading_and_keeps_its_end() -> None:
    runs = [run("one", {"eval/\x1b]52;c;AAAA\x07/accuracy": 0.9})]
    told = view(runs)
    shown = text(heading(layout(100, told.metrics, ["one"], compared=False), told))
    assert "\x1b" not in shown
    assert "…/accuracy" in shown


@pytest.mark.parametrize(
    ("metric", "before", "now", "words"),
    [
        ("val/f1", 0.80, 0.90, "+12% better"), ("val/f1", 0.90, 0.80, "-11% worse"),
        ("val/loss", 0.5, 0.4, "-20% better"),
        ("val/loss", 0.4, 0.5, "+25% worse"), ("val/f1", 0.9, 0.9, "same"), ("val/f1", 0.0, 0.5, "from 0 better"),
        ("val/loss", 0.0, 0.5, "from 0 worse"), ("gadgets", 1.0, 2.0, "+100%"), ("val/f1", -0.5, 0.5, "+200% better"),
        ("val/f1", 0.9, math.nan, "–"), ("val/f1", math.inf, 0.9, "–"), ("val/loss", 1e-9, 1.0, ">+9999% worse"),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words(metric: str, before: float, now: float, words: str) -> None:
    assert change(run("now", {metric: now}), run("base", {metric: before}), metric)[0] == words


def test_a_change_without_both_values_is_not_made_up() -> None:
    base = run("base", {"val/f1": 0.9})
    assert change(run("now"), base, "val/f1")[0] == "–"
    assert change(base, base, "val/f1")[0] == "baseline"
    assert change(base, None, "val/f1")[0] == ""


def test_the_whole_change_fits_its_column() -> None:
    runs = [run("base", {"val/loss": 1e-9}), run("now", {"val/loss": 1.0})]
    told = view(runs, runs[0])
    assert ">+9999% worse" in text(row(runs[1], layout(80, told.metrics, ["now"], compared=True), told))


def test_a_value_is_never_cut_to_another_one() -> None:
    flawed = replace(run("one"), metrics={"val/loss": summary(-1.2345e-123, nan=1)})
    told = view([flawed])
    shown = text(row(flawed, layout(80, told.metrics, ["one"], compared=False), told))
    assert "-1.23e-123!" in shown.replace("-1.2e-123!", "-1.23e-123!")


@given(st.lists(st.tuples(st.sampled_from("abc"), VALUES, st.sampled_from([None, 1.0, 2.0])), max_size=12))
@pytest.mark.parametrize("sort", ["age", "name", "state", "metric"])
def test_the_order_does_not_depend_on_how_the_runs_came_in(sort: str, seen: list[tuple[str, float, Any]]) -> None:
    runs = [run(name, {"val/f1": value}, id=str(at), created=made) for at, (name, value, made) in enumerate(seen)]
    once = ordered(runs, sort, "val/f1", None)
    assert ordered(reversed(runs), sort, "val/f1", None) == once
    assert ordered(once, sort, "val/f1", None) == once


@pytest.mark.parametrize(("metric", "order"), [("val/f1", ["high", "low"]), ("val/loss", ["low", "high"])])
def test_the_best_comes_first_and_what_has_no_value_last(metric: str, order: list[str]) -> None:
    runs = [run("nan", {metric: math.nan}), run("none"), run("low", {metric: 0.1}), run("high", {metric: 0.9})]
    assert [one.name for one in ordered(runs, "metric", metric, None)] == [*order, "nan", "none"]


def test_what_needs_attention_comes_first_by_state() -> None:
    states = ["finished", "unknown", "interrupted", "failed", "crashed", "stalled", "running"]
    runs = [run(state, status=state) for state in states]
    assert [one.name for one in ordered(runs, "state", None, None)] == [
        "running", "stalled", "crashed", "failed", "interrupted", "unknown", "finished",
    ]  # fmt: skip


def test_the_metric_that_decides_comes_first() -> None:
    runs = [run("one", {"epoch": 1.0, "lr": 0.1, "train/loss": 0.5, "val/accuracy": 0.9})]
    assert choose_metrics(runs)[0] == "val/accuracy"
    assert choose_metrics(runs, "lr")[0] == "lr"
    assert choose_metrics([run("none")]) == ()
