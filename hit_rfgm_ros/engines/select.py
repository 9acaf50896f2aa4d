"""Chooses a back end, builds its engine, and says what was chosen and why not the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import logging
from pathlib import Path
from typing import NamedTuple

from hit_rfgm_ros.config.models import ModelConfig, get_model_config
from hit_rfgm_ros.config.tracker import BACKENDS, PRECISIONS
from hit_rfgm_ros.engines import cache
from hit_rfgm_ros.engines.base import BaseEngine, PrecisionError
from hit_rfgm_ros.engines.cpu import FAST, is_fast
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.errors import EngineError, MissingDependencyError, WeightsError
from hit_rfgm_ros.optional import is_installed, require
from hit_rfgm_ros.weights.files import Weights
from hit_rfgm_ros.weights.serving import ALL_STORED, serve
from hit_rfgm_ros.weights.spec import check_state

_log = logging.getLogger(__name__)

# What each back end can do, per kind of device; the order is that of `auto`, fastest first.
ABILITIES: dict[str, dict[str, tuple[str, ...]]] = {
    'openvino': {'cpu': ('fp32', 'bf16', 'int8')},
    'onnxruntime': {'cpu': ('fp32', 'int8')},
    'torch': {'cpu': ('fp32', 'bf16'), 'cuda': ('fp32', 'fp16', 'bf16')},
}
# What works, but is too slow to be chosen unless its back end is asked for by name: for
# measurements.
SLOW: dict[str, dict[str, tuple[str, ...]]] = {'torch': {'cpu': ('fp16',)}}
NOT_INSTALLED = {
    name: f"not installed (pip install 'hit_rfgm_ros[{name}]')" for name in ('openvino', 'torch')
}
MEMORY_TOKENS = 192  # three templates, the paper's memory
# A driver of NVIDIA's leaves one of these; without it torch need not be asked (it loads slowly).
_GPU_TRACES = ('/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/nvhost-gpu', '/dev/dxg')


def create_engine(
    model: str | ModelConfig,
    weights: Weights | None,
    *,
    backend: str = 'auto',
    device: str = 'auto',
    precision: str = 'auto',
    max_batch: int = 8,
    threads: int = 0,
    relevance_stages: int = ALL_STORED,
    memory_tokens: int = MEMORY_TOKENS,
    cache_folder: Path | None = None,
    rebuild: bool = False,
) -> BaseEngine:
    """Build the engine of a network.

    Args:
        model: name as in `list_models`, or a configuration.
        weights: of that network; None takes random ones, for benchmarks and tests.
        backend: ``openvino``, ``onnxruntime``, ``torch``, or ``auto``: the first of them that
            is installed, builds and agrees with the reference; on a machine with a CUDA GPU
            torch on the GPU comes first.
        device: ``cpu``, ``cuda``, ``cuda:N`` or ``auto``.
        precision: ``fp32``, ``fp16``, ``bf16``, ``int8``, or ``auto``: fp32.
        max_batch: largest batch that the engine takes.
        threads: threads per call; 0 leaves it to the back end.
        relevance_stages: RFGM: layers that drop memory tokens, 0 to 3; -1 takes what the weights
            have rankers for.
        memory_tokens: RFGM: size that a single target's memory mostly has; OpenVINO is faster
            there. Other sizes work as well.
        cache_folder: where built graphs are kept; None is the user's cache.
        rebuild: build the graphs even if they are kept there.

    Returns:
        The engine; its ``choice`` says what was taken and why not the others.

    Raises:
        ConfigError: if the model is unknown, or relevance_stages is out of range or given for a
            HiT.
        EngineError: if back end, device or precision is unknown, or nothing that was asked for
            works here; the message gives the reason for each.
        MissingDependencyError: if a back end asked for by name is not installed.
        WeightsError: if the weights do not fit the network, or lack a ranker that is needed.
    """
    config, weights = _network(model, weights, relevance_stages)
    check_choice(backend, device, precision)
    wanted = 'fp32' if precision == 'auto' else precision
    fetch = partial(cache.fetch, folder=cache_folder, rebuild=rebuild)
    passed_over: list[str] = []
    for name, place in _candidates(backend, device):
        try:
            wish = _Wish(place, wanted, max_batch, threads, memory_tokens, fetch)
            if backend == 'auto':
                _check_not_slow(name, place, wanted)
            engine = _build(name, config, weights, wish)
        except (EngineError, MissingDependencyError) as error:
            if backend != 'auto':
                raise
            _log.info('%s on %s passed over: %s', name, place, error)
            absent = isinstance(error, MissingDependencyError) and not is_installed(name)
            reason = NOT_INSTALLED.get(name) if absent else None
            passed_over.append(f'{name} on {place}: {reason or error}')
            continue
        engine.choice = _sentence(engine, backend, passed_over)
        _log.info('%s', engine.choice)
        return engine
    raise EngineError(
        f'no back end can run {config.name} on {device} in {wanted}: ' + '; '.join(passed_over)
    )


def possible_engines() -> list[tuple[str, str, str]]:
    """Back end, device and precision of every engine that could run on this machine.

    Without those that are slow. Whether the libraries are installed is not looked at; a GPU
    counts only where torch sees it.
    """
    devices = ('cpu', 'cuda') if _sees_gpu() else ('cpu',)
    return [
        (backend, device, precision)
        for backend, places in ABILITIES.items()
        for device in devices
        for precision in places.get(device, ())
    ]


def supported_precisions(backend: str, device: str) -> tuple[str, ...]:
    """Precisions that a back end knows on a device; empty where it does not run at all."""
    kind = device.partition(':')[0]
    return tuple(
        precision
        for abilities in (ABILITIES, SLOW)
        for precision in abilities.get(backend, {}).get(kind, ())
    )


def _network(
    model: str | ModelConfig, weights: Weights | None, relevance_stages: int
) -> tuple[ModelConfig, Weights]:
    """The configuration and the weights that fit it."""
    config = get_model_config(model) if isinstance(model, str) else model
    if weights is None:
        weights = random_weights(config)
    elif isinstance(model, str):
        if weights.model != model:
            raise WeightsError(
                f'these weights were made for {weights.model}, but {model} was asked for'
            )
        config = weights.config
    if relevance_stages != ALL_STORED:
        weights = serve(weights, relevance_stages)
        config = weights.config
    shapes = {key: array.shape for key, array in weights.tensors.items()}
    check_state(shapes, config, str(weights.path or 'the weights'))
    return config, weights


def check_choice(backend: str, device: str, precision: str) -> None:
    """Refuse names that no engine can have, and a back end by name that is not installed.

    Raises:
        EngineError, MissingDependencyError: as `create_engine`.
    """
    _check_known('back end', backend, BACKENDS)
    _check_known('precision', precision, PRECISIONS)
    if backend == 'tensorrt':
        raise EngineError(
            'TensorRT is not part of this version yet; use backend torch (on a GPU), openvino, '
            'onnxruntime or auto'
        )
    kind = _kind(device)
    if backend == 'auto':
        return
    if backend in NOT_INSTALLED and not is_installed(backend):
        raise MissingDependencyError(f'back end {backend} is {NOT_INSTALLED[backend]}')
    wanted = 'fp32' if precision == 'auto' else precision
    places = list(ABILITIES[backend]) if kind == 'auto' else [device]
    if not any(wanted in supported_precisions(backend, place) for place in places):
        _check_ability(backend, places[0], wanted)


def _check_known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EngineError(f'unknown {what} {value!r}; known: {", ".join(known)}')


def _candidates(backend: str, device: str) -> list[tuple[str, str]]:
    """Pairs of back end and device in the order in which they are tried."""
    kind = _kind(device)
    names = list(ABILITIES) if backend == 'auto' else [backend]
    if kind == 'cuda':
        return [(name, device) for name in (['torch'] if backend == 'auto' else names)]
    pairs = [(name, 'cpu') for name in names]
    if kind == 'auto' and 'torch' in names and _sees_gpu():
        pairs.insert(0, ('torch', 'cuda'))
    return pairs


def _kind(device: str) -> str:
    kind = device.partition(':')[0]
    if kind not in ('auto', 'cpu', 'cuda'):
        raise EngineError(f'unknown device {device!r}; known: auto, cpu, cuda, cuda:N')
    return kind


def _sees_gpu() -> bool:
    if not any(Path(trace).exists() for trace in _GPU_TRACES) or not is_installed('torch'):
        return False
    torch = require('torch', extra='torch', purpose='the GPU')
    return bool(torch.cuda.is_available())


class _Wish(NamedTuple):
    """How an engine is to be built; see `create_engine`."""

    device: str
    precision: str
    max_batch: int
    threads: int
    memory_tokens: int
    fetch: cache.Fetch


def _build(name: str, config: ModelConfig, weights: Weights, wish: _Wish) -> BaseEngine:
    _check_ability(name, wish.device, wish.precision)
    if wish.device == 'cpu' and not is_fast(wish.precision):
        _log.warning(
            '%s will not be faster than fp32 here: the processor has none of %s',
            wish.precision,
            ', '.join(FAST[wish.precision]),
        )
    return _BUILDERS[name](config, weights, wish)


def _check_ability(name: str, device: str, precision: str) -> None:
    known = supported_precisions(name, device)
    if not known:
        places = ' or '.join(ABILITIES[name])
        raise EngineError(f'{name} runs here on {places}, not on {device}')
    if precision not in known:
        raise PrecisionError(
            f'{name} on {device} cannot do {precision}; it can do {", ".join(known)}'
        )


def _check_not_slow(name: str, device: str, precision: str) -> None:
    if precision in SLOW.get(name, {}).get(device.partition(':')[0], ()):
        raise PrecisionError(
            f'{name} on {device} does {precision} slowly, and only where it is asked for by name '
            f'(backend {name})'
        )


def _build_torch(config: ModelConfig, weights: Weights, wish: _Wish) -> BaseEngine:
    require('torch', extra='torch', purpose='the torch back end')
    from hit_rfgm_ros.engines.torch_engine import TorchEngine

    return TorchEngine(
        config,
        weights.tensors,
        device=wish.device,
        precision=wish.precision,
        max_batch=wish.max_batch,
        threads=wish.threads,
    )


def _build_openvino(config: ModelConfig, weights: Weights, wish: _Wish) -> BaseEngine:
    require('openvino', extra='openvino', purpose='the OpenVINO back end')
    from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine

    engine = partial(OpenVinoEngine, memory_tokens=wish.memory_tokens)
    return _load_accepted('openvino', engine, config, weights, wish)


def _build_onnxruntime(config: ModelConfig, weights: Weights, wish: _Wish) -> BaseEngine:
    if not is_installed('onnxruntime'):
        raise MissingDependencyError(
            'onnxruntime was not found; it belongs to the base install: pip install onnxruntime'
        )
    from hit_rfgm_ros.engines.onnx_engine import OnnxEngine

    return _load_accepted('onnxruntime', OnnxEngine, config, weights, wish)


def _load_accepted(
    name: str,
    engine: Callable[..., BaseEngine],
    config: ModelConfig,
    weights: Weights,
    wish: _Wish,
) -> BaseEngine:
    from hit_rfgm_ros.engines import accepted

    load = partial(
        engine,
        config,
        precision=wish.precision,
        max_batch=wish.max_batch,
        threads=wish.threads,
    )
    what = (config, weights, name, wish.precision, load, wish.fetch)
    return load(accepted.accepted_graphs(*what), later=accepted.later_graphs(*what))


_BUILDERS: dict[str, Callable[..., BaseEngine]] = {
    'openvino': _build_openvino,
    'onnxruntime': _build_onnxruntime,
    'torch': _build_torch,
}


def _sentence(engine: BaseEngine, backend: str, passed_over: list[str]) -> str:
    taken = f'{engine.backend} on {engine.device} in {engine.precision}'
    if backend != 'auto':
        return f'{taken}, as asked for'
    if not passed_over:
        return f'{taken}: the fastest back end of this version for this machine'
    return f'{taken}; passed over: ' + '; '.join(passed_over)
