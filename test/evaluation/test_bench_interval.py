"""The ratio of two samples and its interval."""

from itertools import combinations
import math

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.evaluation.bench.interval import least_size, ratio
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

SAMPLE = st.lists(st.floats(0.01, 1000), min_size=6, max_size=9)


def ends(before: list[float], after: list[float]) -> np.ndarray:
    """All ratios of a number after to one before, in order."""
    return np.sort(np.divide.outer(after, before).ravel())


# Critical values of U, two-sided, as any table of Mann and Whitney's test has them.
@pytest.mark.parametrize(
    ('size', 'confidence', 'critical'),
    [(5, 0.95, 2), (5, 0.99, 0), (7, 0.95, 8), (7, 0.99, 4), (10, 0.95, 23), (10, 0.99, 16)],
)
def test_the_interval_ends_where_the_published_tables_say(
    size: int, confidence: float, critical: int
) -> None:
    rng = np.random.default_rng(size)
    before, after = rng.uniform(1, 2, (2, size)).tolist()
    found = ratio(before, after, confidence)
    expected = ends(before, after)
    assert found.low == pytest.approx(expected[critical])
    assert found.high == pytest.approx(expected[-1 - critical])
    assert found.estimate == pytest.approx(math.exp(np.median(np.log(expected))))


@pytest.mark.parametrize(('m', 'n'), [(3, 5), (4, 4), (5, 3), (6, 5)])
def test_samples_of_two_sizes_agree_with_counting_all_orders(m: int, n: int) -> None:
    sums = [
        sum(place - rank for rank, place in enumerate(chosen))
        for chosen in combinations(range(m + n), m)
    ]
    allowed = 0.05 * len(sums)  # of 90 %, on each side
    rank = max(k for k in range(m * n) if sum(value < k for value in sums) <= allowed)
    rng = np.random.default_rng(m)
    before, after = rng.uniform(1, 2, m).tolist(), rng.uniform(1, 2, n).tolist()
    found = ratio(before, after, 0.9)
    assert rank > 0
    assert found.low == pytest.approx(ends(before, after)[rank - 1])
    assert found.high == pytest.approx(ends(before, after)[-rank])


def test_small_samples_have_no_interval() -> None:
    assert least_size(0.99) == 5
    assert least_size(0.95) == 4
    assert ratio([1, 2, 3, 4], [2, 3, 4, 5], 0.99)[1:] == (None, None)
    assert ratio([1], [2], 0.9).estimate == pytest.approx(2)


@given(SAMPLE)
def test_a_sample_is_as_large_as_itself(sample: list[float]) -> None:
    found = ratio(sample, sample, 0.99)
    assert found.estimate == pytest.approx(1)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 1 + 1e-12
    assert found.high >= 1 - 1e-12


@given(SAMPLE, SAMPLE, st.floats(0.1, 10))
def test_a_factor_goes_into_the_ratio_alone(
    before: list[float], after: list[float], factor: float
) -> None:
    once = ratio(before, after, 0.95)
    stretched = ratio(before, [factor * value for value in after], 0.95)
    assert stretched == pytest.approx([factor * value for value in once])


@given(SAMPLE, SAMPLE)
def test_the_other_way_round_it_is_the_inverse(before: list[float], after: list[float]) -> None:
    there, back = ratio(before, after, 0.99), ratio(after, before, 0.99)
    assert back == pytest.approx([1 / there.estimate, 1 / there.high, 1 / there.low])


def test_the_interval_holds_the_true_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(1000):
        before, after = rng.lognormal(0, 0.2, (2, 6))
        found = ratio(before, 1.3 * after, 0.9)
        missed += not found.low <= 1.3 <= found.high
    assert 50 <= missed <= 110  # 93 with samples of this size are expected at most


@pytest.mark.parametrize('bad', [[], [1.0, 0.0], [1.0, math.nan], [-1.0], [math.inf]])
def test_what_is_no_time_is_refused(bad: list[float]) -> None:
    for samples in ((bad, [1.0]), ([1.0], bad)):
        with pytest.raises(MetricError, match='above 0'):
            ratio(*samples, 0.99)
