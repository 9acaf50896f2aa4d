"""Bridge and corner head as ONNX nodes (HiT, sections 3.2 and 3.4); tokens stay row-major, NHWC.

Transposed convolutions are a linear map to four pixels and a pixel shuffle; batch normalisations
and, where it saves work, the projection to the head's width are folded into them.
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.models import HiTConfig
from hit_rfgm_ros.engines import winograd
from hit_rfgm_ros.engines.folding import Float64, Params
from hit_rfgm_ros.engines.levit_graph import Stream
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np


@dataclass
class HeadOptions:
    """How the head's two large layers are computed."""

    winograd: bool
    separate: bool  # 36 plain products instead of one batched product


def search_part(graph: GraphWriter, x: Stream, side: int) -> Stream:
    """The search region's tokens of a stage."""
    return Stream(graph.head(x.tokens, side * side), x.shift)


def bridge(
    graph: GraphWriter, params: Params, outputs: list[Stream], config: HiTConfig
) -> tuple[str, str]:
    """Enhanced tokens (B, g*g, hidden) and global vector (B, 1, hidden)."""
    names = ('max', 'mid') if config.backbone == 'pvt' else ('max', 'mid', 'min')
    used = ('max', 'mid') if config.backbone == 'pvt' else config.bridge_stages
    parts = {
        name: search_part(graph, stream, config.grid // 2**i)
        for i, (name, stream) in enumerate(zip(names, outputs[-len(names) :]))
        if name in used
    }
    shared = used == ('min',)
    weight, bias = params.linear('proj' if shared else 'proj1')
    joined = _join(graph, params, parts, config.grid, weight)
    enhanced = graph.add(joined.tokens, joined.shift + bias)
    weight, bias = params.linear('proj' if shared else 'proj2')
    pooled = graph.op('ReduceMean', outputs[-1].tokens, axes=[1], keepdims=1)
    return enhanced, graph.linear(pooled, weight, outputs[-1].shift @ weight + bias)


def _join(
    graph: GraphWriter, params: Params, parts: dict[str, Stream], grid: int, projection: Float64
) -> Stream:
    """Sum of the upsampled stages times ``projection``, without the projection's bias."""
    if 'min' not in parts:
        return _join_before_norm(graph, params, parts, grid, projection)
    first, shift = _upsample_bn(params, 'layers.0')
    low = _upsample(graph, parts['min'], first, shift, grid // 4)
    shift = low.shift
    total = low.tokens
    if 'mid' in parts:
        total = graph.op('Add', total, parts['mid'].tokens)
        shift = shift + parts['mid'].shift
    middle = Stream(graph.op('Relu', graph.add(total, shift)), np.zeros(len(shift)))
    second, shift = _upsample_bn(params, 'layers.1')
    return _add_max(graph, parts, middle, second, shift, grid, projection)


def _join_before_norm(
    graph: GraphWriter, params: Params, parts: dict[str, Stream], grid: int, projection: Float64
) -> Stream:
    """The bridges without the last stage: here the sum comes before the normalisation."""
    if 'mid' not in parts:
        top = parts['max']
        return Stream(graph.linear(top.tokens, projection), top.shift @ projection)
    weight, bias = params.upsample('layers.0')
    scale, shift = params.norm('layers.1')
    scaled = scale[:, None] * projection
    done = _add_max(graph, parts, parts['mid'], weight, bias, grid, scaled)
    return Stream(done.tokens, done.shift + shift @ projection)


def _add_max(
    graph: GraphWriter,
    parts: dict[str, Stream],
    middle: Stream,
    weight: Float64,
    bias: Float64,
    grid: int,
    projection: Float64,
) -> Stream:
    """``(upsample(middle) + max) @ projection``."""
    top = parts.get('max')
    if projection.shape[0] > projection.shape[1]:  # projecting first is less work
        out = _upsample(graph, middle, weight @ projection, bias @ projection, grid // 2)
        if top is None:
            return out
        side = graph.linear(top.tokens, projection)
        return Stream(graph.op('Add', out.tokens, side), out.shift + top.shift @ projection)
    out = _upsample(graph, middle, weight, bias, grid // 2)
    if top is not None:
        out = Stream(graph.op('Add', out.tokens, top.tokens), out.shift + top.shift)
    return Stream(graph.linear(out.tokens, projection), out.shift @ projection)


def _upsample_bn(params: Params, name: str) -> tuple[Float64, Float64]:
    weight, bias = params.upsample(f'{name}.0')
    scale, shift = params.norm(f'{name}.1')
    return weight * scale, bias * scale + shift


def _upsample(graph: GraphWriter, x: Stream, weight: Float64, bias: Float64, side: int) -> Stream:
    """Each token of a side x side map becomes 2x2 tokens."""
    flat = weight.reshape(weight.shape[0], -1)
    width = weight.shape[-1]
    # The stream's shift reaches the four pixels differently, so it cannot all be carried along.
    spread = (x.shift @ flat).reshape(4, width)
    y = graph.linear(x.tokens, flat, (spread - spread[0]).ravel() if spread.any() else None)
    y = graph.transpose(graph.reshape(y, side, side, 2, 2, width), 0, 1, 3, 2, 4, 5)
    return Stream(graph.reshape(y, 4 * side * side, width), bias + spread[0])


def corner_head(
    graph: GraphWriter, params: Params, x: str, config: HiTConfig, options: HeadOptions
) -> tuple[str, str]:
    """Two towers on (B, g*g, hidden) -> probabilities (B, g*g) of both corners' cells."""
    layers = [[params.biased_conv_bn(f'conv{i}_{c}') for i in range(1, 5)] for c in ('tl', 'br')]
    if options.winograd:
        maps = _first_layers_winograd(graph, x, layers, config, options)
    else:
        maps = _first_layers(graph, x, layers, config)
    scores = []
    for corner, y, tower in zip(('tl', 'br'), maps, layers):
        for weight, bias in tower[2:]:
            y = graph.op('Relu', graph.conv(y, weight, bias, pad=1))
        y = graph.conv(y, params[f'conv5_{corner}.weight'], params[f'conv5_{corner}.bias'])
        scores.append(graph.op('Softmax', graph.reshape(y, config.grid**2), axis=-1))
    return scores[0], scores[1]


Layers = list[list[tuple[Float64, Float64]]]


def _first_layers(graph: GraphWriter, x: str, layers: Layers, config: HiTConfig) -> list[str]:
    """Layers 1 and 2 as convolutions; the towers' first layers, which share the input, as one."""
    planes = graph.transpose(x, 0, 2, 1)
    y = graph.reshape(planes, config.hidden_dim, config.grid, config.grid)
    weight, bias = (np.concatenate([tower[0][i] for tower in layers]) for i in (0, 1))
    y = graph.op('Relu', graph.conv(y, weight, bias, pad=1))
    halves = graph.split(y, 1, [config.hidden_dim] * 2)
    return [
        graph.op('Relu', graph.conv(half, *tower[1], pad=1)) for half, tower in zip(halves, layers)
    ]


def _first_layers_winograd(
    graph: GraphWriter, x: str, layers: Layers, config: HiTConfig, options: HeadOptions
) -> list[str]:
    side, width = config.grid, config.hidden_dim
    y = graph.reshape(x, side, side, width)
    y = _winograd(graph, y, [np.concatenate([t[0][0] for t in layers])], side, options)
    y = graph.op('Relu', graph.add(y, np.concatenate([t[0][1] for t in layers])))
    y = _winograd(graph, y, [t[1][0] for t in layers], side, options)
    y = graph.op('Relu', graph.add(y, np.concatenate([t[1][1] for t in layers])))
    planes = graph.transpose(y, 0, 3, 1, 2)
    return graph.split(planes, 1, [len(t[1][1]) for t in layers])


def _winograd(
    graph: GraphWriter, x: str, weights: list[Float64], side: int, options: HeadOptions
) -> str:
    """3x3 convolution without bias on (B, side, side, C), one group of channels per weight."""
    taps, tiles, groups = winograd.TAPS, side // winograd.TILE, len(weights)
    width = sum(w.shape[1] for w in weights)
    out = sum(w.shape[0] for w in weights)
    matrix = graph.constant(winograd.input_matrix(side), name='winograd')
    y = graph.op('MatMul', matrix, graph.reshape(x, side, side * width))
    y = graph.op('MatMul', matrix, graph.reshape(y, tiles * taps, side, width))
    y = graph.reshape(y, tiles, taps, tiles, taps, groups, width // groups)
    y = graph.transpose(y, 2, 4, 5, 0, 1, 3, 6)  # tap, tap, group, batch, tile, tile, channel
    shape = [taps * taps * groups, -1, width // groups]
    y = graph.op('Reshape', y, graph.constant(shape, np.int64))
    kernels = np.stack([winograd.kernels(w) for w in weights], 1)
    kernels = kernels.reshape(-1, *kernels.shape[2:])
    if options.separate:
        parts = graph.split(y, 0, [1] * len(kernels))
        parts = [graph.op('MatMul', p, graph.constant(k[None])) for p, k in zip(parts, kernels)]
        y = graph.op('Concat', *parts, axis=0)
    else:
        y = graph.op('MatMul', y, graph.constant(kernels, name='weight'))
    shape = [taps, taps, groups, -1, tiles, tiles, out // groups]
    y = graph.op('Reshape', y, graph.constant(shape, np.int64))
    y = graph.transpose(y, 3, 4, 0, 5, 1, 2, 6)
    matrix = graph.constant(winograd.output_matrix(side), name='winograd')
    y = graph.op('MatMul', matrix, graph.reshape(y, tiles * taps, tiles * taps * out))
    return graph.op('MatMul', matrix, graph.reshape(y, side, tiles * taps, out))


def boxes(graph: GraphWriter, scores: tuple[str, str], config: HiTConfig) -> str:
    """Expected corners as centre and size, fractions of the search region: (B, 4)."""
    rows, columns = np.divmod(np.arange(config.grid**2), config.grid)
    x, y = (cells * config.stride / config.search_size for cells in (columns, rows))
    start = graph.constant(np.stack([x / 2, y / 2, -x, -y], 1), name='cells')
    end = graph.constant(np.stack([x / 2, y / 2, x, y], 1), name='cells')
    return graph.op(
        'Add', graph.op('MatMul', scores[0], start), graph.op('MatMul', scores[1], end)
    )
