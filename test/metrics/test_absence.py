"""What counts as leaving, LOST in time, and found again."""

from typing import Any

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.metrics.absence import (
    Absence,
    AbsenceScores,
    find_absences,
    find_absent,
    frames_to_found,
    frames_to_lost,
    judge_absence,
    pool_absences,
)
from hit_rfgm_ros.types import TrackState
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

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


BOX, FAR, NAN = (10.0, 10.0, 20.0, 20.0), (70.0, 70.0, 20.0, 20.0), (np.nan,) * 4
LETTERS = {'T': T, 'U': U, 'L': L}


def judge(truth: str, found: str, states: str, **options: Any) -> AbsenceScores:
    """One letter a frame: b box, f box far off, - nothing; T, U, L, or - for no state."""
    rows = {'b': BOX, 'f': FAR, '-': NAN}
    return judge_absence(
        np.array([rows[letter] for letter in truth]),
        np.array([rows[letter] for letter in found]),
        [LETTERS.get(letter) for letter in states],
        10.0,
        **options,
    )


def test_absence_by_hand() -> None:
    scores = judge(
        'bbb-----bbbb----bb--',
        'bbbbbbbbffbbffffbbbb',
        '-TTTUULLLTTTTUUULLTT',
        shortest=0.3,
    )
    assert scores == AbsenceScores(
        seconds_to_lost=(0.3,),  # the second time it was never said
        never_noticed=1,
        seconds_to_recover=(0.2,),  # frame 9 is TRACKING elsewhere; frame 10 is right
        never_recovered=1,
        brief=1,
        absent_frames=11,
        absent_tracking=4,
        visible_frames=8,  # without the first
        visible_lost=3,
    )
    assert scores.summary() == {
        'spells': 2,
        'brief_spells': 1,
        'never_noticed': 1,
        'seconds_to_lost_median': pytest.approx(0.3),
        'seconds_to_lost_max': pytest.approx(0.3),
        'absent_frames': 11,
        'absent_as_tracking': pytest.approx(4 / 11),
        'returns': 2,
        'never_recovered': 1,
        'seconds_to_recover_median': pytest.approx(0.2),
        'seconds_to_recover_max': pytest.approx(0.2),
        'visible_frames': 8,
        'visible_as_lost': pytest.approx(3 / 8),
    }


def test_recovery_after_the_next_leaving_does_not_count() -> None:
    scores = judge('b--b--bb', 'bbbbbbbb', '-LLLLLLT', shortest=0.2)
    assert scores.never_recovered == 1
    assert scores.seconds_to_recover == (0.1,)


def test_a_target_that_stays_away_does_not_return() -> None:
    scores = judge('bb---', 'bbbbb', '-TTLL', shortest=0.2)
    assert scores.summary()['returns'] == 0
    assert scores.seconds_to_lost == (0.1,)


def test_an_absence_must_last_a_second_to_be_judged() -> None:
    short = judge('b' + '-' * 9 + 'b', 'b' * 11, '-' + 'T' * 10)
    long = judge('b' + '-' * 10 + 'b', 'b' * 12, '-' + 'T' * 11)
    assert (short.brief, short.never_noticed, short.absent_tracking) == (1, 0, 9)
    assert (long.brief, long.never_noticed, long.absent_tracking) == (0, 1, 10)
    rounded = judge('b' + '-' * 7 + 'b', 'b' * 9, '-' + 'T' * 8, shortest=0.7)
    assert rounded.never_noticed == 1  # 0.7 * 10 is a bit more than 7


def test_flags_and_boxes_without_area_are_absent_too() -> None:
    truth = np.array([BOX, BOX, NAN, (0.0, 0, 0, 0), (5, 5, 0, 9)])
    assert find_absent(truth).tolist() == [False, False, True, True, True]
    visible = np.array([True, False, True, True, True])
    assert find_absent(truth, visible).tolist() == [False, True, True, True, True]
    scores = judge('bbbb', 'bbbb', '-TLL', visible=np.array([True, False, False, True]))
    assert (scores.absent_frames, scores.absent_tracking, scores.visible_lost) == (2, 1, 1)


def test_sequences_are_pooled() -> None:
    parts = [
        judge('b---bb', 'bbbbbb', '-TLLTT', shortest=0.3),
        judge('b----b', 'bbbbbb', '-TTTTT', shortest=0.3),
    ]
    pooled = pool_absences(parts)
    assert pooled.seconds_to_lost == (0.1,)
    assert pooled.seconds_to_recover == (0, 0)
    assert (pooled.never_noticed, pooled.absent_frames, pooled.absent_tracking) == (1, 7, 5)
    assert pool_absences([pooled]) == pooled


def test_a_target_always_in_view_has_no_numbers_of_absence() -> None:
    summary = judge('bbb', 'bbb', '-TT').summary()
    assert summary['spells'] == summary['absent_frames'] == 0
    assert summary['absent_as_tracking'] is summary['seconds_to_lost_median'] is None
    assert summary['visible_as_lost'] == 0
    assert pool_absences([]).summary()['visible_as_lost'] is None


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from('TUL')), min_size=1, max_size=60))
def test_every_frame_and_spell_is_counted_once(frames: list[tuple[bool, str]]) -> None:
    truth = 'b' + ''.join('b' if seen else '-' for seen, _ in frames)
    scores = judge(truth, 'b' * len(truth), '-' + ''.join(s for _, s in frames), shortest=0.2)
    assert scores.absent_frames + scores.visible_frames == len(frames)
    spells = [spell for spell in truth.split('b') if spell]
    judged = [spell for spell in spells if len(spell) >= 2]
    summary = scores.summary()
    assert summary['spells'] == len(judged)
    assert scores.brief == len(spells) - len(judged)
    assert summary['returns'] == len(judged) - (len(truth) - len(truth.rstrip('-')) >= 2)
    assert all(0 <= seconds < 0.1 * len(truth) for seconds in scores.seconds_to_lost)


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(MismatchedResultError, match='3 frames, but 2 boxes and 3 states'):
        judge('bbb', 'bb', '-TT')
    with pytest.raises(MetricError, match='frame 2 has no state'):
        judge('bbb', 'bbb', '-T-')
    with pytest.raises(MetricError, match='frames per second'):
        judge_absence(np.array([BOX]), np.array([BOX]), [T], 0.0)
