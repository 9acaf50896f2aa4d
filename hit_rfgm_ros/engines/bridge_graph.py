"""The bridge as ONNX nodes (HiT, section 3.2), up to the input of the corner head.

Transposed convolutions are a linear map to four pixels and a pixel shuffle, with everything
linear behind them folded in. Where the joined map has fewer channels than the head (Tiny, Small:
128 against 256), the projection to the head's width is not computed at all: it goes into the
head's first layer and into the global vector, since

    correlation = (x P + p) . g = x . (P g) + p . g
    head input = correlation (x P + p) = [correlation x, correlation] [P; p]
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.folding import Float64, Params
from hit_rfgm_ros.engines.levit_graph import Stream
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np


@dataclass
class HeadInput:
    """What the corner head reads.

    The head's true input is ``tokens @ projection``, or ``tokens`` where there is none.
    """

    tokens: str  # (B, g*g, C)
    projection: Float64 | None  # (C, hidden)
    correlation: str  # (B, g*g, 1)


def bridge(
    graph: GraphWriter, params: Params, outputs: list[Stream], config: HiTConfig
) -> HeadInput:
    """Join the stages' search tokens and weight them by their correlation with the global vector.

    Args:
        graph: gets the nodes.
        params: the state dict below ``bottleneck``.
        outputs: all tokens after each stage, search first.
        config: the network.
    """
    names = ('max', 'mid') if config.backbone == 'pvt' else ('max', 'mid', 'min')
    used = ('max', 'mid') if config.backbone == 'pvt' else config.bridge_stages
    parts = {
        name: _search_part(graph, stream, config.grid // 2**i)
        for i, (name, stream) in enumerate(zip(names, outputs[-len(names) :]))
        if name in used
    }
    shared = used == ('min',)
    weight, bias = params.linear('proj' if shared else 'proj1')
    if 'mid' in parts and 'min' not in parts:  # here the normalisation comes after the sum
        scale, shift = params.norm('layers.1')
        weight, bias = scale[:, None] * weight, shift @ weight + bias
    second = params.linear('proj' if shared else 'proj2')
    if len(weight) < config.hidden_dim:
        x = _join(graph, params, parts, config.grid, None)
        x.tokens = graph.add(x.tokens, x.shift)
        return _narrow(graph, x, outputs[-1], np.vstack([weight, bias]), second)
    x = _join(graph, params, parts, config.grid, weight)
    x.tokens = graph.add(x.tokens, x.shift + bias)
    return _wide(graph, x, outputs[-1], second)


def _narrow(
    graph: GraphWriter,
    x: Stream,
    last: Stream,
    projection: Float64,
    second: tuple[Float64, Float64],
) -> HeadInput:
    """Correlate before the projection; ``projection`` has its bias as last row."""
    width = len(projection) - 1
    tokens = graph.reshape(x.tokens, x.count, width)
    vector = _global_vector(graph, last, second[0] @ projection.T, second[1] @ projection.T)
    vector, offset = graph.split(vector, 1, [width, 1])
    correlation = graph.op('MatMul', tokens, graph.reshape(vector, width, 1))
    correlation = graph.op('Add', correlation, graph.reshape(offset, 1, 1))
    weighted = graph.op('Mul', tokens, correlation)
    joined = graph.op('Concat', weighted, correlation, axis=2)
    return HeadInput(joined, projection, correlation)


def _wide(
    graph: GraphWriter, x: Stream, last: Stream, second: tuple[Float64, Float64]
) -> HeadInput:
    width = second[0].shape[1]
    tokens = graph.reshape(x.tokens, x.count, width)
    vector = graph.reshape(_global_vector(graph, last, *second), width, 1)
    correlation = graph.op('MatMul', tokens, vector)
    return HeadInput(graph.op('Mul', tokens, correlation), None, correlation)


def _global_vector(graph: GraphWriter, last: Stream, weight: Float64, bias: Float64) -> str:
    """Linear map of the mean over all tokens of the last stage: (B, out)."""
    tokens = graph.reshape(last.tokens, last.count, len(last.shift))
    pooled = graph.op('ReduceMean', tokens, axes=[1], keepdims=0)
    return graph.linear(pooled, weight, last.shift @ weight + bias)


def _search_part(graph: GraphWriter, x: Stream, side: int) -> Stream:
    """The search region's tokens of a stage."""
    width = len(x.shift)
    tokens = graph.head(graph.reshape(x.tokens, x.count, width), side * side)
    return Stream(graph.reshape(tokens, width), x.shift, side * side)


def _join(
    graph: GraphWriter,
    params: Params,
    parts: dict[str, Stream],
    grid: int,
    projection: Float64 | None,
) -> Stream:
    """Sum of the upsampled stages, times ``projection`` if there is one, biases left out."""
    top = parts.get('max')
    if 'min' in parts:
        middle = _middle(graph, params, parts, grid)
        weight, bias = _upsample_bn(params, 'layers.1')
    elif 'mid' in parts:
        middle = parts['mid']
        weight, bias = params.upsample('layers.0')
    else:
        return _project(graph, parts['max'], projection, params.label('proj1'))
    if projection is not None:
        weight, bias = weight @ projection, bias @ projection
    out = _upsample(graph, middle, weight, bias, grid // 2, params.label('layers.1'))
    if top is None:
        return out
    top = _project(graph, top, projection, params.label('proj1'))
    return Stream(graph.op('Add', out.tokens, top.tokens), out.shift + top.shift, out.count)


def _project(graph: GraphWriter, x: Stream, projection: Float64 | None, label: str) -> Stream:
    if projection is None:
        return x
    tokens = graph.linear(x.tokens, projection, None, label)
    return Stream(tokens, x.shift @ projection, x.count)


def _middle(graph: GraphWriter, params: Params, parts: dict[str, Stream], grid: int) -> Stream:
    """relu(upsample(min) + mid), at 1/32."""
    weight, bias = _upsample_bn(params, 'layers.0')
    label = params.label('layers.0')
    x = _upsample(graph, parts['min'], weight, bias, grid // 4, label)
    if 'mid' in parts:
        total = graph.op('Add', x.tokens, parts['mid'].tokens)
        x = Stream(total, x.shift + parts['mid'].shift, x.count)
    tokens = graph.op('Relu', graph.add(x.tokens, x.shift))
    return Stream(tokens, np.zeros_like(x.shift), x.count)


def _upsample_bn(params: Params, name: str) -> tuple[Float64, Float64]:
    weight, bias = params.upsample(f'{name}.0')
    scale, shift = params.norm(f'{name}.1')
    return weight * scale, bias * scale + shift


def _upsample(
    graph: GraphWriter, x: Stream, weight: Float64, bias: Float64, side: int, label: str
) -> Stream:
    """Each token of a side x side map becomes 2x2 tokens; weight (in, 2, 2, out)."""
    flat = weight.reshape(weight.shape[0], -1)
    width = weight.shape[-1]
    # The stream's shift reaches the four pixels differently, so it cannot all be carried along.
    spread = (x.shift @ flat).reshape(4, width)
    addend = (spread - spread[0]).ravel() if spread.any() else None
    y = graph.linear(x.tokens, flat, addend, label)
    y = graph.transpose(graph.reshape(y, side, side, 2, 2, width), 0, 1, 3, 2, 4, 5)
    return Stream(graph.reshape(y, width), bias + spread[0], 4 * side * side)
