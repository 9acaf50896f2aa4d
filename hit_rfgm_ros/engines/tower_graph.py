"""Towers of convolutions side by side as ONNX nodes: the body of both families' heads."""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.engines import winograd
from hit_rfgm_ros.engines.folding import Float64, Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np

WINOGRAD_LAYERS = 3  # of four; the last is too small to gain
_LAYERS = 4  # of 3x3, with batch normalisation and ReLU; the fifth is 1x1

Layer = tuple[Float64, Float64]  # weight (out, in, k, k) and bias (out,)


def tower_layers(params: Params, towers: Sequence[str]) -> list[list[Layer]]:
    """Weights and biases, batch normalisations folded in: five layers, one entry per tower."""
    layers = [
        [params.biased_conv_bn(f'conv{i}_{tower}') for tower in towers]
        for i in range(1, _LAYERS + 1)
    ]
    layers.append([(params[f'conv5_{t}.weight'], params[f'conv5_{t}.bias']) for t in towers])
    return layers


def joined(layers: list[Layer]) -> Layer:
    """Layers that read the same input, as one."""
    return np.concatenate([w for w, _ in layers]), np.concatenate([b for _, b in layers])


def run_towers(
    graph: GraphWriter,
    params: Params,
    tokens: str,
    layers: list[list[Layer]],
    towers: Sequence[str],
    *,
    side: int,
    winograd_layers: int,
) -> list[str]:
    """Maps (B, out, side, side) that the towers make of one input.

    Args:
        graph: gets the nodes.
        params: the state dict below the head.
        tokens: the input, row-major: (B * side * side, C) or (B, side * side, C).
        layers: see `tower_layers`; the first may be one for all towers.
        towers: their names.
        side: of the map.
        winograd_layers: how many of the 3x3 layers, from the first, use Winograd's F(4x4, 3x3).
    """
    layers = [[joined(layers[0])], *layers[1:]]  # all towers read the same input
    y = graph.reshape(tokens, side, side, layers[0][0][0].shape[1])
    for layer in layers[:winograd_layers]:
        y = _winograd_layer(graph, y, layer, side)
    maps = [graph.transpose(y, 0, 3, 1, 2)]
    for number in range(winograd_layers + 1, _LAYERS + 2):
        maps = _plain_layer(graph, params, maps, layers[number - 1], number, towers)
    return maps


def _plain_layer(
    graph: GraphWriter,
    params: Params,
    maps: list[str],
    layers: list[Layer],
    number: int,
    towers: Sequence[str],
) -> list[str]:
    """One layer of all towers as convolutions; ``maps`` may be one map of all channels."""
    if number > _LAYERS:  # 1x1, to the outputs
        pad, label = 0, ''
    else:
        pad, label = 1, params.label(f'conv{number}')
    if len(maps) == 1:
        maps = graph.convs(maps[0], layers, pad=pad, label=label)
    else:
        maps = [
            graph.conv(y, *layer, pad=pad, label=label and f'{label}_{tower}')
            for y, layer, tower in zip(maps, layers, towers)
        ]
    return maps if number > _LAYERS else [graph.op('Relu', y) for y in maps]


def _winograd_layer(graph: GraphWriter, x: str, layers: list[Layer], side: int) -> str:
    """relu(3x3 convolution) of (B, side, side, C), one group of channels per layer."""
    taps, tiles, groups = winograd.TAPS, side // winograd.TILE, len(layers)
    out, width = layers[0][0].shape[:2]
    matrix = winograd.input_matrix(side)
    y = graph.reshape(x, side, side * groups * width)
    y = graph.op('MatMul', graph.constant(matrix, name='winograd'), y)
    y = graph.reshape(y, taps, 1, tiles, side, groups * width)
    matrix = matrix.reshape(1, 1, taps, 1, tiles, side)
    y = graph.op('MatMul', graph.constant(matrix, name='winograd'), y)
    y = graph.reshape(y, taps * taps, tiles * tiles, groups, width)
    y = graph.transpose(y, 1, 3, 0, 2, 4)  # tap, group, batch, tile, channel
    kernels = np.stack([winograd.kernels(weight) for weight, _ in layers], 1)
    kernels = kernels.reshape(-1, width, out)
    y = graph.op('Reshape', y, graph.constant([len(kernels), -1, width], np.int64))
    y = graph.batched_linear(y, kernels)
    y = graph.op('Reshape', y, graph.constant([taps * taps, -1], np.int64))
    y = graph.op('MatMul', graph.constant(winograd.output_matrix(), name='winograd'), y)
    shape = [winograd.TILE, winograd.TILE, groups, -1, tiles, tiles, out]
    y = graph.op('Reshape', y, graph.constant(shape, np.int64))
    y = graph.transpose(y, 3, 4, 0, 5, 1, 2, 6)  # batch, row, column, tower, channel
    y = graph.reshape(y, side, side, groups * out)
    return graph.op('Relu', graph.add(y, np.concatenate([bias for _, bias in layers])))
