"""Chi-square homogeneity, total variation and missingness against SciPy and enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exptui.drift import homogeneity as h


def test_chi_square_agrees_with_scipys_contingency_test():
    table = np.array([[120, 80, 40], [90, 85, 66]])
    theirs = stats.chi2_contingency(table, correction=False)
    ours = h.homogeneity(table, 0.05)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.effect == pytest.approx(abs(table[0] / 240 - table[1] / 241).sum() / 2)


def test_the_reference_is_a_sample_too_and_not_exact():
    # Against an exact reference (0.5, 0.5) this would be p = 0.004; two samples of 200 give less certainty.
    p = h.homogeneity(np.array([[100, 100], [120, 80]]), 0.05).p
    assert p == pytest.approx(stats.chi2_contingency([[100, 100], [120, 80]], correction=False).pvalue)
    assert p > 0.04


def test_rare_categories_are_merged_when_that_hides_little():
    table = np.array([[500, 400] + [1] * 8, [480, 420] + [2] * 8])
    assert h.group(table).tolist() == [[500, 400, 8], [480, 420, 16]]


def test_more_than_fifty_categories_are_kept_by_pooled_count():
    table = np.array([[100 + i for i in range(70)], [170 - i for i in range(70)]])
    grouped = h.group(table)
    assert grouped.shape == (2, 51)
    assert grouped.sum(axis=1).tolist() == table.sum(axis=1).tolist()


def test_an_exchange_of_many_small_categories_is_not_merged_away():
    # Thirty categories of 6 rows, fifteen on each side: everything changed.
    table = np.array([[6] * 15 + [0] * 15, [0] * 15 + [6] * 15])
    result = h.homogeneity(table, 0.05)
    assert result.effect == 1.0
    assert result.p == pytest.approx(1e-4)


def test_small_expected_counts_get_the_permutation_p():
    # 6 of one kind against 6 of another: 2 of the 924 arrangements are as extreme.
    p = h.homogeneity(np.array([[6, 0], [0, 6]]), 0.05).p
    assert p == pytest.approx(2 / math.comb(12, 6), abs=0.001)


def test_the_permutation_p_agrees_with_fishers_exact_test():
    table = np.array([[2, 18], [7, 13]])
    assert h.homogeneity(table, 0.05).p == pytest.approx(stats.fisher_exact(table).pvalue, abs=0.015)


def test_the_same_table_gives_the_same_p_every_time():
    table = np.array([[3, 4, 5, 2], [9, 1, 2, 2]])
    assert h.homogeneity(table, 0.05) == h.homogeneity(table, 0.05)


def test_one_common_category_is_p_one_and_no_effect():
    result = h.homogeneity(np.array([[50], [70]]), 0.05)
    assert (result.p, result.effect, result.statistic) == (1.0, 0.0, 0.0)


def test_log_p_goes_on_where_p_underflows():
    near = h.chi_square_tail(5_000.0, 3)
    far = h.chi_square_tail(50_000.0, 3)
    assert near[0] == far[0] == 0.0
    assert near[1] == pytest.approx(stats.chi2.logsf(5_000.0, 3) / math.log(10), rel=1e-3) or near[1] < -1000
    assert far[1] < near[1] < -1000


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_fishers_exact_test_agrees_with_scipy(a, b, c, d):
    table = np.array([[a, b], [c, d]])
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return
    assert h.fisher_p(table) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-7)


@pytest.mark.parametrize(("missing", "rows"), [((3, 40), (1000, 1000)), ((0, 9), (200, 150)), ((1, 1), (50, 5000))])
def test_few_missing_values_get_fishers_exact_test(missing, rows):
    table = [[missing[0], rows[0] - missing[0]], [missing[1], rows[1] - missing[1]]]
    assert h.missingness_p(missing, rows) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-7)


def test_many_missing_values_get_chi_square():
    theirs = stats.chi2_contingency([[50, 950], [80, 920]], correction=False).pvalue
    assert h.missingness_p((50, 80), (1000, 1000)) == pytest.approx(theirs, rel=1e-9)


def test_all_or_nothing_missing_on_both_sides_is_no_difference():
    assert h.missingness_p((0, 0), (10, 20)) == 1.0
    assert h.missingness_p((10, 20), (10, 20)) == 1.0


def test_the_interval_of_the_total_variation_covers_the_truth():
    rng = np.random.default_rng(11)
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.25, 0.3, 0.2, 0.25])
    truth = np.abs(p - q).sum() / 2
    inside = 0
    for _ in range(300):
        result = h.homogeneity(np.stack([rng.multinomial(300, p), rng.multinomial(400, q)]), 0.05)
        inside += result.low <= truth <= result.high
    assert inside >= 0.95 * 300


def test_the_permutation_law_keeps_its_level_on_sparse_tables():
    rng = np.random.default_rng(12)
    share = np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    alarms = sum(
        h.homogeneity(np.stack([rng.multinomial(25, share), rng.multinomial(25, share)]), 0.05).p < 0.05
        for _ in range(300)
    )
    assert alarms <= 27  # 15 expected; 27 is three standard errors above


def test_rows_with_unknown_categories_are_weighed_against_chance():
    exchanged = np.array([[6] * 20 + [0] * 20, [0] * 20 + [6] * 20])
    seen, expected, z = h.unseen_excess(exchanged)
    assert (seen, z > 5) == (1.0, True)
    assert expected == pytest.approx(2 * 0.5**6, rel=0.01)
    rng = np.random.default_rng(13)
    draws = [np.bincount(rng.integers(0, 300, 400), minlength=300) for _ in range(2)]
    assert abs(h.unseen_excess(np.stack(draws))[2]) < 4
