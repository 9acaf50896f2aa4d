"""Opening by name: what is chosen, what is skipped, and messages that help."""

import os
from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.errors import ConfigError, DatasetError
import pytest


@pytest.fixture
def root(tmp_path: Path, miniatures: ModuleType) -> Path:
    miniatures.make_dataset('folder', tmp_path / 'data' / 'own', frames=3)
    return tmp_path / 'data' / 'own'


def _break(root: Path, *names: str) -> None:
    for name in names:
        (root / name / '000002.jpg').unlink()


def test_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown data set 'foldr'; did you mean folder"):
        open_dataset('foldr', 'somewhere')


def test_unknown_sequence_names_the_nearest(root: Path) -> None:
    with pytest.raises(ConfigError, match="unknown sequence 'Circel'; did you mean circle"):
        open_dataset('folder', root, sequences=['disc', 'Circel'])
    with pytest.raises(ConfigError, match="'xyz'; known are circle, disc, early"):
        open_dataset('folder', root, sequences=['xyz'])


def test_wanted_sequences_come_in_the_order_asked_for(root: Path) -> None:
    opened = open_dataset('folder', root, sequences=('early', 'circle'))
    assert [sequence.name for sequence in opened.sequences] == ['early', 'circle']


def test_one_name_may_be_given_as_text(root: Path) -> None:
    assert len(open_dataset('folder', root, sequences='early').sequences) == 1


def test_sequence_named_twice_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match='early named twice'):
        open_dataset('folder', root, sequences=['early', 'disc', 'early'])


@pytest.mark.parametrize('name', ['two\nlines', 'back\\slash', os.fsdecode(b'caf\xe9')])
def test_a_name_that_no_result_can_have_is_refused(root: Path, name: str) -> None:
    (root / 'disc').rename(root / name)
    with pytest.raises(DatasetError, match='needs another name'):
        open_dataset('folder', root)
    opened = open_dataset('folder', root, on_broken='skip')
    assert [sequence.name for sequence in opened.sequences] == ['circle', 'early']


def test_a_list_cannot_lead_out_of_the_results(tmp_path: Path, miniatures: ModuleType) -> None:
    miniatures.make_dataset('got10k_val', tmp_path)
    (tmp_path / 'val' / 'list.txt').write_text('../../elsewhere\n')
    with pytest.raises(DatasetError, match=r"'\.\./\.\./elsewhere' needs another name"):
        open_dataset('got10k_val', tmp_path)


def test_all_broken_sequences_are_named_at_once(root: Path) -> None:
    _break(root, 'circle', 'early')
    with pytest.raises(DatasetError, match=r'(?s)2 of 3 .*circle: .*early: '):
        open_dataset('folder', root)


def test_broken_sequences_are_left_out_and_named(root: Path) -> None:
    _break(root, 'disc')
    opened = open_dataset('folder', root, on_broken='skip')
    assert [sequence.name for sequence in opened.sequences] == ['circle', 'early']
    assert opened.skipped == ('disc',)
    assert '1 of the frames 1 to 3 missing: 2' in opened.reasons[0]


def test_nothing_left_is_an_error(root: Path) -> None:
    _break(root, 'circle', 'disc', 'early')
    with pytest.raises(DatasetError, match=r'no sequence of folder is left.*circle'):
        open_dataset('folder', root, on_broken='skip')
    with pytest.raises(DatasetError, match='no sequence of folder is left'):
        open_dataset('folder', root, sequences=[])


def test_root_that_is_missing_or_a_file_is_named(root: Path) -> None:
    with pytest.raises(DatasetError, match=r'nowhere: there is no such folder; expected .*<seq'):
        open_dataset('folder', root / 'nowhere')
    with pytest.raises(DatasetError, match=r'groundtruth\.txt: is a file'):
        open_dataset('folder', root / 'disc' / 'groundtruth.txt')


def test_child_or_parent_that_looks_right_is_named(root: Path) -> None:
    with pytest.raises(DatasetError, match=r'data: not the root.*/own looks right'):
        open_dataset('folder', root.parent)
    with pytest.raises(DatasetError, match=r'disc: not the root.*/own looks right'):
        open_dataset('folder', root / 'disc')


def test_empty_root_tells_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='expected in it folders <sequence>'):
        open_dataset('folder', tmp_path / 'empty')
