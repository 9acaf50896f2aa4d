"""Bearings and rays against hand-made cases and OpenCV's own projection."""

from dataclasses import replace
import math
from typing import Any

import cv2
from hit_rfgm_ros.runtime.camera import CameraError, CameraModel, is_rectified
from hit_rfgm_ros.runtime.reports import Bearing, CameraInfo, Header
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

Floats = NDArray[np.float64]
K = np.array([[500.0, 0, 320], [0, 400, 240], [0, 0, 1]])
P = np.array([[450.0, 0, 310, 0], [0, 450, 250, 0], [0, 0, 1, 0]])
PLUMB_BOB = (-0.28, 0.07, 0.001, -0.0005, 0.002)
RATIONAL = (0.6, -2.7, 0.0003, -0.0002, 1.6, 0.48, -2.5, 1.5)
FISHEYE = (-0.01, 0.03, -0.02, 0.004)


def info(**changes: Any) -> CameraInfo:
    plain = CameraInfo(Header(), 640, 480, 'plumb_bob', (), K, np.zeros((3, 3)), np.zeros((3, 4)))
    return replace(plain, **changes)


def bearing(model: CameraModel, box: Box) -> Bearing:
    found = model.bearing(box)
    assert found is not None
    return found


def around(x: float, y: float, width: float = 40, height: float = 20) -> Box:
    return Box(x - width / 2, y - height / 2, width, height)


def test_a_pinhole_by_hand() -> None:
    model = CameraModel(info(), rectified=False)
    ahead = bearing(model, around(320, 240, 100, 80))
    assert ahead.direction == pytest.approx((0, 0, 1))
    assert ahead.angular_width == pytest.approx(2 * math.atan(50 / 500))
    assert ahead.angular_height == pytest.approx(2 * math.atan(40 / 400))
    aside = bearing(model, around(820, 240))
    assert aside.direction == pytest.approx((math.sqrt(0.5), 0, math.sqrt(0.5)))
    below = bearing(model, around(320, 640))
    assert below.direction == pytest.approx((0, math.sqrt(0.5), math.sqrt(0.5)))


def test_a_small_box_keeps_its_angle() -> None:
    tiny = bearing(CameraModel(info(), rectified=False), around(320, 240, 1e-6, 1e-6))
    assert tiny.angular_width == pytest.approx(1e-6 / 500, rel=1e-6)


def test_rectified_images_go_by_p_and_raw_ones_by_k() -> None:
    both = info(p=P, d=PLUMB_BOB)
    middle = bearing(CameraModel(both, rectified=True), around(310, 250))
    assert middle.direction == pytest.approx((0, 0, 1))
    middle = bearing(CameraModel(both, rectified=False), around(320, 240))
    assert middle.direction == pytest.approx((0, 0, 1))
    without = bearing(CameraModel(info(d=PLUMB_BOB), rectified=True), around(820, 240))
    assert without.direction == pytest.approx((math.sqrt(0.5), 0, math.sqrt(0.5)))


def spread(across: float, down: float) -> Floats:
    """Points in front of the camera over its field of view."""
    x, y = np.meshgrid(np.linspace(-across, across, 9), np.linspace(-down, down, 7))
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)


@pytest.mark.parametrize(
    ('name', 'values'),
    [
        ('plumb_bob', PLUMB_BOB),
        ('plumb_bob', PLUMB_BOB[:4]),
        ('', PLUMB_BOB),
        ('rational_polynomial', RATIONAL),
        ('rational_polynomial', (*RATIONAL, 0.001, -0.002, 0.0004, 0.0003)),
        ('rational_polynomial', (*RATIONAL, 0.001, -0.002, 0.0004, 0.0003, 0.01, -0.02)),
    ],
)
def test_the_distortion_of_opencv_is_undone(name: str, values: tuple[float, ...]) -> None:
    model = CameraModel(info(model=name, d=values), rectified=False)
    points = spread(0.6, 0.5)
    pixels, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, np.array(values))
    for point, (x, y) in zip(points, pixels.reshape(-1, 2)):
        found = bearing(model, around(x, y)).direction
        assert found == pytest.approx(point / np.linalg.norm(point), abs=1e-8)


