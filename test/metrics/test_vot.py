"""Overlap in pixels: the toolkit's numbers, its quirks, and a count pixel by pixel."""

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.metrics.vot import is_empty, vot_overlaps
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

IMAGE = (200, 150)
NOTHING = (np.nan, np.nan, np.nan, np.nan)
Row = tuple[float, float, float, float]


def overlap(first: Row, second: Row, size: tuple[int, int] | None = None) -> float:
    return float(vot_overlaps(np.array([first]), np.array([second]), size)[0])


def test_boxes_in_whole_pixels() -> None:
    truth = np.array([[10, 20, 40, 30.0]] * 6)
    found = truth.copy()
    found[:, :2] = [(10, 20), (10, 20), (14, 20), (20, 20), (30, 35), (60, 60)]
    overlaps = vot_overlaps(found, truth, IMAGE)
    assert overlaps[1:].mean() == pytest.approx(0.512208, abs=5e-7)


def test_fractions_are_rounded_half_to_even() -> None:
    truth = np.array([[10.5, 20.5, 40.4, 30.6]] * 4)
    found = np.array(
        [
            [10.5, 20.5, 40.4, 30.6],
            [11.49, 20.2, 39.7, 30.1],
            [12.5, 22.5, 41.5, 29.5],
            [15.75, 18.25, 50.5, 33.3],
        ]
    )
    expected = [1, 0.921260, 0.788269, 0.574074]
    assert vot_overlaps(found, truth, IMAGE) == pytest.approx(expected, abs=5e-7)
    assert overlap((0.5, 1.5, 2.5, 3.5), (0, 2, 2, 4)) == 1


def test_only_pixels_in_the_image_count() -> None:
    truth = np.array([[170, 120, 40, 40.0]] * 4)
    found = np.array(
        [[170, 120, 40, 40], [170, 120, 60, 60], [180, 130, 40, 40], [-20, -20, 50, 50.0]]
    )
    bounded = [1, 1, 0.444444, 0]
    assert vot_overlaps(found, truth, IMAGE) == pytest.approx(bounded, abs=5e-7)
    unbounded = [1, 0.444444, 0.391304, 0]
    assert vot_overlaps(found, truth) == pytest.approx(unbounded, abs=5e-7)


@pytest.mark.parametrize(
    ('first', 'second', 'size', 'expected'),
    [
        pytest.param((3, 0, 1, 9), (3, 20, 1, 4), IMAGE, 1, id='one-column-together'),
        pytest.param((5, 5, 0, 0), (5, 5, 0, 0), IMAGE, 1, id='both-empty'),
        pytest.param(NOTHING, NOTHING, IMAGE, 1, id='both-nothing'),
        pytest.param((5, 5, 0, 0), (5, 5, 10, 10), IMAGE, 0, id='empty-and-box'),
        pytest.param(NOTHING, (5, 5, 10, 10), IMAGE, 0, id='nothing-and-box'),
        pytest.param(NOTHING, (0, 0, 1, 5), IMAGE, 1, id='nothing-counts-as-the-corner-pixel'),
        pytest.param((199, 9, 9, 9), (199, 9, 9, 9), IMAGE, 0, id='one-column-in-the-image'),
        pytest.param((198, 9, 9, 9), (198, 9, 9, 9), IMAGE, 1, id='two-columns-in-the-image'),
        pytest.param((-20, 0, 10, 10), (-15, 0, 10, 10), IMAGE, 0, id='left-of-the-image'),
        pytest.param((-20, 0, 10, 10), (-15, 0, 10, 10), None, 0.5, id='left-unbounded'),
        pytest.param((-10, 0, 30, 10), (0, 0, 20, 10), None, 0.5, id='across-unbounded'),
    ],
)
def test_quirks_of_the_toolkit(
    first: Row, second: Row, size: tuple[int, int] | None, expected: float
) -> None:
    assert overlap(first, second, size) == overlap(second, first, size) == expected


def test_empty_means_without_area_or_region() -> None:
    boxes = np.array([[1, 1, 0.2, 3], [1, 1, 0, 3], [1, 1, 3, -1], [0, 0, 0, 0], NOTHING])
    assert is_empty(boxes).tolist() == [False, True, True, True, True]


SIDES = st.integers(2, 30)
PLACES = st.integers(0, 30)
BOXES = st.tuples(PLACES, PLACES, SIDES, SIDES)


@settings(max_examples=100)
@given(BOXES, BOXES, st.booleans())
def test_boxes_are_counted_pixel_by_pixel(
    first: tuple[int, ...], second: tuple[int, ...], bounded: bool
) -> None:
    width, height = (40, 35) if bounded else (1000, 1000)
    a, b = (
        {
            (x, y)
            for x in range(box[0], min(box[0] + box[2], width))
            for y in range(box[1], min(box[1] + box[3], height))
        }
        for box in (first, second)
    )
    boxes = np.array([first, second], float)
    for one, other in (boxes, boxes[::-1]):
        found = vot_overlaps(one[None], other[None], (width, height) if bounded else None)
        assert found[0] == pytest.approx(len(a & b) / len(a | b))


def test_unusable_boxes_are_refused() -> None:
    with pytest.raises(MismatchedResultError, match=r'\(2, 4\), \(1, 4\)'):
        vot_overlaps(np.zeros((2, 4)), np.zeros((1, 4)))
    with pytest.raises(MetricError, match='infinite'):
        vot_overlaps(np.full((1, 4), np.inf), np.zeros((1, 4)))
