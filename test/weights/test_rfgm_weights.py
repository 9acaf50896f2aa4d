"""Weights of RFGM: their keys, what is imported from OSTrack's checkpoints, what they serve."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import Weights, read_weights, write_weights
from hit_rfgm_ros.weights.importing import import_checkpoint, missing_keys
from hit_rfgm_ros.weights.rfgm_spec import UNUSED
from hit_rfgm_ros.weights.serving import check_memory_kind, config_for, serve
from hit_rfgm_ros.weights.spec import computed_keys, is_computed, state_spec
import numpy as np
import pytest
import torch

MODELS = ('rfgm_b256', 'rfgm_s256', 'rfgm_t256')


def rfgm_config(name: str = 'rfgm_t256', **options: Any) -> RFGMConfig:
    config = get_model_config(name)
    assert isinstance(config, RFGMConfig)
    return replace(config, **options)


def random_state(config: RFGMConfig, seed: int = 0) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {
        key: generator.standard_normal(shape, dtype=np.float32)
        for key, shape in state_spec(config).items()
    }


@pytest.fixture(scope='module')
def state() -> dict[str, Array]:
    """All of rfgm_t256, three rankers included."""
    return random_state(rfgm_config())


def without_rankers(state: dict[str, Array], *layers: int) -> dict[str, Array]:
    names = tuple(f'rankers.{layer}.' for layer in layers or (4, 7, 10))
    return {key: array for key, array in state.items() if not key.startswith(names)}


@pytest.fixture(scope='module')
def ostrack(state: dict[str, Array]) -> dict[str, Array]:
    """What OSTrack's ``net`` holds, at the size of rfgm_t256."""
    counters = {key: np.array(7, np.int64) for key in computed_keys(rfgm_config())}
    unused = dict(zip(UNUSED, (np.zeros((1, 1, 192), 'f4'), np.zeros((1, 197, 192), 'f4'))))
    return {**unused, **without_rankers(state), **counters}


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('stages', [0, 2, 3])
def test_spec_is_the_state_of_the_network(name: str, stages: int) -> None:
    for extra in (False, True):
        config = rfgm_config(name, relevance_stages=stages, filter_ranker=extra)
        with torch.device('meta'):
            model = RFGM(config)
        expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
        assert state_spec(config) | computed_keys(config) == expected
        assert all(is_computed(key) for key in computed_keys(config))


def test_without_rankers_it_is_the_official_list_of_ostrack(golden: Path) -> None:
    table = json.loads((golden / 'ostrack_keys.json').read_text(encoding='utf-8'))
    official = {key: tuple(shape) for key, shape, _ in table['keys'] if key not in UNUSED}
    assert len(official) == table['count'] - len(UNUSED)
    config = rfgm_config('rfgm_b256', relevance_stages=0)
    assert state_spec(config) | computed_keys(config) == official


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_an_ostrack_checkpoint_is_imported_without_its_classes(
    legacy: bool,
    ostrack: dict[str, Array],
    save: Callable[..., Path],
    foreign: dict[str, Any],
    tmp_path: Path,
) -> None:
    stats = OrderedDict(train=OrderedDict({'Loss/total': foreign['AverageMeter']}), val=None)
    optimizer = {'state': {0: {'step': 5, 'exp_avg': torch.ones(3)}}, 'param_groups': [{'lr': 1}]}
    path = save(
        ostrack,
        legacy=legacy,
        epoch=300,
        actor_type='OSTrackActor',
        net_type='OSTrack',
        net_info=None,
        constructor=None,
        optimizer=optimizer,
        stats=stats,
        settings=foreign['Settings'],
    )
    imported = import_checkpoint(path, 'rfgm_t256')
    assert imported.config == rfgm_config(relevance_stages=0)
    assert json.loads(imported.metadata['options']) == {'relevance_stages': 0}
    out = tmp_path / 'out.safetensors'
    write_weights(out, 'rfgm_t256', imported.tensors, imported.metadata)
    found = read_weights(out, 'rfgm_t256')
    assert found.config == imported.config
    expected = {key for key in ostrack if key not in UNUSED and not is_computed(key)}
    assert set(found.tensors) == expected
    for key, array in found.tensors.items():
        np.testing.assert_array_equal(array, ostrack[key], err_msg=key)
    missing = missing_keys(found)
    assert len(missing) == 18
    assert missing[0] == 'rankers.4.fc1.weight'
    assert all(key.startswith('rankers.') for key in missing)


