"""Trees that are not as they should be: each fault is named, or the sequence skipped by name."""

from collections.abc import Callable
from pathlib import Path
import shutil
from types import ModuleType

from hit_rfgm_ros.data.datasets.registry import DATASETS, open_dataset
from hit_rfgm_ros.errors import ConfigError, DatasetError
import pytest

Damage = Callable[[Path], None]
FIRST = {  # of each data set: the first sequence, its folder of frames, its annotation
    'folder': ('circle', 'circle', 'circle/groundtruth.txt'),
    'otb100': ('Basketball', 'Basketball/img', 'Basketball/groundtruth_rect.txt'),
    'lasot': ('airplane-1', 'airplane/airplane-1/img', 'airplane/airplane-1/groundtruth.txt'),
    'lasot_ext': ('atv-1', 'atv/atv-1/img', 'atv/atv-1/groundtruth.txt'),
    'got10k_val': (
        'GOT-10k_Val_000001',
        'val/GOT-10k_Val_000001',
        'val/GOT-10k_Val_000001/groundtruth.txt',
    ),
    'got10k_test': (
        'GOT-10k_Test_000001',
        'test/GOT-10k_Test_000001',
        'test/GOT-10k_Test_000001/groundtruth.txt',
    ),
    'trackingnet': ('-0U1vm6LIi8_0', 'TEST/frames/-0U1vm6LIi8_0', 'TEST/anno/-0U1vm6LIi8_0.txt'),
    'uav123': ('bird1_1', 'data_seq/UAV123/bird1', 'anno/UAV123/bird1_1.txt'),
    'nfs': ('Gymnastics', 'Gymnastics/30/Gymnastics', 'Gymnastics/30/Gymnastics.txt'),
    'nfs30': ('Gymnastics', 'Gymnastics/30/Gymnastics', 'Gymnastics/30/Gymnastics.txt'),
    'nfs240': ('Gymnastics', 'Gymnastics/240/Gymnastics', 'Gymnastics/240/Gymnastics.txt'),
}


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding='utf-8')
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding='utf-8')


def _set_line(path: Path, number: int, line: str) -> None:
    lines = path.read_text(encoding='utf-8').splitlines()
    lines[number - 1] = line
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _cut_lines(path: Path, count: int) -> None:
    lines = path.read_text(encoding='utf-8').splitlines()
    path.write_text('\n'.join(lines[:-count]) + '\n', encoding='utf-8')


def _refused(name: str, root: Path, message: str) -> None:
    """The first sequence is refused when asked for, and skipped by name when that is asked for."""
    sequence = FIRST[name][0]
    with pytest.raises(DatasetError, match=message):
        open_dataset(name, root, sequences=[sequence])
    with pytest.raises(DatasetError, match=r'no sequence of .* is left'):
        open_dataset(name, root, sequences=[sequence], on_broken='skip')


