"""When frames are sent: a steady grid, late ones left out, no drift."""

from hit_rfgm_ros.nodes.pace import Pace
from hypothesis import given
from hypothesis import strategies as st
import pytest


def play(pace: Pace, readings: list[float], began: float = 0.0) -> list[tuple[int, float]]:
    """Numbers and times of the frames sent, if reading each takes so long."""
    now, sent = began, []
    for number, seconds in enumerate(readings):
        now += seconds
        wait = pace.plan(now)
        if wait is not None:
            now += wait
            sent.append((number, now))
    return sent


@given(
    st.floats(1, 240),
    st.lists(st.floats(0, 0.9), min_size=2, max_size=80),
    st.floats(0, 1e6),
)
def test_quick_reading_never_shifts_the_grid(
    rate: float, shares: list[float], began: float
) -> None:
    pace = Pace(rate, began)
    sent = play(pace, [share / rate for share in shares], began)
    assert [number for number, _ in sent] == list(range(len(shares)))
    for number, time in sent:
        assert began + number / rate - 1e-6 <= time <= began + (number + 1) / rate + 1e-6
    assert pace.skipped == 0
    assert not pace.too_slow


def test_after_a_hiccup_late_frames_are_left_out_and_the_grid_is_kept() -> None:
    readings = [0.001] * 10 + [0.5] + [0.001] * 40
    pace = Pace(30, 0.0)
    sent = dict(play(pace, readings))
    assert 10 <= pace.skipped <= 16
    assert not pace.too_slow
    # From there on each frame is sent when it would have been without the hiccup.
    assert sent[50] == pytest.approx(50 / 30)
    assert len(sent) == len(readings) - pace.skipped


def test_where_reading_is_the_limit_frames_are_sent_late_rather_than_never() -> None:
    pace = Pace(30, 0.0)
    sent = play(pace, [0.05] * 100)
    assert pace.too_slow
    assert len(sent) >= 97


def test_it_recovers_when_reading_gets_quick_again() -> None:
    pace = Pace(30, 0.0)
    sent = play(pace, [0.05] * 20 + [0.001] * 100)
    assert not pace.too_slow
    gaps = [later - sooner for (_, sooner), (_, later) in zip(sent[-60:], sent[-59:])]
    assert gaps == pytest.approx([1 / 30] * len(gaps))
