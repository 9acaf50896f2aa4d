"""Annotated frames."""

from itertools import product

from hit_rfgm_ros.types import Box, ConfidenceKind, TrackResult, TrackState
from hit_rfgm_ros.viz.colors import STATE_COLORS
from hit_rfgm_ros.viz.draw import TargetMark, draw_targets, draw_thumbnail, draw_track
import numpy as np
import pytest

GREY = np.full((240, 320, 3), 128, np.uint8)
BOX = Box(100.5, 90.25, 80, 60)


def result(
    box: Box = BOX,
    state: TrackState = TrackState.TRACKING,
    confidence: float = 0.5,
    kind: ConfidenceKind = ConfidenceKind.CALIBRATED,
) -> TrackResult:
    return TrackResult(box, confidence, state, kind, '', 0.0)


@pytest.mark.parametrize('state', TrackState)
def test_the_frame_itself_is_left_alone(state: TrackState) -> None:
    frame = GREY.copy()
    drawn = draw_track(frame, result(state=state), truth=Box(20, 20, 30, 30), caption='hello')
    assert (frame == 128).all()
    assert drawn.shape == frame.shape
    assert drawn.dtype == np.uint8
    assert (drawn != frame).any()


@pytest.mark.parametrize('state', [TrackState.TRACKING, TrackState.UNCERTAIN])
def test_corner_marks_lie_on_the_box_in_the_state_s_colour(state: TrackState) -> None:
    drawn = draw_track(GREY, result(state=state)).astype(int)
    near = (abs(drawn - STATE_COLORS[state]) <= 12).all(axis=2)
    left, top, right, bottom = 100, 90, 180, 150
    for column, row in ((left, top + 7), (right, top + 7), (left + 7, bottom)):
        assert near[row - 1 : row + 2, column - 1 : column + 2].any()
    assert not near[top + 8 : bottom - 8, left + 8 : right - 8].any()


def test_a_lost_target_is_faint() -> None:
    strong, faint = (
        draw_track(GREY, result(state=state))[85:155, 95:185].astype(int)
        for state in (TrackState.TRACKING, TrackState.LOST)
    )
    assert abs(faint - 128).sum() < 0.7 * abs(strong - 128).sum()


def test_without_confidence_there_is_no_bar() -> None:
    drawn = [
        draw_track(GREY, result(kind=kind)) for kind in (ConfidenceKind.NONE, ConfidenceKind.PEAK)
    ]
    heights = [np.ptp(np.nonzero((one < 60).all(axis=2))[0]) for one in drawn]
    assert heights[0] < heights[1]


def test_the_bar_grows_with_the_confidence() -> None:
    color = np.array(STATE_COLORS[TrackState.TRACKING])
    counts = []
    for confidence in (0.1, 0.5, 0.9):
        drawn = draw_track(GREY, result(confidence=confidence)).astype(int)[:88]
        counts.append(int((abs(drawn - color) <= 12).all(axis=2).sum()))
    assert counts[0] < counts[1] < counts[2]


boxes = (
    Box(-50, -40, 60, 60),
    Box(300, 220, 100, 100),
    Box(-1e9, -1e9, 2e9, 2e9),
    Box(2000, 2000, 5, 5),
    Box(10, 10, 0.5, 0.5),
)


@pytest.mark.parametrize(('box', 'state'), list(product(boxes, TrackState)))
def test_no_box_breaks_the_drawing(box: Box, state: TrackState) -> None:
    drawn = draw_track(GREY, result(box=box, state=state, confidence=1.3), truth=box)
    assert drawn.shape == GREY.shape


@pytest.mark.parametrize('shape', [(10, 10), (48, 640), (1080, 1920)])
def test_any_size_of_frame_can_be_drawn_on(shape: tuple[int, int]) -> None:
    frame = np.zeros((*shape, 3), np.uint8)
    assert draw_track(frame, result(Box(2, 2, 6, 6)), caption='x').shape == frame.shape


def test_a_view_that_is_not_contiguous_can_be_drawn_on() -> None:
    frame = GREY[:, ::-1]
    assert draw_track(frame, result()).flags.c_contiguous


def test_thumbnails_are_small_and_marked_unless_lost() -> None:
    shown = draw_thumbnail(GREY, result(), 160)
    lost = draw_thumbnail(GREY, result(state=TrackState.LOST), 160)
    assert shown.shape == lost.shape == (120, 160, 3)
    assert (shown != 128).any()
    assert (lost == 128).all()


def test_many_targets_are_drawn_into_the_picture_itself() -> None:
    canvas = GREY.copy()
    colors = ((250, 30, 30), (30, 250, 30), (30, 30, 250))
    marks = [
        TargetMark(Box(20 + 100 * i, 90, 60, 60), color, ((str(i), color),), 0.5)
        for i, color in enumerate(colors)
    ]
    draw_targets(canvas, marks, caption='three')
    for i, color in enumerate(colors):
        near = (abs(canvas.astype(int) - color) <= 12).all(axis=2)
        columns = np.nonzero(near.any(axis=0))[0]
        assert columns.min() == pytest.approx(20 + 100 * i, abs=3)
        assert columns.max() < 110 + 100 * i


def test_a_label_without_words_can_be_drawn() -> None:
    canvas = GREY.copy()
    draw_targets(canvas, [TargetMark(BOX, (200, 100, 0), ())])
    assert (canvas != 128).any()
