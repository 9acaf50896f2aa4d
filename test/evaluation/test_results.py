"""Result files: what is written is read back, and broken files are named."""

from pathlib import Path

from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.results import (
    FRAMES_HEADER,
    FrameNotes,
    Results,
    read_boxes,
    read_frames,
    write_json,
    write_sequence,
)
from hit_rfgm_ros.types import TrackState
import numpy as np
import pytest

BOXES = np.array([[1, 2, 3, 4], [1.0004, 2.5, -3, 1e4], [0, 0, 0, 0]])


def notes() -> FrameNotes:
    return FrameNotes(
        confidence=np.array([np.nan, 0.25, 1]),
        states=(None, TrackState.UNCERTAIN, TrackState.LOST),
        latency_ms=np.array([12.5, 3.25, np.nan]),
        after_ms=np.array([np.nan, np.nan, 4.5]),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_sequence(tmp_path / 't', 'one', BOXES, notes())
    results = Results(tmp_path)
    assert results.trackers() == ('t',)
    assert results.sequences('t') == ('one',)
    np.testing.assert_allclose(results.boxes('t', 'one'), BOXES, atol=5e-4)
    read = results.frames('t', 'one')
    assert read is not None
    assert read.states == notes().states
    for name in ('confidence', 'latency_ms', 'after_ms'):
        np.testing.assert_array_equal(getattr(read, name), getattr(notes(), name))


def test_the_files_have_the_form_that_is_documented(tmp_path: Path) -> None:
    write_sequence(tmp_path, 'one', BOXES, notes())
    assert (tmp_path / 'one.txt').read_text() == (
        '1.000,2.000,3.000,4.000\n1.000,2.500,-3.000,10000.000\n0.000,0.000,0.000,0.000\n'
    )
    lines = (tmp_path / 'frames' / 'one.csv').read_text().splitlines()
    assert lines == [','.join(FRAMES_HEADER), '0,,,12.500,', '1,0.250000,UNCERTAIN,3.250,',
                     '2,1.000000,LOST,,4.500']  # fmt: skip
    assert not list(tmp_path.rglob('.*')), 'temporary files are left behind'


@pytest.mark.parametrize('line', ['1\t2\t3\t4', '1 2 3 4', '1, 2, 3, 4', '1,2,3,4'])
def test_boxes_of_other_people_are_read(tmp_path: Path, line: str) -> None:
    (tmp_path / 'a.txt').write_text(f'{line}\n{line}\n\n')
    np.testing.assert_array_equal(read_boxes(tmp_path / 'a.txt'), [[1, 2, 3, 4]] * 2)


@pytest.mark.parametrize('line', ['1,2,3', 'a,b,c,d', '', '1,2,3,4,5'])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / 'a.txt').write_text(f'1,2,3,4\n{line}\n1,2,3,4\n')
    with pytest.raises(EvaluationError, match=r'a\.txt, line 2: expected four numbers'):
        read_boxes(tmp_path / 'a.txt')


def test_missing_and_binary_files_are_named(tmp_path: Path) -> None:
    (tmp_path / 'b.txt').write_bytes(b'\xff\xfe\x00')
    for name in ('a.txt', 'b.txt'):
        with pytest.raises(EvaluationError, match=name):
            read_boxes(tmp_path / name)


def test_damaged_results_of_ones_own_are_named(tmp_path: Path) -> None:
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'a.txt').write_text('1,2,3,4\n1,2')
    with pytest.raises(EvaluationError, match=r'a\.txt, line 2: .*; remove it, and it is written'):
        Results(tmp_path).is_done('mine', 'a', 2)


@pytest.mark.parametrize('row', ['5,0.5,LOST,1,', '0,x,LOST,1,', '0,0.5,GONE,1,', 'x,0.5,LOST,1,'])
def test_a_malformed_row_beside_the_boxes_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / 'a.csv').write_text(','.join(FRAMES_HEADER) + f'\n{row}\n')
    with pytest.raises(EvaluationError, match=r'a\.csv, line 2'):
        read_frames(tmp_path / 'a.csv')


def test_a_tracker_of_others_needs_boxes_only(tmp_path: Path) -> None:
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs' / 'a.txt').write_text('1,2,3,4\n')
    (tmp_path / 'empty').mkdir()
    results = Results(tmp_path)
    assert results.trackers() == ('theirs',)
    assert results.frames('theirs', 'a') is None
    assert results.run('theirs') == {}
    assert results.is_done('theirs', 'a', 1)
    assert not results.is_done('theirs', 'a', 2)
    assert not results.is_done('theirs', 'b', 1)


def test_json_with_nan_is_refused_and_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / 'summary.json', {'auc': 1.0})
    with pytest.raises(ValueError, match='JSON'):
        write_json(tmp_path / 'summary.json', {'auc': float('nan')})
    assert Results(tmp_path).summary() == {'auc': 1.0}
    with pytest.raises(EvaluationError, match=r'dataset\.json'):
        Results(tmp_path).dataset()
