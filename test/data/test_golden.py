"""The golden sequence is the same on every machine, and holds what the self-test needs."""

import hashlib

from hit_rfgm_ros.data.golden import HEIGHT, LENGTH, WIDTH, GoldenFrame, golden_frame
import numpy as np
import pytest


@pytest.fixture(scope='module')
def frames() -> list[GoldenFrame]:
    return [golden_frame(i) for i in range(LENGTH)]


def test_every_machine_draws_the_same_pictures(frames: list[GoldenFrame]) -> None:
    # Stored boxes depend on every bit: whoever changes the drawing makes all of them anew.
    digest = hashlib.sha256(b''.join(frame.image.tobytes() for frame in frames)).hexdigest()
    assert digest == '3b8156336f7402f73d893b8910bc7b09dc4172493409ca418e02f6a0e62c2bd9'


def test_frames_are_pictures(frames: list[GoldenFrame]) -> None:
    assert len(frames) == 120
    for frame in frames:
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image.dtype == np.uint8


def test_there_is_one_occlusion_and_one_exit(frames: list[GoldenFrame]) -> None:
    visible = np.array([frame.visible for frame in frames])
    starts = np.flatnonzero(visible[:-1] & ~visible[1:]) + 1
    ends = np.flatnonzero(~visible[:-1] & visible[1:]) + 1
    assert visible[0]
    assert visible[-1]
    assert len(starts) == len(ends) == 2
    inside = [frame.box.x < WIDTH for frame in frames]
    assert all(inside[starts[0] : ends[0]])  # behind the post
    assert not any(inside[86:95])  # wholly outside


def test_the_box_moves_and_scales_smoothly(frames: list[GoldenFrame]) -> None:
    boxes = np.array([tuple(frame.box) for frame in frames])
    assert np.abs(np.diff(boxes, axis=0)).max() <= 8
    assert boxes[:, 2].max() / boxes[:, 2].min() > 1.2


def test_the_box_is_where_the_target_was_drawn(frames: list[GoldenFrame]) -> None:
    frame = frames[20]
    left, top, side = int(frame.box.x), int(frame.box.y), int(frame.box.width)
    red = frame.image[..., 0].astype(int) - frame.image[..., 2]
    rows, columns = np.nonzero(red > 80)
    assert left <= columns.min() <= left + 3
    assert left + side - 4 <= columns.max() < left + side
    assert top <= rows.min() <= top + 3
    assert top + side - 4 <= rows.max() < top + side


@pytest.mark.parametrize('index', [-1, LENGTH])
def test_a_frame_outside_the_sequence_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=f'0 to 119, got {index}'):
        golden_frame(index)
