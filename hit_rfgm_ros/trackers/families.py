"""From a configuration to the network of its family, and the options that it takes."""

from __future__ import annotations

from dataclasses import fields, replace
import logging

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import RFGM_OPTIONS, TrackerConfig
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.hit_network import HiTNetwork
from hit_rfgm_ros.trackers.network import Network
from hit_rfgm_ros.trackers.rfgm_network import RFGMNetwork
from hit_rfgm_ros.types import Engine

_log = logging.getLogger(__name__)


def make_network(
    engine: Engine,
    config: ModelConfig,
    options: TrackerConfig,
    calibration: Calibration | None = None,
) -> Network:
    """The network of an engine, as the trackers see it.

    Args:
        engine: what runs it.
        config: of it.
        options: from `settle`.
        calibration: of the weights.

    Raises:
        WeightsError: if the calibration belongs to another family.
    """
    if isinstance(config, HiTConfig):
        return HiTNetwork(engine, config, options, calibration)
    return RFGMNetwork(engine, config, options, calibration)


def settle(config: ModelConfig, options: TrackerConfig) -> TrackerConfig:
    """The options as this network takes them: `memory_kind` is no longer ``auto`` for an RFGM.

    Raises:
        ConfigError: if the network lacks what an option needs.
    """
    if isinstance(config, RFGMConfig):
        return _settle_memory(config, options)
    for field in fields(TrackerConfig):
        if field.name in RFGM_OPTIONS and getattr(options, field.name) != field.default:
            raise ConfigError(
                f'{config.name} keeps the first template alone and has no {field.name}: leave '
                f'the option out, or take an RFGM'
            )
    return options


def _settle_memory(config: RFGMConfig, options: TrackerConfig) -> TrackerConfig:
    if options.relevance_stages not in (-1, config.relevance_stages):
        raise ConfigError(
            f'relevance_stages is {options.relevance_stages}, but this {config.name} was built '
            f'with {config.relevance_stages}: make another tracker'
        )
    kind = options.memory_kind
    if kind == 'gr' and not config.has_filter:
        raise ConfigError(
            f'memory_kind gr chooses tokens with the ranker of layer 4, which this {config.name} '
            f'lacks (relevance_stages={config.relevance_stages}); take none, fifo or score, or '
            f'weights with all rankers'
        )
    if kind == 'auto':
        kind = 'gr' if config.has_filter else 'none'
        if kind == 'none':
            _log.warning(
                '%s has no ranker at layer 4, so its memory stays the first template '
                '(memory_kind none); fifo and score need no ranker',
                config.name,
            )
    return replace(options, memory_kind=kind)
