"""The decision rule, the correction for many tests, and the verdict on a whole table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exptui.drift import DriftSettings, Table, benjamini_hochberg, compare_tables
from exptui.drift.verdicts import judge
from exptui.errors import DataFileError

SETTINGS = DriftSettings()


def compare(reference, current, **settings):
    return compare_tables(Table.of("reference", reference), Table.of("current", current), DriftSettings(**settings))


def one(reference, current, **settings):
    (column,) = compare({"x": reference}, {"x": current}, **settings).columns
    return column


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_correction_agrees_with_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p).tolist())


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_the_correction_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg([0.01, bad])


def test_the_correction_of_nothing_is_nothing():
    assert benjamini_hochberg([]) == []


@pytest.mark.parametrize(
    ("q", "effect", "low", "expected"),
    [
        (0.049, 0.10, 0.0, ("drift", False)),
        (0.049, 0.20, 0.0, ("drift", True)),
        (0.001, 0.15, 0.10, ("drift", True)),
        (0.001, 0.0999, 0.05, ("minor", False)),
        (0.05, 0.10, 0.0, ("unclear", False)),
        (0.05, 0.0999, 0.0, ("stable", False)),
        (float("nan"), 0.5, 0.4, ("invalid", False)),
        (0.5, float("nan"), 0.0, ("invalid", False)),
        (None, 0.0, 0.0, ("invalid", False)),
    ],
)
def test_the_decision_rule_at_its_edges(q, effect, low, expected):
    assert judge(q, effect, low, SETTINGS) == expected


@pytest.mark.parametrize(
    "limits",
    [{"alpha": float("nan")}, {"min_effect": float("nan")}, {"strong_effect": float("nan")}, {"alpha": 0}],
)
def test_impossible_limits_are_refused(limits):
    with pytest.raises(ValueError):
        DriftSettings(**limits)


def test_every_q_comes_from_one_correction_over_values_and_missingness():
    rng = np.random.default_rng(2)
    reference = {f"c{i}": rng.normal(size=300) for i in range(6)}
    current = {f"c{i}": rng.normal(0.1 * i, size=300) for i in range(6)}
    for i in (1, 3):
        current[f"c{i}"][: 10 * i] = np.nan
    columns = compare(reference, current).columns
    p = [v for c in columns for v in (c.p, c.missing_p) if v is not None]
    q = [v for c in columns for v in (c.q, c.missing_q) if v is not None]
    assert len(p) == 8
    assert q == pytest.approx(stats.false_discovery_control(p).tolist())


def test_columns_come_worst_first():
    rng = np.random.default_rng(4)
    a = {name: rng.normal(size=2000) for name in ("calm", "weak", "wild")}
    b = {"calm": rng.normal(size=2000), "weak": rng.normal(0.35, size=2000), "wild": rng.normal(2, size=2000)}
    a["id"] = b["id"] = np.arange(2000)
    report = compare(a, b)
    assert [(c.column, c.verdict) for c in report.columns] == [
        ("wild", "drift"),
        ("weak", "drift"),
        ("calm", "stable"),
        ("id", "skipped"),
    ]
    assert report.verdict == "drift"


def test_an_unclear_column_says_how_many_rows_would_settle_it():
    x = np.arange(40.0)
    column = one(x, x + 7.5)
    assert column.effect == pytest.approx(0.2)
    assert (column.verdict, column.rows_needed) == ("unclear", 369)
    assert "369 rows" in column.note


def test_an_unclear_column_makes_the_data_set_unclear():
    x = np.arange(40.0)
    assert compare({"x": x}, {"x": x + 7.5}).verdict == "unclear"


def test_no_comparison_at_all_is_unclear_and_not_stable():
    ids = np.arange(100)
    assert compare({"id": ids}, {"id": ids + 100}).verdict == "unclear"


@pytest.mark.parametrize("rows", [3, 4])
def test_too_few_values_get_no_p_and_no_all_clear(rows):
    report = compare({"x": np.arange(float(rows))}, {"x": np.arange(float(rows)) + 100})
    (column,) = report.columns
    assert (column.verdict, column.p, column.q) == ("too_few", None, None)
    assert report.verdict == "unclear"


def test_equal_constants_are_stable_with_p_one():
    column = one(np.full(50, 7.0), np.full(30, 7.0))
    assert (column.verdict, column.p, column.effect) == ("stable", 1.0, 0.0)


@pytest.mark.parametrize("rows", [5, 50])
def test_different_constants_are_drift_with_effect_one(rows):
    column = one(np.full(rows, 7.0), np.full(rows, 7.5))
    assert (column.verdict, column.effect) == ("drift", 1.0)


def test_ten_against_ten_can_drift_although_few_values_are_distinct():
    column = one(np.arange(10.0), np.arange(10.0) + 6.5)
    assert column.type == "numeric"
    assert column.p == pytest.approx(0.0123, abs=5e-5)
    assert column.verdict == "drift"


@pytest.mark.parametrize(
    ("reference", "current", "what"),
    [
        ({"x": [1.5] * 9, "y": [2.5] * 9}, {"y": [2.5] * 9}, "missing"),
        ({"x": list(range(9))}, {"x": list("abcdefghi")}, "type changed"),
        ({"x": list(range(9))}, {"x": [None] * 9}, "all values are missing"),
        ({"x": [None] * 9}, {"x": list(range(9))}, "no values"),
        ({"x": [1.0] * 60}, {"x": list(range(60))}, "constant became varying"),
        ({"x": [v / 7 for v in range(60)]}, {"x": [1.0] * 60}, "varying became constant"),
    ],
    ids=["column gone", "type changed", "emptied", "filled", "constant to varying", "varying to constant"],
)
def test_a_schema_change_is_drift_whatever_the_statistics_say(reference, current, what):
    report = compare(reference, current)
    (finding,) = report.schema_findings
    assert finding.column == "x"
    assert what in finding.what
    assert report.verdict == "drift"
    assert report.columns[0].column == "x"
    assert report.columns[0].verdict == "drift"
    assert what in report.columns[0].note


def test_a_rare_value_that_a_small_sample_lacks_is_no_schema_change():
    reference = np.zeros(2000)
    reference[:20] = 1
    report = compare({"x": reference}, {"x": np.zeros(50)})
    assert report.schema_findings == ()
    assert report.verdict == "stable"


def test_a_new_column_is_a_note_and_not_drift():
    x = list(np.linspace(0, 1, 50))
    report = compare({"x": x}, {"x": x, "new": x})
    assert report.verdict == "stable"
    (column,) = (c for c in report.columns if c.column == "new")
    assert (column.verdict, "new column" in column.note) == ("skipped", True)


def test_an_exchange_of_every_rare_category_is_drift():
    old = [f"city {i % 200}" for i in range(1200)]
    new = [f"town {i % 200}" for i in range(1200)]
    report = compare({"place": old}, {"place": new})
    assert report.verdict == "drift"


def test_an_exchange_of_thousands_of_tiny_categories_is_a_schema_finding():
    old = [f"user {i % 1500}" for i in range(3000)]
    new = [f"user {i % 1500 + 5000}" for i in range(3000)]
    report = compare({"user": old}, {"user": new})
    (finding,) = report.schema_findings
    assert "100% of the rows hold values that the reference never has" in finding.what
    assert report.verdict == "drift"


def test_many_tiny_categories_drawn_alike_are_no_drift():
    rng = np.random.default_rng(5)
    old, new = ([f"user {i}" for i in rng.integers(0, 1500, 3000)] for _ in range(2))
    report = compare({"user": old}, {"user": new})
    assert report.schema_findings == ()
    assert report.verdict != "drift"


def test_an_identifier_that_goes_missing_is_drift_although_its_values_are_not_compared():
    ids = [f"user {i}" for i in range(400)]
    gone = [None if i % 2 else name for i, name in enumerate(ids)]
    column = one(ids, gone)
    assert (column.type, column.verdict, column.missing_current) == ("identifier", "drift", 0.5)
    few = [None if i == 3 else name for i, name in enumerate(ids)]
    assert one(ids, few).verdict == "skipped"


def test_ignored_columns_are_left_out_even_when_they_are_gone():
    x = list(np.linspace(0, 1, 50))
    report = compare({"x": x, "stamp": x}, {"x": x}, ignore=("stamp",))
    assert report.verdict == "stable"
    assert report.columns[-1].verdict == "skipped"


def test_overrides_choose_the_comparison():
    ids = np.arange(200)
    assert one(ids, ids + 100).verdict == "skipped"
    column = one(ids, ids + 100, columns={"x": "numeric"})
    assert (column.verdict, column.effect) == ("drift", 0.5)
    assert one(ids % 30, ids % 30, columns={"x": "categorical"}).type == "categorical"
    assert one(ids % 30, ids % 30, columns={"x": "skip"}).verdict == "skipped"


def test_an_override_that_cannot_be_obeyed_is_invalid_and_unclear():
    words = ["a", "b", "c"] * 20
    report = compare({"x": words}, {"x": words}, columns={"x": "numeric"})
    assert report.columns[0].verdict == "invalid"
    assert report.verdict == "unclear"


def test_an_unknown_override_names_column_and_choices():
    with pytest.raises(DataFileError, match=r"'x'.*'nummeric'.*categorical"):
        one([1.0] * 9, [1.0] * 9, columns={"x": "nummeric"})


def test_progress_is_told_column_by_column():
    said = []
    table = Table.of("t", {"a": np.arange(9.0) / 7, "b": np.arange(9.0) / 7})
    compare_tables(table, table, SETTINGS, said.append)
    assert said == ["compared 1 of 2 columns", "compared 2 of 2 columns"]
