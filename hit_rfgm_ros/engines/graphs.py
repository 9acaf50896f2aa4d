"""Makes the inference graphs of a network of either family for a back end and a precision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines import hit_graph, rfgm_graph
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.quantise import Ranges
from hit_rfgm_ros.engines.tower_graph import WINOGRAD_LAYERS
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import onnx

PRECISIONS = ('fp32', 'bf16', 'int8')
BACKENDS = ('onnxruntime', 'openvino', 'tensorrt')
STRASSEN_WIDTH = 768  # channels of a token, from which Strassen's products are used

Config = TypeVar('Config')


def build_graphs(
    config: ModelConfig,
    tensors: Mapping[str, Array],
    *,
    precision: str = 'fp32',
    backend: str = 'onnxruntime',
    winograd: bool | None = None,
    strassen: bool | None = None,
    ranges: Ranges | None = None,
    names: Collection[str] | None = None,
) -> dict[str, onnx.ModelProto]:
    """Make the graphs that `base.graph_specs` lists, see `hit_graph` and `rfgm_graph`.

    Args:
        config: the network.
        tensors: its state dict under official keys; any float type.
        precision: ``fp32``; ``bf16``: a float32 graph meant to be run in bfloat16 (metadata
            ``precision``); ``int8``: quantised by ``ranges``.
        backend: whose habits to suit; the graphs are valid for every back end, except that
            ONNX Runtime's in int8 have operators of its own.
        winograd: whether the head's large layers use Winograd's F(4x4, 3x3); by default on a CPU
            where it pays. It costs no accuracy that bf16 does not cost anyway.
        strassen: whether RFGM's graph ``track`` uses Strassen's products in its linear layers, for
            an even number of heads; by default where it pays, in OpenVINO in fp32 for wide
            networks. Costs three quarters of these layers' memory.
        ranges: smallest and largest input of the layers that int8 replaces, see
            `engines.calibrate.collect_ranges`; a layer without a range stays in floats.
        names: the graphs wanted; None makes all.

    Raises:
        EngineError: if precision, back end or a graph's name is unknown, or int8 lacks its
            ranges.
        WeightsError: if a tensor is missing.
    """
    if precision not in PRECISIONS or backend not in BACKENDS:
        raise EngineError(
            f'graphs are made for {PRECISIONS} and {BACKENDS}, got {precision!r} for {backend!r}'
        )
    if precision == 'int8' and not ranges:
        raise EngineError(
            f'{config.name} in int8 needs the ranges of its activations: measure them on real '
            'crops with engines.calibrate.collect_ranges'
        )
    writers = _writers(config, tensors, _winograd_layers(config, precision, backend, winograd))
    unknown = set(names or ()) - set(writers)
    if unknown:
        raise EngineError(
            f'{config.name} has the graphs {", ".join(writers)}, not {", ".join(sorted(unknown))}'
        )
    if strassen is None:
        strassen = _strassen_pays(config, precision, backend)
    graphs = {}
    for name, write in writers.items():
        if names is None or name in names:
            graph = _writer(name, config, precision, backend, ranges or {}, strassen)
            write(graph)
            graphs[name] = graph.model({'model': config.name, 'precision': precision})
    return graphs


def watched_graph(
    config: ModelConfig, tensors: Mapping[str, Array]
) -> tuple[dict[str, onnx.ModelProto], dict[str, str]]:
    """Graphs in fp32 whose ``track`` also returns the inputs of all layers that int8 replaces.

    Returns:
        The graphs ``template`` and ``track``, and the output's name for each layer's label.
    """
    writers = _writers(config, tensors, 0)
    template, track = GraphWriter('template'), GraphWriter('track')
    writers['template'](template)
    writers['track'](track)
    model = track.model({'model': config.name})
    known = {output.name for output in model.graph.output}
    for name in sorted(set(track.watched.values()) - known):
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    return {'template': template.model({}), 'track': model}, track.watched


def _writers(
    config: ModelConfig, tensors: Mapping[str, Array], winograd_layers: int
) -> dict[str, Callable[[GraphWriter], None]]:
    """What writes each graph."""
    if isinstance(config, HiTConfig):
        return _bound(hit_graph.writers(config), config, tensors, winograd_layers)
    return _bound(rfgm_graph.writers(config), config, tensors, winograd_layers)


def _bound(
    writers: Mapping[str, Callable[[GraphWriter, Config, Mapping[str, Array], int], None]],
    config: Config,
    tensors: Mapping[str, Array],
    winograd_layers: int,
) -> dict[str, Callable[[GraphWriter], None]]:
    def bind(
        write: Callable[[GraphWriter, Config, Mapping[str, Array], int], None],
    ) -> Callable[[GraphWriter], None]:
        return lambda graph: write(graph, config, tensors, winograd_layers)

    return {name: bind(write) for name, write in writers.items()}


def _winograd_layers(
    config: ModelConfig, precision: str, backend: str, winograd: bool | None
) -> int:
    """How many of the head's layers use Winograd's products."""
    if winograd is None:
        # RFGM's first layer is so wide that its products in bf16 are as fast as int8.
        wide = not isinstance(config, HiTConfig) and backend == 'openvino'
        winograd = backend != 'tensorrt' and (precision != 'int8' or wide)
    return WINOGRAD_LAYERS if winograd else 0


def _strassen_pays(config: ModelConfig, precision: str, backend: str) -> bool:
    wide = isinstance(config, RFGMConfig) and config.width >= STRASSEN_WIDTH
    return wide and backend == 'openvino' and precision == 'fp32'


def _writer(
    name: str,
    config: ModelConfig,
    precision: str,
    backend: str,
    ranges: Ranges,
    strassen: bool,
) -> GraphWriter:
    """An empty graph that suits a back end; templates are embedded rarely, and in floats."""
    if name == 'template':
        return GraphWriter(name)
    is_hit = isinstance(config, HiTConfig)
    if is_hit:
        ranges = hit_graph.usable_ranges(ranges, backend)
    return GraphWriter(
        name,
        plain_products=backend == 'onnxruntime',
        clipped_sums=backend == 'openvino' and precision == 'fp32' and not is_hit,
        strassen=strassen and name == 'track',
        ranges=ranges if precision == 'int8' else None,
    )
