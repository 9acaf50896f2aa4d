"""The keys and shapes that are computed from a configuration are the official ones."""

from dataclasses import replace
from hashlib import sha256
import json
from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.config.hit import HIT_MODELS, HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.weights.hit_spec import index_tables
from hit_rfgm_ros.weights.spec import (
    check_state,
    computed_keys,
    is_computed,
    parameter_count,
    state_spec,
)
import pytest

ABLATIONS = {
    'hit_tiny+bridge=max': {'bridge_stages': ('max',)},
    'hit_tiny+bridge=mid': {'bridge_stages': ('mid',)},
    'hit_tiny+bridge=min': {'bridge_stages': ('min',)},
    'hit_tiny+bridge=max,mid': {'bridge_stages': ('max', 'mid')},
    'hit_tiny+bridge=max,min': {'bridge_stages': ('max', 'min')},
    'hit_tiny+bridge=mid,min': {'bridge_stages': ('mid', 'min')},
    'hit_tiny+position=horizontal': {'position_encoding': 'horizontal'},
    'hit_tiny+position=vertical': {'position_encoding': 'vertical'},
    'hit_tiny+position=absolute': {'position_encoding': 'absolute'},
}
TINY = get_model_config('hit_tiny')


def assert_official(config: HiTConfig, official: dict[str, tuple[int, ...]]) -> None:
    stored, computed = state_spec(config), computed_keys(config)
    assert not set(stored) & set(computed)
    assert stored | computed == official
    assert all(is_computed(key) for key in computed)


@pytest.mark.parametrize('model', HIT_MODELS)
def test_spec_of_a_model_is_the_official_one(model: str, fill: ModuleType) -> None:
    assert_official(get_model_config(model), fill.load_shapes(model))


@pytest.mark.parametrize('name', ABLATIONS)
def test_spec_of_an_ablation_is_the_official_one(name: str, fill: ModuleType) -> None:
    config, official = replace(TINY, **ABLATIONS[name]), fill.load_shapes(name)
    assert state_spec(config) | computed_keys(config) == official


def test_every_ablation_of_the_fixture_is_covered(golden: Path) -> None:
    table = json.loads((golden / 'hit_keys.json').read_text(encoding='utf-8'))
    assert set(table['ablations']) == set(ABLATIONS)


@pytest.mark.parametrize(
    ('model', 'count'),
    [
        ('hit_base', 42_220_250),
        ('hit_small', 11_069_794),
        ('hit_tiny', 9_628_530),
        ('hit_pvt', 27_044_418),
    ],
)
def test_parameters_are_as_many_as_in_the_official_network(model: str, count: int) -> None:
    assert parameter_count(get_model_config(model)) == count


@pytest.mark.parametrize('layout', ['diagonal', 'horizontal', 'vertical', 'separate'])
def test_index_tables_are_the_official_ones(layout: str, golden: Path) -> None:
    expected = json.loads((golden / 'hit_index.json').read_text(encoding='utf-8'))
    hashes = [table['sha256'] for table in expected['layouts'][layout]['tables']]
    ours = index_tables(replace(TINY, position_encoding=layout))
    assert len(ours) == 11  # 2 + 3 + 4 attention blocks and 2 shrinks
    found = {sha256(table.astype('<i8').tobytes()).hexdigest() for table in ours.values()}
    assert found == set(hashes)


def test_networks_without_bias_tables_have_none() -> None:
    assert index_tables(get_model_config('hit_pvt')) == {}
    assert index_tables(replace(TINY, position_encoding='absolute')) == {}


def test_mismatch_counts_all_keys_and_names_the_first_ten() -> None:
    shapes = state_spec(TINY)
    head = [key for key in shapes if key.startswith('box_head.')]
    for key in head[:12]:
        del shapes[key]
    shapes['box_head.extra'] = (1,)
    shapes[head[12]] = (7, 7)
    with pytest.raises(WeightsError) as caught:
        check_state(shapes, TINY, 'the file')
    message = str(caught.value)
    assert message.startswith('the file does not fit hit_tiny: 12 missing keys')
    assert all(key in message for key in head[:10])
    assert head[10] not in message.replace(head[12], '')
    assert 'and 2 more' in message
    assert '1 surplus key (box_head.extra)' in message
    assert f'1 misshapen key ({head[12]} (7, 7) instead of' in message


def test_tables_and_counters_are_not_compared() -> None:
    check_state(state_spec(TINY) | {'x.num_batches_tracked': (5,)}, TINY, 'the file')