@pytest.mark.parametrize('name', DATASETS)
def test_gap_in_the_frames(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    picture = sorted((tmp_path / FIRST[name][1]).glob('*.jpg'))[3]
    picture.unlink()
    _refused(
        name, tmp_path, rf'{FIRST[name][1]}: 1 of the frames .* missing: {int(picture.stem)}$'
    )


@pytest.mark.parametrize('name', DATASETS)
def test_frames_that_were_not_unpacked(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    names = miniatures.make_dataset(name, tmp_path)
    for path in (tmp_path / FIRST[name][1]).glob('*.jpg'):
        path.unlink()
    _refused(name, tmp_path, f'{FIRST[name][1]}: no frames in it')
    opened = open_dataset(name, tmp_path, sequences=names, on_broken='skip')
    assert opened.skipped[0] == names[0]
    assert len(opened.sequences) + len(opened.skipped) == len(names)


@pytest.mark.parametrize('name', DATASETS)
def test_annotation_that_is_missing(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    (tmp_path / FIRST[name][2]).unlink()
    _refused(name, tmp_path, rf'{FIRST[name][2]}: the (annotation|file) is missing')


@pytest.mark.parametrize('name', DATASETS)
def test_annotation_that_is_no_text(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    (tmp_path / FIRST[name][2]).write_bytes(b'\x89PNG\xff')
    _refused(name, tmp_path, f'{FIRST[name][2]}: cannot be read')


@pytest.mark.parametrize('name', DATASETS)
def test_annotation_that_is_empty(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    (tmp_path / FIRST[name][2]).write_bytes(b'')
    _refused(name, tmp_path, f'{FIRST[name][2]}: the file is empty')


@pytest.mark.parametrize(
    'name', [name for name in DATASETS if name not in ('got10k_test', 'trackingnet')]
)
def test_annotation_that_breaks_off(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    _cut_lines(tmp_path / FIRST[name][2], 17 if name in ('nfs', 'nfs30') else 2)
    _refused(name, tmp_path, 'for (6|8) frames; expected one per frame')


@pytest.mark.parametrize('name', ['got10k_test', 'trackingnet'])
def test_test_annotation_of_some_frames(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    (tmp_path / FIRST[name][2]).write_text('1,2,3,4\n1,2,3,4\n', encoding='utf-8')
    _refused(name, tmp_path, f'{FIRST[name][2]}: 2 lines for 8 frames')


@pytest.mark.parametrize('name', [name for name in DATASETS if name[:3] != 'nfs'])
def test_malformed_line(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    _set_line(tmp_path / FIRST[name][2], 1, '1,2,3')
    _refused(name, tmp_path, f'{FIRST[name][2]}, line 1: expected four numbers')


@pytest.mark.parametrize('name', ['otb100', 'lasot', 'lasot_ext', 'got10k_val'])
def test_nan_where_the_data_set_has_none(
    tmp_path: Path, miniatures: ModuleType, name: str
) -> None:
    miniatures.make_dataset(name, tmp_path)
    _set_line(tmp_path / FIRST[name][2], 5, 'NaN,NaN,NaN,NaN')
    _refused(name, tmp_path, f'{FIRST[name][2]}, line 5: not a number')


@pytest.mark.parametrize('name', [name for name in DATASETS if name[:3] != 'nfs'])
def test_first_box_without_a_size(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    _set_line(tmp_path / FIRST[name][2], 1, '5,5,0,0')
    _refused(
        name, tmp_path, f'{FIRST[name][2]}, line 1: a tracker cannot start from .* 5, 5, 0, 0'
    )


@pytest.mark.parametrize('name', DATASETS)
def test_root_one_too_high_or_too_low(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    root = tmp_path / 'sets' / 'right'
    miniatures.make_dataset(name, root)
    with pytest.raises(DatasetError, match=rf'sets: not the root .*{root} looks right: give that'):
        open_dataset(name, root.parent)
    child = next(path for path in sorted(root.iterdir()) if path.is_dir())
    with pytest.raises(DatasetError, match=rf'{child.name}: not the root .*{root} looks right'):
        open_dataset(name, child)


@pytest.mark.parametrize('name', DATASETS)
def test_root_without_anything(tmp_path: Path, name: str) -> None:
    root = tmp_path / 'a' / 'empty'
    root.mkdir(parents=True)
    with pytest.raises(DatasetError, match='empty: not the root of the data set; expected in it'):
        open_dataset(name, root)


@pytest.mark.parametrize('name', DATASETS)
def test_misspelt_sequence(tmp_path: Path, miniatures: ModuleType, name: str) -> None:
    miniatures.make_dataset(name, tmp_path)
    right = FIRST[name][0]
    wrong = right[:2] + right[3:]
    with pytest.raises(ConfigError, match=f"unknown sequence '{wrong}'; did you mean"):
        open_dataset(name, tmp_path, sequences=[wrong])


def test_unreadable_picture_is_named_when_read(tmp_path: Path, miniatures: ModuleType) -> None:
    names = miniatures.make_dataset('uav123', tmp_path)
    (tmp_path / 'data_seq' / 'UAV123' / 'bird1' / '000003.jpg').write_bytes(b'\xff\xd8 half')
    sequence = open_dataset('uav123', tmp_path, sequences=names).sequences[0]
    with pytest.raises(DatasetError, match=r'bird1/000003\.jpg: not a readable picture'):
        sequence.read(2)


@pytest.mark.parametrize(
    ('name', 'missing'), [('otb100', 'Basketball'), ('lasot', 'airplane'), ('nfs', 'Gymnastics')]
)
def test_official_sequence_that_is_not_there(
    tmp_path: Path, miniatures: ModuleType, name: str, missing: str
) -> None:
    miniatures.make_dataset(name, tmp_path)
    shutil.rmtree(tmp_path / missing)
    _refused(name, tmp_path, f'{missing}.*: the folder of the sequence.* is missing')


def test_part_of_an_official_set_is_not_taken_for_the_whole(
    tmp_path: Path, miniatures: ModuleType
) -> None:
    miniatures.make_dataset('lasot', tmp_path)
    (tmp_path / 'testing_set.txt').unlink()
    with pytest.raises(DatasetError, match=r'(?s)277 of 280 sequences cannot be read.*zebra-17'):
        open_dataset('lasot', tmp_path)
    miniatures.make_dataset('trackingnet', tmp_path)
    with pytest.raises(DatasetError, match='TEST: holds 3 sequences, the official test set 511'):
        open_dataset('trackingnet', tmp_path)
    opened = open_dataset('trackingnet', tmp_path, on_broken='skip')
    assert opened.skipped == ('508 more of TEST',)


# Faults that only one layout can have.


@pytest.mark.parametrize('flags', ['full_occlusion.txt', 'out_of_view.txt'])
def test_lasot_flags(tmp_path: Path, miniatures: ModuleType, flags: str) -> None:
    miniatures.make_dataset('lasot', tmp_path)
    path = tmp_path / 'airplane' / 'airplane-1' / flags
    path.write_text('0,0,0,0,0,0,0', encoding='utf-8')
    _refused('lasot', tmp_path, f'{flags}: 7 flags for 8 frames')
    path.write_text('0,0,0,2,0,0,0,0', encoding='utf-8')
    _refused('lasot', tmp_path, f"{flags}: expected 0 or 1 per frame, got '2'")
    path.unlink()
    _refused('lasot', tmp_path, f'{flags}: the file is missing; expected 0 or 1 per frame')


def test_lasot_sequence_that_is_there_twice(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('lasot', tmp_path)
    shutil.copytree(tmp_path / 'airplane' / 'airplane-1', tmp_path / 'airplane-1')
    with pytest.raises(DatasetError, match='airplane-1: the same sequence twice'):
        open_dataset('lasot', tmp_path)


@pytest.mark.parametrize(
    ('name', 'file'), [('lasot', 'testing_set.txt'), ('got10k_val', 'val/list.txt')]
)
def test_list_of_sequences(tmp_path: Path, miniatures: ModuleType, name: str, file: str) -> None:
    names = miniatures.make_dataset(name, tmp_path)
    (tmp_path / file).write_text('\n'.join([*names, names[0]]), encoding='utf-8')
    with pytest.raises(DatasetError, match=f'{file}: {names[0]} stands there twice'):
        open_dataset(name, tmp_path)
    (tmp_path / file).write_text('\n'.join([*names, names[0] + '7']), encoding='utf-8')
    with pytest.raises(DatasetError, match=f'{names[0]}7: the folder of the sequence is missing'):
        open_dataset(name, tmp_path)
    (tmp_path / file).write_text('\n', encoding='utf-8')
    with pytest.raises(DatasetError, match=f'{file}: the list is empty'):
        open_dataset(name, tmp_path)


def test_got10k_labels_and_resolution(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('got10k_val', tmp_path)
    folder = tmp_path / 'val' / 'GOT-10k_Val_000001'
    _edit(folder / 'meta_info.ini', 'resolution', 'dimensions')
    _refused('got10k_val', tmp_path, r'meta_info\.ini: expected a line such as resolution')
    (folder / 'meta_info.ini').unlink()
    _refused('got10k_val', tmp_path, r'meta_info\.ini: the file is missing')
    _set_line(folder / 'absence.label', 3, '2')
    _refused('got10k_val', tmp_path, r"absence\.label, line 3: expected 0 to 1, got '2'")
    _set_line(folder / 'cover.label', 4, '9')
    _refused('got10k_val', tmp_path, r"cover\.label, line 4: expected 0 to 8, got '9'")
    _cut_lines(folder / 'cover.label', 1)
    _set_line(folder / 'cover.label', 4, '8')
    _refused('got10k_val', tmp_path, r'cover\.label: 7 numbers for 8 frames')
    (folder / 'cover.label').unlink()
    _refused('got10k_val', tmp_path, r'cover\.label: the file is missing')


def test_trackingnet_sequence_in_two_chunks(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('trackingnet', tmp_path, sequences=('a', 'TRAIN_1/b', 'TRAIN_2/b'))
    with pytest.raises(DatasetError, match='TRAIN_2: b is in another chunk as well'):
        open_dataset('trackingnet', tmp_path)


def test_uav123_configuration(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('uav123', tmp_path)
    config = tmp_path / 'configSeqs.m'
    text = config.read_text(encoding='utf-8')
    for changed, message in (
        (
            text.replace('seqUAV123', 'seqUAV123_10fps'),
            'no list seqUAV123 .* it has seqUAV20L, seq',
        ),
        ('seqUAV123 = {};', 'has no struct'),
        (text.replace("'boat1'", "'bird1_1'"), 'seqUAV123 has bird1_1 twice'),
        ('', 'no list seqUAV123'),
    ):
        config.write_text(changed, encoding='utf-8')
        with pytest.raises(DatasetError, match=rf'configSeqs\.m: .*{message}'):
            open_dataset('uav123', tmp_path)
    config.unlink()
    with pytest.raises(DatasetError, match=r'configSeqs\.m is missing; it says which frames'):
        open_dataset('uav123', tmp_path)


def test_nfs_lines(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('nfs', tmp_path)
    path = tmp_path / 'Gymnastics' / '30' / 'Gymnastics.txt'
    good = path.read_text(encoding='utf-8')
    for number, line, message in (
        (3, '1,2,3,4', 'line 3: expected track xmin'),
        (3, '0 1 2 nan 4 3 0 0 0 "square"', 'line 3: expected track xmin'),
        (3, '0 1 2 3 4 9 0 0 0 "square"', 'line 3: expected the same track in the next frame'),
        (3, '7 1 2 3 4 3 0 0 0 "square"', 'line 3: expected the same track in the next frame'),
        (1, '0 1 2 3 4 1 1 0 0 "square"', 'line 1: no box that a tracker could start from'),
        (1, '0 3 2 3 4 1 0 0 0 "square"', 'line 1: no box that a tracker could start from'),
    ):
        path.write_text(good, encoding='utf-8')
        _set_line(path, number, line)
        _refused('nfs', tmp_path, rf'Gymnastics\.txt, {message}')
