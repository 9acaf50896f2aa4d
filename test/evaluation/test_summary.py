"""Scores from result files: what counts, what is refused, and what is said about it."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.data.datasets.registry import Dataset, open_dataset
from hit_rfgm_ros.errors import ConfigError, EvaluationError, MetricError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.judging import Played, judge
from hit_rfgm_ros.evaluation.plan import common_fps, make_jobs, read_dataset, record_dataset
from hit_rfgm_ros.evaluation.results import FrameNotes, Results, write_json, write_sequence
from hit_rfgm_ros.evaluation.run import Pace
from hit_rfgm_ros.evaluation.summary import Rules, check_rules, summarize, without
from hit_rfgm_ros.metrics.scores import KEYS
from hit_rfgm_ros.types import FloatArray, TrackState
import numpy as np
import pytest

FRAMES = 40
ABSENT = range(5, 38)  # 1.1 s at 30 fps
VISIBLE = Rules(('visible',))
TRACKING, LOST = TrackState.TRACKING, TrackState.LOST


@pytest.fixture
def dataset(tmp_path: Path, miniatures: ModuleType) -> Dataset:
    root = tmp_path / 'data'
    miniatures.make_dataset(
        'folder', root, sequences=('a', 'b'), frames=FRAMES, size=(32, 24), absent=ABSENT
    )
    return open_dataset('folder', root)


def notes_of(
    confidence: FloatArray, states: tuple[TrackState | None, ...], milliseconds: float = 4.0
) -> FrameNotes:
    latency = np.full(len(states), milliseconds)
    latency[0] = 50
    return FrameNotes(confidence, states, latency, np.full(len(states), np.nan))


def perfect(dataset: Dataset, index: int = 0) -> FloatArray:
    boxes = dataset.sequences[index].boxes
    return np.where(np.isfinite(boxes), boxes, 1.0)


def knowing() -> FrameNotes:
    """LOST a fifth of a second after the target has left, sure of itself where it is there."""
    late = 6
    states = [None, *[TRACKING] * (FRAMES - 1)]
    confidence = np.full(FRAMES, 0.75)
    confidence[0] = np.nan
    for frame in ABSENT:
        confidence[frame] = 0.25
        states[frame] = TRACKING if frame - ABSENT[0] < late else LOST
    return notes_of(confidence, tuple(states))


def write_tracker(out: Path, name: str, dataset: Dataset, notes: FrameNotes | None = None) -> None:
    for index, sequence in enumerate(dataset.sequences):
        write_sequence(out / name, sequence.name, perfect(dataset, index), notes or knowing())


def entry_of(summary: dict[str, Any], name: str) -> dict[str, Any]:
    entry: dict[str, Any] = summary['trackers'][name]
    return entry


def test_a_perfect_track_has_the_numbers_of_one(dataset: Dataset, tmp_path: Path) -> None:
    write_tracker(tmp_path, 't', dataset)
    summary = summarize(Results(tmp_path), dataset, VISIBLE)
    entry = entry_of(summary, 't')
    assert entry['auc'] == pytest.approx(2000 / 21)
    assert [entry[key] for key in KEYS[1:]] == [100.0] * 7
    assert (summary['sequences'], summary['frames']) == (2, 2 * FRAMES)
    latency = entry['latency_ms']
    assert (latency['p50'], latency['start_p50'], latency['frames']) == (4.0, 50.0, 78)
    assert latency['after_mean'] is None
    assert entry['fps'] == pytest.approx(250)
    absence = entry['absence']
    assert absence['spells'] == 2
    assert absence['seconds_to_lost_median'] == pytest.approx(6 / 30)
    assert absence['absent_as_tracking'] == pytest.approx(6 / 33)
    assert absence['seconds_to_recover_median'] == 0
    confidence = entry['confidence']
    assert (confidence['frames'], confidence['good_frames']) == (78, 12)
    assert confidence['auroc'] == 1
    assert confidence['ece'] == pytest.approx(0.25)
    assert entry['sequences']['a']['absence']['spells'] == 1
    assert entry['sequences']['a']['frames'] == FRAMES
    assert 'realtime' not in entry
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_confidence_that_is_no_probability_is_said_to_be_none(
    dataset: Dataset, tmp_path: Path
) -> None:
    known = knowing()
    write_tracker(tmp_path, 't', dataset, notes_of(known.confidence * 40, known.states))
    entry = entry_of(summarize(Results(tmp_path), dataset, VISIBLE), 't')
    assert entry['confidence'] is None
    assert any(note.startswith('confidence is not judged: ') for note in entry['notes'])
    assert entry['long_term']['f_score'] > 0  # takes any scale


def test_a_tracker_that_says_nothing_is_not_judged_for_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    nothing = notes_of(np.full(FRAMES, np.nan), (None,) * FRAMES)
    write_tracker(tmp_path, 't', dataset, nothing)
    entry = entry_of(summarize(Results(tmp_path), dataset, VISIBLE), 't')
    assert [entry[name] for name in ('absence', 'confidence', 'long_term')] == [None] * 3
    assert entry['notes'] == []
    assert entry['fps'] == pytest.approx(250)


@pytest.mark.parametrize('whole', [True, False])
def test_what_is_missing_in_between_is_no_mean_of_the_rest(
    dataset: Dataset, tmp_path: Path, whole: bool
) -> None:
    for index, sequence in enumerate(dataset.sequences):
        notes = knowing()
        if index:
            notes.confidence[slice(None) if whole else 7] = np.nan
        write_sequence(tmp_path / 'some', sequence.name, perfect(dataset, index), notes)
    entry = summarize(Results(tmp_path), dataset, VISIBLE)['trackers']['some']
    assert entry['confidence'] is None
    assert entry['long_term'] is None
    assert entry['absence'] is not None
    why = '1 of 2 sequences lack it, b first' if whole else 'b lacks it in 1 frames'
    assert f'confidence is not judged: {why}' in entry['notes']
    (tmp_path / 'some' / 'frames' / 'a.csv').unlink()
    entry = summarize(Results(tmp_path), dataset, VISIBLE)['trackers']['some']
    assert entry['fps'] is None
    assert 'latency_ms is not judged: 1 of 2 sequences lack it, a first' in entry['notes']


def test_in_real_time_the_given_box_may_count_for_long(dataset: Dataset) -> None:
    known = knowing()
    confidence, states = known.confidence.copy(), list(known.states)
    confidence[:4], states[:4] = np.nan, [None] * 4
    notes = notes_of(confidence, tuple(states))
    played = [Played(dataset.sequences[0], (32, 24), perfect(dataset), notes)]
    judged = judge(played)
    assert judged['unjudged'] == []
    assert judged['confidence']['frames'] == FRAMES - 4
    assert judged['absence']['spells'] == 1
    assert judged['long_term']['f_score'] > 0


def test_real_time_numbers_stand_with_the_tracker(dataset: Dataset, tmp_path: Path) -> None:
    for name in ('t', 't@strict-30', 'alone@vot-20'):
        write_tracker(tmp_path, name, dataset)
    summary = summarize(Results(tmp_path), dataset, VISIBLE)
    assert set(summary['trackers']) == {'t', 't@strict-30', 'alone@vot-20'}
    assert entry_of(summary, 't')['realtime']['strict-30']['ao'] == 100
    assert 'realtime' not in entry_of(summary, 'alone@vot-20')


def test_missing_short_and_surplus_results_are_refused_one_by_one(
    dataset: Dataset, tmp_path: Path
) -> None:
    for name in ('good', 'missing', 'short', 'long', 'surplus', 'broken', 'notes'):
        write_tracker(tmp_path, name, dataset)
    (tmp_path / 'missing' / 'b.txt').unlink()
    text = (tmp_path / 'short' / 'b.txt').read_text()
    (tmp_path / 'short' / 'b.txt').write_text('1,2,3,4\n' * (FRAMES - 2))
    (tmp_path / 'long' / 'b.txt').write_text(text + '1,2,3,4\n')
    (tmp_path / 'surplus' / 'c.txt').write_text(text)
    (tmp_path / 'broken' / 'b.txt').write_text('x\n')
    (tmp_path / 'notes' / 'frames' / 'b.csv').write_text('frame,confidence,state,latency_ms\n')
    summary = summarize(Results(tmp_path), dataset, VISIBLE)
    assert set(summary['trackers']) == {'good'}
    expected = {
        'missing': '1 of 2 sequences have no result (b)',
        'short': '38 predicted boxes for 40 frames',
        'long': '41 predicted boxes for 40 frames',
        'surplus': 'belong to no sequence of the data set (c)',
        'broken': 'b.txt, line 1',
        'notes': 'b.csv has 0 rows for 40 frames',
    }
    assert set(summary['refused']) == set(expected)
    for name, text in expected.items():
        assert text in summary['refused'][name]


def test_incomplete_results_are_scored_with_a_word(dataset: Dataset, tmp_path: Path) -> None:
    write_tracker(tmp_path, 't', dataset)
    (tmp_path / 't' / 'b.txt').write_text('1,2,3,4\n' * 3)
    summary = summarize(Results(tmp_path), dataset, Rules(('visible',), allow_incomplete=True))
    entry = entry_of(summary, 't')
    assert 0 < entry['auc'] < 95
    assert 'b: 3 predicted boxes for 40 frames' in ' '.join(entry['notes'])
    assert 'speed, absence and confidence: of 1 complete results of 2' in entry['notes']
    (tmp_path / 't' / 'b.txt').unlink()
    summary = summarize(Results(tmp_path), dataset, Rules(('visible',), allow_incomplete=True))
    assert 'b: 0 predicted boxes' in ' '.join(entry_of(summary, 't')['notes'])


def test_results_that_got10k_has_written_are_read(dataset: Dataset, tmp_path: Path) -> None:
    for index, sequence in enumerate(dataset.sequences):
        folder = tmp_path / 'theirs' / sequence.name
        folder.mkdir(parents=True)
        np.savetxt(folder / f'{sequence.name}_001.txt', perfect(dataset, index), '%.3f', ',')
        np.savetxt(folder / f'{sequence.name}_time.txt', np.ones(FRAMES), '%.8f')
    assert Results(tmp_path).trackers() == ('theirs',)
    assert entry_of(summarize(Results(tmp_path), dataset, VISIBLE), 'theirs')['ao'] == 100


def test_profiles_have_their_own_keys(dataset: Dataset, tmp_path: Path) -> None:
    write_tracker(tmp_path, 't', dataset)
    summary = summarize(Results(tmp_path), dataset, Rules(('vot', 'got10k')))
    assert entry_of(summary, 't')['auc'] is None
    assert entry_of(summary, 't')['ao'] == pytest.approx(100)
    assert summary['profiles']['got10k']['t']['sr50'] == 100
    assert summary['profiles']['got10k']['t']['printed']['speed_fps'] != ''


def test_without_published_truth_there_is_speed_and_no_score(
    miniatures: ModuleType, tmp_path: Path
) -> None:
    names = miniatures.make_dataset('got10k_test', tmp_path / 'data', frames=4)
    dataset = open_dataset('got10k_test', tmp_path / 'data', sequences=names)
    for sequence in dataset.sequences:
        boxes = np.repeat(sequence.boxes[:1], len(sequence), axis=0)
        notes = notes_of(np.full(len(sequence), 0.5), (TRACKING,) * len(sequence))
        write_sequence(tmp_path / 'out' / 't', sequence.name, boxes, notes)
    rules = Rules((dataset.profile,), whole=False)
    check_rules(dataset, rules)
    entry = entry_of(summarize(Results(tmp_path / 'out'), dataset, rules), 't')
    assert [entry[key] for key in KEYS] == [None] * 8
    assert 'no scores: a server keeps the truth of 2 of 2 sequences' in entry['notes']
    assert entry['fps'] == pytest.approx(250)
    assert entry['absence'] is None


def test_a_rule_that_a_data_set_cannot_meet_is_found_at_once(dataset: Dataset) -> None:
    check_rules(dataset, VISIBLE)
    check_rules(dataset, Rules(('got10k', 'vot', 'trackingnet')))
    with pytest.raises(MetricError, match='a: frame 5 has no ground truth'):
        check_rules(dataset, Rules(('visible', 'ostrack')))


def test_broken_sequences_can_be_left_out_later(dataset: Dataset, tmp_path: Path) -> None:
    write_tracker(tmp_path, 't', dataset)
    smaller = without(dataset, {'b'})
    summary = summarize(Results(tmp_path), smaller, VISIBLE)
    assert (summary['sequences'], summary['skipped']) == (1, ['b'])
    assert not summary['refused'], 'results of a skipped sequence are not surplus'


def test_latencies_are_said_to_come_from_several_processes(
    dataset: Dataset, tmp_path: Path
) -> None:
    write_tracker(tmp_path, 't', dataset)
    place = {'workers': {'jobs': 3}, 'machine': {}}
    write_json(tmp_path / 't' / 'run.json', {'about': {}, **place, 'resumed': [place]})
    notes = entry_of(summarize(Results(tmp_path), dataset, VISIBLE), 't')['notes']
    assert 'latencies: up to 3 processes ran side by side' in notes
    assert any('of 2 machines or settings' in note for note in notes)


def test_the_data_set_is_noted_and_not_mixed(dataset: Dataset, tmp_path: Path) -> None:
    out, root = tmp_path / 'out', tmp_path / 'data'
    record_dataset(out, without(dataset, {'b'}), root)
    assert set(read_dataset(out)['sequences']) == {'a'}
    record_dataset(out, dataset, root)
    noted = read_dataset(out)
    assert noted['sequences']['b'] == {'frames': FRAMES, 'fps': None}
    assert (noted['name'], noted['kind'], noted['root']) == ('folder', 'folder', str(root))
    other = Dataset('otb100', 'otb', 'otb', dataset.sequences)
    with pytest.raises(EvaluationError, match='holds results on folder, not on otb100'):
        record_dataset(out, other, root)
    assert common_fps(dataset, 25) == 25


def test_jobs_have_names_of_their_own(dataset: Dataset, tmp_path: Path) -> None:
    spec = ContenderSpec('x', 'model', {'model': 'hit_tiny'})
    jobs = make_jobs(tmp_path, dataset, [spec], [None, Pace('strict', 30)])
    assert [job.tracker for job in jobs] == ['x', 'x', 'x@strict-30', 'x@strict-30']
    assert [bool(job.spec.options.get('own_time')) for job in jobs] == [False] * 2 + [True] * 2
    with pytest.raises(ConfigError, match='two trackers have the name x'):
        make_jobs(tmp_path, dataset, [spec, spec], [None])
    for name in ('', '.x', 'a/b', '..', 'a b'):
        with pytest.raises(ConfigError, match='cannot be the name of a folder'):
            make_jobs(tmp_path, dataset, [ContenderSpec(name, 'model', {})], [None])
