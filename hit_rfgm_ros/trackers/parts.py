"""From names to what a tracker is made of: configuration, weights, engine, calibration."""

from __future__ import annotations

from collections.abc import Mapping
import logging
from pathlib import Path
from typing import Any, NamedTuple

from hit_rfgm_ros.config.models import HiTConfig, get_model_config
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.types import Engine
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import Weights, read_weights

_log = logging.getLogger(__name__)

RANDOM = 'random'


class Parts(NamedTuple):
    """What a tracker is made of."""

    engine: Engine
    config: HiTConfig
    options: TrackerConfig
    calibration: Calibration | None


def make_parts(
    model: str,
    *,
    weights: str | Path | None,
    backend: str,
    device: str,
    precision: str,
    threads: int,
    options: Mapping[str, Any],
) -> Parts:
    """Check the options, find the weights and build the engine.

    Raises:
        ConfigError, WeightsError, EngineError: see `create_tracker`.
    """
    config = get_model_config(model)
    tracker_options = TrackerConfig.from_dict(options)
    loaded = None if weights == RANDOM else read_weights(find_weights(model, weights), model)
    engine = create_engine(
        model, loaded, backend=backend, device=device, precision=precision, threads=threads
    )
    return Parts(
        engine, loaded.config if loaded else config, tracker_options, _calibration(loaded)
    )


def _calibration(weights: Weights | None) -> Calibration | None:
    if weights is None:
        return None
    if 'calibration' not in weights.metadata:
        _log.warning(
            'the weights of %s carry no calibration: confidence is a raw score (PEAK), and the '
            'thresholds of the states are guesses; set uncertain_below, lost_below and '
            'found_above for your scenes',
            weights.model,
        )
        return None
    return Calibration.from_json(weights.metadata['calibration'])
