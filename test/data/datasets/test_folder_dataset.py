"""Folders of one's own: pictures, groundtruth.txt, meta.json, and what may be wrong with them."""

from pathlib import Path
import shutil
from types import ModuleType

import cv2
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.errors import DatasetError
import numpy as np
import pytest


@pytest.fixture
def root(tmp_path: Path, miniatures: ModuleType) -> Path:
    miniatures.make_dataset('folder', tmp_path / 'own', absent=(3, 4))
    return tmp_path / 'own'


def test_all_sequences_are_listed_by_name(root: Path) -> None:
    opened = open_dataset('folder', root)
    assert (opened.name, opened.kind, opened.profile) == ('folder', 'folder', 'visible')
    assert [sequence.name for sequence in opened.sequences] == ['circle', 'disc', 'early']
    assert opened.skipped == ()


def test_frames_boxes_and_absence_are_those_of_the_files(root: Path) -> None:
    sequence = open_dataset('folder', root).sequences[0]
    assert [path.name for path in sequence.frames] == [f'{n:06d}.jpg' for n in range(1, 9)]
    assert np.isnan(sequence.boxes).all(axis=1).tolist() == [i in (3, 4) for i in range(8)]
    assert (sequence.visible, sequence.cover, sequence.fps, sequence.size) == (None,) * 4
    assert not sequence.first_only
    assert sequence.image_size() == (64, 48)
    x, y, _, height = sequence.boxes[0].astype(int)
    inside = (
        sequence.read(0)[y + height - 4 : y + height, x + 1 : x + 4].reshape(-1, 3).mean(axis=0)
    )
    assert inside[0] > 180 > 100 > inside[2]  # red, as RGB


def test_size_comes_from_meta_json_before_the_picture(root: Path) -> None:
    meta = '{"fps": 12.5, "width": 640, "height": 480, "source": "a camera"}'
    (root / 'disc' / 'meta.json').write_text(meta, encoding='utf-8')
    (sequence,) = open_dataset('folder', root, sequences=['disc']).sequences
    assert (sequence.fps, sequence.size, sequence.image_size()) == (12.5, (640, 480), (640, 480))


@pytest.mark.parametrize('text', ['{', '[]', '{"fps": -1}', '{"fps": "30"}', '{"width": []}'])
def test_unusable_meta_json_is_named(root: Path, text: str) -> None:
    (root / 'disc' / 'meta.json').write_text(text, encoding='utf-8')
    with pytest.raises(DatasetError, match=r'disc/meta\.json'):
        open_dataset('folder', root)


def test_png_and_names_without_leading_zeros_are_read_in_order_of_numbers(root: Path) -> None:
    folder = root / 'disc'
    for number in range(1, 9):
        picture = cv2.imread(str(folder / f'{number:06d}.jpg'))
        cv2.imwrite(str(folder / f'{number + 5}.png'), picture)
        (folder / f'{number:06d}.jpg').unlink()
    (sequence,) = open_dataset('folder', root, sequences=['disc']).sequences
    assert [path.name for path in sequence.frames] == [f'{n}.png' for n in range(6, 14)]


def test_files_that_are_no_frames_are_passed_over(root: Path) -> None:
    (root / 'disc' / '._000001.jpg').write_bytes(b'')
    (root / 'disc' / 'Thumbs.db').write_bytes(b'')
    (root / 'notes').mkdir()
    (root / '.git').mkdir()
    assert [len(sequence) for sequence in open_dataset('folder', root).sequences] == [8, 8, 8]


def test_gap_in_the_frames_is_named(root: Path) -> None:
    (root / 'disc' / '000004.jpg').unlink()
    (root / 'disc' / '000006.jpg').unlink()
    with pytest.raises(DatasetError, match='2 of the frames 1 to 8 missing: 4, 6'):
        open_dataset('folder', root)


def test_one_number_twice_is_named(root: Path) -> None:
    shutil.copy(root / 'disc' / '000002.jpg', root / 'disc' / '2.jpg')
    with pytest.raises(DatasetError, match='one frame number'):
        open_dataset('folder', root)


def test_missing_ground_truth_is_named(root: Path) -> None:
    (root / 'disc' / 'groundtruth.txt').unlink()
    with pytest.raises(DatasetError, match=r'disc/groundtruth\.txt: the annotation is missing'):
        open_dataset('folder', root)


def test_wrong_number_of_lines_is_named(root: Path) -> None:
    path = root / 'disc' / 'groundtruth.txt'
    path.write_text(path.read_text(encoding='utf-8') + '1,2,3,4\n', encoding='utf-8')
    with pytest.raises(DatasetError, match=r'groundtruth\.txt: 9 lines for 8 frames'):
        open_dataset('folder', root)


def test_first_box_must_be_one_to_start_from(root: Path) -> None:
    path = root / 'disc' / 'groundtruth.txt'
    rest = path.read_text(encoding='utf-8').splitlines()[1:]
    for first in ('nan,nan,nan,nan', '1,2,0,4'):
        path.write_text('\n'.join([first, *rest]), encoding='utf-8')
        with pytest.raises(DatasetError, match='line 1: a tracker cannot start'):
            open_dataset('folder', root)


def test_empty_or_binary_annotation_is_named(root: Path) -> None:
    path = root / 'disc' / 'groundtruth.txt'
    path.write_text('\n', encoding='utf-8')
    with pytest.raises(DatasetError, match='the file is empty'):
        open_dataset('folder', root)
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(DatasetError, match='cannot be read'):
        open_dataset('folder', root)


def test_unreadable_picture_is_named_when_it_is_read(root: Path) -> None:
    (root / 'disc' / '000005.jpg').write_bytes(b'half a pict')
    (sequence,) = open_dataset('folder', root, sequences=['disc']).sequences
    sequence.read(3)
    with pytest.raises(DatasetError, match=r'000005\.jpg: not a readable picture'):
        sequence.read(4)
