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

from collections.abc import Callable, Mapping

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.bridge_graph import bridge
from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.head_graph import boxes, corner_head
from hit_rfgm_ros.engines.levit_graph import stages, stem
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.pvt_graph import embed_image, pvt_stages
from hit_rfgm_ros.engines.quantise import Ranges
from hit_rfgm_ros.types import Array
import numpy as np

Write = Callable[[GraphWriter, HiTConfig, Mapping[str, Array], int], None]


def writers(_: HiTConfig) -> dict[str, Write]:
    """What writes each graph; the last argument is the number of Winograd layers in the head."""
    return {'template': _write_template, 'track': _write_track}


def usable_ranges(ranges: Ranges, backend: str) -> Ranges:
    """The layers that gain by int8.

    ONNX Runtime joins a convolution only with a quantisation right behind it; in the stem a
    Hardswish lies between.
    """
    if backend != 'onnxruntime':
        return ranges
    return {label: limits for label, limits in ranges.items() if 'patch_embed' not in label}


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


def _write_template(
    graph: GraphWriter, config: HiTConfig, tensors: Mapping[str, Array], _: int
) -> None:
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
