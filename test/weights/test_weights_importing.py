"""An official checkpoint becomes weights of this package, or is refused with the reason."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import float32_tensors, read_weights, write_weights
from hit_rfgm_ros.weights.importing import import_checkpoint
from hit_rfgm_ros.weights.spec import is_computed
import numpy as np
import pytest

BIASES = 'backbone.body.blocks.0.m.attention_biases'
TABLE = 'backbone.body.blocks.0.m.attention_bias_idxs'
WEIGHT = 'box_head.conv1_tl.0.weight'


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
@pytest.mark.parametrize('tables', [True, False], ids=['with-tables', 'without-tables'])
def test_official_checkpoint_is_imported_bit_for_bit(
    tables: bool,
    legacy: bool,
    official: dict[str, Array],
    tiny_state: dict[str, Array],
    save: Callable[..., Path],
    foreign: dict[str, Any],
    tmp_path: Path,
) -> None:
    state = official if tables else tiny_state
    path = save(state, legacy=legacy, settings=foreign['Settings'], epoch=1500)
    imported = import_checkpoint(path, 'hit_tiny')
    write_weights(tmp_path / 'out.safetensors', 'hit_tiny', imported.tensors, imported.metadata)
    found = read_weights(tmp_path / 'out.safetensors', 'hit_tiny')
    assert set(found.tensors) == {key for key in tiny_state if not is_computed(key)}
    for key, array in found.tensors.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, tiny_state[key], err_msg=key)
    assert found.metadata['source'] == path.name
    assert len(found.metadata['source_sha256']) == 64


def test_half_rounds_to_float16(tiny_state: dict[str, Array], save: Callable[..., Path]) -> None:
    path = save(tiny_state)
    full, half = (import_checkpoint(path, 'hit_tiny', half=half) for half in (False, True))
    assert (full.dtypes, half.dtypes) == ('float32', 'float16')
    for key, array in float32_tensors(half).items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, full.tensors[key], rtol=2**-11, atol=2**-24)


def test_type_of_the_source_is_kept(
    tiny_state: dict[str, Array], save: Callable[..., Path]
) -> None:
    state = {
        key: array if is_computed(key) else array.astype(np.float16)
        for key, array in tiny_state.items()
    }
    assert import_checkpoint(save(state), 'hit_tiny').dtypes == 'float16'


def test_number_too_large_for_half_is_named(
    tiny_state: dict[str, Array], save: Callable[..., Path]
) -> None:
    large = np.full_like(tiny_state[WEIGHT], 70_000)
    path = save(tiny_state | {WEIGHT: large})
    import_checkpoint(path, 'hit_tiny')
    with pytest.raises(WeightsError, match=rf'{WEIGHT} holds 70000.*without --half'):
        import_checkpoint(path, 'hit_tiny', half=True)


def test_missing_surplus_and_misshapen_keys_are_listed(
    official: dict[str, Array], save: Callable[..., Path]
) -> None:
    state = {key: array for key, array in official.items() if not key.startswith('box_head.conv5')}
    state |= {'classifier.weight': np.ones(3, np.float32), BIASES: np.ones((4, 7), np.float32)}
    with pytest.raises(WeightsError) as caught:
        import_checkpoint(save(state), 'hit_tiny')
    message = str(caught.value)
    assert '4 missing keys (box_head.conv5_tl.weight, box_head.conv5_tl.bias' in message
    assert '1 surplus key (classifier.weight)' in message
    assert f'1 misshapen key ({BIASES} (4, 7) instead of (4, 560))' in message


def test_checkpoint_of_another_model_is_named(
    official: dict[str, Array], save: Callable[..., Path]
) -> None:
    with pytest.raises(WeightsError, match='is a checkpoint of hit_tiny: use --model hit_tiny'):
        import_checkpoint(save(official), 'hit_small')


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        pytest.param(lambda t: t[::-1], 'names bias 319, ours 0', id='other-numbering'),
        pytest.param(lambda t: t[:64, :64], r'shape is \(64, 64\)', id='other-shape'),
    ],
)
def test_index_table_of_another_layout_is_refused(
    change: Callable[[Array], Array],
    reason: str,
    official: dict[str, Array],
    save: Callable[..., Path],
) -> None:
    path = save(official | {TABLE: change(official[TABLE])})
    with pytest.raises(WeightsError, match=reason) as caught:
        import_checkpoint(path, 'hit_tiny')
    assert TABLE in str(caught.value)


def test_surplus_index_table_is_refused(
    official: dict[str, Array], save: Callable[..., Path]
) -> None:
    path = save(official | {'x.attention_bias_idxs': official[TABLE]})
    with pytest.raises(WeightsError, match=r'surplus index table x\.'):
        import_checkpoint(path, 'hit_tiny')


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(
    value: float, tiny_state: dict[str, Array], save: Callable[..., Path]
) -> None:
    broken = tiny_state[WEIGHT].copy()
    broken.flat[5] = value
    with pytest.raises(WeightsError, match=f'NaN or infinite numbers .first: {WEIGHT}'):
        import_checkpoint(save(tiny_state | {WEIGHT: broken}), 'hit_tiny')


def test_whole_numbers_are_refused(
    tiny_state: dict[str, Array], save: Callable[..., Path]
) -> None:
    path = save(tiny_state | {WEIGHT: tiny_state[WEIGHT].astype(np.int64)})
    with pytest.raises(WeightsError, match='int64, expected floating point'):
        import_checkpoint(path, 'hit_tiny')


def test_ablation_is_imported_with_its_options(
    fill: ModuleType, save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save(fill.fill(fill.load_shapes('hit_tiny+bridge=max'), 1))
    with pytest.raises(WeightsError, match='12 missing keys'):
        import_checkpoint(path, 'hit_tiny')
    options = {'bridge_stages': ['max']}
    imported = import_checkpoint(path, 'hit_tiny', options=options)
    write_weights(tmp_path / 'a.safetensors', 'hit_tiny', imported.tensors, imported.metadata)
    assert read_weights(tmp_path / 'a.safetensors').config.bridge_stages == ('max',)


def test_unknown_model_is_a_configuration_error(save: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="did you mean 'hit_tiny'"):
        import_checkpoint(save({'a': np.ones(1)}), 'hit_tny')
