"""One sequence through one tracker: what is timed, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import ConfigError, DatasetError, EvaluationError
from hit_rfgm_ros.evaluation.contender import Contender, ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.run import Pace, run_sequence
from hit_rfgm_ros.types import TrackState
import numpy as np
import pytest

Cheap = Callable[[str], Contender]
FRAMES = 8


@pytest.fixture
def sequence(tmp_path: Path, miniatures: ModuleType) -> Sequence:
    miniatures.make_dataset('folder', tmp_path / 'data', frames=FRAMES, absent=(3, 4))
    return open_dataset('folder', tmp_path / 'data').sequences[0]


@pytest.fixture
def cheap(repository: Path) -> Cheap:
    file = str(repository / 'test' / 'tools' / 'cheap_trackers.py')

    def make(factory: str) -> Contender:
        options = {'file': file, 'factory': factory}
        return open_contender(ContenderSpec(factory.lower(), 'python', options))

    return make


def test_every_frame_has_a_box_and_the_first_is_the_given_one(
    sequence: Sequence, cheap: Cheap
) -> None:
    track = run_sequence(cheap('Judging'), sequence)
    assert track is not None
    np.testing.assert_array_equal(track.boxes, np.repeat(sequence.boxes[:1], FRAMES, axis=0))
    assert len(track.notes) == FRAMES
    assert track.notes.states[0] is None
    assert track.notes.states[1:4] == (TrackState.TRACKING,) * 3
    assert set(track.notes.states[4:]) == {TrackState.LOST}
    np.testing.assert_allclose(track.notes.confidence[1:], 1 / np.arange(2, FRAMES + 1))
    assert np.isnan(track.notes.confidence[0])


def test_a_tracker_without_confidence_has_none(sequence: Sequence, cheap: Cheap) -> None:
    track = run_sequence(cheap('Still'), sequence)
    assert track is not None
    assert np.isnan(track.notes.confidence).all()
    assert set(track.notes.states) == {None}


def test_reading_pictures_and_what_comes_after_are_not_in_the_latency(
    sequence: Sequence, cheap: Cheap, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(np.arange(1000.0))  # each look at the clock is a second later
    monkeypatch.setattr('time.perf_counter', lambda: next(seconds))
    contender = cheap('Still')
    monkeypatch.setattr(contender, 'after', lambda: [next(seconds) for _ in range(4)])
    track = run_sequence(contender, sequence)
    assert track is not None
    np.testing.assert_array_equal(track.notes.latency_ms, np.full(FRAMES, 1000.0))
    np.testing.assert_array_equal(track.notes.after_ms, np.full(FRAMES, 5000.0))


def test_a_tracker_that_knows_its_time_better_is_believed(
    sequence: Sequence, cheap: Cheap
) -> None:
    track = run_sequence(cheap('TellsItsTime'), sequence)
    assert track is not None
    assert set(track.notes.latency_ms[1:]) == {125.0}
    assert track.notes.latency_ms[0] < 125
    assert np.isnan(track.notes.after_ms).all()


def test_times_of_the_source_reach_the_tracker(
    sequence: Sequence, cheap: Cheap, monkeypatch: pytest.MonkeyPatch
) -> None:
    contender = cheap('Still')
    stamps = []
    update = contender.update
    monkeypatch.setattr(
        contender, 'update', lambda frame, *, stamp: (stamps.append(stamp), update(frame))[1]
    )
    run_sequence(contender, sequence)
    np.testing.assert_allclose(stamps, np.arange(1, FRAMES) / 30)


def test_a_damaged_picture_is_named(sequence: Sequence, cheap: Cheap) -> None:
    sequence.frames[5].write_bytes(b'no picture')
    with pytest.raises(DatasetError, match=r'000006\.jpg: not a readable picture'):
        run_sequence(cheap('Still'), sequence)


def test_a_box_that_is_none_is_named(sequence: Sequence, cheap: Cheap) -> None:
    with pytest.raises(EvaluationError, match='circle, frame 2: nonumber gave x=0'):
        run_sequence(cheap('NoNumber'), sequence)


def test_a_sequence_without_a_first_box_is_named(sequence: Sequence, cheap: Cheap) -> None:
    sequence.boxes[0] = np.nan
    with pytest.raises(EvaluationError, match='circle: there is no true box in the first frame'):
        run_sequence(cheap('Still'), sequence)


def test_it_can_be_given_up(sequence: Sequence, cheap: Cheap) -> None:
    seen: list[int] = []
    assert run_sequence(cheap('Still'), sequence, watch=lambda i: seen.append(i) or i == 2) is None
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(('file', 'factory'), [('nowhere.py', 'Still'), (__file__, 'Nobody')])
def test_a_python_tracker_that_is_not_there_is_named(file: str, factory: str) -> None:
    with pytest.raises(ConfigError, match=f'{Path(file).name} (is no Python|has nothing of)'):
        open_contender(ContenderSpec('x', 'python', {'file': file, 'factory': factory}))


def test_pictures_come_as_rgb(sequence: Sequence, cheap: Cheap) -> None:
    contender = cheap('Still')
    frames = []
    contender.update = lambda frame, *, stamp=None: frames.append(frame) or _answer()  # type: ignore[method-assign]
    run_sequence(contender, sequence)
    expected = cv2.imread(str(sequence.frames[1]))[..., ::-1]
    np.testing.assert_array_equal(frames[0], expected)


def _answer() -> object:
    from hit_rfgm_ros import Box
    from hit_rfgm_ros.evaluation.contender import Answer

    return Answer(Box(0, 0, 1, 1))


def test_names_of_runs_in_real_time() -> None:
    assert Pace('strict', 30).name('hit_tiny') == 'hit_tiny@strict-30'
    assert Pace('vot', 29.97).name('hit_tiny') == 'hit_tiny@vot-29.97'
    assert Pace('vot').name('hit_tiny') == 'hit_tiny@vot-own'
