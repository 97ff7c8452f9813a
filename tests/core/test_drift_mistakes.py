"""Mistakes that drift detectors are known to make, on the data that bring them out."""

from __future__ import annotations

import numpy as np
import pytest

from exptui.drift import DriftSettings, Table, compare_tables


def compare(reference, current, settings=DriftSettings()):  # noqa: B008 - frozen
    return compare_tables(Table.of("reference", reference), Table.of("current", current), settings)


def one(reference, current):
    (column,) = compare({"x": reference}, {"x": current}).columns
    return column


def test_one_nan_does_not_hide_a_drift_of_two_standard_deviations():
    rng = np.random.default_rng(1)
    current = rng.normal(2, size=500)
    current[3] = np.nan
    column = one(rng.normal(size=500), current)
    assert (column.verdict, column.strong, column.direction) == ("drift", True, "up")
    assert column.effect == pytest.approx(0.68, abs=0.06)  # 2 Phi(1) - 1
    assert column.n_current == 499


def test_a_surge_of_missing_values_is_drift_though_the_rest_is_unchanged():
    rng = np.random.default_rng(2)
    current = rng.normal(size=1000)
    current[::2] = np.nan
    column = one(rng.normal(size=1000), current)
    assert column.q > 0.05
    assert (column.verdict, column.strong, column.missing_current) == ("drift", True, 0.5)
    assert "missing 0.0% → 50.0%" in column.note


def test_missing_labels_surge_too():
    reference = ["a", "b"] * 300
    current = ["a", None, "b", None] * 150
    column = one(reference, current)
    assert (column.verdict, column.missing_current) == ("drift", 0.5)


def test_infinite_values_count_as_missing_and_are_reported():
    rng = np.random.default_rng(3)
    current = rng.normal(size=400)
    current[:200] = np.inf
    column = one(rng.normal(size=400), current)
    assert (column.verdict, column.missing_current) == ("drift", 0.5)
    assert "200 infinite values in the current data" in column.note


@pytest.mark.parametrize("outlier", [1e6, 1e300, -1e9])
def test_an_outlier_hides_nothing(outlier):
    rng = np.random.default_rng(4)
    reference, current = rng.normal(size=1000), rng.normal(1, size=1000)
    clean = one(reference, current)
    for spoiled in (one(np.append(reference, outlier), current), one(reference, np.append(current, outlier))):
        assert (spoiled.verdict, spoiled.strong) == ("drift", True)
        assert spoiled.effect == pytest.approx(clean.effect, abs=0.002)


def test_three_rows_against_three_get_no_verdict():
    column = one([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert (column.verdict, column.p) == ("too_few", None)


def test_a_shift_too_small_to_matter_is_minor_however_many_rows_prove_it():
    rng = np.random.default_rng(5)
    columns = [one(rng.normal(size=100_000), rng.normal(0.02, size=100_000)) for _ in range(10)]
    assert all(column.verdict in ("minor", "stable") for column in columns)
    assert sum(column.p < 0.05 for column in columns) >= 8


def test_identical_tied_data_are_stable():
    values = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0, *range(10, 40)], 30)
    column = one(values, values)
    assert (column.verdict, column.p, column.effect) == ("stable", 1.0, 0.0)
    few = np.repeat([1.0, 2.0, 3.0], 300)
    assert (one(few, few).verdict, one(few, few).p) == ("stable", 1.0)


def test_two_thousand_rows_against_fifty_raise_no_false_alarm():
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(4):
        reference = {f"c{i}": rng.normal(size=2000) for i in range(40)}
        current = {f"c{i}": rng.normal(size=50) for i in range(40)}
        alarms += sum(c.verdict == "drift" for c in compare(reference, current).columns)
    assert alarms <= 1  # of 160 columns


def test_null_categories_keep_the_level_when_the_reference_is_small():
    rng = np.random.default_rng(7)
    words = np.array(["a", "b", "c", "d"])
    rejected = sum(one(words[rng.integers(0, 4, 100)], words[rng.integers(0, 4, 5000)]).p < 0.05 for _ in range(400))
    assert rejected <= 33  # 20 expected; 33 is three standard errors above


def test_a_million_null_rows_do_not_drift():
    rng = np.random.default_rng(8)
    for make in (lambda: rng.normal(size=1_000_000), lambda: rng.poisson(3, size=1_000_000)):
        assert one(make(), make()).verdict in ("stable", "minor")


def test_a_null_data_set_is_called_drifted_in_at_most_one_of_twenty_cases():
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(100):
        sides = [
            {
                **{f"n{i}": rng.normal(size=300) for i in range(6)},
                **{f"t{i}": rng.poisson(30, size=300) for i in range(2)},
                **{f"d{i}": rng.integers(0, 5, size=300) for i in range(4)},
            }
            for _ in range(2)
        ]
        alarms += compare(*sides).verdict == "drift"
    assert alarms <= 11  # 5 expected at most; 11 is almost three standard errors above


def test_tied_null_counts_keep_the_level_and_do_not_fall_far_below_it():
    rng = np.random.default_rng(10)
    rejected = sum(one(rng.poisson(40, 150), rng.poisson(40, 150)).p < 0.05 for _ in range(400))
    assert 6 <= rejected <= 33  # nominal 20; the limit law would give about 2.5% = 10 at most


@pytest.mark.parametrize("rows", [200, 2000])
def test_half_a_standard_deviation_is_always_found(rows):
    rng = np.random.default_rng(rows)
    found = sum(one(rng.normal(size=rows), rng.normal(0.5, size=rows)).verdict == "drift" for _ in range(40))
    assert found >= 38


def test_drift_in_one_of_twenty_columns_is_found_and_only_there():
    rng = np.random.default_rng(11)
    reference = {f"c{i}": rng.normal(size=1000) for i in range(20)}
    current = {f"c{i}": rng.normal(1.0 * (i == 7), size=1000) for i in range(20)}
    report = compare(reference, current)
    assert report.verdict == "drift"
    assert [c.column for c in report.columns if c.verdict == "drift"] == ["c7"]


def test_a_change_of_spread_alone_is_drift_without_direction():
    rng = np.random.default_rng(12)
    column = one(rng.normal(size=2000), rng.normal(0, 3, size=2000))
    assert (column.verdict, column.direction) == ("drift", None)
    assert "spread" in column.note


def test_a_class_that_doubles_its_share_is_drift_and_named():
    column = one(["cat"] * 700 + ["dog"] * 300, ["cat"] * 400 + ["dog"] * 600)
    assert (column.verdict, column.strong, column.type) == ("drift", True, "categorical")
    assert column.effect == pytest.approx(0.3)
    assert "'cat' 70.0% → 40.0%" in column.note


def test_values_unseen_in_the_reference_are_counted():
    column = one(["a", "b"] * 200, ["a", "b"] * 195 + ["new"] * 10)
    assert "1 value not in the reference" in column.note
