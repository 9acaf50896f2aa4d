"""The command line as a whole: help, errors in one line, exit codes."""

from pathlib import Path
import subprocess
import sys

from click.testing import CliRunner
from hit_rfgm_ros import __version__
from hit_rfgm_ros.cli import main as main_module
from hit_rfgm_ros.cli.main import group, main
import pytest

TRACK = ['track', 'a.mp4', '--init', '1,2,30,40']
BAG = ['bag', 'a.mcap', '--init', '1,2,30,40', '--out', 'new']


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).resolve().parents[2],
    )


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run it in this process: exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as info:
        main(arguments)
    out, err = capsys.readouterr()
    assert isinstance(info.value.code, int)
    return info.value.code, out, err


def test_help_imports_no_command() -> None:
    code = (
        'import sys\n'
        'from hit_rfgm_ros.cli.main import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: pass\n'
        'print([m for m in ("numpy", "cv2", "torch", "onnxruntime") if m in sys.modules])'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.splitlines()[-1] == '[]'
    assert 'track' in result.stdout
    assert 'demo' in result.stdout


def test_every_command_says_what_it_does() -> None:
    listing = CliRunner().invoke(group, ['--help']).output
    for name in group.list_commands(None):  # type: ignore[arg-type]  # no context is needed
        assert f'  {name} ' in listing
        shown = CliRunner().invoke(group, [name, '--help'])
        assert shown.exit_code == 0, shown.output
        assert 'Usage:' in shown.output


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, '--version') == (0, f'hit-rfgm, version {__version__}\n', '')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        pytest.param([], 'Missing command', id='no-command'),
        pytest.param(['trak'], "No such command 'trak'", id='unknown-command'),
        pytest.param(['track'], "Missing argument 'INPUT'", id='no-input'),
        pytest.param(['track', 'a.mp4'], "give the target's box", id='no-box'),
        pytest.param(['track', 'a.mp4', '--init', '1,2,3'], 'got 3', id='three-numbers'),
        pytest.param(['track', 'a.mp4', '--init', '1,2,x,4'], 'not four numbers', id='words'),
        pytest.param(['track', 'a.mp4', '--init', '1,2,0,4'], 'above 0 pixels', id='empty-box'),
        pytest.param(['demo', '--scene', 'x'], "'x' is not one of", id='unknown-scene'),
        pytest.param([*TRACK, '--model', 'hit_tine'], "'hit_tine' is not one of", id='model'),
        pytest.param([*TRACK, '--device', 'gpu'], "'gpu' is none of auto, cpu", id='device'),
        pytest.param([*TRACK, '--memory-size', '10'], 'memory_size must be in [64', id='range'),
        pytest.param([*TRACK, '--lost-after', 'nan'], 'lost_after must be at least 0', id='nan'),
        pytest.param([*TRACK, '--fps', 'inf'], 'fps must be above 0 and finite', id='rate'),
        pytest.param(['demo', '--search-factor', '0'], 'search_factor must be', id='demo'),
        pytest.param([*BAG, '--search-factor', '0'], 'search_factor must be', id='bag'),
        pytest.param(
            [*BAG, *['--init', '1,2,30,40'] * 64], 'max_targets must be in 1 to 64', id='targets'
        ),
        pytest.param(
            ['selftest', '--model', 'hit_tiny', '--relevance-stages', '1'],
            'has no meaning for hit_tiny',
            id='stages',
        ),
        pytest.param(
            ['train', '--config', 'config/train/hit_tiny.yaml', '--steps', '0'],
            '0 is not in the range',
            id='train',
        ),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ''
    assert words in err
    assert err.endswith('--help\n')
    assert err.count('\n') == 1


def test_an_error_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, 'track', 'nothing.mp4', '--init', '1,2,30,40')
    assert (code, out) == (1, '')
    assert err.startswith('hit-rfgm: nothing.mp4 does not exist; expected')
    assert err.count('\n') == 1


@pytest.mark.parametrize('place', ['before', 'after'])
def test_debug_shows_the_traceback(place: str) -> None:
    words = ['track', 'nothing.mp4', '--init', '1,2,30,40']
    result = run(*(['--debug', *words] if place == 'before' else [*words, '--debug']))
    assert result.returncode == 1
    assert 'Traceback' in result.stderr
    assert 'FrameError' in result.stderr


def test_an_error_nobody_expected_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    code = (
        'from hit_rfgm_ros.cli import main\n'
        'def broken(*a, **k): raise RuntimeError("so\\nso")\n'
        'main.group.main = broken\n'
        'main.main(["track"])\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1
    assert 'internal error, RuntimeError: so so; run it again with --debug' in result.stderr


def test_each_command_is_found_under_its_name() -> None:
    names = group.list_commands(None)  # type: ignore[arg-type]  # no context is needed
    assert {'track', 'demo', 'weights'} <= set(names) <= set(main_module.COMMANDS)