def test_a_checkpoint_need_not_hold_what_is_not_used(
    state: dict[str, Array], save: Callable[..., Path]
) -> None:
    assert import_checkpoint(save(state), 'rfgm_t256').config == rfgm_config()
    half = import_checkpoint(save(without_rankers(state)), 'rfgm_t256', half=True)
    assert half.dtypes == 'float16'


@pytest.mark.parametrize(
    ('gone', 'stages', 'extra'),
    [
        pytest.param((4, 7, 10), 0, False, id='none'),
        pytest.param((4, 7), 1, False, id='10'),
        pytest.param((4,), 2, False, id='7-10'),
        pytest.param((7, 10), 0, True, id='4'),
        pytest.param((7,), 1, True, id='4-10'),
    ],
)
def test_the_rankers_in_the_file_decide_about_the_stages(
    gone: tuple[int, ...],
    stages: int,
    extra: bool,
    state: dict[str, Array],
    save: Callable[..., Path],
) -> None:
    imported = import_checkpoint(save(without_rankers(state, *gone)), 'rfgm_t256')
    assert imported.config == rfgm_config(relevance_stages=stages, filter_ranker=extra)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        pytest.param(
            lambda s: without_rankers(s, 10),
            r'6 missing keys \(rankers\.10\.fc1\.weight',
            id='odd-rankers',
        ),
        pytest.param(
            lambda s: {k: v for k, v in s.items() if k != 'backbone.norm.weight'},
            r'1 missing key \(backbone\.norm\.weight\)',
            id='missing',
        ),
        pytest.param(
            lambda s: {**s, 'backbone.blocks.0.ls1.gamma': np.ones(3, 'f4')},
            r'1 surplus key \(backbone\.blocks\.0\.ls1\.gamma\)',
            id='surplus',
        ),
        pytest.param(
            lambda s: {**s, 'backbone.pos_embed_x': np.ones((1, 576, 192), 'f4')},
            r'1 misshapen key \(backbone\.pos_embed_x \(1, 576, 192\) instead of \(1, 256, 192\)',
            id='larger-picture',
        ),
        pytest.param(
            lambda s: {**s, 'rankers.5.fc1.weight': np.ones((96, 3), 'f4')},
            r'1 surplus key \(rankers\.5\.fc1\.weight\)',
            id='unknown-ranker',
        ),
    ],
)
def test_what_does_not_fit_is_named(
    change: Callable[[dict[str, Array]], dict[str, Array]],
    message: str,
    state: dict[str, Array],
    save: Callable[..., Path],
) -> None:
    with pytest.raises(WeightsError, match=message):
        import_checkpoint(save(change(state)), 'rfgm_t256')


def test_checkpoint_of_another_size_is_named(
    ostrack: dict[str, Array], save: Callable[..., Path]
) -> None:
    with pytest.raises(WeightsError, match='is a checkpoint of rfgm_t256: use --model rfgm_t256'):
        import_checkpoint(save(ostrack), 'rfgm_s256')


def weights_of(**options: Any) -> Weights:
    config = rfgm_config(**options)
    given = {name: getattr(config, name) for name in options}
    metadata = {'model': config.name, 'options': json.dumps(given)}
    return Weights(config.name, random_state(config), metadata)


@pytest.mark.parametrize('stages', range(4))
def test_weights_with_all_rankers_serve_every_number_of_stages(stages: int) -> None:
    weights = weights_of()
    config = config_for(weights, stages)
    assert isinstance(config, RFGMConfig)
    assert config.relevance_stages == stages
    assert config.has_filter
    served = serve(weights, stages)
    assert served.config == config
    assert {key: array.shape for key, array in served.tensors.items()} == state_spec(config)
    check_memory_kind(served, 'gr')


