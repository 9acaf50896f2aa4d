"""The corner head as ONNX nodes (HiT, section 3.4): two towers side by side, then corners."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.bridge_graph import HeadInput
from hit_rfgm_ros.engines.folding import Float64, Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.tower_graph import Layer, joined, run_towers, tower_layers
import numpy as np

CORNERS = ('tl', 'br')


def corner_head(
    graph: GraphWriter, params: Params, x: HeadInput, config: HiTConfig, winograd_layers: int
) -> tuple[str, str]:
    """Probabilities (B, g*g) of the cells of both corners.

    Args:
        graph: gets the nodes.
        params: the state dict below ``box_head``.
        x: the head's input.
        config: the network.
        winograd_layers: how many of the 3x3 layers, from the first, use Winograd's F(4x4, 3x3).
    """
    layers = tower_layers(params, CORNERS)
    if x.projection is not None:
        layers[0] = [_behind(x.projection, joined(layers[0]))]
    side = config.grid
    maps = run_towers(
        graph, params, x.tokens, layers, CORNERS, side=side, winograd_layers=winograd_layers
    )
    flat = (graph.reshape(score, side * side) for score in maps)
    start, end = (graph.op('Softmax', score, axis=-1) for score in flat)
    return start, end


def _behind(projection: Float64, layer: Layer) -> Layer:
    """A convolution with the bridge's projection before it folded in."""
    weight, bias = layer
    return np.einsum('ci,oiab->ocab', projection, weight, optimize=True), bias


def boxes(graph: GraphWriter, scores: tuple[str, str], config: HiTConfig) -> str:
    """Expected corners as centre and size, fractions of the search region: (B, 4)."""
    rows, columns = np.divmod(np.arange(config.grid**2), config.grid)
    x, y = (cells * config.stride / config.search_size for cells in (columns, rows))
    start = graph.constant(np.stack([x / 2, y / 2, -x, -y], 1), name='cells')
    end = graph.constant(np.stack([x / 2, y / 2, x, y], 1), name='cells')
    corner = graph.op('MatMul', scores[0], start)
    return graph.op('Add', corner, graph.op('MatMul', scores[1], end))
