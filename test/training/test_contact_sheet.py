"""Contact sheets show every pair and can be read back."""

from pathlib import Path

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.contact_sheet import contact_sheet, write_contact_sheet
from hit_rfgm_ros.training.pairs import PairConfig, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
import pytest


def test_sheet_is_written_with_all_pairs(photo_tree: Path, tmp_path: Path) -> None:
    sampler = PairSampler(PhotoSet.load(photo_tree, part='all'), PairConfig(), seed=0)
    path = tmp_path / 'pairs.png'
    write_contact_sheet([sampler.sample() for _ in range(5)], path, columns=2)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape == (3 * 262, 2 * 390, 3)


def test_sheet_refuses_what_it_cannot_do(photo_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match='at least one pair'):
        contact_sheet([])
    sampler = PairSampler(PhotoSet.load(photo_tree, part='all'), PairConfig(), seed=0)
    with pytest.raises(DatasetError, match='not a picture format'):
        write_contact_sheet([sampler.sample()], tmp_path / 'pairs.nonsense')
