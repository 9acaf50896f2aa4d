"""Graphs that may be used: built from weights, compared with the reference, then kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import lru_cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import json
import logging
from pathlib import Path

from hit_rfgm_ros import __version__
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.data import golden
from hit_rfgm_ros.engines import agreement, cache
from hit_rfgm_ros.engines.base import BaseEngine, PrecisionError, graph_specs
from hit_rfgm_ros.engines.cpu import cpu_flags
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.random_weights import SOURCE as RANDOM
from hit_rfgm_ros.engines.reference import Reference, read_reference
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.optional import is_installed
from hit_rfgm_ros.weights.files import Weights, read_weights
from hit_rfgm_ros.weights.serving import serve

RANGES = 'ranges'  # in the metadata of weights: JSON, activation -> [smallest, largest]
QUICK_FRAMES = 12  # fp32 differs at once or never; a reduced precision runs the whole track

_log = logging.getLogger(__name__)

Load = Callable[[cache.Graphs], BaseEngine]
Later = dict[str, Callable[[], bytes]]

# Has all the weights of `track` once more, and only targets with different memories in one batch
# need it: kept in a file of its own, built and loaded by `BaseEngine.prepare` or on the first run.
_PADDED = 'track_padded'


def accepted_graphs(
    config: ModelConfig,
    weights: Weights,
    backend: str,
    precision: str,
    load: Load,
    fetch: cache.Fetch = cache.fetch,
) -> cache.Graphs:
    """The graphs of a network for a back end, from the cache where they have been before.

    Without those of `later_graphs`.

    Args:
        config: the network.
        weights: that fit it.
        backend: ``onnxruntime`` or ``openvino``.
        precision: ``fp32``, ``bf16`` or ``int8``.
        load: makes an engine of graphs, for the comparison.
        fetch: `cache.fetch`, perhaps bound to a folder.

    Raises:
        EngineError: if the graphs cannot be built (PrecisionError: not in this precision), or
            the engine does not agree with the reference.
    """

    def build() -> cache.Graphs:
        graphs = make_graphs(config, weights, backend, precision, _without(_PADDED, config))
        check(load(graphs), weights)
        return graphs

    name = '-'.join([_name(config), backend, precision])
    return fetch(name, _key(config, weights, backend, precision), build)


def later_graphs(
    config: ModelConfig,
    weights: Weights,
    backend: str,
    precision: str,
    load: Load,
    fetch: cache.Fetch = cache.fetch,
) -> Later:
    """The way to the graphs that few need; arguments and errors as `accepted_graphs`.

    Weights that lie in a file are read again then, so that they need not be held till then.
    """
    if not isinstance(config, RFGMConfig):
        return {}
    again = _rereader(config, weights)
    key = {**_key(config, weights, backend, precision), 'graph': _PADDED}

    def build() -> cache.Graphs:
        found = again()
        graphs = make_graphs(config, found, backend, precision, _without('track', config))
        check(load(graphs), found, padded=True)
        return {_PADDED: graphs[_PADDED]}

    name = '-'.join([_name(config), backend, precision, 'padded'])

    def get() -> bytes:
        _log.info('%s: loading the graph for targets with different memories', config.name)
        return fetch(name, key, build)[_PADDED]

    return {_PADDED: get}


def make_graphs(
    config: ModelConfig,
    weights: Weights,
    backend: str,
    precision: str,
    names: Collection[str] | None = None,
) -> cache.Graphs:
    """Build the graphs, without cache and comparison.

    Args:
        config, weights, backend, precision: as `accepted_graphs`.
        names: those that are wanted; None takes all.

    Raises:
        PrecisionError: if int8 is asked for and the weights carry no ranges of activations.
    """
    ranges = _ranges(weights) if precision == 'int8' else None
    graphs = build_graphs(
        config,
        weights.tensors,
        precision=precision,
        backend=backend,
        ranges=ranges,
        names=names,
    )
    return {name: graph.SerializeToString() for name, graph in graphs.items()}


def _without(name: str, config: ModelConfig) -> list[str]:
    return [known for known in graph_specs(config) if known != name]


def _name(config: ModelConfig) -> str:
    """Of a network in a file name."""
    if isinstance(config, RFGMConfig):
        return f'{config.name}-{config.relevance_stages}stages'
    return config.name


def _rereader(config: RFGMConfig, weights: Weights) -> Callable[[], Weights]:
    if weights.path is None:
        return lambda: weights
    path, model, sha256 = weights.path, weights.model, weights.sha256

    def read() -> Weights:
        found = read_weights(path, model)
        if found.sha256 != sha256:
            raise EngineError(f'{path} has changed since it was loaded: start again')
        return serve(found, config.relevance_stages)

    return read


def _ranges(weights: Weights) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of each activation, measured when the weights were made."""
    if RANGES not in weights.metadata:
        raise PrecisionError(
            f'int8 needs the ranges of the activations, and the weights of {weights.model} carry '
            'none; measure them with: hit-rfgm engine calibrate'
        )
    ranges = json.loads(weights.metadata[RANGES])
    return {name: (float(low), float(high)) for name, (low, high) in ranges.items()}


