"""OpenVINO on the CPU (extra ``openvino``): the fastest back end on x86."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.engines.base import BaseEngine, as_batch
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.types import Array
import numpy as np

# int8 graphs carry their own quantisation; what is left of them in floats runs in bf16 as well
# where the CPU has it, else in float32 (OpenVINO decides).
_FLOATS = {'fp32': 'f32', 'bf16': 'bf16', 'int8': 'bf16'}


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

    A batch of one, the common case, has its own model of fixed shape, which is faster; larger
    batches share one of dynamic shape, compiled when the first one comes.
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
        later: Mapping[str, Callable[[], bytes]] | None = None,
    ) -> None:
        """Load and compile the graphs.

        Args:
            config: the network.
            graphs: serialised ONNX models by name.
            precision: what the graphs were made for, and the arithmetic.
            max_batch: largest batch that `run` takes.
            threads: threads per call; 0 leaves it to OpenVINO.

        Raises:
            EngineError: if OpenVINO cannot load or compile a graph.
            MissingDependencyError: if OpenVINO is not installed.
        """
        super().__init__(config, precision=precision, max_batch=max_batch)
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
        self._models: dict[str, Any] = {}
        self._requests: dict[tuple[str, bool], Any] = {}
        for name, graph in graphs.items():
            try:
                self._models[name] = self._core.read_model(graph)
            except RuntimeError as error:
                raise EngineError(
                    f'OpenVINO cannot read the graph {name!r} of {config.name} in {precision}: '
                    f'{error}'
                ) from error
            self._request(name, 1)
            if max_batch == 1:
                del self._models[name]  # nothing is compiled later

    def _request(self, graph: str, batch: int) -> Any:
        """The request for a batch of one or for larger ones, compiled on first use."""
        key = (graph, batch == 1)
        if key not in self._requests:
            model = self._models[graph].clone()
            if batch == 1:
                shapes = self._specs[graph].inputs
                model.reshape({name: [1, *shape] for name, (_, shape) in shapes.items()})
            try:
                compiled = self._core.compile_model(model, 'CPU', self._properties)
            except RuntimeError as error:
                raise EngineError(
                    f'OpenVINO cannot compile the graph {graph!r} of {self.config.name} in '
                    f'{self.precision}: {error}'
                ) from error
            self._requests[key] = compiled.create_infer_request()
        return self._requests[key]

    def _run(self, graph: str, inputs: Mapping[str, Array], batch: int) -> dict[str, Array]:
        request = self._request(graph, batch)
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
