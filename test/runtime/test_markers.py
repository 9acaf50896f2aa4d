"""Markers lie on the live image."""

from dataclasses import replace
import math

from hit_rfgm_ros.runtime.camera import CameraModel
from hit_rfgm_ros.runtime.markers import LABELS, markers
from hit_rfgm_ros.runtime.reports import (
    CameraInfo,
    FrameReport,
    Header,
    Marker,
    TargetReport,
    TargetState,
)
from hit_rfgm_ros.types import Box, ConfidenceKind
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

HEADER = Header(3, 4, 'camera_optical_frame')
K = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
P = np.array([[450.0, 0, 310, 0], [0, 460, 250, 0], [0, 0, 1, 0]])
STEREO = np.array([[450.0, 0, 310, -54], [0, 460, 250, 0], [0, 0, 1, 0]])
NONE = np.zeros((3, 4))
BOX = Box(100.5, 80.25, 60, 40)


def camera(projection: NDArray[np.float64], *, rectified: bool = False) -> CameraModel:
    bent = (-0.28, 0.07, 0.001, -0.0005, 0.002)
    info = CameraInfo(HEADER, 640, 480, 'plumb_bob', bent, K, np.eye(3), projection)
    return CameraModel(info, rectified=rectified)


def target(
    box: Box = BOX, state: TargetState = TargetState.TRACKING, own: int = 7
) -> TargetReport:
    return TargetReport(HEADER, own, 'cup', box, 0.93, ConfidenceKind.CALIBRATED, state)


def made(
    *targets: TargetReport, projection: NDArray[np.float64] = P, depth: float = 1.0
) -> list[Marker]:
    report = FrameReport(HEADER, 640, 480, targets, 0.01, 0.02, 0)
    return markers(report, camera(projection), '/tracker', depth)


def seen(marker: Marker, projection: NDArray[np.float64]) -> NDArray[np.float64]:
    points = np.array([(*point, 1.0) for point in marker.points]) @ projection.T
    return np.asarray(points[:, :2] / points[:, 2:])


@pytest.mark.parametrize('rectified', [False, True])
@pytest.mark.parametrize('projection', [P, STEREO, NONE])
@given(
    box=st.builds(Box, *[st.floats(-2000, 2000)] * 2, *[st.floats(0.1, 2000)] * 2),
    depth=st.floats(0.05, 100),
)
def test_rviz_projects_the_rectangle_onto_the_box(
    projection: NDArray[np.float64], rectified: bool, box: Box, depth: float
) -> None:
    report = FrameReport(HEADER, 640, 480, (target(box),), 0.01, 0.02, 0)
    strip, _ = markers(report, camera(projection, rectified=rectified), 'ns', depth)
    used = projection if projection.any() else np.hstack([K, np.zeros((3, 1))])
    right, bottom = box.x + box.width, box.y + box.height
    corners = [(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom), (box.x, box.y)]
    assert abs(seen(strip, used) - corners).max() < 1e-6
    assert [point[2] for point in strip.points] == pytest.approx([depth] * 5)


def test_the_text_stands_above_the_middle_of_the_box() -> None:
    _, text = made(target())
    ((x, y),) = seen(text, P)
    assert x == pytest.approx(BOX.x + BOX.width / 2)
    assert BOX.y - 40 < y < BOX.y
    assert '7 cup' in text.text
    assert '93%' in text.text


def test_markers_carry_header_id_and_namespace() -> None:
    late = replace(target(own=9), header=Header(1, 2, 'other'))
    pairs = made(target(), late)
    assert [(marker.kind, marker.ns, marker.id) for marker in pairs] == [
        ('LINE_STRIP', '/tracker', 7),
        ('TEXT_VIEW_FACING', '/tracker' + LABELS, 7),
        ('LINE_STRIP', '/tracker', 9),
        ('TEXT_VIEW_FACING', '/tracker' + LABELS, 9),
    ]
    assert [marker.header for marker in pairs] == [HEADER] * 2 + [late.header] * 2
    assert all(marker.lifetime == 0.5 for marker in pairs)


def test_every_state_has_its_own_colour_and_lost_is_faint() -> None:
    strips = {state: made(target(state=state))[0] for state in TargetState}
    assert len({marker.color[:3] for marker in strips.values()}) == len(TargetState)
    for state, marker in strips.items():
        assert all(0 <= value <= 1 for value in marker.color)
        assert (marker.color[3] < 1) == (state is TargetState.LOST)


@pytest.mark.parametrize('projection', [P, STEREO])
def test_lines_and_letters_look_alike_at_any_depth(projection: NDArray[np.float64]) -> None:
    for near, far in zip(
        made(target(), projection=projection, depth=0.1),
        made(target(), projection=projection, depth=50.0),
    ):
        assert far.scale == pytest.approx(500 * near.scale)
        assert 0.0002 < near.scale < 0.01


def test_a_box_that_is_no_box_has_no_marker() -> None:
    assert made(target(Box(math.nan, 0, 1, 1)), target(Box(0, 0, math.inf, 1))) == []
    assert made() == []
