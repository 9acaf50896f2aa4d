"""HiT's inference graphs, assembled from a state dict without torch.

Two graphs, alike for every back end (batch is dynamic, pictures are uint8 RGB, NHWC):

``template``
    ``template`` (B, 128, 128, 3) -> ``template_tokens``: the target's first tokens, the only part
    of the network that does not depend on the search region.
``track``
    ``search`` (B, 256, 256, 3) and ``template_tokens`` -> ``boxes`` (B, 4) cx, cy, w, h as
    fractions of the search region, not clamped; ``score_tl``, ``score_br`` (B, 256)
    probabilities of the two corners' cells; ``correlation`` (B, 256).
"""

from __future__ import annotations

from collections.abc import Mapping

from hit_rfgm_ros.config.models import HiTConfig
from hit_rfgm_ros.engines.bridge_graph import bridge
from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.head_graph import boxes, corner_head
from hit_rfgm_ros.engines.levit_graph import stages, stem
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.pvt_graph import embed_image, pvt_stages
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import numpy as np
import onnx

PRECISIONS = ('fp32', 'bf16', 'int8')
BACKENDS = ('onnxruntime', 'openvino', 'tensorrt')
WINOGRAD_LAYERS = 2  # of the head: those with the most channels


def build_graphs(
    config: HiTConfig,
    tensors: Mapping[str, Array],
    *,
    precision: str = 'fp32',
    backend: str = 'onnxruntime',
    winograd: bool | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, onnx.ModelProto]:
    """Make the graphs ``template`` and ``track``.

    Args:
        config: the network.
        tensors: its state dict under official keys; any float type.
        precision: ``fp32``; ``bf16``: a float32 graph meant to be run in bfloat16 (metadata
            ``precision``); ``int8``: quantised by ``ranges``.
        backend: whose habits to suit; the graphs are valid for every back end.
        winograd: whether the head's two large layers use Winograd's F(4x4, 3x3); by default in
            fp32 on a CPU.
        ranges: activation ranges for int8, see `engines.calibrate.collect_ranges`.

    Raises:
        EngineError: if precision or back end is unknown, or int8 lacks its ranges.
        WeightsError: if a tensor is missing.
    """
    if precision not in PRECISIONS or backend not in BACKENDS:
        raise EngineError(
            f'graphs are made for {PRECISIONS} and {BACKENDS}, got {precision!r} for {backend!r}'
        )
    if winograd is None:
        winograd = precision == 'fp32' and backend != 'tensorrt'
    metadata = {'model': config.name, 'precision': precision}
    track = GraphWriter('track', plain_products=backend == 'onnxruntime')
    _write_track(track, config, tensors, WINOGRAD_LAYERS if winograd else 0)
    template = GraphWriter('template')
    _write_template(template, config, tensors)
    return {'template': template.model(metadata), 'track': track.model(metadata)}


def template_shape(config: HiTConfig) -> tuple[int, int]:
    """Tokens and channels of ``template_tokens``."""
    stride = 16 if config.backbone == 'levit' else 4
    return (config.template_size // stride) ** 2, config.widths[0]


def _first_tokens(
    graph: GraphWriter, params: Params, image: str, config: HiTConfig, size: int
) -> str:
    if config.backbone == 'pvt':
        return embed_image(graph, params, image, size)
    return stem(graph, params, image, config, size)


def _write_template(graph: GraphWriter, config: HiTConfig, tensors: Mapping[str, Array]) -> None:
    size = config.template_size
    image = graph.input('template', np.uint8, (size, size, 3))
    params = Params(tensors).at('backbone.body')
    tokens = _first_tokens(graph, params, image, config, size)
    graph.output('template_tokens', tokens, template_shape(config))


def _write_track(
    graph: GraphWriter, config: HiTConfig, tensors: Mapping[str, Array], winograd_layers: int
) -> None:
    size, cells = config.search_size, config.grid**2
    image = graph.input('search', np.uint8, (size, size, 3))
    template = graph.input('template_tokens', np.float32, template_shape(config))
    params = Params(tensors)
    body = params.at('backbone.body')
    search = _first_tokens(graph, body, image, config, size)
    run = pvt_stages if config.backbone == 'pvt' else stages
    outputs = run(graph, body, search, template, config)
    joined = bridge(graph, params.at('bottleneck'), outputs, config)
    scores = corner_head(graph, params.at('box_head'), joined, config, winograd_layers)
    graph.output('boxes', boxes(graph, scores, config), (4,))
    graph.output('score_tl', scores[0], (cells,))
    graph.output('score_br', scores[1], (cells,))
    graph.output('correlation', graph.reshape(joined.correlation, cells), (cells,))