def check(
    engine: BaseEngine, weights: Weights, frames: int = 0, *, padded: bool = False
) -> agreement.Agreement | None:
    """Compare an engine with the best reference of this machine.

    Args:
        engine: the one to judge.
        weights: what it was built from.
        frames: length of the track; 0 takes the first dozen for fp32, else all.
        padded: judge ``track_padded`` in the place of ``track``.

    Returns:
        The comparison; None where there is nothing to compare with.

    Raises:
        EngineError: if they do not agree.
    """
    frames = frames or (QUICK_FRAMES if engine.precision == 'fp32' else golden.LENGTH)
    itself = f'{engine.backend} {engine.precision}'
    name, reference = find_reference(engine.config, weights, frames, but_not=itself)
    if reference is None:
        _log.info('%s was not compared: there is no reference on this machine', engine.choice)
        return None
    result = agreement.compare(engine, reference, trained=is_trained(weights), padded=padded)
    if not result.ok:
        raise EngineError(
            f'{engine.backend} in {engine.precision} does not agree with {name}: {result}'
        )
    _log.info('%s agrees with %s: %s', engine.choice, name, result)
    return result


def is_trained(weights: Weights) -> bool:
    """Tell weights that track something from random ones."""
    return weights.metadata.get('source') != RANDOM


def find_reference(
    config: ModelConfig, weights: Weights, frames: int = golden.LENGTH, *, but_not: str = ''
) -> tuple[str, Reference | None]:
    """A track to compare an engine with, and where it is from.

    Stored boxes of the same weights come first, then torch, then ONNX Runtime.

    Args:
        config: the network.
        weights: that fit it.
        frames: length of the track.
        but_not: back end and precision that are to be judged, ``torch fp32`` for one: nothing is
            its own reference.

    Returns:
        The reference's name and track, or None where there is none.
    """
    stored = read_reference(weights)
    if stored is not None and config == weights.config:
        return 'the stored boxes', stored.first(frames)
    if but_not != 'torch fp32' and is_installed('torch'):
        from hit_rfgm_ros.engines.torch_engine import TorchEngine

        return 'torch', agreement.lead(TorchEngine(config, weights.tensors), frames)
    if but_not != 'onnxruntime fp32' and is_installed('onnxruntime'):
        from hit_rfgm_ros.engines.onnx_engine import OnnxEngine

        names = _without(_PADDED, config)
        graphs = make_graphs(config, weights, 'onnxruntime', 'fp32', names)
        return 'onnxruntime', agreement.lead(OnnxEngine(config, graphs), frames)
    return 'nothing', None


def _key(config: ModelConfig, weights: Weights, backend: str, precision: str) -> dict[str, str]:
    """Everything that changes the graphs or the verdict on them."""
    return {
        'config': json.dumps(asdict(config), sort_keys=True),
        'weights': _digest_of_tensors(weights),
        'ranges': weights.metadata.get(RANGES, ''),
        'backend': f'{backend} {_version(backend)}',
        'precision': precision,
        'package': __version__,
        'builder': _digest_of_sources(),
        'onnx': _version('onnx'),
        'cpu': ' '.join(sorted(cpu_flags())),
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # built from source, without metadata
        return 'unknown'


def _digest_of_tensors(weights: Weights) -> str:
    """Of what is really built in, not of the file: arrays in memory may have been changed."""
    digest = hashlib.sha256()
    for key, array in sorted(weights.tensors.items()):
        digest.update(f'{key} {array.dtype.str} {array.shape}'.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _digest_of_sources() -> str:
    """Of the files of this room and the golden sequence: whoever changes them needs no counter."""
    files = [*sorted(Path(__file__).parent.glob('*.py')), Path(golden.__file__)]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()
