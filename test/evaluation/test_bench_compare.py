"""What changed between two reports beyond noise."""

import json
from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.bench.cases import Case, Missing
from hit_rfgm_ros.evaluation.bench.compare import CONFIDENCE, MEMORY_UPDATE, compare
from hit_rfgm_ros.evaluation.bench.report import read_report
from hypothesis import given
from hypothesis import strategies as st
import pytest


def verdicts(before: dict, after: dict, **options: object) -> list[str]:
    return [change.verdict for change in compare(before, after, **options).updates]


@given(seed=st.integers(0, 1000), noise=st.floats(0, 0.5), rounds=st.integers(5, 12))
def test_a_report_does_not_differ_from_itself(
    bench_reports: ModuleType, seed: int, noise: float, rounds: int
) -> None:
    report = bench_reports.make(seed=seed, noise=noise, rounds=rounds)
    found = compare(report, report)
    assert {change.verdict for change in (*found.updates, *found.others)} == {'no difference'}
    assert found.control.verdict == 'no difference'
    assert not found.slower_by(0)
    assert found.notes == found.only_before == found.only_after == ()


@given(seed=st.integers(0, 1000))
def test_what_takes_a_fifth_longer_is_found(bench_reports: ModuleType, seed: int) -> None:
    before = bench_reports.make(seed=seed)
    after = bench_reports.make(seed=seed + 5000, paces={bench_reports.TINY: 1.2})
    slow, same = compare(before, after).updates
    assert slow.verdict == 'slower'
    assert slow.ratio == pytest.approx(1.2, rel=0.1)
    assert slow.after > slow.before
    assert same.low < 1.05
    back = compare(after, before).updates[0]
    assert back.verdict == 'faster'
    assert back.ratio == pytest.approx(1 / slow.ratio)


def test_noise_is_found_no_more_often_than_is_said(bench_reports: ModuleType) -> None:
    called = []
    for seed in range(300):
        before = bench_reports.make(seed=seed, noise=0.2)
        after = bench_reports.make(seed=seed + 1000, noise=0.2)
        called += [verdict != 'no difference' for verdict in verdicts(before, after)]
    assert sum(called) <= 3 * (1 - CONFIDENCE) * len(called)


def test_a_sure_difference_that_does_not_matter_is_none(bench_reports: ModuleType) -> None:
    before = bench_reports.make(noise=0, within=0.001)
    after = bench_reports.make(noise=0, within=0.001, pace=1.01)
    change = compare(before, after).updates[0]
    assert change.low > 1
    assert change.verdict == 'no difference'


def test_too_few_rounds_give_no_verdict(bench_reports: ModuleType) -> None:
    before = bench_reports.make(rounds=4)
    after = bench_reports.make(rounds=4, pace=3)
    found = compare(before, after)
    assert [change.verdict for change in found.updates] == ['too few rounds'] * 2
    assert found.updates[0].low is None
    assert found.updates[0].ratio == pytest.approx(3, rel=0.1)
    assert len(found.undecided) == 2
    assert not found.slower_by(0)


def test_a_limit_is_heeded(bench_reports: ModuleType) -> None:
    found = compare(bench_reports.make(), bench_reports.make(seed=1, pace=1.2))
    assert found.slower_by(30) == []
    slow = found.slower_by(10)
    assert {change.measure for change in slow} == {'update, ms', MEMORY_UPDATE}


def test_memory_start_and_memory_updates_are_compared_too(bench_reports: ModuleType) -> None:
    found = compare(bench_reports.make(), bench_reports.make(seed=1, memory=1.3, pace=0.7))
    tiny, rfgm = bench_reports.TINY.name, bench_reports.RFGM.name
    assert {(change.row, change.measure): change.verdict for change in found.others} == {
        (tiny, 'start, s'): 'faster',
        (tiny, 'peak memory, MB'): 'more',
        (rfgm, MEMORY_UPDATE): 'faster',
        (rfgm, 'start, s'): 'faster',
        (rfgm, 'peak memory, MB'): 'more',
    }


def test_a_machine_in_another_state_shows(bench_reports: ModuleType) -> None:
    found = compare(bench_reports.make(), bench_reports.make(seed=1, pace=1.4, control=1.4))
    assert found.control.verdict == 'slower'
    assert found.control.ratio == pytest.approx(1.4, rel=0.05)
    alike = compare(bench_reports.make(), bench_reports.make(seed=1, pace=1.4))
    assert alike.control.verdict == 'no difference'


