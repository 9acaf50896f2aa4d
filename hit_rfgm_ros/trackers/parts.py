"""From names to what a tracker is made of: configuration, weights, engine, calibration."""

from __future__ import annotations

from collections.abc import Mapping
import logging
from pathlib import Path
from typing import Any, NamedTuple

from hit_rfgm_ros.config.models import ModelConfig, get_model_config, keeps_memory
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.families import make_network, settle
from hit_rfgm_ros.types import Engine
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import Weights, read_weights
from hit_rfgm_ros.weights.serving import check_memory_kind, config_for

_log = logging.getLogger(__name__)

RANDOM = 'random'
MAX_BATCH = 8  # windows per call of the engine; more are split


class Parts(NamedTuple):
    """What a tracker is made of."""

    engine: Engine
    config: ModelConfig
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
    several: bool = False,
) -> Parts:
    """Check the options, find the weights, build the engine and warm it up.

    Args:
        model, weights, backend, device, precision, threads: see `create_tracker`.
        options: fields of `TrackerConfig`.
        several: for several targets at the same time.

    Raises:
        ConfigError, WeightsError, EngineError: see `create_tracker`.
    """
    config = get_model_config(model)
    tracker_options = TrackerConfig.from_dict(options)
    loaded = None if weights == RANDOM else read_weights(find_weights(model, weights), model)
    if loaded is not None:
        check_memory_kind(loaded, tracker_options.memory_kind)
        config = config_for(loaded, tracker_options.relevance_stages)
    if loaded is not None or not keeps_memory(model):
        tracker_options = settle(config, tracker_options)  # before the engine, which takes long
    engine = create_engine(
        model,
        loaded,
        backend=backend,
        device=device,
        precision=precision,
        max_batch=MAX_BATCH,
        threads=threads,
        relevance_stages=tracker_options.relevance_stages,
        memory_tokens=tracker_options.memory_size,
    )
    config = engine.config
    tracker_options = settle(config, tracker_options)
    warm_up(engine, config, tracker_options, several=several)
    return Parts(engine, config, tracker_options, read_calibration(loaded))


def warm_up(
    engine: Engine,
    config: ModelConfig,
    options: TrackerConfig,
    runs: int = 1,
    *,
    several: bool = False,
) -> None:
    """Load what is not loaded yet, then run what one target can need, ``runs`` times.

    That is every size of batch and of memory. Back ends compile on the first call of a size,
    OpenVINO for a second: not in the moment when the target is about to be lost.

    Args:
        engine: what runs the network.
        config: of the network.
        options: how targets will be followed.
        runs: 0 only loads.
        several: there may be several targets at the same time. Those of an RFGM need one more
            graph, which holds all its weights again; it would else be loaded in the frame in
            which two memories first differ in length.

    Raises:
        EngineError: if a graph cannot be loaded or run.
    """
    sizes = {1, 2} if several else {1}
    if not options.paper_mode:
        sizes |= {1 + options.search_windows, 1 + options.scan_windows}
    network = make_network(engine, config, settle(config, options))
    if several:
        network.prepare()
    for _ in range(runs):
        network.warm_up(sorted({min(size, MAX_BATCH) for size in sizes}), several=several)


def read_calibration(weights: Weights | None) -> Calibration | None:
    """The calibration that weights carry; None, with a warning, where they carry none."""
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
