"""The options of a weights file: what its network's configuration has other than the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import json
from typing import Any

from hit_rfgm_ros.config.models import MODELS, ModelConfig, get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import ConfigError, WeightsError

MAX_PICTURE = 512
_SIZES = ('search_size', 'template_size')
HIT_OPTIONS = ('bridge_stages', 'position_encoding', *_SIZES)
RFGM_OPTIONS = ('relevance_stages', 'filter_ranker', *_SIZES)
_TYPES = {'relevance_stages': int, 'filter_ranker': bool, **dict.fromkeys(_SIZES, int)}


def option_names(config: ModelConfig) -> tuple[str, ...]:
    """Fields of a configuration that a weights file may change."""
    return RFGM_OPTIONS if isinstance(config, RFGMConfig) else HIT_OPTIONS


def options_of(config: ModelConfig) -> dict[str, Any]:
    """What a configuration has other than its model's default."""
    default = get_model_config(config.name)
    return {
        name: getattr(config, name)
        for name in option_names(config)
        if getattr(config, name) != getattr(default, name)
    }


def options_text(config: ModelConfig) -> dict[str, str]:
    """The metadata entry ``options`` of a configuration's weights; empty for the default."""
    options = options_of(config)
    return {'options': json.dumps(options)} if options else {}


def config_from_metadata(model: str, metadata: Mapping[str, str], source: str) -> ModelConfig:
    """The configuration that weights were made for.

    Args:
        model: name as in `list_models`.
        metadata: of the weights.
        source: what they came from, begins an error message.

    Raises:
        WeightsError: if the model or an option is unknown, or a value is out of its range.
    """
    if model not in MODELS:
        raise WeightsError(
            f'{source} was made for {model}, which this version does not know; '
            f'known models: {", ".join(MODELS)}'
        )
    config = get_model_config(model)
    if 'options' not in metadata:
        return config
    try:
        return replace(config, **_checked(json.loads(metadata['options']), config))
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigError) as error:
        raise WeightsError(f'{source}: unusable "options" in the metadata: {error}') from error


def _checked(given: dict[str, Any], config: ModelConfig) -> dict[str, Any]:
    """The options with lists as tuples; a file must not ask for huge tables."""
    names = option_names(config)
    for name, value in given.items():
        if name not in names:
            raise ValueError(f'{name[:80]} is none of {", ".join(names)}')
        if name in _SIZES and not (type(value) is int and value <= MAX_PICTURE):
            raise ValueError(f'{name} must be a whole number up to {MAX_PICTURE}')
        if name in _TYPES and type(value) is not _TYPES[name]:
            raise ValueError(f'{name} must be of type {_TYPES[name].__name__}, got {value!r}')
    return {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
