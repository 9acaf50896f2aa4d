"""ONNX Runtime on the CPU: the back end of the base install."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
import threading

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.engines.base import BaseEngine, as_batch
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

# ONNX Runtime has no common base class for its errors.
FAILURES = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
    failures.EPFail,
)


class OnnxEngine(BaseEngine):
    """Runs the exported graphs with ONNX Runtime's CPU provider."""

    backend = 'onnxruntime'

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
        """Load the graphs.

        Args:
            config: the network.
            graphs: serialised ONNX models by name.
            precision: what the graphs were made for.
            max_batch: largest batch that `run` takes.
            threads: threads per call; 0 leaves it to ONNX Runtime.
            later: the way to graphs that are loaded by `prepare`, or when they are first run.

        Raises:
            EngineError: if ONNX Runtime cannot load a graph.
        """
        self._later = dict(later or {})
        self._loading = threading.Lock()
        names = [*graphs, *self._later]
        super().__init__(config, precision=precision, max_batch=max_batch, graphs=names)
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 3  # errors only
        # Spinning workers steal the cores of everything else on a busy machine.
        self._options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._sessions = {name: self._load(name, graph) for name, graph in graphs.items()}

    def _load(self, name: str, graph: bytes) -> onnxruntime.InferenceSession:
        try:
            return onnxruntime.InferenceSession(
                graph, self._options, providers=['CPUExecutionProvider']
            )
        except FAILURES as error:
            raise EngineError(
                f'ONNX Runtime {onnxruntime.__version__} cannot load the graph {name!r} of '
                f'{self.config.name} in {self.precision}: {error}'
            ) from error

    def prepare(self, graphs: Collection[str]) -> None:
        """See `BaseEngine.prepare`."""
        super().prepare(graphs)
        for graph in graphs:
            self._session(graph)

    def _session(self, graph: str) -> onnxruntime.InferenceSession:
        """The session of a graph, loaded on first use."""
        if graph not in self._sessions:
            with self._loading:
                if graph not in self._sessions:
                    self._sessions[graph] = self._load(graph, self._later[graph]())
        return self._sessions[graph]

    def _run(self, graph: str, inputs: Mapping[str, Array], batch: int) -> dict[str, Array]:
        session = self._session(graph)
        names = self._specs[graph].outputs
        feed = {name: as_batch(value) for name, value in inputs.items()}
        try:
            values = session.run(list(names), feed)
        except FAILURES as error:
            raise EngineError(
                f'ONNX Runtime failed in graph {graph!r} with a batch of {batch}: {error}'
            ) from error
        return dict(zip(names, values))
