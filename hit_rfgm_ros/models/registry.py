"""Networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hit_rfgm_ros.config.models import ModelConfig, get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import read_weights
from hit_rfgm_ros.weights.serving import ALL_STORED, serve
import torch
from torch import nn


def create_model(name: str, weights: str | None = None, **options: Any) -> nn.Module:
    """Build a network in evaluation mode.

    Args:
        name: as in `list_models`.
        weights: a safetensors file made by ``hit-rfgm weights import``; None keeps random weights.
        options: fields of the model's configuration, ``bridge_stages=('max',)`` for one. An RFGM
            with weights has the relevance stages that they have rankers for, or those asked for.

    Raises:
        ConfigError: if the name or an option is unknown.
        WeightsError: if the file does not fit the network.
    """
    config = get_model_config(name)
    held = None if weights is None else read_weights(weights, name)
    if isinstance(config, RFGMConfig) and held is not None:
        # Which rankers there are decides about the default.
        held = serve(held, options.pop('relevance_stages', ALL_STORED))
        config = held.config
    if 'bridge_stages' in options:
        options['bridge_stages'] = tuple(options['bridge_stages'])
    try:
        config = replace(config, **options)
    except TypeError as error:
        known = ', '.join(config.__dataclass_fields__)
        raise ConfigError(f'{name} has no such option ({error}); it takes: {known}') from error
    model = build_network(config)
    if held is not None:
        load_state(model, held.tensors)
    return model.eval()


def build_network(config: ModelConfig) -> HiT | RFGM:
    """The network of a configuration, with random weights, in training mode."""
    return RFGM(config) if isinstance(config, RFGMConfig) else HiT(config)


def load_state(model: nn.Module, tensors: Mapping[str, Array]) -> None:
    """Copy arrays under official key names into a network, in place.

    Tables that are computed (bias indices, batch counters) may be left out.

    Raises:
        WeightsError: if a key is missing, surplus or misshapen.
    """
    state = {key: torch.from_numpy(array) for key, array in tensors.items()}
    computed = ('attention_bias_idxs', 'num_batches_tracked')
    for key, value in model.state_dict().items():
        if key.endswith(computed):
            state.setdefault(key, value)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f'the weights do not fit the network: {error}') from error
