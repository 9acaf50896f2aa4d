"""``hit-rfgm eval``: results, scores, wrong use, failures, Ctrl-C, kill, ranks."""

from collections.abc import Callable
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
from hit_rfgm_ros.cli.eval_trackers import specs_of_models
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.cli.tracker_options import TrackerSettings
from hit_rfgm_ros.evaluation.results import Results
from hit_rfgm_ros.metrics.scores import KEYS
import numpy as np
import pytest

NAMES = ('ant', 'bee', 'cat', 'dog', 'eel')
FRAMES = 8


@pytest.fixture
def data(tmp_path: Path, miniatures: ModuleType) -> Path:
    """A folder of tiny sequences; the target is gone in two frames of each."""
    root = tmp_path / 'data'
    miniatures.make_dataset('folder', root, sequences=NAMES, frames=FRAMES, absent=(3, 4))
    return root


@pytest.fixture
def cheap(repository: Path) -> Callable[[str], str]:
    return lambda name: f'{repository / "test" / "tools" / "cheap_trackers.py"}:{name}'


def words(data: Path, out: Path, *more: object) -> list[str]:
    return [
        *('eval', '--dataset', 'folder', '--root', str(data), '--out', str(out)),
        *map(str, more),
    ]


def run(data: Path, out: Path, *more: object) -> Result:
    return CliRunner().invoke(group, words(data, out, *more), standalone_mode=False)


def code(result: Result) -> int:
    """The exit code; a command gives it back where click does not end the program."""
    assert result.exception is None, result.exception
    return int(result.return_value or 0)


def summary(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / 'summary.json').read_text())
    return loaded


