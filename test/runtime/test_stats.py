"""Rates and percentiles."""

import math

from hit_rfgm_ros.runtime.stats import Rate, Window
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


@given(st.lists(st.floats(-1e6, 1e6), max_size=50), st.integers(1, 20), st.floats(0, 100))
def test_percentiles_are_those_of_the_last_values(
    values: list[float], size: int, percent: float
) -> None:
    window = Window(size)
    for value in values:
        window.add(value)
    kept = values[-size:]
    assert len(window) == len(kept)
    if kept:
        assert window.percentile(percent) == pytest.approx(np.percentile(kept, percent))
    else:
        assert math.isnan(window.percentile(percent))


@pytest.mark.parametrize('period', [1 / 200, 1 / 30, 0.5, 2.0])
def test_the_rate_is_that_of_the_last_seconds(period: float) -> None:
    rate = Rate(seconds=5.0)
    for k in range(200):
        rate.add(k * period)
    assert rate.per_second(199 * period) == pytest.approx(1 / period)
    assert rate.per_second(199 * period + 1.0) < 1 / period
    assert rate.per_second(199 * period + 6.0) == 0.0


def test_what_happened_once_has_no_rate() -> None:
    rate = Rate()
    assert rate.per_second(0.0) == 0.0
    rate.add(1.0)
    assert rate.per_second(1.0) == 0.0
    rate.add(1.0)
    assert rate.per_second(1.0) == 0.0
