"""Affine maps keep the convention of the tracker's crop, at every level of the pyramid."""

import math

import cv2
from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.training.warp import Pyramid, apply, blend, extent, linear_map, place, warp
from hit_rfgm_ros.types import Box
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

OUTLINE = np.array([[3.0, 4.0], [40.0, 1.0], [55.0, 30.0], [20.0, 44.0]])


def test_warp_gives_the_trackers_own_crop() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    image = np.asarray(cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    window = crop_window(Box(130, 90, 31, 26), 4, 256, 320, 240)
    assert not any(window.pads)
    scale = window.resize_factor
    matrix = np.array([[scale, 0, -window.x * scale], [0, scale, -window.y * scale]])
    expected = cut(image, window).astype(int)
    got = warp(image, matrix, (256, 256)).astype(int)
    inside = slice(3, -3)  # cut() repeats the crop's last pixels, a warp sees the ones beyond
    assert np.abs(got - expected)[inside, inside].max() <= 4
    # and the box fractions are those of the tracker
    box = Box(120.3, 95.5, 40.2, 22.8)
    points = np.array([[box.x, box.y], [box.x + box.width, box.y + box.height]])
    x1, y1, x2, y2 = (value / 256 for value in extent(apply(matrix, points)))
    np.testing.assert_allclose(
        [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], window.to_crop(box), atol=1e-12
    )


@pytest.mark.parametrize('scale', [1.3, 0.7, 0.4, 0.2, 0.1])
@pytest.mark.parametrize('width', [240, 241])
def test_all_levels_show_the_same_place(scale: float, width: int) -> None:
    ramp = np.broadcast_to(np.arange(width, dtype=np.uint8), (200, width))
    pyramid = Pyramid.of(np.ascontiguousarray(ramp))
    matrix = np.array([[scale, 0, 0.0], [0, scale, 0.0]])
    image, adapted = pyramid.at_scale(matrix)
    size = (int(width * scale), int(200 * scale))
    row = warp(image, adapted, size)[size[1] // 2].astype(float)
    source = (np.arange(size[0]) + 0.5) / scale - 0.5
    middle = slice(2, -2)
    np.testing.assert_allclose(row[middle], source[middle], atol=1.3)


@settings(max_examples=100)
@given(
    angle=st.floats(-3, 3),
    stretch=st.floats(-1, 1),
    shear=st.floats(-0.5, 0.5),
    flip=st.booleans(),
    size=st.floats(4, 300),
    center=st.tuples(st.floats(-50, 300), st.floats(-50, 300)),
)
def test_place_gives_the_box_asked_for(
    angle: float,
    stretch: float,
    shear: float,
    flip: bool,
    size: float,
    center: tuple[float, float],
) -> None:
    linear = linear_map(angle, stretch, shear, flip=flip)
    assert math.isclose(np.linalg.det(linear), -1 if flip else 1, rel_tol=1e-9)
    matrix, box = place(OUTLINE, linear, size, center)
    np.testing.assert_allclose(extent(apply(matrix, OUTLINE)), box, atol=1e-6)
    assert math.isclose(math.sqrt((box[2] - box[0]) * (box[3] - box[1])), size, rel_tol=1e-6)
    np.testing.assert_allclose([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], center, atol=1e-6)


def test_layer_wholly_outside_leaves_the_crop_alone() -> None:
    crop = np.full((32, 32, 3), 7, np.uint8)
    color, alpha = (Pyramid.of(np.full(shape, 255, np.uint8)) for shape in ((8, 8, 3), (8, 8)))
    blend(crop, color, alpha, np.array([[1.0, 0, 40], [0, 1.0, 5]]))
    assert (crop == 7).all()
