"""Archives for servers: the official layout, and nothing that a server would silently zero."""

from collections.abc import Callable
from pathlib import Path
import re
from zipfile import ZipFile

from hit_rfgm_ros.data.datasets.registry import Dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.results import FrameNotes, Results, write_sequence
from hit_rfgm_ros.evaluation.submission import check_submission, write_submission
import numpy as np
import pytest

FRAMES = 3
NAMES = {
    'got10k_test': [f'GOT-10k_Test_{number:06d}' for number in range(1, 181)],
    'trackingnet': [f'{number:04x}_q{number}_0' for number in range(511)],
}
Make = Callable[..., tuple[Results, Dataset]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Results of a tracker ``t`` on a data set of which only the names are there."""

    def make(
        name: str, names: list[str] | None = None, **written: object
    ) -> tuple[Results, Dataset]:
        truth = np.full((FRAMES, 4), np.nan)
        truth[0] = (1, 2, 3, 4)
        boxes = np.arange(4.0 * FRAMES).reshape(FRAMES, 4)
        nothing = np.full(FRAMES, np.nan)
        notes = FrameNotes(nothing, (None,) * FRAMES, np.array([8.0, 12.5, np.nan]), nothing)
        sequences = tuple(
            Sequence(one, tuple(Path(f'{i}.jpg') for i in range(FRAMES)), truth, first_only=True)
            for one in (NAMES[name] if names is None else names)
        )
        for sequence in sequences:
            write_sequence(tmp_path / 't', sequence.name, boxes, notes)
        return Results(tmp_path), Dataset(name, name.split('_')[0], 'got10k', sequences)

    return make


def test_got10k_gets_a_folder_per_sequence_with_boxes_and_times(
    make: Make, tmp_path: Path
) -> None:
    results, dataset = make('got10k_test')
    write_submission(tmp_path / 'a.zip', results, 't', dataset)
    with ZipFile(tmp_path / 'a.zip') as archive:
        names = archive.namelist()
        assert len(names) == 360
        assert {name.split('/')[0] for name in names} == set(NAMES['got10k_test'])
        first = 'GOT-10k_Test_000001/GOT-10k_Test_000001'
        assert archive.read(f'{first}_001.txt').decode() == (
            '0.000,1.000,2.000,3.000\n4.000,5.000,6.000,7.000\n8.000,9.000,10.000,11.000\n'
        )
        assert archive.read(f'{first}_time.txt').decode() == '0.00800000\n0.01250000\n0.00000000\n'
    assert not [path.name for path in tmp_path.glob('.*')]


def test_trackingnet_gets_its_files_at_the_top(make: Make, tmp_path: Path) -> None:
    results, dataset = make('trackingnet')
    write_submission(tmp_path / 'a.zip', results, 't', dataset)
    with ZipFile(tmp_path / 'a.zip') as archive:
        assert sorted(archive.namelist()) == sorted(f'{name}.txt' for name in NAMES['trackingnet'])
        assert archive.read('0000_q0_0.txt').decode().count('\n') == FRAMES


def test_the_same_results_give_the_same_archive(make: Make, tmp_path: Path) -> None:
    results, dataset = make('trackingnet')
    for name in ('a.zip', 'b.zip'):
        write_submission(tmp_path / name, results, 't', dataset)
    assert (tmp_path / 'a.zip').read_bytes() == (tmp_path / 'b.zip').read_bytes()


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, r'GOT-10k_Test_000007\.txt: cannot be read'),
        ('1,2,3,4\n', 'has 1 boxes for 3 frames'),
        ('1,2,3,4\n' * 4, 'has 4 boxes for 3 frames'),
        ('1,2,3,4\nnan,2,3,4\n1,2,3,4\n', 'frame 1: .* is no box of finite numbers'),
        ('1,2,3,4\n1,2,-3,4\n1,2,3,4\n', 'frame 1: .* is no box'),
        ('1,2,3,4\n1,2,3\n1,2,3,4\n', 'line 2: expected four numbers'),
    ],
)
def test_wrong_boxes_are_named_and_nothing_is_written(
    make: Make, tmp_path: Path, text: str | None, message: str
) -> None:
    results, dataset = make('got10k_test')
    path = tmp_path / 't' / 'GOT-10k_Test_000007.txt'
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        write_submission(tmp_path / 'a.zip', results, 't', dataset)
    assert not (tmp_path / 'a.zip').exists()
    assert not [path.name for path in tmp_path.glob('.*')]


def test_got10k_wants_times(make: Make, tmp_path: Path) -> None:
    results, dataset = make('got10k_test')
    (tmp_path / 't' / 'frames' / 'GOT-10k_Test_000180.csv').unlink()
    with pytest.raises(EvaluationError, match=r'GOT-10k_Test_000180: .* wants the time'):
        write_submission(tmp_path / 'a.zip', results, 't', dataset)


def test_all_sequences_are_wanted(make: Make, tmp_path: Path) -> None:
    results, dataset = make('got10k_test', NAMES['got10k_test'][:179])
    with pytest.raises(EvaluationError, match='wants all 180 sequences, these are 179'):
        write_submission(tmp_path / 'a.zip', results, 't', dataset)


def test_a_name_that_ends_in_another_is_refused(make: Make, tmp_path: Path) -> None:
    results, dataset = make('trackingnet', [*NAMES['trackingnet'][:510], 'x0001_q1_0'])
    with pytest.raises(EvaluationError, match='x0001_q1_0 ends in the name of another sequence'):
        write_submission(tmp_path / 'a.zip', results, 't', dataset)


def test_only_data_sets_with_a_server_and_only_zips(make: Make, tmp_path: Path) -> None:
    results, dataset = make('trackingnet')
    with pytest.raises(EvaluationError, match=r'ends in \.zip'):
        write_submission(tmp_path / 'a.tar', results, 't', dataset)
    folder = Dataset('folder', 'folder', 'visible', dataset.sequences)
    with pytest.raises(EvaluationError, match='submissions are for got10k_test and trackingnet'):
        write_submission(tmp_path / 'a.zip', results, 't', folder)


@pytest.fixture
def good(make: Make, tmp_path: Path) -> tuple[Path, Dataset]:
    results, dataset = make('got10k_test')
    write_submission(tmp_path / 'good.zip', results, 't', dataset)
    return tmp_path / 'good.zip', dataset


def edited(path: Path, change: Callable[[dict[str, str]], object]) -> Path:
    """A copy of an archive with its files changed."""
    with ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    change(files)
    with ZipFile(path.with_name('bad.zip'), 'w') as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path.with_name('bad.zip')


FIRST = 'GOT-10k_Test_000001/GOT-10k_Test_000001'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda files: files.pop(f'{FIRST}_001.txt'), 'lacks 1 files: GOT-10k_Test_000001'),
        (lambda files: files.pop(f'{FIRST}_time.txt'), 'lacks 1 files'),
        (lambda files: files.update(readme='hello'), 'holds, and should not, 1 files: readme'),
        (lambda files: files.update({f'{FIRST}_001.txt': 'a,b,c,d\n'}), 'no table of numbers'),
        (lambda files: files.update({f'{FIRST}_001.txt': '1,2,3,4\n'}), 'expected 3 lines of 4'),
        (lambda files: files.update({f'{FIRST}_time.txt': '1\n'}), 'expected 3 lines of 1'),
    ],
)
def test_a_broken_archive_is_named(
    good: tuple[Path, Dataset], change: Callable[[dict[str, str]], object], message: str
) -> None:
    path, dataset = good
    check_submission(path, dataset)
    with pytest.raises(EvaluationError, match=message):
        check_submission(edited(path, change), dataset)


def test_what_is_no_archive_is_named(good: tuple[Path, Dataset]) -> None:
    path, dataset = good
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EvaluationError, match=re.escape(f'{path} is no archive')):
        check_submission(path, dataset)
