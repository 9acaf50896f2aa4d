"""Names and configurations of the networks."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

from hit_rfgm_ros.config.hit import HIT_MODELS
from hit_rfgm_ros.config.models import get_model_config, list_models
from hit_rfgm_ros.errors import ConfigError
import pytest


def test_models_are_listed_by_their_public_names() -> None:
    assert list_models() == [
        'hit_base',
        'hit_small',
        'hit_tiny',
        'hit_pvt',
        'rfgm_b256',
        'rfgm_s256',
        'rfgm_t256',
    ]


def test_a_list_of_names_can_be_changed_without_harm() -> None:
    list_models().clear()
    assert list_models()


def test_every_listed_model_has_a_configuration_of_its_name() -> None:
    assert [get_model_config(name).name for name in list_models()] == list_models()


def test_the_shrinks_take_as_many_heads_as_the_width_before_them_holds() -> None:
    heads = {name: HIT_MODELS[name].shrink_heads for name in ('hit_base', 'hit_small', 'hit_tiny')}
    assert heads == {'hit_base': (12, 16), 'hit_small': (8, 16), 'hit_tiny': (8, 16)}


@pytest.mark.parametrize('name', list_models())
def test_every_network_looks_at_the_same_sizes(name: str) -> None:
    config = get_model_config(name)
    assert (config.search_size, config.template_size, config.grid) == (256, 128, 16)
    assert config.grid * config.stride == config.search_size


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        pytest.param('hit_tine', r"did you mean 'hit_tiny'\?.*hit_base", id='near'),
        pytest.param('zzz', r"unknown model 'zzz': known models: hit_base", id='far'),
        pytest.param('', r'unknown model', id='empty'),
    ],
)
def test_unknown_model_names_the_known(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_model_config(name)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'backbone': 'resnet'}, "'levit' or 'pvt'"),
        ({'widths': (1, 2)}, 'widths needs 3'),
        ({'heads': (1, 2, 3, 4)}, 'heads needs 3'),
        ({'search_size': 0}, 'search_size must be a positive multiple of 64'),
        ({'template_size': 100}, 'template_size must be a positive multiple of 64, got 100'),
        ({'bridge_stages': ('mid', 'max')}, 'bridge_stages'),
        ({'bridge_stages': ()}, 'bridge_stages'),
        ({'position_encoding': 'circle'}, "got 'circle'"),
    ],
)
def test_a_network_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(get_model_config('hit_tiny'), **change)


def test_a_configuration_cannot_change_behind_a_network() -> None:
    with pytest.raises(FrozenInstanceError):
        get_model_config('hit_tiny').search_size = 320  # type: ignore[misc]
