"""What the weights of an RFGM can serve: relevance stages and memory kinds need their rankers.

Weights with rankers at layers 4, 7 and 10 serve any number of stages and every memory kind.
Those without, as OSTrack's are, serve ``relevance_stages=0`` and the kinds none, fifo and score.
"""

from __future__ import annotations

from dataclasses import replace

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import FILTER_LAYER, MAX_STAGES, RFGMConfig
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.weights.files import Weights
from hit_rfgm_ros.weights.options import options_text
from hit_rfgm_ros.weights.spec import state_spec

FILTER_KIND = 'gr'
PLAIN_KINDS = ('none', 'fifo', 'score')
ALL_STORED = -1


def config_for(weights: Weights, relevance_stages: int = ALL_STORED) -> ModelConfig:
    """The configuration of a network with these weights and so many relevance stages.

    Args:
        weights: of either family.
        relevance_stages: 0 to 3; -1 takes what the weights have rankers for.

    Raises:
        ConfigError: if the number is out of range, or given for a HiT.
        WeightsError: if the weights lack a ranker that is needed; it says which, and what they
            do serve.
    """
    held = weights.config
    if relevance_stages == ALL_STORED:
        return held
    if not isinstance(held, RFGMConfig):
        raise ConfigError(
            f'relevance_stages={relevance_stages} has no meaning for {held.name}: leave it out'
        )
    return _with_stages(held, relevance_stages, _source(weights))


def serve(weights: Weights, relevance_stages: int = ALL_STORED) -> Weights:
    """The same weights for a network with so many relevance stages.

    Rankers that it does not have are left out, and `Weights.config` is its configuration; a ranker
    at layer 4 stays, for the memory kind gr.

    Raises:
        ConfigError, WeightsError: as `config_for`.
    """
    config = config_for(weights, relevance_stages)
    if config == weights.config:
        return weights
    kept = state_spec(config)
    tensors = {key: array for key, array in weights.tensors.items() if key in kept}
    metadata = {key: text for key, text in weights.metadata.items() if key != 'options'}
    return replace(weights, tensors=tensors, metadata=metadata | options_text(config))


def check_memory_kind(weights: Weights, kind: str) -> None:
    """Refuse a memory kind that the weights cannot serve.

    Raises:
        WeightsError: if the kind is gr and there is no ranker at layer 4.
    """
    held = weights.config
    if kind != FILTER_KIND or not isinstance(held, RFGMConfig) or held.has_filter:
        return
    raise WeightsError(
        f'{_source(weights)} has no ranker at layer {FILTER_LAYER}, which the memory kind '
        f'{FILTER_KIND} needs; it serves {served(held)}; {_REMEDY}'
    )


def served(config: RFGMConfig) -> str:
    """What weights of this configuration serve, for a message."""
    stages = [n for n in range(MAX_STAGES + 1) if not _missing(config, n)]
    kinds = (*PLAIN_KINDS, FILTER_KIND) if config.has_filter else PLAIN_KINDS
    numbers = f'{stages[0]} to {stages[-1]}' if len(stages) > 1 else str(stages[0])
    return f'relevance_stages {numbers} and the memory kinds {", ".join(kinds)}'


_REMEDY = 'rankers come with training: hit-rfgm train'


def _source(weights: Weights) -> str:
    return str(weights.path or f'the weights of {weights.model}')


def _with_stages(held: RFGMConfig, stages: int, source: str) -> RFGMConfig:
    wanted = replace(held, relevance_stages=stages, filter_ranker=False)
    if missing := _missing(held, stages):
        layers = ' and '.join(map(str, missing))
        raise WeightsError(
            f'{source} has no ranker at layer {layers}, which relevance_stages={stages} needs; '
            f'it serves {served(held)}; {_REMEDY}'
        )
    return replace(wanted, filter_ranker=held.has_filter and not wanted.has_filter)


def _missing(held: RFGMConfig, stages: int) -> list[int]:
    """Layers that so many stages rank at and the weights have no ranker for."""
    wanted = replace(held, relevance_stages=stages, filter_ranker=False)
    return [layer for layer in wanted.ranked_layers if layer not in held.ranked_layers]
