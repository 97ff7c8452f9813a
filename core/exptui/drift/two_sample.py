"""The Kolmogorov-Smirnov comparison of two samples: distance, direction, p-value and interval.

All distances are counted in whole numbers, |i*m - j*n| for i of n and j of m values, and divided once at
the end, so they are exact however the values are tied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT_CELLS = 250_000
"""Largest n*m for which the exact law is computed (some 10 ms)."""

EXACT_SIDE = 200
"""Without ties, the exact law is only worth its time when the smaller side has fewer values than this."""


SIZES_ALIKE = 8
"""Largest ratio of sizes for which merging two samples beats looking one up in the other."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far apart two distribution functions are, in whole numbers over n*m.

    `above` is the largest excess of the reference's function over the current one's (current values tend
    to be larger: "up"), `below` the largest excess the other way.
    """

    above: int
    below: int
    n: int
    m: int

    @property
    def largest(self) -> int:
        return max(self.above, self.below)

    @property
    def d(self) -> float:
        """Kolmogorov-Smirnov D, from 0 to 1."""
        return self.largest / (self.n * self.m)

    @property
    def up(self) -> bool | None:
        """Whether current values are larger; None when neither gap is twice the other, as when the spread
        and not the location has changed."""
        if self.above >= 2 * self.below and self.above:
            return True
        if self.below >= 2 * self.above and self.below:
            return False
        return None


def ks_gap(reference: Floats, current: Floats) -> Gap:
    """Exact two-sided gaps between the distribution functions of two sorted samples.

    Both arrays are one-dimensional, finite, ascending and not empty. Only the smaller sample's points are
    visited, from the left and from the right, which is where both suprema lie.
    """
    n, m = len(reference), len(current)
    if not n or not m:
        raise ValueError("a sample without values has no distribution function")
    small, large = (reference, current) if n <= m else (current, reference)
    k, size = len(small), len(large)
    before = _count_before(small, large)
    # Inside a run of ties only the first rank (left limit) and the last (right limit) are the true ones;
    # the others understate the difference and so never win the maximum.
    excess = before * k - np.arange(0, k * size, size, dtype=np.int64)
    large_over = int(excess.max())
    tied = large[np.minimum(before, size - 1)] == small
    if tied.any():
        excess[tied] += (np.searchsorted(large, small[tied], side="right") - before[tied]) * k
    small_over = size - int(excess.min())
    if n <= m:
        return Gap(above=small_over, below=large_over, n=n, m=m)
    return Gap(above=large_over, below=small_over, n=n, m=m)


def _count_before(small: Floats, large: Floats) -> NDArray[np.int64]:
    """How many of `large` lie below each of `small`; both ascending. Samples of like size are merged, O(n+m);
    a small one is looked up in a large one, O(small log large)."""
    if len(large) > SIZES_ALIKE * len(small):
        return np.searchsorted(large, small, side="left")
    order = np.argsort(np.concatenate([small, large]), kind="stable")
    return np.flatnonzero(order < len(small)) - np.arange(len(small))


def ks_p(reference: Floats, current: Floats, gap: Gap) -> float:
    """Two-sided p-value of `gap` for two sorted samples.

    The exact conditional law where it is affordable and differs from the limit (ties, or a small side),
    else Kolmogorov's limit law, which is never far below the exact one for equal sizes.
    """
    n, m = gap.n, gap.m
    if n * m <= EXACT_CELLS:
        pooled = np.sort(np.concatenate([reference, current]))
        ends = np.append(pooled[1:] != pooled[:-1], True)
        if min(n, m) < EXACT_SIDE or not ends.all():
            return exact_p(ends, gap)
    return limit_p(gap)


def limit_p(gap: Gap) -> float:
    """Kolmogorov's limit law at sqrt(nm/(n+m)) * D (Kolmogorov 1933, Smirnov 1939)."""
    from scipy.special import kolmogorov

    return float(kolmogorov(math.sqrt(gap.n * gap.m / (gap.n + gap.m)) * gap.d))


