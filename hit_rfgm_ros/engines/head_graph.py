"""The corner head as ONNX nodes (HiT, section 3.4): two towers side by side, then corners."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines import winograd
from hit_rfgm_ros.engines.bridge_graph import HeadInput
from hit_rfgm_ros.engines.folding import Float64, Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np

CORNERS = ('tl', 'br')
Layer = tuple[Float64, Float64]  # weight (out, in, 3, 3) and bias (out,)


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
    layers = [[params.biased_conv_bn(f'conv{i}_{c}') for c in CORNERS] for i in range(1, 5)]
    layers.append([(params[f'conv5_{c}.weight'], params[f'conv5_{c}.bias']) for c in CORNERS])
    layers[0] = [_first_layer(layers[0], x.projection)]  # both towers read the same input
    side = config.grid
    y = graph.reshape(x.tokens, side, side, layers[0][0][0].shape[1])
    for towers in layers[:winograd_layers]:
        y = _winograd_layer(graph, y, towers, side)
    maps = [graph.transpose(y, 0, 3, 1, 2)]
    for number in range(winograd_layers + 1, 6):
        maps = _plain_layer(graph, params, maps, layers[number - 1], number)
    flat = (graph.reshape(score, side * side) for score in maps)
    start, end = (graph.op('Softmax', score, axis=-1) for score in flat)
    return start, end


def _plain_layer(
    graph: GraphWriter, params: Params, maps: list[str], towers: list[Layer], number: int
) -> list[str]:
    """One layer of both towers as convolutions; ``maps`` may be one map of all channels."""
    if number == 5:  # 1x1, to the scores
        pad, label = 0, ''
    else:
        pad, label = 1, params.label(f'conv{number}')
    if len(maps) == 1:
        maps = graph.convs(maps[0], towers, pad=pad, label=label)
    else:
        maps = [
            graph.conv(y, *layer, pad=pad, label=label and f'{label}_{corner}')
            for y, layer, corner in zip(maps, towers, CORNERS)
        ]
    return maps if number == 5 else [graph.op('Relu', y) for y in maps]


def _first_layer(towers: list[Layer], projection: Float64 | None) -> Layer:
    """The towers' first layers as one, with the bridge's projection folded in."""
    weight = np.concatenate([weight for weight, _ in towers])
    if projection is not None:
        weight = np.einsum('ci,oiab->ocab', projection, weight, optimize=True)
    return weight, np.concatenate([bias for _, bias in towers])


def _winograd_layer(graph: GraphWriter, x: str, towers: list[Layer], side: int) -> str:
    """relu(3x3 convolution) of (B, side, side, C), one group of channels per tower."""
    taps, tiles, groups = winograd.TAPS, side // winograd.TILE, len(towers)
    out, width = towers[0][0].shape[:2]
    matrix = winograd.input_matrix(side)
    y = graph.reshape(x, side, side * groups * width)
    y = graph.op('MatMul', graph.constant(matrix, name='winograd'), y)
    y = graph.reshape(y, taps, 1, tiles, side, groups * width)
    matrix = matrix.reshape(1, 1, taps, 1, tiles, side)
    y = graph.op('MatMul', graph.constant(matrix, name='winograd'), y)
    y = graph.reshape(y, taps * taps, tiles * tiles, groups, width)
    y = graph.transpose(y, 1, 3, 0, 2, 4)  # tap, group, batch, tile, channel
    kernels = np.stack([winograd.kernels(weight) for weight, _ in towers], 1)
    kernels = kernels.reshape(-1, width, out)
    y = graph.op('Reshape', y, graph.constant([len(kernels), -1, width], np.int64))
    y = graph.batched_linear(y, kernels)
    y = graph.op('Reshape', y, graph.constant([taps * taps, -1], np.int64))
    y = graph.op('MatMul', graph.constant(winograd.output_matrix(), name='winograd'), y)
    shape = [winograd.TILE, winograd.TILE, groups, -1, tiles, tiles, out]
    y = graph.op('Reshape', y, graph.constant(shape, np.int64))
    y = graph.transpose(y, 3, 4, 0, 5, 1, 2, 6)  # batch, row, column, tower, channel
    y = graph.reshape(y, side, side, groups * out)
    return graph.op('Relu', graph.add(y, np.concatenate([bias for _, bias in towers])))


def boxes(graph: GraphWriter, scores: tuple[str, str], config: HiTConfig) -> str:
    """Expected corners as centre and size, fractions of the search region: (B, 4)."""
    rows, columns = np.divmod(np.arange(config.grid**2), config.grid)
    x, y = (cells * config.stride / config.search_size for cells in (columns, rows))
    start = graph.constant(np.stack([x / 2, y / 2, -x, -y], 1), name='cells')
    end = graph.constant(np.stack([x / 2, y / 2, x, y], 1), name='cells')
    corner = graph.op('MatMul', scores[0], start)
    return graph.op('Add', corner, graph.op('MatMul', scores[1], end))
