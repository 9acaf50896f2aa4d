"""Drawing a box: from the window to image pixels, whichever way it is dragged."""

from hit_rfgm_ros.nodes.selection import SMALLEST, Selection, View
from hit_rfgm_ros.runtime.reports import Header
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

SIZES = st.tuples(st.integers(16, 8000), st.integers(16, 8000))
FIRST, SECOND = Header(5, 7, 'camera'), Header(6, 8, 'camera')


def picture(width: int = 640, height: int = 480, shade: int = 90) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


def drag(selection: Selection, *places: tuple[float, float]) -> None:
    selection.press(*places[0])
    for place in places[1:]:
        selection.move(*place)
    selection.release(*places[-1])


@given(SIZES)
def test_every_image_fits_the_window(size: tuple[int, int]) -> None:
    view = View.fit(*size)
    assert view.size[0] <= 1280
    assert view.size[1] <= 800
    # and a small one is not blown up by a fraction, which would blur it
    assert view.scale < 1 or view.scale == int(view.scale)


@given(SIZES, st.lists(st.floats(-0.5, 1.5), min_size=4, max_size=4))
def test_a_drag_in_any_direction_gives_the_same_box_in_image_pixels(
    size: tuple[int, int], shares: list[float]
) -> None:
    view = View.fit(*size)
    width, height = view.size
    ax, bx = shares[0] * width, shares[1] * width
    ay, by = shares[2] * height, shares[3] * height
    boxes = [
        view.box((x1, y1), (x2, y2))
        for x1, x2 in ((ax, bx), (bx, ax))
        for y1, y2 in ((ay, by), (by, ay))
    ]
    assert all(box == boxes[0] for box in boxes)
    box = boxes[0]
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= size[0] + 1e-6
    assert box.y + box.height <= size[1] + 1e-6
    # Inside the window it is exactly the dragged one, in pixels of the image.
    if all(0 <= share <= 1 for share in shares):
        assert box.width == pytest.approx(min(abs(bx - ax) / view.scale, size[0]), abs=1)
        assert box.height == pytest.approx(min(abs(by - ay) / view.scale, size[1]), abs=1)


@given(SIZES)
def test_the_whole_window_is_the_whole_image(size: tuple[int, int]) -> None:
    view = View.fit(*size)
    box = view.box((-1, -1), (view.size[0] + 1, view.size[1] + 1))
    assert tuple(box) == pytest.approx((0, 0, *size))


def test_an_image_of_twice_the_window_gives_boxes_in_its_own_pixels() -> None:
    selection = Selection()
    selection.offer(FIRST, picture(2560, 1600))
    assert selection.render() is not None
    drag(selection, (100, 50), (300, 250))
    assert selection.box == Box(200, 100, 400, 400)


def test_the_image_stands_still_while_the_mouse_is_down_and_its_stamp_is_kept() -> None:
    selection = Selection()
    selection.offer(FIRST, picture(shade=50))
    selection.render()
    selection.press(10, 10)
    selection.offer(SECOND, picture(shade=200))
    canvas = selection.render()
    assert canvas is not None
    assert canvas[300, 300, 0] == 50
    selection.move(60, 60)
    selection.release(70, 80)
    selection.key('enter')
    assert selection.outcome == 'taken'
    assert selection.header == FIRST
    assert selection.box == Box(10, 10, 60, 70)


def test_again_lets_images_run_and_forgets_the_box() -> None:
    selection = Selection()
    selection.offer(FIRST, picture())
    selection.render()
    drag(selection, (10, 10), (90, 90))
    selection.offer(SECOND, picture())
    selection.key('r')
    selection.render()
    assert selection.box is None
    assert selection.header == SECOND


def test_a_click_is_no_box() -> None:
    selection = Selection()
    selection.offer(FIRST, picture())
    selection.render()
    drag(selection, (10, 10), (10 + SMALLEST / 2, 12))
    assert selection.box is None
    selection.key('enter')
    assert selection.outcome is None


def test_enter_during_the_drag_waits_for_the_box() -> None:
    selection = Selection()
    selection.offer(FIRST, picture())
    selection.render()
    selection.press(10, 10)
    selection.move(100, 100)
    selection.key('enter')
    assert selection.outcome is None


def test_escape_leaves() -> None:
    selection = Selection()
    selection.key('escape')
    assert selection.outcome == 'left'


def test_a_given_box_is_shown_and_can_be_confirmed() -> None:
    selection = Selection(Box(20, 30, 40, 50))
    selection.offer(FIRST, picture())
    canvas = selection.render()
    assert canvas is not None
    assert tuple(canvas[30, 40]) == (72, 214, 150)
    selection.key('space')
    assert selection.outcome == 'taken'
    assert selection.box == Box(20, 30, 40, 50)


@given(st.integers(16, 3000), st.integers(16, 3000))
def test_the_window_has_one_size_with_and_without_a_box(width: int, height: int) -> None:
    selection = Selection()
    assert selection.render() is None
    selection.offer(FIRST, picture(width, height))
    empty = selection.render()
    drag(selection, (1, 1), (14, 14))
    drawn = selection.render()
    assert empty is not None
    assert drawn is not None
    assert empty.shape == drawn.shape
