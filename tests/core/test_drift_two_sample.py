"""The Kolmogorov-Smirnov kernel against exact arithmetic, enumeration and SciPy."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exptui.drift import two_sample
from exptui.drift.two_sample import Gap, ks_gap, ks_p

few_values = st.lists(st.integers(-3, 6).map(float), min_size=1, max_size=40)
any_values = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40)


def gap_of(x, y):
    return ks_gap(np.sort(np.asarray(x, dtype=float)), np.sort(np.asarray(y, dtype=float)))


def p_of(x, y):
    x, y = np.sort(np.asarray(x, dtype=float)), np.sort(np.asarray(y, dtype=float))
    return ks_p(x, y, ks_gap(x, y))


def exact_gaps(x, y):
    """Both one-sided gaps by counting, in fractions."""
    gaps = [Fraction(sum(v <= at for v in x), len(x)) - Fraction(sum(v <= at for v in y), len(y)) for at in {*x, *y}]
    return max(0, *gaps), max(0, *(-gap for gap in gaps))


def permutation_share(x, y):
    """Share of all ways to pick the first sample whose D is at least the one seen."""
    pooled = [*x, *y]
    seen = max(exact_gaps(x, y))
    hits = total = 0
    for chosen in combinations(range(len(pooled)), len(x)):
        first = [pooled[i] for i in chosen]
        second = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        hits += max(exact_gaps(first, second)) >= seen
        total += 1
    return hits / total


@given(st.one_of(few_values, any_values), st.one_of(few_values, any_values))
@settings(max_examples=400, deadline=None)
def test_both_gaps_equal_exact_rational_arithmetic(x, y):
    gap = gap_of(x, y)
    cells = len(x) * len(y)
    assert (Fraction(gap.above, cells), Fraction(gap.below, cells)) == exact_gaps(x, y)


@given(few_values, st.lists(st.integers(-3, 6).map(float), min_size=330, max_size=340))
@settings(max_examples=40, deadline=None)
def test_a_small_sample_against_a_large_one_equals_exact_arithmetic(x, y):
    for first, second in ((x, y), (y, x)):
        gap = gap_of(first, second)
        assert (Fraction(gap.above, len(x) * len(y)), Fraction(gap.below, len(x) * len(y))) == exact_gaps(first, second)


@given(few_values, few_values)
@settings(max_examples=100, deadline=None)
def test_swapping_the_sides_swaps_the_gaps_and_keeps_p(x, y):
    there, back = gap_of(x, y), gap_of(y, x)
    assert (there.above, there.below) == (back.below, back.above)
    assert p_of(x, y) == pytest.approx(p_of(y, x), rel=1e-9)


def test_the_known_tied_example_has_the_permutation_p():
    x, y = [1, 2, 2, 3, 5], [2, 3, 3, 4, 6, 7]
    assert permutation_share(x, y) == pytest.approx(0.4675, abs=5e-5)
    assert p_of(x, y) == pytest.approx(permutation_share(x, y), rel=1e-12)


@given(
    st.lists(st.integers(0, 4).map(float), min_size=2, max_size=5),
    st.lists(st.integers(0, 4).map(float), min_size=2, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_small_tied_samples_have_the_permutation_p(x, y):
    assert p_of(x, y) == pytest.approx(permutation_share(x, y), rel=1e-9)


def ten_against_ten_with_seven_tenths():
    return list(range(10)), [v + 6.5 for v in range(10)]


def test_ten_against_ten_with_d_seven_tenths_is_0_0123_exactly_and_0_0149_in_the_limit():
    x, y = ten_against_ten_with_seven_tenths()
    gap = gap_of(x, y)
    assert gap.d == 0.7
    assert p_of(x, y) == pytest.approx(0.0123, abs=5e-5)
    assert two_sample.limit_p(gap) == pytest.approx(0.0149, abs=5e-5)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (8, 13), (40, 40), (199, 300), (30, 800)])
def test_without_ties_p_agrees_with_scipy(n, m):
    rng = np.random.default_rng(n * m)
    x, y = rng.normal(size=n), rng.normal(0.4, size=m)
    theirs = stats.ks_2samp(x, y, method="exact")
    assert gap_of(x, y).d == pytest.approx(theirs.statistic, abs=1e-12)
    assert p_of(x, y) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_large_samples_use_the_limit_law():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=3000), rng.normal(0.05, size=2000)
    d = stats.ks_2samp(x, y).statistic
    assert p_of(x, y) == pytest.approx(stats.kstwobign.sf(math.sqrt(1200) * d), rel=1e-9)


def test_tiny_exact_p_values_keep_their_digits():
    # Complete separation of 40 and 40 distinct values: two of all arrangements.
    p = p_of(np.arange(40), np.arange(40) + 100)
    assert p == pytest.approx(2 / math.comb(80, 40), rel=1e-9)


def test_three_against_three_reaches_one_tenth_at_best():
    assert p_of([1, 2, 3], [4, 5, 6]) == pytest.approx(0.1)


def test_equal_samples_have_p_one():
    assert p_of([1, 2, 2, 3] * 5, [1, 2, 2, 3] * 5) == 1.0


def test_log_p_never_underflows_and_orders_what_p_cannot():
    near, far = Gap(900_000 * 10**6, 0, 10**6, 10**6), Gap(950_000 * 10**6, 0, 10**6, 10**6)
    assert two_sample.limit_p(near) == two_sample.limit_p(far) == 0.0
    near_log, far_log = two_sample.log10_p(near, 0.0), two_sample.log10_p(far, 0.0)
    assert far_log < near_log < -300_000
    assert near_log == pytest.approx((math.log(2) - 2 * 500_000 * 0.81) / math.log(10))


def test_the_interval_half_width_follows_the_tail_bound():
    assert two_sample.half_width(200, 300, 0.05) == pytest.approx(math.sqrt(math.log(40) / 2 / 120))


def test_a_tenth_needs_369_rows_a_side():
    assert two_sample.rows_for_ks(0.10, 0.05) == 369


@pytest.mark.parametrize(
    ("shift", "scale", "up"), [(0.5, 1, True), (-0.5, 1, False), (0, 3, None)], ids=["up", "down", "spread"]
)
def test_direction_is_that_of_the_location_and_none_for_spread(shift, scale, up):
    rng = np.random.default_rng(3)
    assert gap_of(rng.normal(size=2000), rng.normal(shift, scale, size=2000)).up is up


def test_a_direction_needs_one_gap_to_be_twice_the_other():
    assert Gap(above=20, below=10, n=10, m=10).up is True
    assert Gap(above=10, below=20, n=10, m=10).up is False
    assert Gap(above=19, below=10, n=10, m=10).up is None
    assert Gap(above=10, below=19, n=10, m=10).up is None
    assert Gap(above=0, below=0, n=10, m=10).up is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.99, 1.0])
def test_quantiles_equal_numpys(share):
    values = np.sort(np.random.default_rng(5).lognormal(size=37))
    assert two_sample.quantiles(values, np.array([share]))[0] == pytest.approx(np.quantile(values, share))


def test_one_outlier_does_not_move_the_trimmed_distance():
    rng = np.random.default_rng(7)
    x, y = np.sort(rng.normal(size=2000)), np.sort(rng.normal(0.5, size=2000))
    clean = two_sample.shape(x, y).distance
    dirty = two_sample.shape(x, np.sort(np.append(y[1:], 1e9))).distance
    assert clean == pytest.approx(0.5, abs=0.08)
    assert dirty == pytest.approx(clean, rel=0.02)


def test_quantile_shifts_are_in_reference_interquartile_ranges():
    x = np.linspace(0, 100, 101)
    shape = two_sample.shape(x, x + 25)
    assert shape.shifts == pytest.approx((0.5, 0.5, 0.5))
    assert len(shape.sparkline) == 20
    assert shape.sparkline[10] == pytest.approx(-0.25, abs=0.02)


def test_values_at_the_edge_of_float64_raise_no_warning_and_invent_no_shift():
    x = np.array([-1.7e308] * 5 + [1.7e308] * 5)
    shape = two_sample.shape(x, -x[::-1])
    assert shape.shifts is None
    assert shape.distance is None


def test_an_empty_sample_is_refused():
    with pytest.raises(ValueError, match="without values"):
        ks_gap(np.empty(0), np.ones(3))
