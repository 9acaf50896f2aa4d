"""Each official layout: a miniature of it gives back the frames and boxes that it was made of."""

from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.data.datasets.official import NFS, OTB100, lasot_ext, lasot_test
from hit_rfgm_ros.data.datasets.registry import DATASETS, open_dataset
from hit_rfgm_ros.data.sequences import Sequence
import numpy as np
import pytest

FRAMES = 12  # so that text order differs from the order of numbers
ABSENT = (4, 5, 9)
ONE_BASED = ('otb100', 'lasot', 'lasot_ext', 'uav123')
ENDS = {
    'folder': 'circle/000012.jpg',
    'otb100': 'Basketball/img/0012.jpg',
    'lasot': 'airplane/airplane-1/img/00000012.jpg',
    'lasot_ext': 'atv/atv-1/img/00000012.jpg',
    'got10k_val': 'val/GOT-10k_Val_000001/00000012.jpg',
    'got10k_test': 'test/GOT-10k_Test_000001/00000012.jpg',
    'trackingnet': 'TEST/frames/-0U1vm6LIi8_0/11.jpg',
    'uav123': 'data_seq/UAV123/bird1/000012.jpg',
    'nfs': 'Gymnastics/30/Gymnastics/00012.jpg',
    'nfs30': 'Gymnastics/30/Gymnastics/00012.jpg',
    'nfs240': 'Gymnastics/240/Gymnastics/00012.jpg',
}


def _open(
    miniatures: ModuleType, name: str, root: Path, only: tuple[str, ...] | None = None
) -> tuple[Sequence, ...]:
    names = miniatures.make_dataset(name, root, sequences=only, frames=FRAMES, absent=ABSENT)
    sequences = open_dataset(name, root, sequences=names).sequences
    assert tuple(sequence.name for sequence in sequences) == names
    return sequences


@pytest.mark.parametrize('name', DATASETS)
def test_frames_come_in_order_of_their_numbers(
    tmp_path: Path, miniatures: ModuleType, name: str
) -> None:
    first = _open(miniatures, name, tmp_path)[0]
    assert first.frames[-1] == tmp_path / ENDS[name]
    numbers = [int(path.stem) for path in first.frames]
    assert numbers == list(range(numbers[0], numbers[0] + FRAMES))


