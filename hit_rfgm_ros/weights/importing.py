"""Makes the authors' checkpoints usable here: read, compared key by key, converted if wished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import MODELS, ModelConfig, get_model_config
from hit_rfgm_ros.config.rfgm import MAX_STAGES, RFGMConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.catalog import WEIGHT_CARDS
from hit_rfgm_ros.weights.checkpoint import read_state_dict
from hit_rfgm_ros.weights.files import FORMAT_VERSION, Weights, check_finite, file_sha256
from hit_rfgm_ros.weights.hit_spec import index_tables
from hit_rfgm_ros.weights.options import options_text
from hit_rfgm_ros.weights.rfgm_spec import UNUSED
from hit_rfgm_ros.weights.spec import check_state, is_computed, state_spec
import numpy as np


def import_checkpoint(
    path: str | Path,
    model: str,
    *,
    half: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Weights:
    """Read a checkpoint of a model; nothing in it is executed.

    Args:
        path: a file that `read_state_dict` takes, official key names.
        model: name as in `list_models`.
        half: convert to float16; without it every tensor keeps the source's type.
        options: fields of the model's configuration that differ from the default, for the
            ablations: ``{'bridge_stages': ['max']}`` for one. Without them an RFGM has the
            relevance stages that the file has rankers for, none if it is OSTrack's.

    Returns:
        Weights for `write_weights`: index tables are checked and left out, as are counters and
        what OSTrack's checkpoints hold but do not use.

    Raises:
        ConfigError: if the model or an option is unknown.
        WeightsError: if the file cannot be read, if a key is missing, surplus or misshapen, if an
            index table is not ours, if a number is not finite or, with ``half``, too large.
    """
    path = Path(path)
    state = read_state_dict(path)
    config = _config(model, options, state)
    if isinstance(config, RFGMConfig):
        state = {key: array for key, array in state.items() if key not in UNUSED}
    try:
        check_state({key: array.shape for key, array in state.items()}, config, str(path))
    except WeightsError as error:
        other = _fitting_model(state)
        hint = f'{path} is a checkpoint of {other}: use --model {other}. ' if other else ''
        raise WeightsError(f'{hint}{error}') from error
    if isinstance(config, HiTConfig):
        _check_tables(state, config, str(path))
    tensors = {key: array for key, array in state.items() if not is_computed(key)}
    for key, array in tensors.items():
        if array.dtype.kind != 'f':
            raise WeightsError(f'{path}: {key} is {array.dtype.name}, expected floating point')
    card = WEIGHT_CARDS[model]
    metadata = {
        'model': model,
        'format_version': FORMAT_VERSION,
        'source': path.name,
        'source_sha256': file_sha256(path),
        'licence': 'that of the source',
        **options_text(config),
    }
    if card.source:
        metadata['authors'] = f'{card.source}, {card.licence}'
    weights = Weights(model, tensors, metadata)
    check_finite(weights, str(path))
    return to_half(weights) if half else weights


def to_half(weights: Weights) -> Weights:
    """The same weights as float16.

    Raises:
        WeightsError: if a number is beyond float16's range (65504), naming the tensor.
    """
    with np.errstate(over='ignore'):
        tensors = {key: array.astype(np.float16) for key, array in weights.tensors.items()}
    for key, array in tensors.items():
        if not np.isfinite(array).all():
            largest = np.abs(weights.tensors[key]).max()
            raise WeightsError(
                f'{key} holds {largest:g}, more than float16 can (65504); import without --half'
            )
    return replace(weights, tensors=tensors)


def missing_keys(weights: Weights) -> list[str]:
    """Keys of the whole model that the weights lack: those of rankers."""
    held = state_spec(weights.config)
    return [key for key in state_spec(get_model_config(weights.model)) if key not in held]


def _config(
    model: str, options: Mapping[str, Any] | None, state: Mapping[str, Array]
) -> ModelConfig:
    """The model's configuration with the options given, or with the rankers that are there."""
    config = get_model_config(model)
    if options is None and isinstance(config, RFGMConfig):
        return _with_rankers(config, state)
    return replace(config, **{k: _hashable(v) for k, v in (options or {}).items()})


def _with_rankers(config: RFGMConfig, state: Mapping[str, Array]) -> RFGMConfig:
    """The configuration whose rankers are those of the state dict; the default if none is."""
    held = {key.split('.')[1] for key in state if key.startswith('rankers.')}
    for extra, stages in product((False, True), range(MAX_STAGES + 1)):
        fitting = replace(config, relevance_stages=stages, filter_ranker=extra)
        if {str(layer) for layer in fitting.ranked_layers} == held:
            return fitting
    return config


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_tables(state: dict[str, Array], config: HiTConfig, source: str) -> None:
    """Compare the index tables that the file holds with ours; a file without them is fine."""
    ours = index_tables(config)
    for key, table in state.items():
        if not key.endswith('attention_bias_idxs'):
            continue
        if key not in ours:
            raise WeightsError(
                f'{source}: surplus index table {key}, {config.name} has none there'
            )
        if table.shape != ours[key].shape:
            reason = f'its shape is {table.shape}, ours {ours[key].shape}'
        elif not np.array_equal(table, ours[key]):
            query, token = np.argwhere(table != ours[key])[0]
            reason = (
                f'for query {query} and key {token} it names bias {table[query, token]}, '
                f'ours {ours[key][query, token]}'
            )
        else:
            continue
        raise WeightsError(
            f'{source}: the index table {key} is not that of the position encoding '
            f'{config.position_encoding!r} ({reason}); the weights were trained for another '
            'layout of the tokens and would track wrongly'
        )


def _fitting_model(state: dict[str, Array]) -> str | None:
    """The model that the state dict does fit."""
    shapes = {key: array.shape for key, array in state.items()}
    for model in MODELS:
        try:
            check_state(shapes, _config(model, None, state), '')
        except WeightsError:
            continue
        return model
    return None
