"""Frames are checked once, at the door; time is the source's."""

from typing import Any

from hit_rfgm_ros.errors import ConfigError, FrameError, TrackerError
from hit_rfgm_ros.trackers.frames import FrameClock, check_color, check_frame
import numpy as np
import pytest


@pytest.mark.parametrize(
    'shape',
    [
        pytest.param((48, 64, 3), id='colour'),
        pytest.param((48, 64, 1), id='grey-with-axis'),
        pytest.param((48, 64), id='grey'),
        pytest.param((10, 10, 3), id='smallest'),
    ],
)
def test_pictures_are_accepted_without_a_copy(shape: tuple[int, ...]) -> None:
    frame = np.zeros(shape, np.uint8)
    checked = check_frame(frame)
    assert np.shares_memory(checked, frame)
    assert checked.shape in (shape, shape[:2])


@pytest.mark.parametrize(
    ('frame', 'message'),
    [
        pytest.param(None, 'NoneType', id='none'),
        pytest.param([[1, 2]], 'list', id='list'),
        pytest.param(np.zeros((48, 64, 3)), r'float64; convert it first', id='float'),
        pytest.param(np.zeros((48, 64, 3), np.uint16), 'uint16', id='sixteen-bit'),
        pytest.param(np.zeros((48, 64, 4), np.uint8), r'frame\[:, :, :3\]', id='alpha'),
        pytest.param(np.zeros((48, 64, 2), np.uint8), r'\(48, 64, 2\)', id='two-channels'),
        pytest.param(np.zeros((3, 48, 64), np.uint8), r'\(3, 48, 64\)', id='channels-first'),
        pytest.param(np.zeros((1, 48, 64, 3), np.uint8), r'\(1, 48, 64, 3\)', id='batch'),
        pytest.param(np.zeros(48, np.uint8), r'\(48,\)', id='line'),
        pytest.param(np.zeros((0, 64, 3), np.uint8), '64x0', id='empty'),
        pytest.param(np.zeros((0, 0), np.uint8), '0x0', id='empty-grey'),
        pytest.param(np.zeros((9, 64, 3), np.uint8), 'at least 10 pixels', id='too-small'),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_given(frame: Any, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        check_frame(frame)


def test_only_two_colour_orders_are_known() -> None:
    assert [check_color(order) for order in ('rgb', 'bgr')] == ['rgb', 'bgr']
    with pytest.raises(ConfigError, match="'rgb' or 'bgr', got 'RGB'"):
        check_color('RGB')


def test_without_stamps_frames_are_evenly_spaced() -> None:
    clock = FrameClock(fps=25)
    times = []
    for _ in range(4):
        times.append(clock.read(None))
        clock.set(times[-1])
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])


def test_stamps_count_where_they_are_given() -> None:
    clock = FrameClock(fps=10)
    clock.set(clock.read(1000.5))
    assert clock.now == 1000.5
    assert clock.read(None) == pytest.approx(1000.6)
    assert clock.read(3.0) == 3.0  # going back is the state machine's business
    assert clock.now == 1000.5  # reading does not remember


@pytest.mark.parametrize('stamp', [float('nan'), float('inf'), -float('inf')])
def test_a_stamp_is_finite(stamp: float) -> None:
    with pytest.raises(TrackerError, match='finite number of seconds'):
        FrameClock(fps=10).read(stamp)