def test_a_model_of_ours_is_run_and_scored(data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    options = ('--backend', 'onnxruntime', '--sequences', 'ant,bee', '--threads', 1)
    result = run(data, out, '--model', 'hit_tiny', *options)
    assert code(result) == 0, result.output
    assert (
        'folder: 2 sequences, 16 frames, 12 of them scored; profile visible, boxes as floats'
        in result.output
    )
    content = summary(out)
    assert (content['dataset'], content['profile'], content['form']) == (
        'folder',
        'visible',
        'float',
    )
    assert (content['sequences'], content['frames']) == (2, 16)
    entry = content['trackers']['hit_tiny']
    for key in KEYS:
        assert 0 <= entry[key] <= 100
        parts = [entry['sequences'][name][key] for name in ('ant', 'bee')]
        assert entry[key] == pytest.approx(np.mean(parts))
    assert entry['fps'] > 0
    assert entry['latency_ms']['p50'] > 0
    assert entry['absence']['absent_frames'] == 4
    assert entry['confidence']['frames'] == 14
    assert set(entry['curves']) == {'success', 'precision', 'normalized_precision'}
    for name in ('ant', 'bee'):
        lines = (out / 'hit_tiny' / f'{name}.txt').read_text().splitlines()
        assert len(lines) == FRAMES
        assert len((out / 'hit_tiny' / 'frames' / f'{name}.csv').read_text().splitlines()) == 9
    about = Results(out).run('hit_tiny')['about']
    assert (about['backend'], about['precision']) == ('onnxruntime', 'fp32')
    dataset = Results(out).dataset()
    assert set(dataset['sequences']) == {'ant', 'bee'}
    assert dataset['root'] == str(data)


def test_scores_are_those_of_the_boxes(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    assert code(run(data, out, '--tracker-python', cheap('Still'))) == 0
    theirs = out / 'perfect'
    theirs.mkdir()
    for name in NAMES:
        text = (data / name / 'groundtruth.txt').read_text().replace('nan', '7')
        (theirs / f'{name}.txt').write_text(text.replace(',', '\t'))
        (theirs / f'{name}_time.txt').write_text('0.1\n' * FRAMES)
    result = run(data, out, '--score-only')
    assert code(result) == 0, result.output
    trackers = summary(out)['trackers']
    assert trackers['perfect']['auc'] == pytest.approx(2000 / 21)
    assert trackers['perfect']['ao'] == 100
    assert trackers['perfect']['fps'] is None
    assert trackers['perfect']['absence'] is None
    assert trackers['Still']['auc'] < trackers['perfect']['auc']
    row = next(line for line in result.output.splitlines() if line.startswith('perfect'))
    assert row.split()[1:4] == ['95.24', '100.00', '100.00']


def test_several_profiles_are_kept_apart(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    profiles = ('--profile', 'got10k', '--profile', 'visible')
    result = run(data, tmp_path / 'out', '--tracker-python', cheap('Still'), *profiles)
    assert code(result) == 0, result.output
    content = summary(tmp_path / 'out')
    assert content['profile'] == 'got10k'
    assert content['trackers']['Still']['auc'] is None
    assert content['trackers']['Still']['ao'] > 0
    assert content['profiles']['visible']['Still']['auc'] > 0
    assert 'profile got10k' in result.output
    assert 'profile visible' in result.output
    row = next(line for line in result.output.splitlines() if line.startswith('Still'))
    assert row.split()[1] == '-'


def test_truncated_boxes_are_called_so(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    result = run(data, tmp_path / 'out', '--tracker-python', cheap('Still'), '--truncate')
    assert code(result) == 0
    assert 'boxes cut to integers' in result.output
    assert summary(tmp_path / 'out')['form'] == 'truncated'


def test_a_profile_that_cannot_score_is_found_before_anything_is_run(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    arguments = ('--tracker-python', cheap('Still'), '--profile', 'pytracking')
    result = run(data, tmp_path / 'out', *arguments)
    assert 'ant: frame 3 has no ground truth (NaN)' in str(result.exception)
    assert not (tmp_path / 'out').exists()


def test_failures_are_named_and_give_no_average(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    (data / 'cat' / '000005.jpg').write_bytes(b'no picture')
    out = tmp_path / 'out'
    arguments = ('--tracker-python', cheap('Still'), '--tracker-python', cheap('Mistaken'))
    result = run(data, out, *arguments)
    assert code(result) == 1
    assert 'Still failed on cat: ' in result.output
    assert '000005.jpg: not a readable picture' in result.output
    assert 'Mistaken failed on 5 sequences: ZeroDivisionError: division by zero' in result.output
    log = (out / 'Mistaken' / 'errors' / 'ant.log').read_text()
    assert 'cheap_trackers.py' in log, 'where the mistake is'
    assert 'Still is not scored: 1 of 5 sequences have no result (cat)' in result.output
    assert summary(out)['trackers'] == {}
    assert set(summary(out)['refused']) == {'Still'}
    assert Results(out).sequences('Still') == ('ant', 'bee', 'dog', 'eel')

    result = run(data, out, arguments[0], arguments[1], '--allow-incomplete')
    assert code(result) == 1  # it still failed
    assert summary(out)['trackers']['Still']['auc'] > 0
    assert 'cat: ' in ' '.join(summary(out)['trackers']['Still']['notes'])

    result = run(data, out, arguments[0], arguments[1], '--skip-broken')
    assert code(result) == 0
    assert 'left out' in result.output
    assert '4 sequences (1 broken left out), 32 frames' in result.output
    assert summary(out)['skipped'] == ['cat']


def test_surplus_results_are_named(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    assert code(run(data, out, '--tracker-python', cheap('Still'))) == 0
    (out / 'Still' / 'fox.txt').write_text('1,2,3,4\n')
    result = run(data, out, '--score-only')
    assert code(result) == 1
    assert '1 of 6 results belong to no sequence of the data set (fox)' in result.output
    assert code(run(data, out, '--score-only', '--sequences', 'ant')) == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'nothing to run'),
        (['--model', 'hit_tiny', '--fps', '10'], 'give --real-time too'),
        (['--model', 'hit_tiny', '--real-time', 'vot', '--jobs', '2'], 'the machine to itself'),
        (['--model', 'hit_tiny', '--model', 'hit_base', '--weights', 'f'], '--weights belongs to'),
        (['--model', 'hit_tiny', '--model', 'hit_base', '--name', 'x'], '--name is for a single'),
        (['--model', 'hit_tiny', '--submission', 'a.tar'], 'must end in .zip'),
        (['--model', 'hit_tiny', '--name', 'a/b'], "'a/b' cannot be the name of a folder"),
        (['--model', 'hit_tiny', '--search-factor', '0.5'], 'search_factor must be at least 1'),
        (['--score-only', '--submission', 'a.zip'], '--submission is for a single tracker'),
        (['--tracker-python', 'nowhere.py:Still'], 'is no Python file'),
        (['--rival', 'csrt', '--rival', 'kcf', '--rival-model', __file__], 'one --rival with it'),
        (['--model', 'hit_tiny', '--jobs', '0'], '--jobs'),
        (['--model', 'hit_tiny', '--profile', 'mine'], '--profile'),
        (['--model', 'hit_tiny', '--profile', 'pytracking'], 'ant: frame 3 has no ground truth'),
        (['--model', 'hit_tiny', '--submission', 'a.zip'], 'no server'),
        (['--model', 'hit_tiny', '--sequences', 'beee'], "'beee'; did you mean bee?"),
        (['--model', 'hit_tiny', '--sequences', ','], 'there is no name in it'),
        (['--model', 'hit_tiny', '--real-time', 'vot', '--fps', 'nan'], 'a finite number'),
        (['--rival', 'fear_xs'], 'give the folder that they lie in with --peers'),
    ],
)
def test_wrong_use_is_named(
    data: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    process = command(words(data, tmp_path / 'out', *arguments))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert message in err
    assert err.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_results_do_not_go_where_they_cannot_or_should_not(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    same = ('--tracker-python', cheap('Still'))
    assert '--out is the folder of the data set' in str(run(data, data, *same).exception)
    (tmp_path / 'file').touch()
    out = tmp_path / 'file' / 'out'
    assert f'{out} cannot be written: Not a directory' in str(run(data, out, *same).exception)


def test_results_of_another_data_set_are_not_mixed(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    assert code(run(data, out, '--tracker-python', cheap('Still'), '--sequences', 'ant')) == 0
    (data / 'ant' / '000008.jpg').unlink()
    truth = (data / 'ant' / 'groundtruth.txt').read_text().splitlines()
    (data / 'ant' / 'groundtruth.txt').write_text('\n'.join(truth[:-1]) + '\n')
    result = run(data, out, '--tracker-python', cheap('Still'), '--sequences', 'ant')
    assert 'ant had 8 frames when it was run and has 7 now' in str(result.exception)


def test_names_tell_back_ends_apart() -> None:
    def names(backends: tuple[str, ...], precisions: tuple[str, ...]) -> list[str]:
        settings = [
            TrackerSettings('hit_tiny', None, backend, 'auto', precision, False, 0, {})
            for backend in backends
            for precision in precisions
        ]
        return [spec.name for spec in specs_of_models(settings)]

    assert names(('openvino',), ('int8',)) == ['hit_tiny']
    assert names(('auto', 'openvino'), ('fp32', 'int8')) == [
        'hit_tiny-fp32',
        'hit_tiny-int8',
        'hit_tiny-openvino-fp32',
        'hit_tiny-openvino-int8',
    ]


def test_another_tracker_of_that_name_is_refused(data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    same = ('--model', 'hit_tiny', '--backend', 'onnxruntime', '--sequences', 'ant')
    assert code(run(data, out, *same, '--weights', 'random')) == 0
    before = (out / 'hit_tiny' / 'ant.txt').read_bytes()
    for change in (('--paper-mode', '--weights', 'random'), ()):
        result = run(data, out, *same, *change)  # although all is done
        assert 'holds results of another tracker of that name: ' in str(result.exception)
    assert "weights_sha256 was '' and is" in str(result.exception)
    assert (out / 'hit_tiny' / 'ant.txt').read_bytes() == before
    assert code(run(data, out, *same, '--name', 'shipped')) == 0
    assert set(summary(out)['trackers']) == {'hit_tiny', 'shipped'}


def test_a_changed_file_is_another_tracker_although_all_is_done(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    file, out = tmp_path / 'mine.py', tmp_path / 'out'
    file.write_bytes(Path(cheap('').rstrip(':')).read_bytes())
    same = ('--tracker-python', f'{file}:Still', '--sequences', 'ant')
    assert code(run(data, out, *same)) == 0
    with file.open('a') as end:
        end.write('# changed\n')
    message = str(run(data, out, *same).exception)
    assert 'holds results of another tracker of that name: sha256 was ' in message


def test_results_of_others_are_not_taken_for_ones_own(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    theirs = tmp_path / 'out' / 'Still'
    theirs.mkdir(parents=True)
    (theirs / 'ant.txt').write_text('1,2,3,4\n' * FRAMES)
    result = run(data, theirs.parent, '--tracker-python', cheap('Still'))
    assert f'{theirs} holds results without a run.json' in str(result.exception)
    assert (theirs / 'ant.txt').read_text() == '1,2,3,4\n' * FRAMES


def test_real_time_runs_are_trackers_of_their_own(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    rules = ('--real-time', 'strict', '--real-time', 'vot', '--fps', 40)
    result = run(data, out, '--tracker-python', cheap('Slow'), *rules, '--sequences', 'ant')
    assert code(result) == 0, result.output
    assert Results(out).trackers() == ('Slow', 'Slow@strict-40', 'Slow@vot-40')
    entries = summary(out)['trackers']
    assert set(entries['Slow']['realtime']) == {'strict-40', 'vot-40'}
    assert entries['Slow']['realtime']['strict-40']['auc'] == entries['Slow@strict-40']['auc']
    frames = Results(out).frames('Slow@strict-40', 'ant')
    assert frames is not None
    seen = np.flatnonzero(np.isfinite(frames.latency_ms))
    assert (np.diff(seen) >= 2).all(), 'at 50 ms a frame every second of 25 ms is missed'
    about = Results(out).run('Slow@strict-40')['about']['real_time']
    assert (about['rule'], about['fps']) == ('strict', 40)


def command(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **environment},
    )


def wait_for(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, 'nothing happened'
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_ctrl_c_ends_it_and_the_same_command_goes_on(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    arguments = words(data, out, '--tracker-python', cheap('Slow'))
    process = command(arguments)
    wait_for(lambda: len(Results(out).sequences('Slow')) >= 2, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    done = len(Results(out).sequences('Slow'))
    assert 2 <= done < 5
    assert f'{5 - done} of 5 sequences are left, the same command goes on' in err
    assert 'Traceback' not in err
    assert not (out / 'summary.json').exists()
    result = run(data, out, '--tracker-python', cheap('Slow'))
    assert code(result) == 0
    assert f'{done} of 5 sequences are done' in result.output
    assert summary(out)['sequences'] == 5


def test_a_second_ctrl_c_waits_for_nobody(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    log = tmp_path / 'log'
    arguments = words(data, tmp_path / 'out', '--tracker-python', cheap('Stuck'))
    process = command(arguments, CHEAP_LOG=str(log))
    wait_for(log.exists, process)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)  # the frame under way is waited for
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert 'Traceback' not in err


def test_a_kill_loses_only_what_was_under_way(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out, log = tmp_path / 'out', tmp_path / 'log'
    arguments = words(data, out, '--tracker-python', cheap('Logging'), '--jobs', 2)
    environment = {'CHEAP_LOG': str(log), 'CHEAP_SECONDS': '0.1'}
    process = command(arguments, **environment)
    wait_for(lambda: len(Results(out).sequences('Logging')) >= 2, process)
    process.kill()
    process.communicate(timeout=60)
    pids = {int(line.split()[1]) for line in log.read_text().splitlines()}
    deadline = time.monotonic() + 20
    while any(Path(f'/proc/{pid}').exists() for pid in pids):
        assert time.monotonic() < deadline, 'workers outlive the command'
        time.sleep(0.05)
    before = {path.name: path.stat().st_mtime_ns for path in (out / 'Logging').glob('*.txt')}
    assert 2 <= len(before) < 5
    again = command(arguments, **{**environment, 'CHEAP_SECONDS': '0'})
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    after = {path.name: path.stat().st_mtime_ns for path in (out / 'Logging').glob('*.txt')}
    assert len(after) == 5
    assert before.items() <= after.items(), 'what was done was done again'
    assert summary(out)['trackers']['Logging']['auc'] > 0


def test_ranks_share_the_work_and_the_last_one_scores(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    out = tmp_path / 'out'
    arguments = words(data, out, '--tracker-python', cheap('Slow'))
    ranks = [command(arguments, RANK=str(rank), WORLD_SIZE='2') for rank in range(2)]
    outputs = [rank.communicate(timeout=60) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], outputs
    assert summary(out)['sequences'] == 5
    assert Results(out).sequences('Slow') == NAMES
    scored = ['profile visible' in text for text, _ in outputs]
    assert any(scored)
    for (text, _), has_scored in zip(outputs, scored):
        assert has_scored or 'sequences of other ranks are not yet' in text


def test_nothing_to_score_is_said(data: Path, tmp_path: Path) -> None:
    result = run(data, tmp_path / 'out', '--score-only')
    assert code(result) == 1
    assert 'there is nothing to score in' in result.output


def test_torch_is_not_needed(data: Path, tmp_path: Path) -> None:
    program = (
        'import sys\n'
        "sys.modules['torch'] = None\n"
        'from hit_rfgm_ros.cli.main import main\n'
        "if __name__ == '__main__':\n"
        '    main(sys.argv[1:])\n'
    )
    (tmp_path / 'without_torch.py').write_text(program)
    more = ('--model', 'hit_tiny', '--backend', 'onnxruntime', '--sequences', 'ant')
    done = subprocess.run(
        [sys.executable, tmp_path / 'without_torch.py', *words(data, tmp_path / 'out', *more)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert summary(tmp_path / 'out')['trackers']['hit_tiny']['auc'] > 0


def test_a_truncated_picture_is_no_crash(
    data: Path, tmp_path: Path, cheap: Callable[[str], str]
) -> None:
    path = data / 'ant' / '000002.jpg'
    path.write_bytes(path.read_bytes()[:40])
    assert cv2.imread(str(path)) is None
    result = run(data, tmp_path / 'out', '--tracker-python', cheap('Still'))
    assert code(result) == 1
    assert '000002.jpg' in result.output
