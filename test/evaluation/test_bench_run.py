"""Measuring in processes: what comes out, failures, and being stopped."""

from pathlib import Path
import time
from typing import Any

from hit_rfgm_ros.evaluation.bench.cases import Case, Missing
from hit_rfgm_ros.evaluation.bench.compare import compare
from hit_rfgm_ros.evaluation.bench.machine import OtherPrograms
from hit_rfgm_ros.evaluation.bench.report import read_report
from hit_rfgm_ros.evaluation.bench.run import Amount, run_bench
from hit_rfgm_ros.evaluation.bench.turns import shuffled_rounds
from hit_rfgm_ros.evaluation.results import write_json
import pytest

GOOD = Case('hit_tiny', 'onnxruntime', threads=1, targets=2)
BAD = Case('hit_tiny', 'onnxruntime', precision='bf16')
TINY = Amount(rounds=2, frames=3, size=(160, 120))
WEIGHTS = {'hit_tiny': 'random'}


@pytest.fixture(scope='module')
def report() -> dict[str, Any]:
    """Of a case that runs and one that does not."""
    return run_bench([BAD, GOOD], [Missing(Case('hit_tiny', 'torch'), 'none')], WEIGHTS, TINY)


def test_every_frame_of_every_round_is_in_the_report(report: dict[str, Any]) -> None:
    (row,) = report['rows']
    assert row['name'] == 'hit_tiny onnxruntime fp32, threads 1, targets 2'
    assert row['weights'] == 'random'
    assert len(row['rounds']) == 2
    for one in row['rounds']:
        times = one['ms']
        assert len(times['update']) == len(times['cpu']) == 3
        for whole, *stages in zip(*(times[k] for k in ('update', 'crop', 'engine', 'decode'))):
            assert all(stage > 0 for stage in stages)
            assert sum(stages) == pytest.approx(whole, abs=1e-3)
        assert times['windows'] == [1.0] * 3  # per target
        assert times['memory'] == []
        assert all(seconds > 0 for seconds in one['start_s'].values())
        assert one['control_ms']['cpu'] > 0


def test_the_summary_is_of_all_rounds(report: dict[str, Any]) -> None:
    summary = report['rows'][0]['summary']
    assert 0 < summary['update_ms']['p50'] <= summary['update_ms']['max']
    assert summary['update_ms']['p99'] is None  # six frames say nothing of one in a hundred
    assert summary['fps'] > 0
    assert summary['stages_ms']['engine'] > summary['stages_ms']['crop']
    if Path('/proc/self/status').exists():
        assert 30 < summary['warm_mb'] <= summary['peak_mb'] < 2000


def test_what_does_not_run_is_listed_and_the_others_go_on(report: dict[str, Any]) -> None:
    reasons = {entry['name']: entry['reason'] for entry in report['missing']}
    assert reasons['hit_tiny torch fp32'] == 'none'
    assert 'cannot do bf16' in reasons[BAD.name]


def test_the_machine_is_described(report: dict[str, Any]) -> None:
    machine = report['machine']
    assert machine['cpu']
    assert machine['cores'] >= 1
    assert {'numpy', 'onnxruntime', 'opencv', 'hit_rfgm_ros'} <= machine['versions'].keys()
    assert report['amount'] == {'rounds': 2, 'frames': 3, 'size': [160, 120]}
    assert not report['interrupted']


def test_the_report_goes_through_a_file_and_can_be_compared(
    report: dict[str, Any], tmp_path: Path
) -> None:
    write_json(tmp_path / 'a.json', report)
    found = read_report(tmp_path / 'a.json')
    assert found == report
    assert [change.verdict for change in compare(found, found).updates] == ['too few rounds']


@pytest.mark.parametrize(
    ('code', 'said'),
    [
        ('raise ImportError("broken")', 'openvino is needed for'),
        ('import os; os.kill(os.getpid(), 9)', 'ended by SIGKILL: killed'),
        ('raise RuntimeError("no such thing")', 'exit code 1: RuntimeError: no such thing'),
    ],
)
def test_a_back_end_that_breaks_is_listed_with_what_it_said(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'openvino.py').write_text(code, encoding='utf-8')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    report = run_bench([Case('hit_tiny', 'openvino')], [], WEIGHTS, TINY)
    assert report['rows'] == []
    (entry,) = report['missing']
    assert entry['name'] == 'hit_tiny openvino fp32'
    assert said in entry['reason']


def test_what_was_measured_before_a_stop_is_kept() -> None:
    turns: list[str] = []
    begun = time.monotonic()
    report = run_bench(
        [GOOD],
        [],
        WEIGHTS,
        Amount(rounds=50, frames=1, size=(64, 64)),
        progress=turns.append,
        stop=lambda: len(turns) >= 2,  # one start and one round
    )
    assert report['interrupted']
    assert [len(row['rounds']) for row in report['rows']] == [1]
    assert time.monotonic() - begun < 120


def test_a_stop_before_anything_was_measured_leaves_an_empty_report() -> None:
    report = run_bench([GOOD], [], WEIGHTS, TINY, stop=lambda: True)
    assert report['interrupted']
    assert report['rows'] == []


def test_an_empty_cache_makes_a_longer_start() -> None:
    amount = Amount(rounds=1, frames=1, size=(64, 64), cold=True)
    (row,) = run_bench([GOOD], [], WEIGHTS, amount)['rows']
    assert row['cold_start_s']['create'] > row['summary']['start_s']['create']


def test_each_round_has_everybody_once_in_an_order_of_its_own() -> None:
    turns = list(shuffled_rounds('abcdef', 20))
    rounds = [[item for number, item in turns if number == k] for k in range(20)]
    assert all(sorted(one) == list('abcdef') for one in rounds)
    assert len({tuple(one) for one in rounds}) > 10


@pytest.mark.skipif(not Path('/proc/stat').exists(), reason='not Linux')
def test_own_work_is_not_that_of_others() -> None:
    with OtherPrograms() as idle:
        time.sleep(0.5)
    with OtherPrograms() as working:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
    assert idle.cores is not None
    assert working.cores is not None
    assert idle.cores >= 0
    assert working.cores >= 0
