"""Against scipy.stats, published tables and simulation: never against our own output."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exptui.statistics import (
    binomial_interval,
    examples_to_decide,
    holm,
    holm_levels,
    mean,
    paired_interval,
    seeds_to_decide,
    welch_interval,
)

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
samples = st.lists(numbers, min_size=2, max_size=8)


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy, on equal values
@given(samples, samples, st.sampled_from([0.01, 0.05, 0.2]))
def test_welch_agrees_with_scipy(a: list[float], b: list[float], alpha: float) -> None:
    if np.var(a) + np.var(b) < 1e-6:
        return
    ours = welch_interval(a, b, alpha)
    theirs = stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(1 - alpha)
    assert (ours.lo, ours.hi) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=8))
def test_paired_agrees_with_scipy(pairs: list[tuple[float, float]]) -> None:
    differences = [b - a for a, b in pairs]
    if np.var(differences) < 1e-6:
        return
    ours = paired_interval(differences)
    theirs = stats.ttest_1samp(differences, 0)
    interval = theirs.confidence_interval(0.95)
    assert (ours.lo, ours.hi) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


def test_equal_seeds_give_a_point() -> None:
    interval = welch_interval([0.1, 0.1, 0.1], [0.3, 0.3, 0.3])
    assert (interval.lo, interval.hi) == pytest.approx((0.2, 0.2))
    assert interval.p == 0.0
    assert welch_interval([0.1, 0.1], [0.1, 0.1]).p == 1.0


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        welch_interval([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="two"):
        paired_interval([1.0])
    with pytest.raises(ValueError, match="proportions"):
        binomial_interval(1.2, 10, 0.5, 10)


@pytest.mark.parametrize(
    ("first", "n_first", "second", "n_second", "lo", "hi"),
    [
        # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20, 10/10 - 0/10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_binomial_agrees_with_newcombe(
    first: int, n_first: int, second: int, n_second: int, lo: float, hi: float
) -> None:
    interval = binomial_interval(second / n_second, n_second, first / n_first, n_first)
    assert (interval.lo, interval.hi) == pytest.approx((lo, hi), abs=6e-5)


def test_binomial_p_agrees_with_the_chi_square_of_the_table() -> None:
    table = [[178, 22], [184, 16]]
    assert binomial_interval(178 / 200, 200, 184 / 200, 200).p == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )


def test_coverage_is_nominal() -> None:
    chance = random.Random(7)
    hits = 0
    for _ in range(2000):
        a = [chance.gauss(0, 1) for _ in range(3)]
        b = [chance.gauss(0, 3) for _ in range(5)]
        interval = welch_interval(a, b)
        hits += interval.lo <= 0 <= interval.hi
    assert 0.93 <= hits / 2000 <= 0.98


def test_holm_worked_by_hand() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1, then the running maximum
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_nan_is_no_p_value() -> None:
    with pytest.raises(ValueError, match="NaN"):
        holm([0.01, math.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_levels_reject_what_holm_rejects(p_values: list[float]) -> None:
    rejected = [p <= level for p, level in zip(p_values, holm_levels(p_values), strict=True)]
    adjusted = [p <= 0.05 for p in holm(p_values)]
    near = any(math.isclose(p * k, 0.05, rel_tol=1e-9) for p in p_values for k in range(1, len(p_values) + 1))
    assert near or rejected == adjusted


def test_seeds_to_decide_is_the_first_number_that_decides() -> None:
    gain, spread = 0.02, 0.02
    needed = seeds_to_decide(gain, 0.009, spread)
    assert needed is not None
    half = [stats.t.ppf(0.975, 2 * n - 2) * spread * math.sqrt(2 / n) for n in (needed - 1, needed)]
    assert half[0] >= gain > half[1]


def test_no_number_of_seeds_tells_what_lies_on_the_limit() -> None:
    assert seeds_to_decide(-0.01, 0.01, 0.5) is None
    assert seeds_to_decide(0.0, 0.0, 0.1) is None
    assert seeds_to_decide(1.0, 0.1, math.nan) is None


def test_examples_to_decide_by_the_textbook_formula() -> None:
    # z^2 (p1 q1 + p2 q2) / d^2 with d what lies between the loss .03 and the tolerance .0092
    n = examples_to_decide(0.92, 0.89, 0.0092)
    assert n == math.ceil(1.959964**2 * (0.92 * 0.08 + 0.89 * 0.11) / 0.0208**2)
    assert examples_to_decide(0.9, 0.9, 0.0) is None


@given(samples)
def test_the_order_of_seeds_changes_nothing(values: list[float]) -> None:
    assert mean(values) == mean(values[::-1])
    assert welch_interval(values, [0.0, 1.0]) == welch_interval(values[::-1], [1.0, 0.0])
