"""Do two samples spread alike over categories, and are as many values missing on both sides?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exptui.drift.two_sample import half_width

Counts = NDArray[np.int64]

RARE = 10
"""Categories with a smaller pooled count are merged, as long as that hides little."""

RARE_SHARE = 0.05
"""Largest share of the pooled rows that merging may put into one heap. Above it, merging could hide a
complete exchange of many small categories, and the permutation law needs no merging anyway."""

KEPT = 50
DRAWS = 9_999
SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """A 2xK comparison. `effect` is total variation, half the sum of absolute differences in share, with
    its interval; `groups` the number of categories after merging."""

    statistic: float
    p: float
    log10_p: float
    effect: float
    low: float
    high: float
    groups: int


def group(counts: Counts) -> Counts:
    """The 2xK table with rare categories merged and all but the 50 most frequent ones (by pooled count, so
    that neither side decides) put together. Columns come out by falling pooled count, the heap last."""
    counts = counts[:, counts.sum(axis=0) > 0]
    pooled = counts.sum(axis=0)
    counts = counts[:, np.argsort(-pooled, kind="stable")]
    pooled = counts.sum(axis=0)
    rare = pooled < RARE
    mergeable = pooled[rare].sum() <= RARE_SHARE * pooled.sum()
    kept = min(KEPT, int((~rare).sum())) if mergeable else min(KEPT, len(pooled))
    if len(pooled) - kept < 2:
        return counts
    return np.column_stack([counts[:, :kept], counts[:, kept:].sum(axis=1)])


def homogeneity(counts: Counts, alpha: float) -> Homogeneity:
    """Chi-square test of homogeneity (Pearson 1900), without continuity correction.

    `counts` has shape (2, K): reference and current counts, each row with a positive sum. Where an expected
    count is below 5 the p-value comes from 9,999 random tables with the same margins, p = (c+1)/(B+1)
    (Davison and Hinkley 1997), with a fixed seed so that the same data give the same answer.
    """
    table = group(counts)
    n, m = (int(side) for side in table.sum(axis=1))
    if not n or not m:
        raise ValueError("a side without values has no shares")
    effect = float(np.abs(table[0] / n - table[1] / m).sum() / 2)
    low, high = variation_interval(table, effect, alpha)
    groups = table.shape[1]
    if groups < 2:
        return Homogeneity(0.0, 1.0, 0.0, 0.0, 0.0, high, groups)
    statistic = float(chi_square(table[:1], table.sum(axis=0))[0])
    if table.sum(axis=0).min() * min(n, m) / (n + m) < 5:
        p = permutation_p(table, statistic)
        return Homogeneity(statistic, p, math.log10(p), effect, low, high, groups)
    p, logarithm = chi_square_tail(statistic, groups - 1)
    return Homogeneity(statistic, p, logarithm, effect, low, high, groups)


def chi_square(firsts: NDArray[np.int64], pooled: Counts) -> NDArray[np.float64]:
    """Chi-square of many 2xK tables that share the pooled counts; `firsts` (B, K) are their first rows."""
    n = firsts[0].sum()
    total = pooled.sum()
    expected = pooled * (n / total)
    # With both rows' residuals equal and opposite, the two sums collapse into one.
    return np.asarray(((firsts - expected) ** 2 / expected).sum(axis=1) * (total / (total - n)))


def permutation_p(table: Counts, statistic: float) -> float:
    """Share of random tables with the same margins that are at least as far from homogeneous."""
    pooled = table.sum(axis=0)
    draws = np.random.default_rng(SEED).multivariate_hypergeometric(
        pooled, int(table[0].sum()), size=DRAWS, method="marginals"
    )
    as_far = chi_square(draws, pooled) >= statistic * (1 - 1e-9)
    return (int(as_far.sum()) + 1) / (DRAWS + 1)


def chi_square_tail(statistic: float, df: int) -> tuple[float, float]:
    """Upper tail of chi-square and its logarithm to base 10, which goes on where p underflows."""
    from scipy.special import chdtrc, gammaln

    p = float(chdtrc(df, statistic))
    if p > 1e-300:
        return p, math.log10(p)
    half = statistic / 2
    return p, (-half + (df / 2 - 1) * math.log(half) - float(gammaln(df / 2))) / math.log(10)


def variation_interval(table: Counts, effect: float, alpha: float) -> tuple[float, float]:
    """Interval for the total variation. One row moves it by at most 1/n or 1/m, which bounds its scatter as
    for D (McDiarmid 1989); the lower end also takes off what chance alone adds with many categories."""
    n, m = (int(side) for side in table.sum(axis=1))
    share = table.sum(axis=0) / (n + m)
    chance = float(np.sqrt(share * (1 - share) * (1 / n + 1 / m) * 2 / math.pi).sum() / 2)
    c = half_width(n, m, alpha)
    return max(0.0, effect - chance - c), min(1.0, effect + c)


def rows_for_shares(effect: float, alpha: float, groups: int) -> int:
    """Rows a side from which a total variation of `effect` is significant at `alpha`: by the
    Cauchy-Schwarz inequality chi-square is then at least 2 n effect^2."""
    from scipy.special import chdtri

    return math.ceil(float(chdtri(max(1, groups - 1), alpha)) / (2 * effect**2))


def missingness_p(missing: tuple[int, int], rows: tuple[int, int]) -> float:
    """p-value that values go missing equally often: Fisher's exact test when a cell of the 2x2 table is
    below 5, else chi-square without correction. `missing` and `rows` are (reference, current) counts."""
    table = np.array([[missing[0], rows[0] - missing[0]], [missing[1], rows[1] - missing[1]]], dtype=np.int64)
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return 1.0
    support = min(table.sum(axis=0).min(), table.sum(axis=1).min())
    # A small cell beside margins this large means a p-value far below any that matters.
    if table.min() < 5 and support <= 100_000:
        return fisher_p(table)
    statistic = float(chi_square(table[:1], table.sum(axis=0))[0])
    return chi_square_tail(statistic, 1)[0]


def fisher_p(table: Counts) -> float:
    """Two-sided p of Fisher's exact test for a 2x2 table: the probability of all tables with the same
    margins that are no likelier than the one seen (Fisher 1934)."""
    from scipy.special import gammaln

    first_row, first_column, total = int(table[0].sum()), int(table[:, 0].sum()), int(table.sum())
    a = np.arange(max(0, first_row + first_column - total), min(first_row, first_column) + 1)
    b, c = first_row - a, first_column - a
    d = total - first_row - first_column + a
    log_weight = -(gammaln(a + 1) + gammaln(b + 1) + gammaln(c + 1) + gammaln(d + 1))
    weight = np.exp(log_weight - log_weight.max())
    seen = weight[int(table[0, 0]) - int(a[0])]
    return min(1.0, float(weight[weight <= seen * (1 + 1e-7)].sum() / weight.sum()))


def unseen_excess(counts: Counts) -> tuple[float, float, float]:
    """Rows of current whose category the reference never has: (share seen, share expected by chance, z).

    With the pooled rows fixed and their sides chance, a category of pooled count c falls into current
    whole with probability about (m/N)^c. The variance leaves out the covariances, which are negative.
    """
    n, m = (int(side) for side in counts.sum(axis=1))
    pooled = counts.sum(axis=0).astype(np.float64)
    whole = (m / (n + m)) ** pooled
    seen = float(counts[1][counts[0] == 0].sum())
    expected = float((pooled * whole).sum())
    variance = float((pooled**2 * whole * (1 - whole)).sum())
    z = (seen - expected) / math.sqrt(variance) if variance > 0 else 0.0
    return seen / m, expected / m, z
