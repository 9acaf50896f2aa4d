"""What all engines share: the graphs' inputs and outputs, and the checks before a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
import threading

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import numpy as np


class PrecisionError(EngineError):
    """A back end, or these weights, cannot do the precision that was asked for."""


MAX_TEMPLATES = 64  # in a memory; bounds what one call can ask of the machine


@dataclass(frozen=True)
class GraphSpec:
    """Inputs and outputs of one graph.

    Attributes:
        inputs: type and shape (without the batch axis) by name; None is a free axis.
        outputs: names.
        free: smallest and largest length of the free axis.
    """

    inputs: Mapping[str, tuple[str, tuple[int | None, ...]]]
    outputs: tuple[str, ...]
    free: tuple[int, int] = (1, 1)


def graph_specs(config: ModelConfig) -> dict[str, GraphSpec]:
    """The graphs of a network, alike for every back end."""
    return _hit_specs(config) if isinstance(config, HiTConfig) else _rfgm_specs(config)


def _hit_specs(config: HiTConfig) -> dict[str, GraphSpec]:
    stride = 16 if config.backbone == 'levit' else 4
    tokens = ((config.template_size // stride) ** 2, config.widths[0])
    return {
        'template': GraphSpec(_picture('template', config.template_size), ('template_tokens',)),
        'track': GraphSpec(
            {
                **_picture('search', config.search_size),
                'template_tokens': ('float32', tokens),
            },
            ('boxes', 'score_tl', 'score_br', 'correlation'),
        ),
    }


def _rfgm_specs(config: RFGMConfig) -> dict[str, GraphSpec]:
    free = (config.template_tokens, MAX_TEMPLATES * config.template_tokens)
    memory = ('float32', (None, config.width))
    inputs = {**_picture('search', config.search_size), 'memory': memory}
    kept = (f'kept_{layer}' for layer, _ in config.stages)
    outputs = ('score', 'size', 'offset', *kept)
    specs = {
        'template': GraphSpec(_picture('template', config.template_size), ('template_tokens',)),
        'track': GraphSpec(inputs, outputs, free),
        'track_padded': GraphSpec({**inputs, 'memory_count': ('int64', ())}, outputs, free),
    }
    if config.has_filter:
        tokens = ('float32', (config.template_tokens, config.width))
        inputs = {'memory': memory, 'template_tokens': tokens}
        inputs |= _picture('search', config.search_size)
        specs['filter'] = GraphSpec(inputs, ('relevance',), free)
    return specs


def _picture(name: str, side: int) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    return {name: ('uint8', (side, side, 3))}


class BaseEngine(ABC):
    """Checks what goes in and calls one back end; implements `hit_rfgm_ros.types.Engine`.

    An engine never changes after it is made: other weights or another device are another engine,
    and what was computed for a template is handed in with every call. So nothing in it can be
    stale. Calls from several threads are run one after the other.

    Attributes:
        config: the network.
        backend: name of the back end.
        device: ``cpu`` or ``cuda:N``.
        precision: arithmetic of the graphs.
        max_batch: largest batch that `run` takes.
        graphs: names that `run` takes here.
        choice: one sentence on why this back end was taken, and why not the others.
    """

    backend = ''

    def __init__(
        self,
        config: ModelConfig,
        *,
        device: str = 'cpu',
        precision: str = 'fp32',
        max_batch: int = 8,
        graphs: Collection[str] | None = None,
    ) -> None:
        if max_batch < 1:
            raise EngineError(f'max_batch must be at least 1, got {max_batch}')
        self.config = config
        self.device = device
        self.precision = precision
        self.max_batch = max_batch
        self.choice = f'{self.backend} on {device} in {precision}, as asked for'
        self._specs = graph_specs(config)
        self.graphs = tuple(self._specs if graphs is None else graphs)
        self._lock = threading.Lock()

    def prepare(self, graphs: Collection[str]) -> None:
        """Load graphs now that would else be loaded when they are first run.

        That takes up to seconds, minutes where they are still to be built. Others can run
        meanwhile.

        Args:
            graphs: names as for `run`; those that are there already cost nothing.

        Raises:
            EngineError: if a graph is unknown, or cannot be loaded.
        """
        for graph in graphs:
            self._spec(graph)

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one graph on a batch.

        Args:
            graph: one of `graph_specs`.
            inputs: arrays by name, all with the same batch B between 1 and `max_batch`.

        ``template`` takes ``template`` uint8 (B, 128, 128, 3) RGB and gives ``template_tokens``
        float32 (B, tokens, channels).

        HiT's ``track`` takes ``search`` uint8 (B, 256, 256, 3) RGB and ``template_tokens``. It
        gives ``boxes`` (B, 4) cx, cy, w, h as fractions of the search region, not clamped;
        ``score_tl`` and ``score_br`` (B, 256) probabilities of the cells; ``correlation``
        (B, 256).

        RFGM's ``track`` takes ``search`` and ``memory`` float32 (B, n, channels): template
        tokens, oldest template first. It gives ``score`` (B, 256), ``size`` and ``offset``
        (B, 2, 256), which `geometry.centre.decode` reads, and for each layer that drops tokens
        ``kept_<layer>`` int64 (B, k): which of the n stay, in no order. ``track_padded`` takes
        also ``memory_count`` int64 (B,): of sample b only the first count[b] tokens are used,
        and its ``kept_<layer>`` is filled up with -1. ``filter`` takes ``memory``, the
        ``template_tokens`` of one more template, and ``search``; it gives ``relevance`` (B, n),
        the logit of being kept, of the memory's tokens after the first template, then of the new
        ones.

        Returns:
            Arrays by name, float32 but for ``kept_<layer>``. NaN is passed on: the tracker
            judges it.

        Raises:
            EngineError: if the graph or an input is unknown or misshapen, or the back end fails.
        """
        spec = self._spec(graph)
        _check_names(graph, spec, inputs)
        batch = 0
        for name in spec.inputs:
            batch = self._check_input(graph, spec, name, inputs[name], batch)
        if 'memory_count' in spec.inputs:
            _check_counts(inputs['memory_count'], spec.free[0], inputs['memory'].shape[1])
        with self._lock:
            return self._run(graph, inputs, batch)

    @abstractmethod
    def _run(self, graph: str, inputs: Mapping[str, Array], batch: int) -> dict[str, Array]:
        """Run a graph on checked inputs; failures of the back end become EngineError."""

    def _spec(self, graph: str) -> GraphSpec:
        if graph not in self._specs:
            raise EngineError(
                f'{self.config.name} has no graph {graph!r}; it has: {", ".join(self._specs)}'
            )
        if graph not in self.graphs:
            raise EngineError(f'this engine was made without the graph {graph!r}')
        return self._specs[graph]

    def _check_input(
        self, graph: str, spec: GraphSpec, name: str, value: Array, batch: int
    ) -> int:
        dtype, shape = spec.inputs[name]
        given: tuple[int, ...] = tuple(getattr(value, 'shape', ()))
        kind = str(getattr(value, 'dtype', type(value).__name__))
        fits = len(given) == len(shape) + 1 and all(
            wanted in (None, side) for wanted, side in zip(shape, given[1:])
        )
        if kind != dtype or not fits:
            raise EngineError(
                f'graph {graph!r}, input {name!r}: expected {dtype} ({_join(("B", *shape))}), '
                f'got {kind} ({_join(given)})'
            )
        _check_free(graph, spec, name, given)
        if not 1 <= given[0] <= self.max_batch:
            raise EngineError(
                f'graph {graph!r}, input {name!r}: a batch of 1 to {self.max_batch} is expected, '
                f'got {given[0]}; make the engine with a larger max_batch'
            )
        if batch not in (0, given[0]):
            raise EngineError(
                f'graph {graph!r}, input {name!r}: batch {given[0]} differs from the batch '
                f'{batch} of the other inputs'
            )
        return given[0]


def as_batch(value: Array) -> Array:
    """The array as a contiguous one, which every back end can read."""
    return np.ascontiguousarray(value)


def _check_names(graph: str, spec: GraphSpec, inputs: Mapping[str, Array]) -> None:
    if set(inputs) != set(spec.inputs):
        raise EngineError(
            f'graph {graph!r} takes the inputs {", ".join(spec.inputs)}; '
            f'got {", ".join(inputs) or "none"}'
        )


def _check_free(graph: str, spec: GraphSpec, name: str, given: tuple[int, ...]) -> None:
    low, high = spec.free
    for wanted, side in zip(spec.inputs[name][1], given[1:]):
        if wanted is None and not low <= side <= high:
            raise EngineError(
                f'graph {graph!r}, input {name!r}: {low} to {high} tokens are expected, got {side}'
            )


def _check_counts(counts: Array, low: int, high: int) -> None:
    if counts.min() < low or counts.max() > high:
        raise EngineError(
            f"graph 'track_padded', input 'memory_count': each sample has {low} tokens at least "
            f'and no more than its memory holds here, {high}; got {counts.tolist()}'
        )


def _join(shape: tuple[int | str | None, ...]) -> str:
    return ', '.join('n' if side is None else str(side) for side in shape)
