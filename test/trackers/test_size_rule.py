"""Sizes change within bounds, and the steady size follows slowly."""

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.size_rule import SizeRule
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st
import pytest

OLD = Box(0, 0, 40, 20)
IMAGE = (320, 240)


def rule(**options: float) -> SizeRule:
    return SizeRule(OLD, TrackerConfig.from_dict(options), Calibration())


def found(width: float, height: float) -> Box:
    return Box(7, 7, width, height)


def test_all_the_way_when_nothing_limits() -> None:
    free = rule(max_scale_change=0)
    assert free.step(OLD, found(100, 5), 0.5, IMAGE) == (100, 5)


def test_damping_is_weighted_by_confidence() -> None:
    damped = rule(size_damping=0.5, max_scale_change=0)
    width, height = damped.step(OLD, found(80, 20), 0.5, IMAGE)
    assert width == pytest.approx(40 * 2**0.25)
    assert height == pytest.approx(20)


@given(
    st.floats(-10, 1e5),
    st.floats(-10, 1e5),
    st.floats(0, 1),
    st.sampled_from([0, 1.0, 1.3, 4.0]),
    st.sampled_from([1.0, 0.3]),
)
def test_sides_stay_in_their_bounds(
    width: float, height: float, confidence: float, bound: float, damping: float
) -> None:
    limited = rule(max_scale_change=bound, size_damping=damping)
    sides = limited.step(OLD, found(width, height), confidence, IMAGE)
    for side, old, longest in zip(sides, (40, 20), IMAGE):
        assert 4 <= side <= longest
        if bound:
            assert old / bound - 1e-9 <= side <= old * bound + 1e-9


def test_the_steady_size_follows_in_seconds_not_in_frames() -> None:
    sizes = []
    for rate in (5, 50):
        slow = rule()
        for _ in range(rate):
            slow.learn(found(80, 20), 1.0, 1 / rate)
        sizes.append(slow.steady)
    assert sizes[0] == pytest.approx(sizes[1])
    assert 70 < sizes[0][0] < 80  # after one second, two time constants
    assert sizes[0][1] == pytest.approx(20)


def test_the_steady_size_hardly_heeds_a_glimpse_or_doubt() -> None:
    slow = rule()
    slow.learn(found(400, 200), 1.0, 0.0)
    slow.learn(found(400, 200), 1.0, -5.0)  # stamps went back
    slow.learn(found(400, 200), 0.0, 10.0)
    assert slow.steady == (40, 20)
    slow.learn(found(80, 40), 0.5, 1 / 30)
    assert slow.steady[0] < 42
