"""Frames of a folder: in order of their numbers, however they are padded, and without gaps."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hit_rfgm_ros.data.datasets.layout import all_frames, some
from hit_rfgm_ros.errors import DatasetError
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

NUMBERS = st.integers(0, 1200).flatmap(lambda first: st.permutations(range(first, first + 12)))


@settings(max_examples=30)
@given(order=NUMBERS, padding=st.integers(1, 8), suffix=st.sampled_from(['.jpg', '.JPG', '.png']))
def test_frames_come_by_number_however_they_are_padded(
    order: list[int], padding: int, suffix: str
) -> None:
    with TemporaryDirectory() as folder:
        for number in order:
            Path(folder, f'{number:0{padding}d}{suffix}').touch()
        frames = all_frames(Path(folder))
        assert [int(path.stem) for path in frames] == sorted(order)
        assert all(path.is_file() for path in frames)


@settings(max_examples=30)
@given(order=NUMBERS, gone=st.integers(1, 10))
def test_any_gap_is_named(order: list[int], gone: int) -> None:
    number = sorted(order)[gone]
    with TemporaryDirectory() as folder:
        for other in order:
            if other != number:
                Path(folder, f'{other:08d}.jpg').touch()
        with pytest.raises(DatasetError, match=f': 1 of the frames .* missing: {number}$'):
            all_frames(Path(folder))


def test_of_many_names_a_few_are_told() -> None:
    assert some(['a', 'b', 'c']) == 'a, b, c'
    assert some('abcdefg') == 'a, b, c and 4 more'
