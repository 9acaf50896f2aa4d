"""Motion through waypoints."""

from hit_rfgm_ros.data.path import Waypoint, follow_path
from hypothesis import given
from hypothesis import strategies as st
import numpy as np

numbers = st.floats(-500, 500)


@st.composite
def paths(draw: st.DrawFn) -> tuple[Waypoint, ...]:
    gaps = draw(st.lists(st.floats(0.2, 3.0), min_size=2, max_size=6))
    times = np.cumsum(gaps)
    return tuple(Waypoint(float(t), draw(numbers), draw(numbers), 50.0) for t in times)


@given(paths())
def test_every_waypoint_is_met(path: tuple[Waypoint, ...]) -> None:
    times = np.array([point.time for point in path])
    met = follow_path(path, times)
    np.testing.assert_allclose(met, np.array(path)[:, 1:], atol=1e-6)


@given(paths())
def test_the_way_stays_between_its_waypoints(path: tuple[Waypoint, ...]) -> None:
    points = np.array(path)
    dense = follow_path(path, np.linspace(points[0, 0], points[-1, 0], 200))
    assert (dense >= points[:, 1:].min(axis=0) - 1e-6).all()
    assert (dense <= points[:, 1:].max(axis=0) + 1e-6).all()


def test_it_rests_before_the_first_and_after_the_last() -> None:
    path = (Waypoint(1, 10, 20, 30), Waypoint(2, 40, 50, 60))
    met = follow_path(path, np.array([-5.0, 0.0, 2.0, 99.0]))
    np.testing.assert_allclose(met[:2], [[10, 20, 30, 0]] * 2)
    np.testing.assert_allclose(met[2:], [[40, 50, 60, 0]] * 2)


def test_one_waypoint_is_a_standstill() -> None:
    met = follow_path((Waypoint(0, 1, 2, 3, 4),), np.arange(3.0))
    np.testing.assert_array_equal(met, [[1, 2, 3, 4]] * 3)
