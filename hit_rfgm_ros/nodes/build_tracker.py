"""From the parameters of the node to a tracker that is ready; implements `runtime.Builder`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
import logging
from pathlib import Path
import threading

from hit_rfgm_ros.config.models import first_memory, get_model_config, keeps_memory
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import RFGM_OPTIONS, TrackerConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.cache import cache_folder
from hit_rfgm_ros.engines.select import check_choice, create_engine
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.nodes.shared_engines import ENGINES, EngineKey, SharedEngines
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.trackers.confidence import UNCALIBRATED, Calibration
from hit_rfgm_ros.trackers.families import settle
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.parts import MAX_BATCH, RANDOM, read_calibration, warm_up
from hit_rfgm_ros.weights.catalog import find_weights, read_manifest, shipped_folder
from hit_rfgm_ros.weights.files import Weights, check_finite, read_weights
from hit_rfgm_ros.weights.serving import ALL_STORED, check_memory_kind, config_for

_log = logging.getLogger(__name__)

_OPTIONS = tuple(field.name for field in fields(TrackerConfig) if field.name in TRACKER_TABLE)
_IDLE = (*(name for name in RFGM_OPTIONS if name != 'memory_kind'), 'memory_size_max')  # for HiT


class TrackerBuilder:
    """Makes trackers from parameters; one may serve all nodes of a process."""

    def __init__(self, engines: SharedEngines = ENGINES) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self._rebuilt: set[EngineKey] = set()  # `force_rebuild` holds once
        self._warned: tuple[object, ...] = ()

    def check(self, params: TrackerParams) -> None:
        """Check names, files and hashes; takes a fraction of a second.

        Raises:
            HitRfgmError: with what to do.
        """
        get_model_config(params.model)
        check_choice(params.backend, params.device, params.precision)
        if not keeps_memory(params.model):
            self._check_no_memory(params)
        _check_folder(params.engine_cache_dir)
        _options(params)
        weights = _read(params)
        if weights is not None:
            config_for(weights, _stages(params))
            check_memory_kind(weights, params.memory_kind)
        else:
            _log.warning('%s has random weights: its boxes mean nothing', params.model)

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        """Load or build the engine and warm it up; the first time may take minutes.

        Raises:
            HitRfgmError: with what to do.
        """
        progress('reading the weights')
        weights = _read(params)
        engine = self._engine(params, weights, progress)
        config = engine.config
        options = settle(config, _options(params))
        progress(f'warming up {engine.backend} on {engine.device}')
        warm_up(engine, config, options, params.warm_up, several=params.max_targets > 1)
        calibration = read_calibration(weights)
        tracker = MultiTargetTracker.from_engine(engine, config, options, calibration)
        info = _info(params, weights, engine, calibration)
        if isinstance(config, RFGMConfig):
            info['memory_kind'] = options.memory_kind
            info['relevance_stages'] = config.relevance_stages
        return LoadedTracker(tracker, info, first_memory(config))

    def _engine(
        self, params: TrackerParams, weights: Weights | None, progress: Callable[[str], None]
    ) -> BaseEngine:
        key = EngineKey(
            params.model,
            weights.sha256 if weights else RANDOM,
            params.backend,
            params.device,
            params.precision,
            params.num_threads,
            max(MAX_BATCH, params.max_targets),
            _stages(params),
        )
        folder = Path(params.engine_cache_dir) if params.engine_cache_dir else None
        with self._lock:
            rebuild = params.force_rebuild and key not in self._rebuilt
            if rebuild:
                self._rebuilt.add(key)

        def build() -> BaseEngine:
            progress(
                f'building the engine of {params.model} (back end {params.backend}, device '
                f'{params.device}, precision {params.precision}); the first time it is built and '
                f'checked, later it comes from {folder or cache_folder()}'
            )
            return create_engine(
                params.model,
                weights,
                backend=params.backend,
                device=params.device,
                precision=params.precision,
                max_batch=key.max_batch,
                threads=params.num_threads,
                relevance_stages=key.relevance_stages,
                memory_tokens=params.memory_size,
                cache_folder=folder,
                rebuild=rebuild,
            )

        progress('waiting for the engine')
        return self._engines.get(key, build, rebuild=rebuild)

    def _check_no_memory(self, params: TrackerParams) -> None:
        """A network without memory: refuse a kind that it lacks, name what has no effect."""
        if params.memory_kind not in ('auto', 'none'):
            raise ConfigError(
                f'{params.model} has no memory, so memory_kind must be auto or none; got '
                f'{params.memory_kind!r}'
            )
        idle = [name for name in _IDLE if getattr(params, name) != TRACKER_TABLE[name].default]
        told = (params.model, *idle)
        if idle and told != self._warned:
            _log.warning(
                '%s %s no effect: %s is no RFGM',
                ', '.join(idle),
                'has' if len(idle) == 1 else 'have',
                params.model,
            )
        self._warned = told


def _check_folder(name: str) -> None:
    if name and Path(name).exists() and not Path(name).is_dir():
        raise ConfigError(f'engine_cache_dir must be a folder, but {name} is a file')


def _options(params: TrackerParams) -> TrackerConfig:
    """The tracker's options; those of RFGM are left out for others, which have been warned of."""
    left_out = () if keeps_memory(params.model) else RFGM_OPTIONS
    names = [name for name in _OPTIONS if name not in left_out]
    return TrackerConfig.from_dict({name: getattr(params, name) for name in names})


def _stages(params: TrackerParams) -> int:
    """Relevance stages that are asked for; -1 leaves them to the weights, as for HiT."""
    return params.relevance_stages if keeps_memory(params.model) else ALL_STORED


def _read(params: TrackerParams) -> Weights | None:
    """The weights, checked; None stands for random ones."""
    if params.weights == RANDOM:
        return None
    path = find_weights(params.model, params.weights or None)
    weights = read_weights(path, params.model)
    check_finite(weights, str(path))
    if path.parent == shipped_folder():
        wanted = read_manifest()[params.model].sha256
        if weights.sha256 != wanted:
            raise WeightsError(
                f'{path} is not the file that came with this package (sha256 '
                f'{weights.sha256[:12]}, expected {wanted[:12]}): install the package again'
            )
    return weights


def _info(
    params: TrackerParams,
    weights: Weights | None,
    engine: BaseEngine,
    calibration: Calibration | None,
) -> dict[str, object]:
    own = calibration or UNCALIBRATED
    return {
        'model': params.model,
        'weights': str(weights.path) if weights else RANDOM,
        'weights_sha256': weights.sha256 if weights else '',
        'backend': engine.backend,
        'device': engine.device,
        'precision': engine.precision,
        'choice': engine.choice,
        'search_size': engine.config.search_size,
        'template_size': engine.config.template_size,
        'max_batch': engine.max_batch,
        'calibrated': own.fitted,
        'uncertain_below': own.uncertain_below,
        'lost_below': own.lost_below,
        'found_above': own.found_above,
    }
