"""Sources of frames, and video files that stay readable."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.data.pictures import natural_key, open_source
from hit_rfgm_ros.data.video_writer import VideoWriter
from hit_rfgm_ros.errors import FrameError
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


def write_video(path: Path, count: int, fps: float = 25.0) -> list[np.ndarray]:
    frames = [golden_frame(index).image for index in range(count)]
    with VideoWriter(path, fps) as writer:
        for frame in frames:
            writer.write(frame)
    return frames


def write_folder(folder: Path, count: int) -> list[np.ndarray]:
    folder.mkdir()
    frames = [golden_frame(index).image for index in range(count)]
    for index, frame in enumerate(frames):
        cv2.imwrite(str(folder / f'{index + 1}.png'), frame[..., ::-1])
    (folder / 'notes.txt').write_text('no picture')
    return frames


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_a_written_video_is_read_back(tmp_path: Path, suffix: str) -> None:
    frames = write_video(tmp_path / f'clip{suffix}', 12)
    source = open_source(tmp_path / f'clip{suffix}')
    assert source.fps == pytest.approx(25)
    assert source.length == 12
    met = list(source.frames())
    assert [frame.number for frame in met] == list(range(12))
    assert [frame.stamp for frame in met] == pytest.approx([k / 25 for k in range(12)])
    for frame, written in zip(met, frames):
        assert frame.image.shape == written.shape
        assert abs(frame.image.astype(int) - written).mean() < 6  # lossy; swapped channels: 20


def test_a_folder_is_read_in_natural_order_and_in_rgb(tmp_path: Path) -> None:
    frames = write_folder(tmp_path / 'clip', 11)
    source = open_source(str(tmp_path / 'clip'), fps=10)
    assert source.length == 11
    for met, written in zip(source.frames(), frames):
        np.testing.assert_array_equal(met.image, written)
        assert met.stamp == pytest.approx(met.number / 10)


@pytest.mark.parametrize('write', [write_video, write_folder])
def test_start_skips_but_keeps_the_numbers(
    tmp_path: Path, write: Callable[[Path, int], list[np.ndarray]]
) -> None:
    path = tmp_path / 'clip.avi'
    write(path, 6)
    met = list(open_source(path, fps=20).frames(4))
    assert [frame.number for frame in met] == [4, 5]
    assert met[0].stamp == pytest.approx(0.2)


def test_start_beyond_the_end_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / 'clip', 3)
    with pytest.raises(FrameError, match='frames 0 to 2; there is none with number 3'):
        next(open_source(tmp_path / 'clip').frames(3))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r'nothing\.mp4 does not exist; expected a video'):
        open_source(tmp_path / 'nothing.mp4')


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match='holds no pictures'):
        open_source(tmp_path)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'text.mp4'
    path.write_text('hello')
    with pytest.raises(FrameError, match='no video that OpenCV can read'):
        open_source(path)


def test_a_camera_that_is_not_there_is_refused() -> None:
    with pytest.raises(FrameError, match='camera 97 cannot be opened'):
        next(open_source('97').frames())


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path / 'clip', 3)
    (tmp_path / 'clip' / '2.png').write_bytes(b'not a picture')
    frames = open_source(tmp_path / 'clip').frames()
    next(frames)
    with pytest.raises(FrameError, match=r'2\.png is no readable picture'):
        next(frames)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / 'clip', 1)
    cv2.imwrite(str(tmp_path / 'clip' / '2.png'), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(FrameError, match=r'2\.png is 30x20 pixels, those before it are 320x240'):
        list(open_source(tmp_path / 'clip').frames())


def test_a_video_is_finished_when_an_error_ends_it(tmp_path: Path) -> None:
    path = tmp_path / 'clip.mp4'
    with suppress(ZeroDivisionError), VideoWriter(path, 30) as writer:
        for index in range(5):
            writer.write(golden_frame(index).image)
        _ = 1 / 0
    assert len(list(open_source(path).frames())) == 5


def test_an_unknown_kind_of_video_is_refused() -> None:
    with pytest.raises(FrameError, match=r"'\.gif'; name it with one of \.mp4"):
        VideoWriter('clip.gif', 30)


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / 'clip.avi', 30) as writer:
        writer.write(np.zeros((40, 60, 3), np.uint8))
        with pytest.raises(FrameError, match=r'\(20, 60, 3\) after frames of \(40, 60, 3\)'):
            writer.write(np.zeros((20, 60, 3), np.uint8))


@given(st.lists(st.integers(0, 10**6), min_size=1, unique=True))
def test_numbers_in_names_sort_by_value(numbers: list[int]) -> None:
    paths = [Path(f'frame{number}.jpg') for number in numbers]
    met = sorted(paths, key=natural_key)
    assert met == [Path(f'frame{number}.jpg') for number in sorted(numbers)]


@given(st.lists(st.text('ab01_.', min_size=1), min_size=1))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert len(sorted(map(Path, names), key=natural_key)) == len(names)
