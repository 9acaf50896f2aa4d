"""Folder sequences: frames in order, ground truth in any of the usual separators, NaN = absent."""

import os
from pathlib import Path

import cv2
from hit_rfgm_ros.data.datasets.folder import read_folder
from hit_rfgm_ros.data.sequences import parse_ground_truth
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import Box
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest


def _write(folder: Path, lines: list[str], frames: int | None = None) -> Path:
    folder.mkdir(parents=True)
    for index in range(len(lines) if frames is None else frames):
        image = np.zeros((24, 32, 3), np.uint8)
        image[..., 2] = 200  # red in OpenCV's order
        cv2.imwrite(str(folder / f'{index + 1:06d}.jpg'), image)
    (folder / 'groundtruth.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return folder


def test_sequence_reads_rgb_frames_and_boxes(tmp_path: Path) -> None:
    sequence = read_folder(_write(tmp_path / 'one', ['1,2,3,4', 'nan,nan,nan,nan']))
    assert (sequence.name, len(sequence)) == ('one', 2)
    assert sequence.box(0) == Box(1, 2, 3, 4)
    assert sequence.box(1) is None
    frame = sequence.read(0)
    assert frame.shape == (24, 32, 3)
    assert frame[..., 0].mean() > 150 > 50 > frame[..., 2].mean()


def test_row_with_one_nan_counts_as_absent(tmp_path: Path) -> None:
    sequence = read_folder(_write(tmp_path / 'one', ['1,2,3,4', '1,2,nan,4']))
    assert np.isnan(sequence.boxes[1]).all()


@pytest.mark.parametrize('line', ['1,2,3', '1,2,3,4,5', 'a,b,c,d', ''])
def test_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    folder = _write(tmp_path / 'one', ['1,2,3,4', line, '1,2,3,4'])
    with pytest.raises(DatasetError, match='line 2: expected four numbers'):
        read_folder(folder)


def test_an_infinite_number_is_named(tmp_path: Path) -> None:
    folder = _write(tmp_path / 'one', ['1,2,3,4', '1,2,inf,4'])
    with pytest.raises(DatasetError, match=r'line 2: .* is no box'):
        read_folder(folder)


def test_a_mark_of_utf8_is_no_number(tmp_path: Path) -> None:
    folder = _write(tmp_path / 'one', ['1,2,3,4'])
    path = folder / 'groundtruth.txt'
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert read_folder(folder).boxes.tolist() == [[1, 2, 3, 4]]


def test_damaged_frame_is_named(tmp_path: Path) -> None:
    folder = _write(tmp_path / 'one', ['1,2,3,4'])
    (folder / '000001.jpg').write_bytes(b'no picture')
    with pytest.raises(DatasetError, match=r'000001\.jpg: not a readable picture'):
        read_folder(folder).read(0)
    (folder / '000001.jpg').write_bytes(b'')
    with pytest.raises(DatasetError, match=r'000001\.jpg: not a readable picture'):
        read_folder(folder).read(0)


def test_a_path_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    folder = _write(tmp_path / 'one', ['1,2,3,4']).rename(tmp_path / os.fsdecode(b'caf\xe9'))
    assert read_folder(folder).read(0).shape == (24, 32, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    rows=st.lists(
        st.tuples(*[st.floats(-1e4, 1e4, allow_nan=False, width=32)] * 4), min_size=1, max_size=8
    ),
    separator=st.sampled_from([',', ', ', '\t', ' ', ' , ']),
)
def test_any_separator_gives_the_numbers_back(
    tmp_path: Path, rows: list[tuple[float, float, float, float]], separator: str
) -> None:
    path = tmp_path / 'groundtruth.txt'
    text = '\n'.join(separator.join(repr(value) for value in row) for row in rows)
    path.write_text(text, encoding='utf-8')
    np.testing.assert_array_equal(parse_ground_truth(path), np.array(rows))
