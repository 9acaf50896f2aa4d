"""Arithmetic on boxes."""

import math

from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.boxes import (
    check_box,
    clip_box,
    format_box,
    iou,
    iou_arrays,
    make_box,
    visible_share,
)
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

coordinates = st.floats(-1e4, 1e4)
sides = st.floats(1e-2, 1e4)
boxes = st.builds(Box, coordinates, coordinates, sides, sides)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        pytest.param((1, 2, 3), 'four numbers.*got 3', id='three'),
        pytest.param((1, 2, 3, 4, 5), 'four numbers.*got 5', id='five'),
        pytest.param((math.nan, 2, 3, 4), 'finite.*nan', id='nan'),
        pytest.param((1, 2, math.inf, 4), 'finite.*inf', id='infinite'),
        pytest.param((1, 2, 0, 4), 'above 0.*width=0', id='no-width'),
        pytest.param((1, 2, 3, -4), 'above 0.*height=-4', id='negative-height'),
    ],
)
def test_four_numbers_that_are_no_box_are_refused(values: tuple[float, ...], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        make_box(values)


def test_a_box_is_made_of_any_four_numbers() -> None:
    assert make_box(np.array([1, 2, 3, 4])) == Box(1.0, 2.0, 3.0, 4.0)
    assert make_box(iter('1234')) == Box(1.0, 2.0, 3.0, 4.0)


def test_a_usable_box_passes() -> None:
    check_box(Box(-5, -5, 0.01, 1e6))


def test_messages_show_a_box_shortly() -> None:
    assert format_box(Box(1, 2.5, 3, 4)) == 'x=1, y=2.5, width=3, height=4'


@pytest.mark.parametrize(
    ('a', 'b', 'expected'),
    [
        pytest.param(Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1, id='equal'),
        pytest.param(Box(0, 0, 10, 10), Box(10, 0, 10, 10), 0, id='touching-edge'),
        pytest.param(Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3, id='half'),
        pytest.param(Box(0, 0, 10, 10), Box(2, 2, 5, 5), 0.25, id='inside'),
        pytest.param(Box(0, 0, 10, 10), Box(20, 20, 5, 5), 0, id='apart'),
        pytest.param(Box(0, 0, 0, 0), Box(0, 0, 0, 0), 0, id='empty'),
    ],
)
def test_overlap_of_two_boxes(a: Box, b: Box, expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)


@given(a=boxes, b=boxes)
def test_overlap_is_symmetric_and_a_share(a: Box, b: Box) -> None:
    value = iou(a, b)
    assert value == iou(b, a)
    assert 0 <= value <= 1 + 1e-9


@given(a=boxes, b=boxes, scale=st.floats(0.1, 10))
def test_overlap_does_not_depend_on_the_scale(a: Box, b: Box, scale: float) -> None:
    scaled = [Box(*(scale * value for value in box)) for box in (a, b)]
    # A thin overlap of far boxes loses digits when it is scaled.
    assert iou(*scaled) == pytest.approx(iou(a, b), abs=1e-6)


@given(pairs=st.lists(st.tuples(boxes, boxes), min_size=1, max_size=8))
def test_overlap_of_arrays_is_that_of_their_rows(pairs: list[tuple[Box, Box]]) -> None:
    a, b = (np.array([list(pair[i]) for pair in pairs]) for i in (0, 1))
    expected = [iou(*pair) for pair in pairs]
    np.testing.assert_allclose(iou_arrays(a, b), expected, rtol=1e-9, atol=1e-12)


def test_overlap_with_a_missing_row_is_missing() -> None:
    a = np.array([[0.0, 0, 10, 10], [np.nan] * 4, [0, 0, 0, 0]])
    b = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0]])
    np.testing.assert_array_equal(iou_arrays(a, b), [1, np.nan, 0])


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        pytest.param(Box(10, 10, 20, 20), 1, id='inside'),
        pytest.param(Box(-10, 10, 20, 20), 0.5, id='half-out'),
        pytest.param(Box(-10, -10, 20, 20), 0.25, id='corner'),
        pytest.param(Box(-20, 10, 20, 20), 0, id='touching-edge'),
        pytest.param(Box(-100, -50, 200, 100), 0.25, id='larger'),
    ],
)
def test_visible_share(box: Box, expected: float) -> None:
    assert visible_share(box, 640, 480) == pytest.approx(expected)


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        pytest.param(Box(10, 20, 30, 40), Box(10, 20, 30, 40), id='inside'),
        pytest.param(Box(-5, -5, 30, 40), Box(0, 0, 25, 35), id='corner'),
        pytest.param(Box(635, 475, 30, 30), Box(630, 470, 10, 10), id='margin-kept'),
        pytest.param(Box(50, 60, -20, 5), Box(50, 60, 10, 10), id='negative-and-thin'),
        pytest.param(Box(-500, -500, 20, 20), Box(0, 0, 10, 10), id='far-outside'),
    ],
)
def test_clipping(box: Box, expected: Box) -> None:
    assert clip_box(box, 640, 480) == expected


@given(
    box=st.builds(Box, coordinates, coordinates, coordinates, coordinates),
    width=st.integers(10, 5000),
    height=st.integers(10, 5000),
)
def test_a_clipped_box_lies_inside_and_keeps_the_margin(box: Box, width: int, height: int) -> None:
    clipped = clip_box(box, width, height)
    assert clipped.x >= 0
    assert clipped.y >= 0
    assert clipped.width >= 10
    assert clipped.height >= 10
    assert clipped.x + clipped.width <= width + 1e-9
    assert clipped.y + clipped.height <= height + 1e-9


@given(box=boxes, width=st.integers(10, 5000), height=st.integers(10, 5000))
def test_clipping_twice_is_clipping_once(box: Box, width: int, height: int) -> None:
    once = clip_box(box, width, height)
    assert list(clip_box(once, width, height)) == pytest.approx(list(once), abs=1e-9)