def test_unchanged_weights_are_served_as_they_are() -> None:
    weights = weights_of()
    assert serve(weights) is weights
    assert serve(weights, 3) is weights
    assert config_for(weights) == rfgm_config()


def test_weights_without_rankers_say_what_they_serve() -> None:
    weights = weights_of(relevance_stages=0)
    assert config_for(weights) == rfgm_config(relevance_stages=0)
    serves = 'it serves relevance_stages 0 and the memory kinds none, fifo, score; rankers come'
    with pytest.raises(WeightsError, match=serves) as caught:
        config_for(weights, 2)
    assert 'no ranker at layer 7 and 10, which relevance_stages=2 needs' in str(caught.value)
    with pytest.raises(WeightsError, match=serves) as caught:
        check_memory_kind(weights, 'gr')
    assert 'no ranker at layer 4, which the memory kind gr needs' in str(caught.value)
    for kind in ('none', 'fifo', 'score'):
        check_memory_kind(weights, kind)


def test_weights_with_some_rankers_serve_what_these_allow() -> None:
    weights = weights_of(relevance_stages=1)
    assert config_for(weights, 0) == rfgm_config(relevance_stages=0)
    with pytest.raises(WeightsError, match='no ranker at layer 7, which relevance_stages=2 needs'):
        config_for(weights, 2)
    with pytest.raises(WeightsError, match='serves relevance_stages 0 to 1 and'):
        serve(weights, 3)


def test_stages_out_of_range_or_for_hit_are_configuration_errors() -> None:
    with pytest.raises(ConfigError, match='relevance_stages must be 0 to 3, got 4'):
        config_for(weights_of(), 4)
    hit = Weights('hit_tiny', {}, {})
    assert config_for(hit) == get_model_config('hit_tiny')
    with pytest.raises(ConfigError, match='relevance_stages=0 has no meaning for hit_tiny'):
        config_for(hit, 0)
    check_memory_kind(hit, 'none')


@pytest.mark.parametrize(
    ('options', 'reason'),
    [
        ({'relevance_stages': 7}, 'must be 0 to 3'),
        ({'relevance_stages': True}, 'must be of type int'),
        ({'filter_ranker': 1}, 'must be of type bool'),
        ({'bridge_stages': ['max']}, 'bridge_stages is none of relevance_stages'),
        ({'search_size': 4096}, 'search_size must be a whole number up to'),
        ({'width': 64}, 'width is none of'),
    ],
)
def test_unusable_options_of_a_file_are_named(options: dict[str, Any], reason: str) -> None:
    weights = Weights('rfgm_t256', {}, {'options': json.dumps(options)})
    with pytest.raises(WeightsError, match=reason):
        _ = weights.config


def test_a_network_is_made_of_a_file_with_the_stages_that_it_serves(
    state: dict[str, Array], tmp_path: Path
) -> None:
    full, plain = tmp_path / 'full.safetensors', tmp_path / 'plain.safetensors'
    write_weights(full, 'rfgm_t256', state)
    options = {'options': json.dumps({'relevance_stages': 0})}
    write_weights(plain, 'rfgm_t256', without_rankers(state), options)
    assert create_model('rfgm_t256', weights=str(full)).config.relevance_stages == 3
    assert create_model('rfgm_t256', weights=str(plain)).config.relevance_stages == 0
    fewer = create_model('rfgm_t256', weights=str(full), relevance_stages=1)
    assert list(fewer.rankers) == ['4', '10']
    torch.testing.assert_close(
        fewer.rankers['10'].fc2.weight.detach(),
        torch.from_numpy(state['rankers.10.fc2.weight']),
    )
    with pytest.raises(WeightsError, match='no ranker at layer 10'):
        create_model('rfgm_t256', weights=str(plain), relevance_stages=1)