def exact_p(ends: NDArray[np.bool_], gap: Gap) -> float:
    """P(D >= observed) when the pooled values are fixed and only their assignment to the sides is chance.

    This is the conditional law with ties of Schroeer and Trenkler (1995, Computational Statistics & Data
    Analysis 20, 185-202), the one of R's `psmirnov(z=)`. `ends[k]` says whether the k-th pooled value, in
    ascending order, is the last of its run of ties. The walk counts how many of the first k values belong
    to the smaller side; probability that reaches the observed gap at the end of a run is taken out and
    added up, so that small p-values keep their digits.
    """
    if gap.largest == 0:
        return 1.0
    n = min(gap.n, gap.m)
    total = gap.n + gap.m
    left = np.arange(n, -1, -1, dtype=np.float64)
    alive = np.zeros(n + 1)
    alive[0] = 1.0
    reached = 0.0
    for k, end in enumerate(ends.tolist(), start=1):
        moved = alive * (left / (total - k + 1))
        alive -= moved
        alive[1:] += moved[:-1]
        if end:
            # i*m - (k-i)*n = i*total - k*n, and those with an absolute value below the gap live on.
            first = max(0, (k * n - gap.largest) // total + 1)
            after = max(first, (k * n + gap.largest - 1) // total + 1)
            reached += float(alive[:first].sum() + alive[after:].sum())
            alive[:first] = 0.0
            alive[after:] = 0.0
    return min(1.0, reached)


def log10_p(gap: Gap, p: float) -> float:
    """Logarithm of the p-value for sorting; from the tail of the limit law where p itself has run out of
    digits, so it never underflows."""
    if p >= 1e-12:
        return math.log10(p)
    scaled = 2 * gap.n * gap.m / (gap.n + gap.m) * gap.d**2
    return min(-12.0, (math.log(2) - scaled) / math.log(10))


def half_width(n: int, m: int, alpha: float) -> float:
    """c for the interval D - c to D + c at level 1 - alpha, from the same tail bound 2 exp(-2 x^2)."""
    return math.sqrt(math.log(2 / alpha) / 2 * (n + m) / (n * m))


def rows_for_ks(effect: float, alpha: float) -> int:
    """Rows a side from which a D of `effect` is significant at `alpha` (369 for 0.10 at 0.05)."""
    return math.ceil(2 * (math.sqrt(math.log(2 / alpha) / 2) / effect) ** 2)


def quantiles(ordered: Floats, shares: Floats) -> Floats:
    """Quantiles of a sorted sample by linear interpolation (Hyndman and Fan's type 7)."""
    position = shares * (len(ordered) - 1)
    low = np.floor(position).astype(np.intp)
    high = np.minimum(low + 1, len(ordered) - 1)
    weight = position - low
    return ordered[low] * (1 - weight) + ordered[high] * weight


_SHOWN = np.array([0.10, 0.50, 0.90])
_TRIMMED = np.arange(1, 100) / 100
_QUARTILES = np.array([0.25, 0.75])
_CELLS = (np.arange(20) + 0.5) / 20


@dataclass(frozen=True, slots=True)
class Shape:
    """How a sample moved: see `ColumnDrift` for the units. None where the reference has no spread."""

    shifts: tuple[float, float, float] | None
    distance: float | None
    sparkline: tuple[float, ...]


def shape(reference: Floats, current: Floats) -> Shape:
    """Quantile shifts, trimmed Wasserstein distance and difference curve of two sorted samples."""
    at = quantiles(reference, _CELLS)
    curve = np.searchsorted(current, at, side="right") / len(current) - np.searchsorted(
        reference, at, side="right"
    ) / len(reference)
    sparkline = tuple(curve.tolist())
    low, high = quantiles(reference, _QUARTILES).tolist()
    spread = high - low  # Python floats: too large a spread becomes inf and warns nobody
    if not (spread > 0 and math.isfinite(spread)):
        return Shape(None, None, sparkline)
    with np.errstate(over="ignore", invalid="ignore"):
        p10, p50, p90 = ((quantiles(current, _SHOWN) - quantiles(reference, _SHOWN)) / spread).tolist()
        moves = np.abs(quantiles(current, _TRIMMED) - quantiles(reference, _TRIMMED))
        distance = float(moves.mean() / (spread / 1.349))
    if not all(map(math.isfinite, (p10, p50, p90, distance))):
        return Shape(None, None, sparkline)
    return Shape((p10, p50, p90), distance, sparkline)