def test_beside_busy_programs_the_processor_time_decides(bench_reports: ModuleType) -> None:
    idle, busy = bench_reports.make(), bench_reports.make(machine={'other_cores': 1.7})
    assert compare(idle, idle).judge == 'wall'
    found = compare(idle, busy)
    assert found.judge == 'cpu'
    assert found.updates[0].measure == 'update, cpu ms'
    assert found.updates[0].before == pytest.approx(15, rel=0.2)
    assert 'during the second other programs kept 1.7 cores busy' in found.notes
    assert compare(idle, busy, judge='wall').updates[0].measure == 'update, ms'


def test_time_of_a_gpu_is_that_of_the_clock(bench_reports: ModuleType) -> None:
    report = bench_reports.make(cases=(Case('hit_tiny', 'torch', 'cuda:0'),))
    assert compare(report, report, judge='cpu').updates[0].measure == 'update, ms'


def test_rows_of_one_report_alone_are_named(bench_reports: ModuleType) -> None:
    tiny, rfgm = bench_reports.TINY, bench_reports.RFGM
    found = compare(
        bench_reports.make(),
        bench_reports.make(cases=(tiny,), missing=(Missing(rfgm, 'not installed'),)),
    )
    assert [change.row for change in found.updates] == [tiny.name]
    assert found.only_before == (f'{rfgm.name} (not installed)',)
    assert compare(bench_reports.make(cases=(tiny,)), bench_reports.make()).only_after == (
        rfgm.name,
    )


def test_reports_without_a_common_row_are_refused(bench_reports: ModuleType) -> None:
    one, other = (
        bench_reports.make(cases=(case,)) for case in (bench_reports.TINY, bench_reports.RFGM)
    )
    with pytest.raises(EvaluationError, match=r'no row in common: hit_tiny onnx.*rfgm_t256'):
        compare(one, other)


@pytest.mark.parametrize(
    ('other', 'said'),
    [
        ({'machine': {'cpu': 'Another CPU'}}, "cpu was 'Some CPU.*' and is 'Another CPU'"),
        ({'machine': {'cores': 8}}, 'cores was 4 and is 8'),
        ({'machine': {'system': 'Darwin'}}, 'system was'),
        ({'size': (640, 480)}, 'frames were 1280x720 and are 640x480'),
    ],
)
def test_another_machine_is_refused_unless_it_is_wanted(
    bench_reports: ModuleType, other: dict, said: str
) -> None:
    before, after = bench_reports.make(), bench_reports.make(**other)
    with pytest.raises(EvaluationError, match=f'{said}.*--force'):
        compare(before, after)
    assert compare(before, after, force=True).notes


def test_what_else_differs_is_said(bench_reports: ModuleType) -> None:
    versions = {'hit_rfgm_ros': '0.1.0', 'numpy': '2.1.0', 'openvino': '2026.4'}
    environment = {'OMP_NUM_THREADS': '1'}
    after = bench_reports.make(machine={'versions': versions, 'environment': environment})
    after['rows'][0]['weights'] = 'abc'
    after['interrupted'] = True
    notes = compare(bench_reports.make(), after).notes
    assert notes == (
        'numpy was 2.0.0 and is 2.1.0',
        'openvino was None and is 2026.4',
        'OMP_NUM_THREADS was None and is 1',
        'the second was interrupted',
        'the weights of hit_tiny are others',
    )


def test_a_report_goes_through_a_file(bench_reports: ModuleType, tmp_path: Path) -> None:
    report = bench_reports.make()
    (tmp_path / 'a.json').write_text(json.dumps(report), encoding='utf-8')
    assert read_report(tmp_path / 'a.json') == report


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('{', 'cannot be read'),
        ('[]', 'no JSON object'),
        ('{"format": "another"}', "no report of hit-rfgm bench: its format is 'another'"),
        ('{"format": "hit-rfgm bench 1", "rows": []}', "damaged: KeyError 'machine'"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / 'a.json').write_text(text, encoding='utf-8')
    with pytest.raises(EvaluationError, match=said):
        read_report(tmp_path / 'a.json')


def test_a_report_that_lost_a_part_is_refused(bench_reports: ModuleType, tmp_path: Path) -> None:
    report = bench_reports.make()
    del report['rows'][1]['rounds'][2]['ms']
    (tmp_path / 'a.json').write_text(json.dumps(report), encoding='utf-8')
    with pytest.raises(EvaluationError, match=r'a\.json is damaged.*measure again'):
        read_report(tmp_path / 'a.json')
