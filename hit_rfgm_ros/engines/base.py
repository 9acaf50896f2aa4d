"""What all engines share: the graphs' inputs and outputs, and the checks before a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
import threading

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import numpy as np


class PrecisionError(EngineError):
    """A back end, or these weights, cannot do the precision that was asked for."""


@dataclass(frozen=True)
class GraphSpec:
    """Inputs and outputs of one graph.

    Attributes:
        inputs: type and shape (without the batch axis) by name.
        outputs: names.
    """

    inputs: Mapping[str, tuple[str, tuple[int, ...]]]
    outputs: tuple[str, ...]


def graph_specs(config: HiTConfig) -> dict[str, GraphSpec]:
    """The two graphs of a HiT network, alike for every back end."""
    stride = 16 if config.backbone == 'levit' else 4
    tokens = ((config.template_size // stride) ** 2, config.widths[0])
    search = (config.search_size, config.search_size, 3)
    template = (config.template_size, config.template_size, 3)
    return {
        'template': GraphSpec({'template': ('uint8', template)}, ('template_tokens',)),
        'track': GraphSpec(
            {'search': ('uint8', search), 'template_tokens': ('float32', tokens)},
            ('boxes', 'score_tl', 'score_br', 'correlation'),
        ),
    }


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
        choice: one sentence on why this back end was taken, and why not the others.
    """

    backend = ''

    def __init__(
        self,
        config: HiTConfig,
        *,
        device: str = 'cpu',
        precision: str = 'fp32',
        max_batch: int = 8,
    ) -> None:
        if max_batch < 1:
            raise EngineError(f'max_batch must be at least 1, got {max_batch}')
        self.config = config
        self.device = device
        self.precision = precision
        self.max_batch = max_batch
        self.choice = f'{self.backend} on {device} in {precision}, as asked for'
        self._specs = graph_specs(config)
        self._lock = threading.Lock()

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one graph on a batch.

        Args:
            graph: ``template`` or ``track``.
            inputs: arrays by name, all with the same batch B between 1 and `max_batch`.
                template: ``template`` uint8 (B, 128, 128, 3) RGB. track: ``search`` uint8
                (B, 256, 256, 3) RGB and ``template_tokens``, what the template graph gave.

        Returns:
            template: ``template_tokens`` float32 (B, tokens, channels). track: ``boxes`` (B, 4)
            cx, cy, w, h as fractions of the search region, not clamped; ``score_tl`` and
            ``score_br`` (B, 256) probabilities of the cells; ``correlation`` (B, 256). All
            float32. NaN is passed on: the tracker judges it.

        Raises:
            EngineError: if the graph or an input is unknown or misshapen, or the back end fails.
        """
        spec = self._spec(graph)
        _check_names(graph, spec, inputs)
        batch = 0
        for name, (dtype, shape) in spec.inputs.items():
            batch = self._check_input(graph, name, inputs[name], dtype, shape, batch)
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
        return self._specs[graph]

    def _check_input(
        self, graph: str, name: str, value: Array, dtype: str, shape: tuple[int, ...], batch: int
    ) -> int:
        given: tuple[int, ...] = tuple(getattr(value, 'shape', ()))
        kind = str(getattr(value, 'dtype', type(value).__name__))
        if kind != dtype or len(given) != len(shape) + 1 or given[1:] != shape:
            raise EngineError(
                f'graph {graph!r}, input {name!r}: expected {dtype} (B, {_join(shape)}), '
                f'got {kind} ({_join(given)})'
            )
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


def _join(shape: tuple[int, ...]) -> str:
    return ', '.join(str(side) for side in shape)
