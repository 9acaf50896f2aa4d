"""Jobs over processes and ranks: resumed, shared, stopped, killed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
from hit_rfgm_ros.data.datasets.registry import Dataset, open_dataset
from hit_rfgm_ros.errors import ConfigError, DatasetError, EvaluationError, TrackerError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.identity import Workers, cores
from hit_rfgm_ros.evaluation.jobs import Outcome, rank_of, run_jobs, share_of, spread
from hit_rfgm_ros.evaluation.results import Results
from hit_rfgm_ros.evaluation.worker import Job
import numpy as np
import pytest

NAMES = ('a', 'b', 'c', 'd', 'e')
FRAMES = 6
Make = Callable[..., list[Job]]


@pytest.fixture
def dataset(tmp_path: Path, miniatures: ModuleType) -> Dataset:
    miniatures.make_dataset('folder', tmp_path / 'data', sequences=NAMES, frames=FRAMES)
    return open_dataset('folder', tmp_path / 'data')


@pytest.fixture
def jobs(tmp_path: Path, repository: Path, dataset: Dataset) -> Make:
    file = str(repository / 'test' / 'tools' / 'cheap_trackers.py')

    def make(*factories: str) -> list[Job]:
        specs = [
            ContenderSpec(n.lower(), 'python', {'file': file, 'factory': n}) for n in factories
        ]
        return [
            Job(spec, None, sequence, tmp_path / 'out')
            for spec in specs
            for sequence in dataset.sequences
        ]

    return make


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('CHEAP_LOG', str(tmp_path / 'log'))
    return tmp_path / 'log'


def words(log: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in log.read_text().splitlines())


def test_two_processes_do_all_and_keep_their_tracker_open(jobs: Make, log: Path) -> None:
    counted: list[int] = []
    todo = jobs('Logging')
    outcome = run_jobs(todo, Workers(2, 3), progress=counted.append)
    assert outcome == Outcome(done=5)
    assert sum(counted) == 5 * FRAMES
    results = Results(todo[0].out)
    assert results.sequences('logging') == NAMES
    for name in NAMES:
        assert results.boxes('logging', name).shape == (FRAMES, 4)
        frames = results.frames('logging', name)
        assert frames is not None
        assert np.isfinite(frames.latency_ms).all()
    lines = [line.split() for line in log.read_text().splitlines()]
    makers = {pid for word, pid, _ in lines if word == 'made'}
    assert words(log) == {'made': len(makers), 'start': 5}
    assert len(makers) <= 2
    assert {threads for _, _, threads in lines} == {'3'}
    run = results.run('logging')
    assert run['about']['file'] == 'cheap_trackers.py'
    assert run['workers'] == {'jobs': 2, 'threads': 3, 'ranks': 1}
    assert run['machine']['cores'] == cores()
    assert run['date'].endswith('+00:00')


def test_what_is_done_is_not_done_again(jobs: Make, log: Path) -> None:
    todo = jobs('Logging')
    run_jobs(share_of(todo)[:3], Workers())
    assert words(log)['start'] == 3
    left = share_of(todo)
    assert [job.sequence.name for job in left] == ['d', 'e']
    (todo[0].folder / 'b.txt').write_text('1,2,3,4\n')  # an interrupted copy
    assert [job.sequence.name for job in share_of(todo)] == ['b', 'd', 'e']
    run_jobs(share_of(todo), Workers())
    assert words(log)['start'] == 6
    assert not share_of(todo)
    assert run_jobs(todo, Workers()).done == 5  # another call has been quicker
    assert words(log)['start'] == 6


def test_another_tracker_of_that_name_is_refused(jobs: Make, tmp_path: Path) -> None:
    todo = jobs('Still')
    assert run_jobs(todo[:1], Workers()).done == 1
    before = (todo[0].folder / 'a.txt').read_bytes()
    changed = [
        Job(
            ContenderSpec('still', 'python', {**job.spec.options, 'factory': 'Slow'}),
            None,
            job.sequence,
            job.out,
        )
        for job in todo
    ]
    outcome = run_jobs(share_of(changed), Workers())
    assert outcome.done == 0
    assert {failure.sequence for failure in outcome.failures} == {'b', 'c', 'd', 'e'}
    for failure in outcome.failures:
        assert isinstance(failure.error, EvaluationError)
        assert "another tracker of that name: factory was 'Still' and is 'Slow'" in str(
            failure.error
        )
    assert (todo[0].folder / 'a.txt').read_bytes() == before
    assert Results(tmp_path / 'out').sequences('still') == ('a',)


def test_a_failure_does_not_stop_the_others(jobs: Make) -> None:
    todo = jobs('Still', 'Mistaken', 'Refusing')
    todo[1].sequence.frames[4].write_bytes(b'no picture')
    outcome = run_jobs(todo, Workers())
    assert outcome.done == 4
    assert not outcome.interrupted
    by_tracker = Counter(failure.tracker for failure in outcome.failures)
    assert by_tracker == {'still': 1, 'mistaken': 5, 'refusing': 5}
    errors = {(failure.tracker, type(failure.error)) for failure in outcome.failures}
    assert errors == {
        ('still', DatasetError),
        ('mistaken', ZeroDivisionError),
        ('refusing', TrackerError),
    }
    assert '000005.jpg' in str(outcome.failures[0].error)


def test_a_process_that_dies_costs_its_own_sequence_only(jobs: Make, dataset: Dataset) -> None:
    for path in dataset.sequences[2].frames:
        cv2.imwrite(str(path), np.zeros((30, 40, 3), np.uint8))
    outcome = run_jobs(jobs('Fatal'), Workers())
    assert outcome.done == 4
    (failure,) = outcome.failures
    assert failure.sequence == 'c'
    assert 'its worker process ended' in str(failure.error)


def test_it_stops_when_it_is_told_to(jobs: Make, tmp_path: Path) -> None:
    frames = 0

    def count(more: int) -> None:
        nonlocal frames
        frames += more

    todo = jobs('Slow')
    outcome = run_jobs(todo, Workers(), progress=count, stop=lambda: frames >= FRAMES + 2)
    assert outcome.interrupted
    assert not outcome.failures
    assert 1 <= outcome.done < 5
    assert len(Results(tmp_path / 'out').sequences('slow')) == outcome.done
    assert not list((tmp_path / 'out').rglob('.*'))


def test_ranks_share_the_jobs_and_leave_none_out(
    jobs: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = jobs('Still', 'Slow')
    taken = []
    for rank in range(3):
        monkeypatch.setenv('RANK', str(rank))
        monkeypatch.setenv('WORLD_SIZE', '3')
        mine = share_of(todo)
        taken += [(job.tracker, job.sequence.name) for job in mine]
        if rank == 0:
            run_jobs(mine[:1], spread(1))  # done ones do not move the others to another rank
    assert sorted(taken) == sorted((job.tracker, job.sequence.name) for job in todo)


@pytest.mark.parametrize('given', [('2', '2'), ('x', '2'), ('-1', '2'), ('0', '0')])
def test_ranks_that_make_no_sense_are_refused(given: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match='RANK'):
        rank_of({'RANK': given[0], 'WORLD_SIZE': given[1]})
    assert rank_of({}) == (0, 1, 1)


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('hit_rfgm_ros.evaluation.jobs.cores', lambda: 8)
    assert spread(1) == Workers(1, 0, 1)
    assert spread(2) == Workers(2, 4, 1)
    assert spread(16) == Workers(16, 1, 1)
    assert spread(2, 3) == Workers(2, 3, 1)
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setenv('WORLD_SIZE', '6')
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    assert spread(2) == Workers(2, 2, 6)
