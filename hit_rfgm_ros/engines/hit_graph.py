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

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.bridge_graph import bridge
from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.head_graph import boxes, corner_head
from hit_rfgm_ros.engines.levit_graph import stages, stem
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.pvt_graph import embed_image, pvt_stages
from hit_rfgm_ros.engines.quantise import Ranges
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
import numpy as np
import onnx

PRECISIONS = ('fp32', 'bf16', 'int8')
BACKENDS = ('onnxruntime', 'openvino', 'tensorrt')
WINOGRAD_LAYERS = 3  # of the head's four; the last is too small to gain


def build_graphs(
    config: HiTConfig,
    tensors: Mapping[str, Array],
    *,
    precision: str = 'fp32',
    backend: str = 'onnxruntime',
    winograd: bool | None = None,
    ranges: Ranges | None = None,
) -> dict[str, onnx.ModelProto]:
    """Make the graphs ``template`` and ``track``.

    Args:
        config: the network.
        tensors: its state dict under official keys; any float type.
        precision: ``fp32``; ``bf16``: a float32 graph meant to be run in bfloat16 (metadata
            ``precision``); ``int8``: quantised by ``ranges``.
        backend: whose habits to suit; the graphs are valid for every back end.
        winograd: whether the head's large layers use Winograd's F(4x4, 3x3); by default in fp32
            and bf16 on a CPU. It costs no accuracy that bf16 does not cost anyway.
        ranges: smallest and largest input of the layers that int8 replaces, see
            `engines.calibrate.collect_ranges`; a layer without a range stays in floats.

    Raises:
        EngineError: if precision or back end is unknown, or int8 lacks its ranges.
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
    if winograd is None:
        winograd = precision != 'int8' and backend != 'tensorrt'
    track = GraphWriter(
        'track',
        plain_products=backend == 'onnxruntime',
        ranges=_usable(ranges or {}, backend) if precision == 'int8' else None,
    )
    _write_track(track, config, tensors, WINOGRAD_LAYERS if winograd else 0)
    template = GraphWriter('template')
    _write_template(template, config, tensors)
    metadata = {'model': config.name, 'precision': precision}
    return {'template': template.model(metadata), 'track': track.model(metadata)}


def _usable(ranges: Ranges, backend: str) -> Ranges:
    """The layers that gain by int8.

    ONNX Runtime joins a convolution only with a quantisation right behind it; in the stem a
    Hardswish lies between.
    """
    if backend != 'onnxruntime':
        return ranges
    return {label: limits for label, limits in ranges.items() if 'patch_embed' not in label}


def watched_graph(
    config: HiTConfig, tensors: Mapping[str, Array]
) -> tuple[dict[str, onnx.ModelProto], dict[str, str]]:
    """Graphs in fp32 whose ``track`` also returns the inputs of all layers that int8 replaces.

    Returns:
        The graphs, and the output's name for each layer's label.
    """
    track = GraphWriter('track')
    _write_track(track, config, tensors, 0)
    template = GraphWriter('template')
    _write_template(template, config, tensors)
    model = track.model({'model': config.name})
    known = {output.name for output in model.graph.output}
    for name in sorted(set(track.watched.values()) - known):
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    return {'template': template.model({}), 'track': model}, track.watched


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