@pytest.mark.parametrize('name', ['equidistant', 'fisheye'])
@pytest.mark.parametrize('values', [FISHEYE, (0.0, 0.0, 0.0, 0.0)])
def test_the_fisheye_of_opencv_is_undone(name: str, values: tuple[float, ...]) -> None:
    model = CameraModel(info(model=name, d=values), rectified=False)
    points = spread(3.0, 2.0)
    zero = np.zeros((3, 1))
    pixels, _ = cv2.fisheye.projectPoints(points[:, None], zero, zero, K, np.array(values))
    for point, (x, y) in zip(points, pixels.reshape(-1, 2)):
        found = bearing(model, around(x, y, 2, 2)).direction
        assert found == pytest.approx(point / np.linalg.norm(point), abs=1e-8)


def test_a_fisheye_without_coefficients_is_no_pinhole() -> None:
    for values in ((), (0.0, 0.0, 0.0, 0.0)):
        model = CameraModel(info(model='equidistant', d=values), rectified=False)
        found = bearing(model, around(320 + 500 * 2.0, 240)).direction
        assert found == pytest.approx((math.sin(2.0), 0, math.cos(2.0)))  # behind the camera


def test_raw_and_rectified_images_agree_on_where_a_target_is() -> None:
    turn, _ = cv2.Rodrigues(np.array([0.02, -0.05, 0.01]))
    full = info(d=PLUMB_BOB, r=turn, p=P)
    raw, rectified = (CameraModel(full, rectified=value) for value in (False, True))
    for x, y in ((100.0, 80.0), (500.0, 400.0), (320.0, 240.0)):
        flat = cv2.undistortPoints(
            np.array([[[x, y]]]), K, np.array(PLUMB_BOB), R=turn, P=P[:, :3]
        ).ravel()
        one = bearing(raw, around(x, y)).direction
        other = bearing(rectified, around(*flat)).direction
        assert one == pytest.approx(other, abs=1e-4)  # OpenCV's own way back is inexact


@pytest.mark.parametrize('name', ['plumb_bob', 'equidistant'])
def test_what_no_lens_can_show_has_no_bearing(name: str) -> None:
    bent = info(model=name, d=(-0.3, 0.0, 0.0, 0.0))
    model = CameraModel(bent, rectified=False)
    assert model.bearing(around(330, 240)) is not None
    assert model.bearing(around(320 + 500 * 0.9, 240)) is None
    for far in (1e6, 1e200, math.inf, math.nan):
        assert model.bearing(around(far, 240)) is None


@given(
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
    st.sampled_from(['plumb_bob', 'rational_polynomial', 'equidistant']),
)
def test_a_bearing_is_a_unit_vector_or_none(
    x: float, y: float, width: float, height: float, name: str
) -> None:
    values = {'plumb_bob': PLUMB_BOB, 'rational_polynomial': RATIONAL, 'equidistant': FISHEYE}
    found = CameraModel(info(model=name, d=values[name]), rectified=False).bearing(
        Box(x, y, width, height)
    )
    if found is not None:
        assert math.hypot(*found.direction) == pytest.approx(1)
        assert 0 <= found.angular_width <= math.pi + 1e-9
        assert 0 <= found.angular_height <= math.pi + 1e-9


def projected(matrix: Floats, points: Floats) -> Floats:
    image = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return np.asarray(image[:, :2] / image[:, 2:])


@pytest.mark.parametrize('rectified', [False, True])
@pytest.mark.parametrize('depth', [0.05, 1.0, 100.0])
def test_points_in_space_are_projected_back_by_p(rectified: bool, depth: float) -> None:
    stereo = P.copy()
    stereo[:2, 3] = -54.0, 3.0
    pixels = np.random.default_rng(0).uniform(-100, 700, (20, 2))
    for matrix in (P, stereo):
        model = CameraModel(info(d=PLUMB_BOB, p=matrix), rectified=rectified)
        points = model.points_at(pixels, depth)
        assert points[:, 2] == pytest.approx(depth)
        assert abs(projected(matrix, points) - pixels).max() < 1e-6
    without = CameraModel(info(d=PLUMB_BOB), rectified=rectified).points_at(pixels, depth)
    camera = np.concatenate([K, np.zeros((3, 1))], axis=1)
    assert abs(projected(camera, without) - pixels).max() < 1e-6


def test_rays_have_unit_depth() -> None:
    rays = CameraModel(info(p=P), rectified=False).rays(np.array([[310.0, 250.0], [760.0, 25.0]]))
    assert rays.tolist() == [[0, 0, 1], [1, -0.5, 1]]


