"""OpenVINO on the CPU (extra ``openvino``): the fastest back end on x86."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
import threading
from typing import Any

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.engines.base import BaseEngine, GraphSpec, as_batch
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.types import Array
import numpy as np

# int8 graphs carry their own quantisation; what is left of them in floats runs in bf16 as well
# where the CPU has it, else in float32 (OpenVINO decides).
_FLOATS = {'fp32': 'f32', 'bf16': 'bf16', 'int8': 'bf16'}

# A memory of fixed length takes 8 to 11 % off rfgm_t256 for some 140 MB, but 1 to 2 % off
# rfgm_b256 in bf16 and int8 for 320 MB and more, so large graphs go without. Not in fp32: there
# it is 6 % for 0.8 GB, because Strassen's products pay with fixed shapes only.
FIXED_BYTES = 180 * 10**6


@cache
def shared_core() -> Any:
    """The one core of this process, which lives as long as the process.

    OpenVINO's CPU plugin gives its thread an alternate signal stack and puts the former one back
    when it is destroyed. With two cores that end in another order than they began, the thread is
    left with a stack that is freed, and the next signal, a Ctrl-C for one, kills the process.
    """
    import openvino

    return openvino.Core()


class OpenVinoEngine(BaseEngine):
    """Runs the exported graphs with OpenVINO's CPU plugin.

    The common case, a batch of one with a full memory, has its own model of fixed shape, which is
    faster; all else shares one of free shape, compiled when the first such input comes. Graphs
    with a memory that are larger than `FIXED_BYTES` have the latter alone, but in fp32.
    """

    backend = 'openvino'

    def __init__(
        self,
        config: ModelConfig,
        graphs: Mapping[str, bytes],
        *,
        precision: str = 'fp32',
        max_batch: int = 8,
        threads: int = 0,
        memory_tokens: int = 0,
        later: Mapping[str, Callable[[], bytes]] | None = None,
    ) -> None:
        """Load and compile the graphs.

        Args:
            config: the network.
            graphs: serialised ONNX models by name.
            precision: what the graphs were made for, and the arithmetic.
            max_batch: largest batch that `run` takes.
            threads: threads per call; 0 leaves it to OpenVINO.
            memory_tokens: RFGM: size of the memory that has a model of fixed shape; 0: none has.
            later: the way to graphs that are loaded by `prepare`, or when they are first run.

        Raises:
            EngineError: if OpenVINO cannot load or compile a graph.
            MissingDependencyError: if OpenVINO is not installed.
        """
        self._later = dict(later or {})
        self._loading = threading.Lock()
        names = [*graphs, *self._later]
        super().__init__(config, precision=precision, max_batch=max_batch, graphs=names)
        require('openvino', extra='openvino', purpose='the OpenVINO back end')
        self._core = shared_core()
        self._properties: dict[str, Any] = {
            'INFERENCE_PRECISION_HINT': _FLOATS[precision],
            'PERFORMANCE_HINT': 'LATENCY',
            # Trackers of several processes would all be pinned to the same cores.
            'ENABLE_CPU_PINNING': False,
        }
        if threads:
            self._properties['INFERENCE_NUM_THREADS'] = threads
        self._memory_tokens = memory_tokens
        self._large = {
            name
            for name, graph in graphs.items()
            if len(graph) > FIXED_BYTES and precision != 'fp32'
        }
        # Kept for what is compiled later; what is compiled shares their weights.
        self._models: dict[str, Any] = {}
        self._requests: dict[tuple[str, bool], Any] = {}
        for name, graph in graphs.items():
            self._models[name] = self._read(name, graph)
            self._request(name, fixed=self._fixed_shapes(name) is not None)

    def _read(self, name: str, graph: bytes) -> Any:
        try:
            return self._core.read_model(graph)
        except RuntimeError as error:
            raise EngineError(
                f'OpenVINO cannot read the graph {name!r} of {self.config.name} in '
                f'{self.precision}: {error}'
            ) from error

    def _fixed_shapes(self, graph: str) -> dict[str, list[int]] | None:
        """Shapes of the inputs in the common case; None where the graph has no such case."""
        spec, tokens = self._specs[graph], self._memory_tokens
        never = graph == 'track_padded' or graph in self._large or tokens < spec.free[0]
        if _has_free(spec) and never:
            return None
        return {
            name: [1, *(tokens if side is None else side for side in shape)]
            for name, (_, shape) in spec.inputs.items()
        }

    def prepare(self, graphs: Collection[str]) -> None:
        """See `BaseEngine.prepare`."""
        super().prepare(graphs)
        for graph in graphs:
            self._request(graph, fixed=self._fixed_shapes(graph) is not None)

    def _request(self, graph: str, *, fixed: bool) -> Any:
        """The request for the common case or for all others, compiled on first use."""
        key = (graph, fixed)
        if key not in self._requests:
            with self._loading:
                if key not in self._requests:
                    self._requests[key] = self._compile(graph, fixed)
        return self._requests[key]

    def _compile(self, graph: str, fixed: bool) -> Any:
        if graph not in self._models:
            self._models[graph] = self._read(graph, self._later[graph]())
        model = self._models[graph].clone()
        if fixed:
            model.reshape(self._fixed_shapes(graph))
        try:
            compiled = self._core.compile_model(model, 'CPU', self._properties)
        except RuntimeError as error:
            raise EngineError(
                f'OpenVINO cannot compile the graph {graph!r} of {self.config.name} in '
                f'{self.precision}: {error}'
            ) from error
        return compiled.create_infer_request()

    def _run(self, graph: str, inputs: Mapping[str, Array], batch: int) -> dict[str, Array]:
        fixed = self._fixed_shapes(graph)
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        request = self._request(graph, fixed=shapes == fixed)
        try:
            # Inputs and outputs are copied (0.02 ms): a shared tensor would not keep its array
            # alive, and a shared output would be overwritten by the next call.
            values = request.infer(
                {name: as_batch(value) for name, value in inputs.items()},
                share_inputs=False,
                share_outputs=False,
            )
        except RuntimeError as error:
            raise EngineError(
                f'OpenVINO failed in graph {graph!r} with a batch of {batch}: {error}'
            ) from error
        return {name: np.asarray(values[name]) for name in self._specs[graph].outputs}


def _has_free(spec: GraphSpec) -> bool:
    return any(None in shape for _, shape in spec.inputs.values())
