"""Which frames a film strip shows."""

from hit_rfgm_ros.evaluation.report_choice import FRAMES, key_frames
from hypothesis import given
from hypothesis import strategies as st
import numpy as np

NAN = float('nan')


def told(overlap: list[float]) -> list[tuple[int, str]]:
    frames = key_frames(np.array(overlap))
    return [(frame.place, frame.words) for frame in frames]


def test_the_longest_failure_is_shown_from_before_to_after() -> None:
    overlap = [1.0, 0.8, 0.0, 0.8, 0.7, *[0.05] * 5, 0.6, 0.7]
    assert told(overlap) == [
        (0, 'given box'),
        (4, 'before it'),
        (5, 'failure begins'),
        (7, 'in the middle of it'),
        (9, 'its last frame'),
        (10, 'after it'),
    ]


def test_a_failure_to_the_end_leaves_room_for_a_frame_between() -> None:
    assert told([1.0, *[0.9] * 9, *[0.0] * 5]) == [
        (0, 'given box'),
        (4, 'between'),
        (9, 'before it'),
        (10, 'failure begins'),
        (12, 'in the middle of it'),
        (14, 'its last frame'),
    ]


def test_frames_without_the_target_do_not_end_a_failure() -> None:
    frames = dict(told([1.0, 0.5, 0.0, NAN, NAN, 0.0, 0.0, 0.9, 0.0, 0.0, 0.9]))
    assert (frames[2], frames[6], frames[7]) == ('failure begins', 'its last frame', 'after it')


def test_without_a_failure_the_lowest_overlap_is_shown() -> None:
    frames = dict(told([1.0, 0.9, 0.8, 0.3, 0.8, 0.9, 0.9]))
    assert [frames[place] for place in (2, 3, 4)] == [
        'the frame before',
        'lowest overlap',
        'the frame after',
    ]
    assert dict(told([1.0, 1.0, 1.0]))[1] == 'lowest overlap'


def test_a_target_that_is_never_seen() -> None:
    assert told([NAN, NAN]) == [(0, 'given box')]


@given(st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), min_size=1, max_size=60))
def test_frames_are_few_and_in_order(values: list[float]) -> None:
    places = [frame.place for frame in key_frames(np.array([1.0, *values]))]
    assert places[0] == 0
    assert places == sorted(set(places))
    assert places[-1] < len(values) + 1
    assert len(places) == min(FRAMES, len(values) + 1)
