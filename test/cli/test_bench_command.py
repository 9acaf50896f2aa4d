"""``hit-rfgm bench``: a real run, comparisons, wrong use, Ctrl-C."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import ModuleType
from typing import Any

from click.testing import CliRunner, Result
import cv2
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.evaluation.bench.cases import Missing
from hit_rfgm_ros.evaluation.bench.report import read_report
import pytest

QUICK = (
    *('bench', '--model', 'hit_tiny', '--weights', 'random', '--backend', 'onnxruntime'),
    *('--threads', '1', '--size', '160x120'),
)


def run(*words: object) -> Result:
    return CliRunner().invoke(group, list(map(str, words)), standalone_mode=False)


def code(result: Result) -> int:
    assert result.exception is None, result.exception
    return int(result.return_value or 0)


def write(path: Path, report: dict[str, Any]) -> Path:
    path.write_text(json.dumps(report), encoding='utf-8')
    return path


def test_a_run_prints_a_table_and_writes_report_and_picture(tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    out, plot = tmp_path / 'a.json', tmp_path / 'a.png'
    words = ('--rounds', 2, '--frames', 3, '--precision', 'fp32', '--precision', 'bf16')
    result = run(*QUICK, *words, '--out', out, '--plot', plot)
    assert code(result) == 0
    lines = result.output.splitlines()
    (row,) = (line for line in lines if line.startswith('hit_tiny onnxruntime fp32'))
    assert len(row.split()) == 5 + 13  # words of the name, numbers
    assert any('random weights' in line for line in lines)
    assert any('bf16, threads' in line or 'bf16: onnxruntime' in line for line in lines)
    assert [one['name'] for one in read_report(out)['rows']] == [
        'hit_tiny onnxruntime fp32, threads 1'
    ]
    assert cv2.imread(str(plot)) is not None


def test_nothing_that_runs_is_a_failure() -> None:
    result = run(*QUICK, '--precision', 'bf16', '--rounds', 1)
    assert code(result) == 1
    assert 'not measured:' in result.output


def test_a_comparison_says_what_changed(bench_reports: ModuleType, tmp_path: Path) -> None:
    before = write(tmp_path / 'a.json', bench_reports.make())
    slower = bench_reports.make(
        seed=1, cases=(bench_reports.TINY,), pace=1.3, missing=(Missing(bench_reports.RFGM, 'no'),)
    )
    after = write(tmp_path / 'b.json', slower)
    result = run('bench', '--compare', before, after)
    assert code(result) == 0
    assert 'slower' in result.output
    assert f'only in {before}: {bench_reports.RFGM.name} (no)' in result.output
    assert 'also changed:' in result.output
    assert 'start, s' in result.output
    same = run('bench', '--compare', before, before)
    assert 'slower' not in same.output
    assert same.output.count('no difference') == 2


def test_a_machine_in_another_state_is_told_of(bench_reports: ModuleType, tmp_path: Path) -> None:
    before = write(tmp_path / 'a.json', bench_reports.make())
    after = write(tmp_path / 'b.json', bench_reports.make(seed=1, pace=1.4, control=1.4))
    assert 'the machine was in another state' in run('bench', '--compare', before, after).output


@pytest.mark.parametrize(
    ('pace', 'rounds', 'limit', 'expected'),
    [(1.3, 7, 10, 1), (1.3, 7, 50, 0), (1.0, 7, 0, 0), (0.7, 7, 0, 0), (1.0, 3, 10, 1)],
)
def test_a_limit_decides_about_the_exit_code(
    pace: float,
    rounds: int,
    limit: float,
    expected: int,
    bench_reports: ModuleType,
    tmp_path: Path,
) -> None:
    before = write(tmp_path / 'a.json', bench_reports.make(rounds=rounds))
    after = write(tmp_path / 'b.json', bench_reports.make(seed=1, pace=pace, rounds=rounds))
    result = run('bench', '--compare', before, after, '--fail-if-slower', limit)
    assert code(result) == expected
    assert ('is slower by' in result.stderr) == (expected == 1 and rounds == 7)
    assert ('too few rounds to say' in result.stderr) == (rounds == 3)


def test_another_machine_needs_force(bench_reports: ModuleType, tmp_path: Path) -> None:
    before = write(tmp_path / 'a.json', bench_reports.make())
    after = write(tmp_path / 'b.json', bench_reports.make(machine={'cores': 64}))
    refused = run('bench', '--compare', before, after)
    assert 'cores was 4 and is 64' in str(refused.exception)
    assert str(before) in str(refused.exception)
    allowed = run('bench', '--compare', before, after, '--force')
    assert code(allowed) == 0
    assert 'note: cores was 4 and is 64' in allowed.output


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--size', '1280'], 'is no size'),
        (['--size', '20x20'], 'at least 64x64'),
        (['--rounds', '0'], 'rounds'),
        (['--device', 'gpu'], 'none of auto, cpu'),
        (['--backend', 'auto'], 'backend'),
        (['--weights', 'random'], 'single --model'),
        (['--model', 'hit_tiny', '--memory-size', '128'], 'belong to an RFGM'),
        (['--force'], 'belong to --compare'),
        (['--fail-if-slower', '5'], 'belong to --compare'),
        (['--out', 'nowhere/a.json'], 'folder is not there'),
        (['--plot', 'a.svg'], 'a PNG'),
        (['--compare', 'x.json', 'y.json'], 'does not exist'),
    ],
)
def test_wrong_use_is_refused_before_anything_runs(words: list[str], said: str) -> None:
    pytest.importorskip('matplotlib')
    result = run('bench', *words)
    assert type(result.exception).__mro__[1].__name__ in ('UsageError', 'ClickException')
    assert said in result.exception.format_message()


def test_a_comparison_takes_no_options_of_a_run(bench_reports: ModuleType, tmp_path: Path) -> None:
    path = write(tmp_path / 'a.json', bench_reports.make())
    result = run('bench', '--compare', path, path, '--rounds', 3)
    assert 'leave out --rounds' in result.exception.format_message()


def test_ctrl_c_writes_what_was_measured(tmp_path: Path) -> None:
    folder, out = tmp_path / 'tmp', tmp_path / 'a.json'
    folder.mkdir()
    words = [*QUICK, '--precision', 'fp32', '--rounds', '100', '--out', str(out)]
    process = subprocess.Popen(
        [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *words],
        env={**os.environ, 'TMPDIR': str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not any(folder.glob('*/answer.json')) and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'stopped by Ctrl-C' in errors
    assert 'Traceback' not in errors
    assert read_report(out)['interrupted']
    assert not any(folder.glob('hit_rfgm_bench_*'))
