"""How many times larger one sample is than another, with an exact interval.

The logarithms of the two samples are compared by the shift between them: the estimate is the
median of all differences of pairs (Hodges and Lehmann, 1963), the interval goes from the k-th
smallest to the k-th largest of these differences, k from the exact distribution of the rank sum
(Moses; M. Hollander, D. Wolfe, E. Chicken, Nonparametric Statistical Methods, 3rd edition,
sections 4.2 and 4.3). No distribution is assumed, and nothing is drawn by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
import math
from typing import NamedTuple

from hit_rfgm_ros.errors import MetricError
import numpy as np


class Ratio(NamedTuple):
    """One sample over another.

    Attributes:
        estimate: how many times larger the second is.
        low, high: ends of the interval; None where the samples are too small for one.
    """

    estimate: float
    low: float | None
    high: float | None


def ratio(before: Sequence[float], after: Sequence[float], confidence: float) -> Ratio:
    """How many times larger ``after`` is than ``before``.

    Args:
        before, after: numbers above 0; independent of each other.
        confidence: with which the interval holds the true ratio, in (0, 1).

    Raises:
        MetricError: if a sample is empty, or a number is not above 0 and finite.
    """
    samples = [np.asarray(values, np.float64) for values in (before, after)]
    for sample in samples:
        if not len(sample) or not (np.isfinite(sample) & (sample > 0)).all():
            raise MetricError('a ratio needs two samples of finite numbers above 0')
    first, second = map(np.log, samples)
    shifts = np.sort((second[:, None] - first[None, :]).ravel())
    estimate = math.exp(float(np.median(shifts)))
    rank = _rank(len(before), len(after), confidence)
    if rank == 0:
        return Ratio(estimate, None, None)
    return Ratio(estimate, math.exp(shifts[rank - 1]), math.exp(shifts[-rank]))


def least_size(confidence: float) -> int:
    """Numbers that each of two samples of one size needs for an interval."""
    size = 1
    while _rank(size, size, confidence) == 0:
        size += 1
    return size


@lru_cache(maxsize=64)
def _rank(m: int, n: int, confidence: float) -> int:
    """Which of the sorted differences ends the interval, counted from 1; 0 for none."""
    counts = _rank_sums(m, n)
    allowed = 0.5 * (1 - confidence) * sum(counts)
    below, rank = 0, 0
    while below + counts[rank] <= allowed:
        below += counts[rank]
        rank += 1
    return rank


def _rank_sums(m: int, n: int) -> list[int]:
    """In how many orders of m + n numbers u pairs are out of order, for u from 0 to m * n.

    These are the coefficients of the Gaussian binomial [m + n over m]: the product of
    (1 - q^(n + i)) / (1 - q^i) for i from 1 to m.
    """
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return counts
