"""Intervals for the difference of two runs or groups of seed runs, and what to do about many of them.

Differences are candidate minus baseline, in the metric's unit. Only Student's t needs scipy, imported
when the first interval over seeds is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

Method = Literal["welch_t", "paired_t", "binomial"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval for a difference: `level` 0.95 covers the true one 95% of the time. `p` is the
    p-value of "no difference". `spread` is the standard deviation between seeds, NaN where there are none."""

    lo: float
    hi: float
    p: float
    level: float
    method: Method
    spread: float = math.nan

    def times(self, direction: int) -> Interval:
        """The same interval with up and down exchanged when `direction` is -1."""
        lo, hi = (self.lo, self.hi) if direction >= 0 else (-self.hi, -self.lo)
        return Interval(lo, hi, self.p, self.level, self.method, self.spread)


def mean(values: Sequence[float]) -> float:
    """Exactly rounded, so that the order of seeds cannot change a verdict."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def variance(values: Sequence[float]) -> float:
    """With n - 1 in the denominator; 0 for equal values, without rounding noise."""
    if min(values) == max(values):
        return 0.0
    middle = mean(values)
    return sum(sorted((value - middle) * (value - middle) for value in values)) / (len(values) - 1)


def welch_interval(baseline: Sequence[float], candidate: Sequence[float], alpha: float = 0.05) -> Interval:
    """For the difference of two means with unequal variances, at least two finite values on each side.

    Welch (1947), Biometrika 34, 28; degrees of freedom after Satterthwaite (1946),
    Biometrics Bulletin 2, 110.
    Raises ValueError for fewer values.
    """
    if min(len(baseline), len(candidate)) < 2:
        raise ValueError("Welch's t needs two values on each side")
    parts = [(variance(side) / len(side), len(side) - 1) for side in (baseline, candidate)]
    squared_error = parts[0][0] + parts[1][0]
    fallback = float(min(part[1] for part in parts))
    weights = [(part / squared_error, df) for part, df in parts] if squared_error > 0 else []
    freedom = 1 / sum(weight**2 / df for weight, df in weights) if weights else fallback
    spread = math.sqrt((variance(baseline) + variance(candidate)) / 2)
    difference = mean(candidate) - mean(baseline)
    return _student(difference, math.sqrt(squared_error), freedom, alpha, "welch_t", spread)


def paired_interval(differences: Sequence[float], alpha: float = 0.05) -> Interval:
    """For the mean of paired differences (same seed on both sides), at least two finite ones.

    Student (1908), Biometrika 6, 1. Raises ValueError for fewer.
    """
    if len(differences) < 2:
        raise ValueError("a paired t needs two pairs")
    spread = math.sqrt(variance(differences))
    error = spread / math.sqrt(len(differences))
    return _student(mean(differences), error, len(differences) - 1.0, alpha, "paired_t", spread)


def _student(difference: float, error: float, freedom: float, alpha: float, method: Method, spread: float) -> Interval:
    if error == 0:
        p = 1.0 if difference == 0 else 0.0
        return Interval(difference, difference, p, 1 - alpha, method, spread)
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(freedom, 1 - alpha / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return Interval(difference - half, difference + half, p, 1 - alpha, method, spread)


def binomial_interval(
    baseline: float, n_baseline: int, candidate: float, n_candidate: int, alpha: float = 0.05
) -> Interval:
    """For the difference of two proportions, each of `n` evaluated examples: Newcombe's hybrid score interval
    (1998, Statistics in Medicine 17, 873, method 10), which keeps its coverage near 0 and 1, unlike Wald's.

    Two runs scored on the same examples are not independent; treating them so makes the interval too wide,
    never too narrow, as long as their errors agree more than by chance. Raises ValueError outside 0..1.
    """
    if not (0 <= baseline <= 1 and 0 <= candidate <= 1 and min(n_baseline, n_candidate) > 0):
        raise ValueError("proportions lie in 0..1 and need at least one example")
    z = NormalDist().inv_cdf(1 - alpha / 2)
    low_b, high_b = _wilson(baseline, n_baseline, z)
    low_c, high_c = _wilson(candidate, n_candidate, z)
    difference = candidate - baseline
    lo = difference - math.hypot(candidate - low_c, high_b - baseline)
    hi = difference + math.hypot(high_c - candidate, baseline - low_b)
    p = _two_proportion_p(baseline, n_baseline, candidate, n_candidate)
    return Interval(lo, hi, p, 1 - alpha, "binomial")


def _wilson(share: float, n: int, z: float) -> tuple[float, float]:
    """Wilson (1927), Journal of the American Statistical Association 22, 209."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _two_proportion_p(baseline: float, n_baseline: int, candidate: float, n_candidate: int) -> float:
    pooled = (baseline * n_baseline + candidate * n_candidate) / (n_baseline + n_candidate)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / n_baseline + 1 / n_candidate))
    if error == 0:
        return 1.0
    return math.erfc(abs(candidate - baseline) / error / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given. Holm (1979), Scandinavian Journal of Statistics 6, 65."""
    adjusted, running, k = [0.0] * len(p_values), 0.0, len(p_values)
    for rank, at in enumerate(_order(p_values)):
        running = max(running, min(1.0, (k - rank) * p_values[at]))
        adjusted[at] = running
    return adjusted


def holm_levels(p_values: Sequence[float], alpha: float = 0.05) -> list[float]:
    """The error rate at which Holm's procedure tests each hypothesis, in the order given: alpha / k for the
    smallest p, alpha / (k - 1) for the next, and no further relief after the first that fails."""
    levels, level, k = [alpha] * len(p_values), 0.0, len(p_values)
    stopped = False
    for rank, at in enumerate(_order(p_values)):
        level = level if stopped else alpha / (k - rank)
        levels[at] = level
        stopped = stopped or not p_values[at] <= level
    return levels


def _order(p_values: Sequence[float]) -> list[int]:
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError("p-values lie in 0..1; NaN is none")
    return sorted(range(len(p_values)), key=p_values.__getitem__)


def seeds_to_decide(
    gain: float,
    tolerance: float,
    spread: float,
    alpha: float = 0.05,
    *,
    paired: bool = False,
    limit: int = 1000,
) -> int | None:
    """How many seed runs each side needs until the interval of a `gain` with this `spread` between seeds is
    narrow enough to fall on one side of 0, below -tolerance, or inside the tolerance.

    An estimate: it takes today's gain and spread for the true ones. None if `limit` seeds would not do.
    """
    reach = max(gain, -gain - tolerance, tolerance - abs(gain), min(-gain, gain + tolerance))
    if not (reach > 0 and math.isfinite(spread)):
        return None
    from scipy.special import stdtrit

    for n in range(2, limit + 1):
        freedom, error = (n - 1, spread / math.sqrt(n)) if paired else (2 * n - 2, spread * math.sqrt(2 / n))
        if float(stdtrit(freedom, 1 - alpha / 2)) * error < reach:
            return n
    return None


def examples_to_decide(
    baseline: float, candidate: float, tolerance: float, alpha: float = 0.05, *, limit: int = 10_000_000
) -> int | None:
    """How many evaluated examples would decide between two proportions, as `seeds_to_decide` does for seeds.

    By the normal approximation. None if `limit` examples would not do.
    """
    gain = abs(candidate - baseline)
    reach = max(gain - tolerance, tolerance - gain, min(gain, tolerance))
    noise = baseline * (1 - baseline) + candidate * (1 - candidate)
    z = NormalDist().inv_cdf(1 - alpha / 2)
    if not reach > 0:
        return None
    n = math.ceil(z * z * noise / reach**2)
    return n if n <= limit else None
