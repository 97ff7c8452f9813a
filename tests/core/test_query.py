"""Queries pick the runs that a person would pick by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui.errors import ExptuiError
from exptui.query import parse
from exptui.records import MetricSummary, RunRecord

NOW = 1_000_000.0


def run(name: str, *, loss: float | None = None, age: float = 60, **facts: Any) -> RunRecord:
    metrics = {} if loss is None else {"val/loss": MetricSummary(3, loss, 30, 10, loss, 30, loss, 30, 0, 0)}
    return RunRecord(
        id=f"id-{name}", name=name, format="native", path=name, metrics=metrics, updated=NOW - age, **facts
    )


RUNS = [
    run("adam", loss=0.2, params={"lr": 1e-3, "opt": {"name": "adam"}}, tags=("sweep", "gpu"), status="finished"),
    run("sgd", loss=0.4, params={"lr": 1e-1, "opt": {"name": "sgd"}}, tags=("sweep",), status="failed", age=7200),
    run("big model", params={"lr": 1e-4, "layers": 12}, status="running", age=5),
    run("broken", loss=float("nan"), params={"lr": "auto"}, hypothesis="will it blend?", status="finished"),
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "adam sgd big_model broken"),
        ("val/loss<0.3", "adam"),
        ("val/loss <= 0.4", "adam sgd"),
        ("val/loss=nan", "broken"),
        ("val/loss>0.3 or status:running", "sgd big_model"),
        ("lr in 1e-4..1e-3", "adam big_model"),
        ("lr in ..1e-3", "adam big_model"),
        ("tag:sweep and not status:failed", "adam"),
        ("tag=sweep tag=gpu", "adam"),
        ("not (tag:sweep or status=running)", "broken"),
        ('"big model"', "big_model"),
        ("name~BIG", "big_model"),
        ("opt.name=sgd", "sgd"),
        ("param:layers>=12", "big_model"),
        ("metric:val/loss<1", "adam sgd"),
        ("age>1h", "sgd"),
        ("age<30s", "big_model"),
        ("step>=30", "adam sgd broken"),
        ("lr=auto", "broken"),
        ("lr!=auto", "adam sgd big_model"),
        ('hypothesis:"blend"', "broken"),
        ("adam", "adam"),
        ("not adam and not sgd and not broken", "big_model"),
        ("status:finished or tag:gpu and val/loss>9", "adam broken"),
    ],
)
def test_query_picks_these_runs(query: str, names: str) -> None:
    wanted = {name.replace("_", " ") for name in names.split()}
    assert {one.name for one in RUNS if parse(query, NOW)(one)} == wanted


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("val/loss <", "value after '<' is missing at the end"),
        ("(a or b", "closing parenthesis"),
        ("a or", "a condition is missing"),
        ("a ) b", "position 3"),
        ("lr in 3", "low..high"),
        ("loss < small", "'small' is no number"),
        ('name = "open', "quote that does not end at position 8"),
        ("< 3", "a condition is expected before '<'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(query: str, said: str) -> None:
    with pytest.raises(ExptuiError, match=re.escape(said)):
        parse(query, NOW)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        predicate = parse(text, NOW)
    except ExptuiError:
        return
    assert {predicate(one) for one in RUNS} <= {True, False}