@pytest.mark.parametrize('name', DATASETS)
def test_boxes_stay_as_in_the_file(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    recipe = miniatures.Recipe(frames=FRAMES)
    for index, sequence in enumerate(_open(miniatures, name, tmp_path)):
        boxes = miniatures.path_of_square(recipe, start=7 * index)
        if name in ONE_BASED:
            boxes = miniatures.one_based(boxes)
        if sequence.first_only:
            boxes[1:] = np.nan
        elif name in ('folder', 'uav123'):
            boxes[list(ABSENT)] = np.nan
        elif name in ('lasot', 'lasot_ext'):
            boxes[list(ABSENT)] = 0
        np.testing.assert_array_equal(sequence.boxes, boxes)
        assert sequence.boxes.dtype == np.float64


@pytest.mark.parametrize('name', DATASETS)
def test_absence_stands_where_the_data_set_says_it(
    tmp_path: Path, miniatures: ModuleType, name: str
) -> None:
    sequence = _open(miniatures, name, tmp_path)[0]
    present = [index not in ABSENT for index in range(FRAMES)]
    if name in ('lasot', 'lasot_ext', 'nfs', 'nfs30', 'nfs240'):
        assert sequence.visible is not None
        assert sequence.visible.tolist() == present
    else:
        assert sequence.visible is None
    if name == 'got10k_val':
        assert sequence.cover is not None
        assert sequence.cover.tolist() == [8 * int(seen) for seen in present]
    else:
        assert sequence.cover is None


@pytest.mark.parametrize('name', DATASETS)
def test_listing_opens_no_picture(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    names = miniatures.make_dataset(name, tmp_path, frames=3)
    for path in tmp_path.rglob('*.jpg'):
        path.write_bytes(b'')
    assert len(open_dataset(name, tmp_path, sequences=names).sequences) == len(names)


@pytest.mark.parametrize(
    ('name', 'kind', 'profile', 'fps', 'first_only'),
    [
        ('folder', 'folder', 'visible', None, False),
        ('otb100', 'otb', 'otb', None, False),
        ('lasot', 'lasot', 'pytracking', 30, False),
        ('lasot_ext', 'lasot_ext', 'pytracking', 30, False),
        ('got10k_val', 'got10k', 'got10k', 10, False),
        ('got10k_test', 'got10k', 'got10k', 10, True),
        ('trackingnet', 'trackingnet', 'trackingnet', None, True),
        ('uav123', 'uav', 'pytracking', 30, False),
        ('nfs', 'nfs', 'pytracking', 30, False),
        ('nfs30', 'nfs', 'pytracking', 30, False),
        ('nfs240', 'nfs', 'pytracking', 240, False),
    ],
)
def test_kind_profile_and_rate(
    tmp_path: Path,
    miniatures: ModuleType,
    name: str,
    kind: str,
    profile: str,
    fps: float | None,
    first_only: bool,
) -> None:
    names = miniatures.make_dataset(name, tmp_path, frames=2)
    opened = open_dataset(name, tmp_path, sequences=names)
    assert (opened.name, opened.kind, opened.profile) == (name, kind, profile)
    assert {sequence.fps for sequence in opened.sequences} == {fps}
    assert {sequence.first_only for sequence in opened.sequences} == {first_only}
    assert opened.sequences[0].image_size() == (64, 48)


@pytest.mark.parametrize(
    'name', ['folder', 'lasot', 'lasot_ext', 'got10k_val', 'got10k_test', 'uav123']
)
def test_sets_that_say_what_they_consist_of_need_no_names(
    tmp_path: Path, miniatures: ModuleType, name: str
) -> None:
    names = miniatures.make_dataset(name, tmp_path, frames=2)
    assert tuple(s.name for s in open_dataset(name, tmp_path).sequences) == names


def test_official_lists_have_their_official_lengths() -> None:
    assert [len(names) for names in (OTB100, NFS)] == [100, 100]
    assert [len(names) for names in (lasot_test(), lasot_ext())] == [280, 150]
    for names in (OTB100, NFS, lasot_test(), lasot_ext()):
        assert len(set(names)) == len(names)
    assert lasot_test()[:4] == ('airplane-1', 'airplane-9', 'airplane-13', 'airplane-15')


@pytest.mark.parametrize(
    ('name', 'first', 'last', 'frames'),
    [
        ('BlurCar1', 247, 988, 742),
        ('BlurCar3', 3, 359, 357),
        ('BlurCar4', 18, 397, 380),
        ('David', 300, 770, 471),
        ('Diving', 1, 215, 215),
        ('Football1', 1, 74, 74),
        ('Freeman3', 1, 460, 460),
        ('Freeman4', 1, 283, 283),
        ('Tiger1', 6, 354, 349),
    ],
)
def test_otb_videos_of_which_a_part_counts(
    tmp_path: Path, miniatures: ModuleType, name: str, first: int, last: int, frames: int
) -> None:
    (sequence,) = _open(miniatures, 'otb100', tmp_path, (name,))
    assert [int(sequence.frames[index].stem) for index in (0, -1)] == [first, last]
    assert len(sequence.frames) == len(sequence.boxes) == frames
    truth = miniatures.path_of_square(miniatures.Recipe(), frames + (5 if name == 'Tiger1' else 0))
    np.testing.assert_array_equal(sequence.boxes, miniatures.one_based(truth)[-frames:])


def test_otb_targets_with_a_folder_each_are_read(tmp_path: Path, miniatures: ModuleType) -> None:
    there = _open(miniatures, 'otb100', tmp_path, ('Jogging-1', 'Jogging-2'))
    for index in (1, 2):
        folder = tmp_path / f'Jogging-{index}'
        folder.mkdir()
        (folder / 'img').symlink_to(tmp_path / 'Jogging' / 'img')
    for name in ('groundtruth_rect.1.txt', 'groundtruth_rect.2.txt'):  # pysot's copies have both
        (tmp_path / 'Jogging' / name).rename(tmp_path / 'Jogging-1' / name)
    second = tmp_path / 'Jogging-1' / 'groundtruth_rect.2.txt'
    second.rename(
        tmp_path / 'Jogging-2' / 'groundtruth_rect.txt'
    )  # the Python benchmark's have one
    again = open_dataset('otb100', tmp_path, sequences=['Jogging-1', 'Jogging-2']).sequences
    for one, other in zip(there, again):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_lasot_without_folders_of_classes_is_read(tmp_path: Path, miniatures: ModuleType) -> None:
    there = _open(miniatures, 'lasot', tmp_path)
    for sequence in there:
        folder = sequence.frames[0].parents[1]
        folder.rename(tmp_path / folder.name)
    (tmp_path / 'airplane').rmdir()
    again = open_dataset('lasot', tmp_path).sequences
    assert [sequence.name for sequence in again] == [sequence.name for sequence in there]
    assert again[0].frames[0] == tmp_path / 'airplane-1' / 'img' / '00000001.jpg'


def test_lasot_training_sequence_is_read_when_named(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    miniatures.make_dataset('lasot', tmp_path, sequences=('airplane-1', 'airplane-2'), frames=3)
    (tmp_path / 'testing_set.txt').write_text('airplane-1\n', encoding='utf-8')
    assert [s.name for s in open_dataset('lasot', tmp_path).sequences] == ['airplane-1']
    named = open_dataset('lasot', tmp_path, sequences=['airplane-2']).sequences
    assert [sequence.name for sequence in named] == ['airplane-2']


def test_lasot_pictures_after_the_last_annotated_one_do_not_count(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    sequence = _open(miniatures, 'lasot', tmp_path)[0]
    picture = sequence.frames[-1]
    picture.with_name('00000013.jpg').write_bytes(picture.read_bytes())
    assert len(open_dataset('lasot', tmp_path).sequences[0]) == FRAMES


def test_got10k_test_may_have_labels_and_all_boxes(tmp_path: Path, miniatures: ModuleType) -> None:
    names = miniatures.make_dataset('got10k_val', tmp_path, frames=FRAMES, absent=ABSENT)
    (tmp_path / 'val').rename(tmp_path / 'test')
    sequence = open_dataset('got10k_test', tmp_path, sequences=names).sequences[0]
    assert not sequence.first_only
    assert np.isfinite(sequence.boxes).all()
    assert (sequence.size, sequence.cover is None) == ((64, 48), False)


def test_trackingnet_training_chunk_is_read_by_its_name(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    given = ('a', 'TRAIN_0/b', 'TRAIN_0/c', 'TRAIN_11/d')
    miniatures.make_dataset('trackingnet', tmp_path, sequences=given, frames=FRAMES)
    opened = open_dataset('trackingnet', tmp_path, sequences=['TRAIN_0', 'd'])
    assert [sequence.name for sequence in opened.sequences] == ['b', 'c', 'd']
    assert all(np.isfinite(sequence.boxes).all() for sequence in opened.sequences)
    test = open_dataset('trackingnet', tmp_path, sequences=['TEST']).sequences
    assert [(sequence.name, sequence.first_only) for sequence in test] == [('a', True)]


def test_uav123_parts_begin_where_the_configuration_says(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    second = _open(miniatures, 'uav123', tmp_path)[1]
    assert [int(second.frames[index].stem) for index in (0, -1)] == [15, 26]


def test_uav123_configuration_with_joined_paths_and_comments_is_read(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    _open(miniatures, 'uav123', tmp_path)
    config = tmp_path / 'configSeqs.m'
    text = config.read_text(encoding='utf-8')
    text = text.replace("'d:\\data_seq\\UAV123\\", "[base '\\").replace(
        "\\','start", "\\'],'start"
    )
    text = text.replace("    struct('name','boat1'", "%   struct('name','boat1'")
    util = tmp_path / 'util'
    util.mkdir()
    (util / 'configSeqs.m').write_text('function seqs = configSeqs\n' + text, encoding='utf-8')
    config.unlink()
    opened = open_dataset('uav123', tmp_path)
    assert [s.name for s in opened.sequences] == ['bird1_1', 'bird1_2', 'car1_s']
    assert opened.sequences[1].frames[0].parent.name == 'bird1'


def test_nfs_counts_every_eighth_line_at_30_frames_per_second(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    _open(miniatures, 'nfs', tmp_path)
    path = tmp_path / 'Gymnastics' / '30' / 'Gymnastics.txt'
    text = path.read_text(encoding='utf-8').splitlines()
    assert len(text) == 8 * FRAMES
    kept = [
        line if index % 8 == 0 else f'0 1 1 2 2 {line.split()[5]} 1 0 1 "square"'
        for index, line in enumerate(text)
    ]
    path.write_text('\n'.join(kept), encoding='utf-8')
    sequence = open_dataset('nfs', tmp_path, sequences=['Gymnastics']).sequences[0]
    truth = miniatures.path_of_square(miniatures.Recipe(frames=FRAMES))
    np.testing.assert_array_equal(sequence.boxes, truth)


@pytest.mark.parametrize(('name', 'rate'), [('nfs', '30'), ('nfs240', '240')])
def test_nfs_with_one_picture_more_or_less_is_cut(
    tmp_path: Path, miniatures: ModuleType, name: str, rate: str
) -> None:
    sequence = _open(miniatures, name, tmp_path)[0]
    folder = tmp_path / 'Gymnastics' / rate / 'Gymnastics'
    (folder / '00013.jpg').write_bytes(sequence.frames[0].read_bytes())
    longer = open_dataset(name, tmp_path, sequences=['Gymnastics']).sequences[0]
    assert len(longer.frames) == len(longer.boxes) == FRAMES
    for number in (12, 13):
        (folder / f'{number:05d}.jpg').unlink()
    shorter = open_dataset(name, tmp_path, sequences=['Gymnastics']).sequences[0]
    assert len(shorter.frames) == len(shorter.boxes) == FRAMES - 1


def test_nfs_without_lost_frames_says_nothing_of_visibility(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    names = miniatures.make_dataset('nfs', tmp_path)
    assert open_dataset('nfs', tmp_path, sequences=names).sequences[0].visible is None
