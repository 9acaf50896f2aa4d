"""The same trees read by the dataset classes of the got10k package, version 0.1.3.

Both leave the numbers of a file as they are, so 1-based corners (OTB, LaSOT, UAV123) stay so in
both. Where the two differ, a test says how.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
import numpy as np
import pytest

FRAMES = 12
ABSENT = (4, 5)


@pytest.fixture(scope='module')
def got10k() -> Any:
    pytest.importorskip('got10k', reason='no got10k: install the extra dev')
    return pytest.importorskip('got10k.datasets', reason='got10k cannot be imported')


def _check_same(ours: Sequence, theirs: tuple[list[str], Any]) -> None:
    frames, boxes = theirs
    assert [str(path) for path in ours.frames] == list(frames)
    np.testing.assert_array_equal(ours.boxes, boxes)


def test_otb(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    names = miniatures.make_dataset(
        'otb100',
        tmp_path,
        sequences=(
            'Basketball',
            'Board',
            'David',
            'Football1',
            'Human4-2',
            'Jogging-1',
            'Jogging-2',
        ),
        frames=FRAMES,
    )
    reader = got10k.OTB(str(tmp_path), version='tb100', download=False)
    # Its own names of targets.
    theirs = {'Human4-2': 'Human4', 'Jogging-1': 'Jogging.1', 'Jogging-2': 'Jogging.2'}
    assert sorted(reader.seq_names) == sorted(theirs.get(name, name) for name in names)
    for sequence in open_dataset('otb100', tmp_path, sequences=names).sequences:
        _check_same(sequence, reader[theirs.get(sequence.name, sequence.name)])


def test_otb_tiger1_starts_five_frames_earlier_there(
    tmp_path: Path, miniatures: ModuleType, got10k: Any
) -> None:
    names = miniatures.make_dataset('otb100', tmp_path, sequences=('Tiger1',))
    frames, boxes = got10k.OTB(str(tmp_path), version='tb100', download=False)['Tiger1']
    assert len(frames) == 354
    _check_same(
        open_dataset('otb100', tmp_path, sequences=names).sequences[0], (frames[5:], boxes[5:])
    )


def test_got10k_val(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    miniatures.make_dataset('got10k_val', tmp_path, frames=FRAMES, absent=ABSENT)
    reader = got10k.GOT10k(str(tmp_path), subset='val', return_meta=True)
    opened = open_dataset('got10k_val', tmp_path).sequences
    assert [sequence.name for sequence in opened] == reader.seq_names
    for sequence in opened:
        frames, boxes, meta = reader[sequence.name]
        _check_same(sequence, (frames, boxes))
        np.testing.assert_array_equal(sequence.cover, meta['cover'])
        assert str(sequence.size) == meta['resolution']


def test_got10k_test(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    miniatures.make_dataset('got10k_test', tmp_path, frames=FRAMES)
    reader = got10k.GOT10k(str(tmp_path), subset='test')
    for sequence in open_dataset('got10k_test', tmp_path).sequences:
        frames, boxes = reader[sequence.name]
        assert [str(path) for path in sequence.frames] == frames
        np.testing.assert_array_equal(sequence.boxes[:1], boxes)
        assert np.isnan(sequence.boxes[1:]).all()


def test_uav123(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    # Its ranges are its own copy of the official ones, so the miniature has official lengths.
    parts = {
        'person8_2': ('person8', 1075, 1525),
        'uav2': ('uav2', 1, 133),
        'uav6': ('uav6', 1, 109),
    }
    recipe = miniatures.Recipe(size=(32, 24), absent=ABSENT)
    miniatures.make_uav123_parts(tmp_path, parts, recipe)
    (tmp_path / 'readme.txt').write_text('it wants more than three entries', encoding='utf-8')
    reader = got10k.UAV123(str(tmp_path))
    opened = open_dataset('uav123', tmp_path).sequences
    assert sorted(sequence.name for sequence in opened) == reader.seq_names
    for sequence in opened:
        _check_same(sequence, reader[sequence.name])


@pytest.mark.parametrize(('name', 'fps'), [('nfs30', 30), ('nfs240', 240)])
def test_nfs(tmp_path: Path, miniatures: ModuleType, got10k: Any, name: str, fps: int) -> None:
    names = miniatures.make_dataset(name, tmp_path, frames=FRAMES, absent=ABSENT)
    reader = got10k.NfS(str(tmp_path), fps=fps)
    assert reader.seq_names == sorted(names)
    for sequence in open_dataset(name, tmp_path, sequences=names).sequences:
        _check_same(sequence, reader[sequence.name])


def test_nfs_with_a_surplus_picture(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    names = miniatures.make_dataset('nfs', tmp_path, frames=FRAMES)
    folder = tmp_path / names[0] / '30' / names[0]
    (folder / '00013.jpg').write_bytes((folder / '00012.jpg').read_bytes())
    reader = got10k.NfS(str(tmp_path), fps=30)
    _check_same(open_dataset('nfs', tmp_path, sequences=names).sequences[0], reader[names[0]])


def test_lasot(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    names = miniatures.make_dataset('lasot', tmp_path, frames=FRAMES, absent=ABSENT)
    with pytest.raises(TypeError):  # its constructor calls its own check with a wrong signature
        got10k.LaSOT(str(tmp_path))
    reader = object.__new__(got10k.LaSOT)
    folders = [tmp_path / name.split('-')[0] / name for name in names]
    reader.return_meta = True
    reader.seq_names = list(names)
    reader.seq_dirs = [str(folder / 'img') for folder in folders]
    reader.anno_files = [str(folder / 'groundtruth.txt') for folder in folders]
    for sequence in open_dataset('lasot', tmp_path).sequences:
        frames, boxes, meta = reader[sequence.name]
        _check_same(sequence, (frames, boxes))
        hidden = (meta['full_occlusion'] + meta['out_of_view']) > 0
        assert sequence.visible is not None
        np.testing.assert_array_equal(sequence.visible, ~hidden)


def test_trackingnet_names_only(tmp_path: Path, miniatures: ModuleType, got10k: Any) -> None:
    names = miniatures.make_dataset('trackingnet', tmp_path, frames=FRAMES)
    reader = got10k.TrackingNet(str(tmp_path))
    assert reader.seq_names == sorted(names)
    with pytest.raises(AssertionError):  # it looks for frames beside anno/, not in frames/
        reader[names[0]]
