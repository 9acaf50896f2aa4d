"""Photos are decoded once, split by name, and damaged ones are left out and counted."""

import json
import logging
from pathlib import Path
import shutil

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.photos import LONGEST_SIDE, PhotoSet
import numpy as np
import pytest


def test_objects_keep_box_class_and_outline(photo_tree: Path) -> None:
    photos = PhotoSet.load(photo_tree, part='all')
    assert len(photos) == 20
    labels = json.loads((photo_tree / 'annotations.json').read_text())
    first = next(photo for photo in photos.photos if photo.name == 'photos/000.png')
    (obj,) = first.objects
    assert list(obj.box) == labels['photos/000.png'][0]['box']
    assert obj.label == 'red'
    assert tuple(first.picture.levels[0][int(obj.box.center[1]), int(obj.box.center[0])]) == (
        230,
        40,
        40,
    )


def test_parts_are_disjoint_and_complete(photo_tree: Path) -> None:
    names = {
        part: {photo.name for photo in PhotoSet.load(photo_tree, part=part).photos}
        for part in ('train', 'val', 'all')
    }
    assert names['val']
    assert not names['train'] & names['val']
    assert names['train'] | names['val'] == names['all']


def test_damaged_files_are_skipped_counted_and_reported(
    photo_tree: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / 'copy'
    shutil.copytree(photo_tree, root)
    (root / 'photos/003.png').write_bytes(b'not a picture')
    (root / 'photos/004.png').write_bytes(b'')
    (root / 'photos/005.png').unlink()
    with caplog.at_level(logging.WARNING):
        photos = PhotoSet.load(root, part='all')
    assert set(photos.skipped) == {f'photos/00{i}.png' for i in (3, 4, 5)}
    assert len(photos) == 17
    assert '3 of 20 photos could not be used, the first is photos/003.png' in caplog.text


def test_damaged_label_skips_its_photo(photo_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / 'copy'
    shutil.copytree(photo_tree, root)
    labels = json.loads((root / 'annotations.json').read_text())
    labels['photos/001.png'] = [{'box': [1, 2, 0, 4], 'class': 'x'}]
    labels['photos/002.png'] = [{'class': 'x'}]
    (root / 'annotations.json').write_text(json.dumps(labels))
    assert set(PhotoSet.load(root, part='all').skipped) == {'photos/001.png', 'photos/002.png'}


def test_extra_folders_add_unlabelled_photos_of_bounded_size(
    photo_tree: Path, tmp_path: Path
) -> None:
    extra = tmp_path / 'more'
    (extra / 'deep').mkdir(parents=True)
    cv2.imwrite(str(extra / 'deep' / 'large.jpg'), np.full((900, 1200, 3), 99, np.uint8))
    (extra / 'notes.txt').write_text('not a picture')
    photos = PhotoSet.load(photo_tree, part='all', extra=[extra])
    added = [photo for photo in photos.photos if photo.name == 'more/deep/large.jpg']
    assert len(photos) == 21
    assert added[0].picture.width == LONGEST_SIDE
    assert added[0].objects == ()


@pytest.mark.parametrize('text', [None, 'no json', '[]'])
def test_unusable_annotations_are_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / 'annotations.json').write_text(text)
    with pytest.raises(DatasetError, match=r'annotations\.json'):
        PhotoSet.load(tmp_path)
