"""``hit-rfgm weights``: what the commands print, and how they fail."""

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from hit_rfgm_ros.cli.weights import weights
from hit_rfgm_ros.config.models import list_models
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import read_weights
import pytest

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runner of the command, with an empty user folder."""
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'user'))

    def invoke(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(weights, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(
            result.exception, (WeightsError, SystemExit)
        ):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def checkpoint(official: dict[str, Array], save: Callable[..., Path]) -> Path:
    return save(official)


def test_import_info_and_verify(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out.safetensors'
    result = run('import', checkpoint, '--model', 'hit_tiny', '--out', out, '--half')
    assert result.exit_code == 0
    assert f'{out}: hit_tiny, float16, 329 tensors' in result.output
    found = read_weights(out, 'hit_tiny')
    info = dict(line.split(maxsplit=1) for line in run('info', out).output.splitlines())
    assert info['model'] == 'hit_tiny'
    assert info['dtype'] == 'float16'
    assert info['tensors'] == '329'
    assert info['parameters'] == '9,628,530'
    assert info['sha256'] == found.sha256
    assert info['source'] == checkpoint.name
    result = run('verify', out, '--sha256', found.sha256)
    assert f'{out}: ok' in result.output


def test_import_without_out_goes_where_trackers_look(
    run: Run, checkpoint: Path, tmp_path: Path
) -> None:
    assert 'hit_tiny' in run('list').output
    assert run('import', checkpoint, '--model', 'hit_tiny').exit_code == 0
    (written,) = (tmp_path / 'user').rglob('hit_tiny.safetensors')
    assert str(written) in run('list').output
    assert f'{written}: ok' in run('verify', '--all').output


def test_list_names_every_model_and_the_import_command(run: Run) -> None:
    output = run('list').output
    for model in list_models():
        assert model in output
    assert 'hit-rfgm weights import HiT_Base.pth.tar --model hit_base' in output
    assert '42.22 M' in output
    assert 'MIT' in output


def test_verify_all_reports_the_damaged_and_fails(
    run: Run, checkpoint: Path, tmp_path: Path
) -> None:
    run('import', checkpoint, '--model', 'hit_tiny')
    (written,) = (tmp_path / 'user').rglob('hit_tiny.safetensors')
    written.write_bytes(written.read_bytes()[:-1])
    result = run('verify', '--all')
    assert isinstance(result.exception, WeightsError)
    assert '1 of ' in str(result.exception)
    assert 'UNUSABLE' in run('list').output


@pytest.mark.parametrize(
    'arguments',
    [
        pytest.param(['import', 'a.pth'], id='no-model'),
        pytest.param(['import', 'a.pth', '--model', 'hit_huge'], id='unknown-model'),
        pytest.param(['import', 'a.pth', '--model', 'hit_tiny', '--levit'], id='levit-no-out'),
        pytest.param(
            ['import', 'a.pth', '--model', 'hit_tiny', '--levit', '--half', '--out', 'b'],
            id='levit-half',
        ),
        pytest.param(['verify'], id='nothing-to-verify'),
        pytest.param(['verify', 'a', '--all'], id='file-and-all'),
        pytest.param(['verify', '--all', '--sha256', '00'], id='hash-of-all'),
        pytest.param(['info'], id='no-file'),
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str], run: Run) -> None:
    assert run(*arguments).exit_code == 2


def test_errors_are_named_errors(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    for arguments in (
        ['import', 'none.pth', '--model', 'hit_tiny'],
        ['import', checkpoint, '--model', 'hit_base', '--out', tmp_path / 'a'],
        ['info', checkpoint],
        ['verify', tmp_path],
    ):
        assert isinstance(run(*arguments).exception, WeightsError), arguments
