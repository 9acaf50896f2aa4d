"""Graphs that may be used: built from weights, compared with the reference, then kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import json
import logging
from pathlib import Path

from hit_rfgm_ros import __version__
from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.data import golden
from hit_rfgm_ros.engines import agreement, cache
from hit_rfgm_ros.engines.base import BaseEngine, PrecisionError
from hit_rfgm_ros.engines.cpu import cpu_flags
from hit_rfgm_ros.engines.hit_graph import build_graphs
from hit_rfgm_ros.engines.random_weights import SOURCE as RANDOM
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.optional import is_installed
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import Weights

RANGES = 'ranges'  # in the metadata of weights: JSON, activation -> [smallest, largest]
QUICK_FRAMES = 12  # fp32 differs at once or never; a reduced precision runs the whole track

_log = logging.getLogger(__name__)

Load = Callable[[cache.Graphs], BaseEngine]


def accepted_graphs(
    config: HiTConfig,
    weights: Weights,
    backend: str,
    precision: str,
    load: Load,
    fetch: cache.Fetch = cache.fetch,
) -> cache.Graphs:
    """The graphs of a network for a back end, from the cache where they have been before.

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
        graphs = make_graphs(config, weights, backend, precision)
        check(load(graphs), weights)
        return graphs

    name = f'{config.name}-{backend}-{precision}'
    return fetch(name, _key(config, weights, backend, precision), build)


def make_graphs(config: HiTConfig, weights: Weights, backend: str, precision: str) -> cache.Graphs:
    """Build the graphs, without cache and comparison.

    Raises:
        PrecisionError: if int8 is asked for and the weights carry no ranges of activations.
    """
    ranges = _ranges(weights) if precision == 'int8' else None
    graphs = build_graphs(
        config, weights.tensors, precision=precision, backend=backend, ranges=ranges
    )
    return {name: graph.SerializeToString() for name, graph in graphs.items()}


def _ranges(weights: Weights) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of each activation, measured when the weights were made."""
    if RANGES not in weights.metadata:
        raise PrecisionError(
            f'int8 needs the ranges of the activations, and the weights of {weights.model} carry '
            'none; measure them with: hit-rfgm engine calibrate'
        )
    ranges = json.loads(weights.metadata[RANGES])
    return {name: (float(low), float(high)) for name, (low, high) in ranges.items()}


def check(engine: BaseEngine, weights: Weights, frames: int = 0) -> agreement.Agreement | None:
    """Compare an engine with the best reference of this machine.

    Args:
        engine: the one to judge.
        weights: what it was built from.
        frames: length of the track; 0 takes the first dozen for fp32, else all.

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
    result = agreement.compare(engine, reference, trained=is_trained(weights))
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
    config: HiTConfig, weights: Weights, frames: int = golden.LENGTH, *, but_not: str = ''
) -> tuple[str, Array | None]:
    """Boxes to compare an engine with, and where they are from.

    Stored boxes of the same weights come first, then torch, then ONNX Runtime.

    Args:
        config: the network.
        weights: that fit it.
        frames: length of the track.
        but_not: back end and precision that are to be judged, ``torch fp32`` for one: nothing is
            its own reference.

    Returns:
        The reference's name and float64 (frames - 1, 4), or None where there is none.
    """
    stored = agreement.read_reference(weights)
    if stored is not None and config == weights.config:
        return 'the stored boxes', stored[: frames - 1]
    if but_not != 'torch fp32' and is_installed('torch'):
        from hit_rfgm_ros.engines.torch_engine import TorchEngine

        return 'torch', agreement.lead(TorchEngine(config, weights.tensors), frames)
    if but_not != 'onnxruntime fp32' and is_installed('onnxruntime'):
        from hit_rfgm_ros.engines.onnx_engine import OnnxEngine

        graphs = make_graphs(config, weights, 'onnxruntime', 'fp32')
        return 'onnxruntime', agreement.lead(OnnxEngine(config, graphs), frames)
    return 'nothing', None


def _key(config: HiTConfig, weights: Weights, backend: str, precision: str) -> dict[str, str]:
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
