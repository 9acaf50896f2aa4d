"""What counts as leaving, LOST in time, and found again."""

from hit_rfgm_ros.metrics.absence import Absence, find_absences, frames_to_found, frames_to_lost
from hit_rfgm_ros.types import TrackState
import numpy as np

T, U, L = TrackState.TRACKING, TrackState.UNCERTAIN, TrackState.LOST


def test_short_spells_are_occlusions() -> None:
    shares = np.array([1, 1, 0, 0, 1, 1, 0.3, 0, 0, 0, 0, 0.3, 0.6, 1])
    assert find_absences(shares, 3) == [Absence(7, 12)]


def test_a_target_that_stays_away_is_back_at_the_end() -> None:
    assert find_absences(np.array([1, 0, 0, 0.1]), 2) == [Absence(1, 4)]


def test_the_whole_time_in_view_has_no_absence() -> None:
    assert find_absences(np.ones(5), 1) == []


def test_lost_is_counted_from_leaving() -> None:
    absence = Absence(2, 6)
    assert frames_to_lost([T, T, U, U, L, L, L, T], absence) == 2
    assert frames_to_lost([T, L, L, L, L, L, L, T], absence) == 0


def test_lost_after_the_return_does_not_count() -> None:
    assert frames_to_lost([T, T, U, U, U, U, L, T], Absence(2, 6)) is None


def test_found_needs_the_state_and_the_right_place() -> None:
    states = [T, L, L, T, T, T]
    overlaps = np.array([0.9, np.nan, 0.0, 0.2, 0.2, 0.8])
    assert frames_to_found(states, overlaps, Absence(1, 2)) == 3
    assert frames_to_found(states[:5], overlaps[:5], Absence(1, 2)) is None
