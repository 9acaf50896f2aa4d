"""States follow the confidence over seconds of the source, whatever the frame rate."""

from hit_rfgm_ros.trackers.states import StateMachine
from hit_rfgm_ros.types import TrackState
from hypothesis import given
from hypothesis import strategies as st
import pytest

TRACKING, UNCERTAIN, LOST = TrackState.TRACKING, TrackState.UNCERTAIN, TrackState.LOST


def machine(**changes: float) -> StateMachine:
    settings = {
        'uncertain_below': 0.5,
        'lost_below': 0.2,
        'found_above': 0.6,
        'lost_after': 1.0,
        'found_after': 0.1,
    }
    return StateMachine(**{**settings, **changes})


def lost(**changes: float) -> StateMachine:
    """A machine that has been LOST since second 10."""
    judge = machine(**changes)
    judge.update(0.0, 0.0)
    assert judge.update(10.0, 0.0) is LOST
    return judge


def test_uncertain_at_once_and_back_at_once() -> None:
    judge = machine()
    assert judge.update(0.0, 0.9) is TRACKING
    assert judge.reason == ''
    assert judge.update(0.1, 0.49) is UNCERTAIN
    assert judge.reason == 'confidence 0.49 is below 0.50'
    assert judge.update(0.2, 0.5) is TRACKING
    assert judge.reason == ''


@pytest.mark.parametrize('rate', [1, 5, 30, 200])
def test_lost_after_the_same_time_at_every_frame_rate(rate: int) -> None:
    judge = machine(lost_after=2.0)
    states = [judge.update(100 + k / rate, 0.1) for k in range(3 * rate)]
    assert states.index(LOST) == 2 * rate
    assert set(states[: 2 * rate]) == {UNCERTAIN}
    assert judge.reason == 'confidence below 0.20 for 2.00 s'


def test_a_moment_above_the_threshold_starts_the_count_anew() -> None:
    judge = machine()
    for stamp, confidence in ((0.0, 0.1), (0.9, 0.1), (0.95, 0.2), (1.0, 0.1), (1.9, 0.1)):
        assert judge.update(stamp, confidence) is UNCERTAIN
    assert judge.update(2.0, 0.1) is LOST


def test_between_the_thresholds_it_is_never_lost() -> None:
    judge = machine()
    assert {judge.update(k, 0.3) for k in range(100)} == {UNCERTAIN}


def test_found_after_its_time_above_its_threshold() -> None:
    judge = lost()
    assert judge.update(10.1, 0.59) is LOST  # enough to stay TRACKING, not to be found again
    assert judge.update(10.2, 0.7) is LOST
    assert judge.update(10.25, 0.5) is LOST  # the sighting broke off
    assert judge.update(10.3, 0.7) is LOST
    assert judge.update(10.45, 0.7) is TRACKING
    assert judge.reason == ''


def test_found_after_zero_believes_at_once() -> None:
    assert lost(found_after=0.0).update(10.1, 0.6) is TRACKING


def test_lost_after_zero_gives_up_at_once() -> None:
    assert machine(lost_after=0.0).update(0.0, 0.1) is LOST


def test_equal_stamps_do_not_let_time_pass() -> None:
    judge = machine()
    assert {judge.update(5.0, 0.0) for _ in range(1000)} == {UNCERTAIN}


def test_stamps_that_go_back_start_the_count_anew() -> None:
    judge = machine()
    judge.update(100.0, 0.1)
    assert judge.update(100.9, 0.1) is UNCERTAIN
    assert judge.update(50.0, 0.1) is UNCERTAIN
    assert judge.update(50.9, 0.1) is UNCERTAIN
    assert judge.update(51.0, 0.1) is LOST


def test_a_frame_without_judgement_is_uncertain_even_with_thresholds_off() -> None:
    judge = machine(uncertain_below=0.0, lost_below=0.0, found_above=0.0)
    judge.fail(0.0, 'no numbers')
    assert (judge.state, judge.reason) == (UNCERTAIN, 'no numbers')
    assert judge.update(0.1, 0.0) is TRACKING


def test_frames_without_judgement_add_up_to_lost() -> None:
    judge = machine()
    for stamp in (0.0, 0.5, 1.0):
        judge.fail(stamp, 'no numbers')
    assert judge.state is LOST
    assert 'below 0.20' in judge.reason


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 1)), min_size=1, max_size=60),
)
def test_states_mean_what_they_say(steps: list[tuple[float, float]]) -> None:
    judge, now = machine(), 0.0
    for wait, confidence in steps:
        now += wait
        before = judge.state
        state = judge.update(now, confidence)
        assert (judge.reason == '') is (state is TRACKING)
        if state is TRACKING:
            assert confidence >= (0.6 if before is LOST else 0.5)
        if state is UNCERTAIN:
            assert confidence < 0.5
            assert before is not LOST  # LOST is left only for TRACKING
        if state is LOST and before is not LOST:
            assert confidence < 0.2