def test_a_calibration_is_scaled_with_its_image() -> None:
    model = CameraModel(info(p=P, d=PLUMB_BOB), rectified=False)
    half = model.scaled(320, 240)
    assert (half.width, half.height) == (320, 240)
    assert half.k.tolist() == [[250, 0, 160], [0, 200, 120], [0, 0, 1]]
    assert half.p.tolist() == [[225, 0, 155, 0], [0, 225, 125, 0], [0, 0, 1, 0]]
    assert half.d == PLUMB_BOB
    one = bearing(model, Box(100, 60, 50, 40))
    other = bearing(model.for_image(320, 240), Box(50, 30, 25, 20))
    assert one.direction == pytest.approx(other.direction)
    assert one.angular_width == pytest.approx(other.angular_width)
    assert model.for_image(640, 480) is model


def test_rounded_sizes_are_the_same_picture() -> None:
    model = CameraModel(info(width=1919, height=1081), rectified=False)
    assert model.scaled(1280, 721).width == 1280


@pytest.mark.parametrize('size', [(640, 360), (480, 640), (1280, 720)])
def test_another_ratio_is_refused_with_both_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(CameraError, match=f'640x480.*{size[0]}x{size[1]}'):
        CameraModel(info(), rectified=False).for_image(*size)


def test_a_calibration_without_a_size_fits_any_image() -> None:
    model = CameraModel(info(width=0, height=0), rectified=False).for_image(123, 45)
    assert (model.info.width, model.info.height) == (123, 45)
    assert (model.info.k == K).all()


def test_binning_and_a_region_of_the_sensor_are_taken_into_account() -> None:
    whole = CameraModel(info(p=P), rectified=False)
    binned = CameraModel(info(p=P, binning=(2, 2)), rectified=False).for_image(320, 240)
    assert binned.info.k.tolist() == whole.scaled(320, 240).k.tolist()
    part = info(p=P, roi=(200, 100, 300, 200), binning=(2, 1))
    cut = CameraModel(part, rectified=False).for_image(150, 200)
    assert (cut.info.roi, cut.info.binning) == ((0, 0, 0, 0), (0, 0))
    there = bearing(whole, Box(240, 120, 60, 40))
    assert bearing(cut, Box(20, 20, 30, 40)) == there
    same = CameraModel(replace(part, roi=(0, 0, 640, 480), binning=(1, 1)), rectified=False)
    assert same.for_image(640, 480) is same


@pytest.mark.parametrize(
    ('changes', 'rectified', 'words'),
    [
        ({'k': np.zeros((3, 3))}, False, 'not calibrated'),
        ({'k': np.zeros((3, 3)), 'p': P}, False, 'not calibrated'),
        ({'k': np.zeros((3, 3))}, True, 'not calibrated'),
        ({'k': K + np.nan}, False, 'finite'),
        ({'k': -K}, False, 'positive'),
        ({'p': P + np.inf}, True, 'finite'),
        ({'d': (math.nan, 0.0, 0.0, 0.0)}, False, 'D of'),
        ({'d': (0.1, 0.2)}, False, '2 values'),
        ({'d': (0.1,) * 4, 'model': 'kannala_brandt9'}, False, 'kannala_brandt9'),
        ({'d': (0.1,) * 5, 'model': 'equidistant'}, False, '5 values'),
        ({'r': np.full((3, 3), 0.7)}, False, 'rotation'),
    ],
)
def test_bad_calibrations_are_refused(
    changes: dict[str, Any], rectified: bool, words: str
) -> None:
    with pytest.raises(CameraError, match=words):
        CameraModel(info(**changes), rectified=rectified)


def test_rectified_images_need_no_distortion_model() -> None:
    strange = info(k=np.zeros((3, 3)), p=P, model='none', d=(0.1,) * 3)
    assert CameraModel(strange, rectified=True).bearing(around(310, 250)) is not None
    assert CameraModel(info(model='none', d=()), rectified=False).bearing(around(0, 0))


@pytest.mark.parametrize(
    ('topic', 'expected'),
    [
        ('/camera/image_rect', True),
        ('/left/image_rect_color', True),
        ('/left/image_rect_color/compressed', True),
        ('image_rect_raw', True),
        ('/camera/image_raw', False),
        ('/rect/image_raw', False),
        ('/rect/image_raw/compressed', False),
        ('', False),
        ('/', False),
    ],
)
def test_rectified_topics_are_known_by_their_last_part(topic: str, expected: bool) -> None:
    assert is_rectified(topic) is expected
