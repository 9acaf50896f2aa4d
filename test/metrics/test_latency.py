"""Percentiles and frames per second of measured times."""

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.latency import frames_needed, latency_scores
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


def test_a_hundred_and_one_times_by_hand() -> None:
    scores = latency_scores(np.arange(101)[::-1] / 1e3)  # 0 to 100 ms
    assert scores.summary() == pytest.approx(
        {'mean': 50, 'p50': 50, 'p90': 90, 'p95': 95, 'p99': 99, 'max': 100}
    )
    assert scores.frames == 101


def test_fps_is_frames_by_total_time() -> None:
    scores = latency_scores(np.array([0.01, 0.01, 0.01, 0.07]))
    assert scores.fps == pytest.approx(40)  # the mean of 1 / time would be 78.6
    assert scores.p50 == pytest.approx(10)


@pytest.mark.parametrize(('percent', 'frames'), [(50, 2), (90, 10), (95, 20), (99, 100)])
def test_percentiles_need_a_frame_above_them(percent: int, frames: int) -> None:
    assert frames_needed(percent) == frames
    name = f'p{percent}'
    enough, too_few = (latency_scores(np.full(count, 0.02)) for count in (frames, frames - 1))
    assert enough.summary()[name] == pytest.approx(20)
    assert too_few.summary()[name] is None


@given(st.lists(st.floats(1e-5, 10), min_size=100, max_size=300))
def test_percentiles_rise_and_stay_inside(times: list[float]) -> None:
    scores = latency_scores(np.array(times))
    rising = [min(times) * 1e3, scores.p50, scores.p90, scores.p95, scores.p99, scores.maximum]
    assert (np.diff(np.array(rising, float)) >= -1e-9).all()
    assert scores.fps == pytest.approx(1e3 / scores.mean)


@pytest.mark.parametrize(
    ('times', 'message'),
    [
        pytest.param([], 'at least one', id='none'),
        pytest.param([0.1, np.nan], 'finite', id='nan'),
        pytest.param([0.1, -0.1], 'at least 0', id='negative'),
        pytest.param([0.0, 0.0], 'not all 0', id='zeros'),
    ],
)
def test_unusable_times_are_refused(times: list[float], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        latency_scores(np.array(times))
