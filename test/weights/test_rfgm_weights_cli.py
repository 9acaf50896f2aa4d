"""``hit-rfgm weights`` on files of RFGM."""

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from hit_rfgm_ros.cli.weights import weights
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import read_weights
from hit_rfgm_ros.weights.rfgm_spec import vit_spec
from hit_rfgm_ros.weights.spec import state_spec
import numpy as np
import pytest

CONFIG = get_model_config('rfgm_t256')
assert isinstance(CONFIG, RFGMConfig)


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(weights, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(
        result.exception, (WeightsError, SystemExit)
    ):
        raise result.exception
    return result


@pytest.fixture(scope='module')
def state() -> dict[str, Array]:
    generator = np.random.default_rng(1)
    return {
        key: generator.standard_normal(shape, dtype=np.float32)
        for key, shape in state_spec(CONFIG).items()
    }


def test_import_of_an_ostrack_file_names_the_rankers_and_what_is_served(
    state: dict[str, Array], save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save({key: value for key, value in state.items() if not key.startswith('rankers')})
    out = tmp_path / 'out.safetensors'
    result = run('import', path, '--model', 'rfgm_t256', '--out', out, '--half')
    assert result.exit_code == 0
    serves = 'relevance_stages 0 and the memory kinds none, fifo, score'
    assert f'it serves {serves}' in result.output
    assert 'missing in ' in result.output
    for layer in (4, 7, 10):
        assert f'rankers.{layer}.fc3.bias' in result.output
    info = dict(line.split(maxsplit=1) for line in run('info', out).output.splitlines())
    assert info['serves'] == serves
    assert info['dtype'] == 'float16'
    assert info['options'] == '{"relevance_stages": 0}'
    assert f'it serves {serves}' in run('verify', out).output


def test_import_of_a_whole_file_misses_nothing(
    state: dict[str, Array], save: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / 'out.safetensors'
    result = run('import', save(state), '--model', 'rfgm_t256', '--out', out)
    assert 'serves relevance_stages 0 to 3 and the memory kinds none, fifo, score, gr' in (
        result.output
    )
    assert 'missing' not in result.output
    assert read_weights(out).config == CONFIG


def test_import_of_a_vit_keeps_the_encoder(save: Callable[..., Path], tmp_path: Path) -> None:
    source = {key: np.zeros(shape, 'f4') for key, shape in vit_spec(CONFIG).items()}
    source['pos_embed'] = np.zeros((1, 197, 192), 'f4')
    out = tmp_path / 'encoder.safetensors'
    result = run('import', save(source), '--model', 'rfgm_t256', '--encoder', '--out', out)
    assert f'{out}: the backbone of rfgm_t256 (150 tensors), to train from' in result.output
    assert run('import', 'a', '--model', 'rfgm_t256', '--encoder').exit_code == 2
