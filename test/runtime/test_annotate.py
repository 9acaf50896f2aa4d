"""The annotated image of a report."""

from dataclasses import replace
import math

from hit_rfgm_ros.runtime.annotate import annotate
from hit_rfgm_ros.runtime.reports import FrameReport, Header, Picture, TargetReport, TargetState
from hit_rfgm_ros.runtime.target_look import COLORS, name_of, state_of
from hit_rfgm_ros.types import Box, ConfidenceKind
import numpy as np
from numpy.typing import NDArray
import pytest

BOX = Box(200, 150, 160, 120)


def target(
    state: TargetState = TargetState.TRACKING, box: Box = BOX, own: int = 3, label: str = 'cup'
) -> TargetReport:
    return TargetReport(Header(), own, label, box, 0.93, ConfidenceKind.CALIBRATED, state)


def report(*targets: TargetReport, width: int = 640, height: int = 480) -> FrameReport:
    return FrameReport(Header(), width, height, targets, 0.021, 0.03, 0)


def grey(width: int = 640, height: int = 480) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


def near(image: NDArray[np.uint8], state: TargetState) -> NDArray[np.bool_]:
    return np.asarray((abs(image.astype(int) - COLORS[state]) <= 12).all(axis=2))


def test_a_picture_of_any_kind_becomes_rgb_and_is_left_alone() -> None:
    red = np.zeros((480, 640, 3), np.uint8)
    red[..., 0] = 200
    for pixels, color in ((red, 'rgb'), (red[..., ::-1], 'bgr')):
        before = pixels.copy()
        drawn = annotate(Picture(pixels, color), report(target()), max_side=640)
        assert (pixels == before).all()
        assert drawn.flags.c_contiguous
        assert drawn[300, 500].tolist() == [200, 0, 0]
    drawn = annotate(Picture(red[..., 0], 'rgb'), report(target()), max_side=640)
    assert drawn[300, 500].tolist() == [200, 200, 200]


def test_a_padded_view_can_be_drawn() -> None:
    wide = np.zeros((480, 700, 3), np.uint8)
    assert annotate(Picture(wide[:, :640], 'bgr'), report(), max_side=640).shape == (480, 640, 3)


@pytest.mark.parametrize(
    ('size', 'side', 'expected'),
    [
        ((1920, 1080), 1280, (1280, 720)),
        ((1080, 1920), 1280, (720, 1280)),
        ((640, 480), 1280, (640, 480)),
        ((640, 480), 640, (640, 480)),
        ((8000, 10), 64, (64, 1)),
    ],
)
def test_the_longest_side_is_bounded_and_nothing_is_enlarged(
    size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    drawn = annotate(Picture(grey(*size), 'rgb'), report(target()), max_side=side)
    assert drawn.shape == (expected[1], expected[0], 3)


def test_marks_lie_on_the_box_of_the_shrunk_picture() -> None:
    for size, side in (((640, 480), 640), ((1920, 1440), 640)):
        scale = size[0] / 640
        box = Box(*(scale * value for value in BOX))
        drawn = annotate(Picture(grey(*size), 'rgb'), report(target(box=box)), max_side=side)
        marks = near(drawn, TargetState.TRACKING)
        for x, y in ((200, 160), (360, 160), (210, 270), (210, 150)):
            assert marks[y - 1 : y + 2, x - 2 : x + 3].any()
        assert not marks[165:255, 215:345].any()


@pytest.mark.parametrize('state', TargetState)
def test_every_state_is_drawn_in_its_colour(state: TargetState) -> None:
    drawn = annotate(Picture(grey(), 'rgb'), report(target(state)), max_side=640)
    assert near(drawn, state).any()
    others = [other for other in TargetState if other is not state]
    assert not any(near(drawn, other).any() for other in others)


def test_a_lost_box_is_faint_and_one_that_catches_up_is_dashed() -> None:
    sides = {}
    for state in (TargetState.TRACKING, TargetState.LOST, TargetState.CATCHING_UP):
        drawn = annotate(Picture(grey(), 'rgb'), report(target(state)), max_side=640)
        sides[state] = abs(drawn[145:276, 195:366].astype(int) - 128)
    assert sides[TargetState.LOST].max() < 0.6 * sides[TargetState.TRACKING].max()
    middle = {state: side[40:90, :8].max() for state, side in sides.items()}
    assert middle[TargetState.CATCHING_UP] > 30
    assert middle[TargetState.TRACKING] == 0


def test_a_status_line_says_that_there_are_no_targets() -> None:
    empty = annotate(Picture(grey(), 'rgb'), report(), max_side=640)
    changed = (empty != 128).any(axis=2)
    assert changed[-30:, :200].any()
    assert not changed[:-40].any()
    named = annotate(Picture(grey(), 'rgb'), report(), max_side=640, caption='hit_tiny')
    assert (named != 128).any(axis=2).sum() > changed.sum()


def test_labels_of_near_targets_keep_clear_of_each_other() -> None:
    colors = (TargetState.TRACKING, TargetState.UNCERTAIN)
    near_by = [target(colors[0], own=1), target(colors[1], Box(210, 152, 160, 120), own=2)]
    drawn = annotate(Picture(grey(), 'rgb'), report(*near_by), max_side=640)
    rows = [np.nonzero(near(drawn, state).any(axis=1))[0] for state in colors]
    # One label is above the boxes, the other below.
    assert rows[0].min() < 145
    assert rows[1].max() > 275


boxes = (
    Box(-500, -400, 100, 100),
    Box(-50, -40, 60, 60),
    Box(600, 450, 300, 300),
    Box(0, 0, 640, 480),
    Box(-1e9, -1e9, 2e9, 2e9),
    Box(1e12, 1e12, 5, 5),
    Box(10, 10, 0.01, 0.01),
    Box(10, 10, -50, -50),
    Box(math.nan, 0, 1, math.inf),
)


@pytest.mark.parametrize('box', boxes)
@pytest.mark.parametrize('state', TargetState)
@pytest.mark.parametrize('size', [(640, 480), (10, 10), (64, 12)])
def test_no_box_breaks_the_drawing(box: Box, state: TargetState, size: tuple[int, int]) -> None:
    drawn = annotate(Picture(grey(*size), 'bgr'), report(target(state, box)), max_side=640)
    assert drawn.shape == (size[1], size[0], 3)


def test_strange_numbers_and_labels_do_not_break_the_drawing() -> None:
    odd = replace(target(label='żółw\n' * 50), confidence=math.nan)
    assert annotate(Picture(grey(), 'rgb'), report(odd), max_side=640).shape == (480, 640, 3)
    late = replace(report(odd), age=math.nan)
    assert annotate(Picture(grey(), 'rgb'), late, max_side=640).shape == (480, 640, 3)


def test_words_are_few() -> None:
    assert (name_of(target()), state_of(target())) == ('3 cup', '93%')
    assert name_of(target(), brief=True) == '3'
    assert name_of(target(label='')) == '3'
    assert len(name_of(target(label='word ' * 20))) <= 26
    assert state_of(target(TargetState.CATCHING_UP)) == 'CATCHING UP 93%'
    assert state_of(target(TargetState.CATCHING_UP), brief=True) == '93%'
    assert state_of(target(TargetState.LOST), brief=True) == 'LOST 93%'
    silent = replace(target(), confidence_kind=ConfidenceKind.NONE)
    assert state_of(silent) == state_of(silent, brief=True) == 'TRACKING'
