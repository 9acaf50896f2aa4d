"""LeViT's stem and stages as ONNX nodes (HiT, section 3.2), every exact shortcut taken.

There is no LayerNorm, so everything that reads the residual stream is linear: the constant that
the branches' biases would add is carried along beside the stream (`Stream.shift`) and goes into
the readers' biases.
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.models import HiTConfig
from hit_rfgm_ros.engines.folding import MEAN, STD, Float64, Params, by_head
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.geometry.token_grid import offset_table, sine_table
import numpy as np


@dataclass
class Stream:
    """Tokens in the graph: the true value is ``tokens + shift``."""

    tokens: str  # (B, N, C)
    shift: Float64  # (C,)


@dataclass
class Stage:
    """Sizes that the blocks of one stage share."""

    sides: tuple[int, int]  # token grids of search region and template
    layout: str
    key: int

    @property
    def tokens(self) -> int:
        """Tokens of both pictures."""
        return self.sides[0] ** 2 + self.sides[1] ** 2


def centred(graph: GraphWriter, image: str) -> str:
    """uint8 (B, S, S, 3) -> float (B, 3, S, S) less the mean colour.

    So the zero padding of the first convolution pads with the mean colour, as in the official
    network, whose padding comes after the normalisation.
    """
    planes = graph.op('Cast', graph.transpose(image, 0, 3, 1, 2), to=1)
    mean = graph.constant(255 * MEAN.reshape(1, 3, 1, 1), name='mean')
    return graph.op('Sub', planes, mean)


def stem(graph: GraphWriter, params: Params, image: str, config: HiTConfig, size: int) -> str:
    """Four convolutions: uint8 (B, S, S, 3) -> tokens (B, (S/16)^2, C1)."""
    x = centred(graph, image)
    for i in range(4):
        weight, bias = params.conv_bn(f'patch_embed.{2 * i}')
        if i == 0:
            weight = weight / (255 * STD).reshape(1, 3, 1, 1)
        x = graph.conv(x, weight, bias, stride=2, pad=1)
        if i < 3:
            x = graph.op('HardSwish', x)
    tokens = (size // 16) ** 2
    return graph.transpose(graph.reshape(x, config.widths[0], tokens), 0, 2, 1)


def stages(
    graph: GraphWriter, params: Params, search: str, template: str, config: HiTConfig
) -> list[Stream]:
    """All tokens after each stage, search first."""
    x = Stream(graph.op('Concat', search, template, axis=1), np.zeros(config.widths[0]))
    outputs = []
    block = 0
    sides = (config.search_size // 16, config.template_size // 16)
    for i in range(len(config.widths)):
        if i > 0:
            stage = Stage(sides, config.position_encoding, config.key_dim)
            x = shrink(graph, params.at(f'blocks.{block}'), x, stage, config.shrink_heads[i - 1])
            x = mlp(graph, params.at(f'blocks.{block + 1}.m'), x)
            sides = (sides[0] // 2, sides[1] // 2)
            block += 2
        stage = Stage(sides, config.position_encoding, config.key_dim)
        for _ in range(config.depths[i]):
            x = attention(graph, params.at(f'blocks.{block}.m'), x, stage, config.heads[i])
            x = mlp(graph, params.at(f'blocks.{block + 1}.m'), x)
            block += 2
        outputs.append(x)
    return outputs


def mlp(graph: GraphWriter, params: Params, x: Stream) -> Stream:
    """Residual MLP: ``x + W2 hardswish(W1 x)``."""
    weight, bias = params.linear_bn('0')
    hidden = graph.linear(x.tokens, weight, bias + x.shift @ weight)
    weight, bias = params.linear_bn('2')
    return _residual(graph, x, graph.op('HardSwish', hidden), weight, bias)


def attention(graph: GraphWriter, params: Params, x: Stream, stage: Stage, heads: int) -> Stream:
    """Residual attention of all tokens over all tokens."""
    sizes = (stage.key, stage.key, 2 * stage.key)
    weights, biases = _columns(params, x, stage, heads, sizes)
    q, k, v = _project(graph, x.tokens, weights, biases)
    out = _attend(graph, q, k, v, heads, _bias(params, stage, 1))
    weight, bias = params.linear_bn('proj.1')
    return _residual(graph, x, graph.op('HardSwish', out), weight, bias)


def shrink(graph: GraphWriter, params: Params, x: Stream, stage: Stage, heads: int) -> Stream:
    """Attention whose queries are every second row and column of each grid; not residual."""
    weights, biases = _columns(params, x, stage, heads, (stage.key, 4 * stage.key), ('k', 'v'))
    k, v = _project(graph, x.tokens, weights, biases)
    rows = _every_second(stage.sides)
    weight, bias = params.linear_bn('q.1')
    bias = bias + (x.shift + _positions(stage, len(x.shift), rows)) @ weight
    scale = stage.key**-0.5
    few = graph.op('Gather', x.tokens, graph.constant(rows, np.int64, name='rows'), axis=1)
    q = graph.linear(few, weight * scale, bias * scale)
    out = _attend(graph, q, k, v, heads, _bias(params, stage, 2))
    weight, bias = params.linear_bn('proj.1')
    return Stream(graph.linear(graph.op('HardSwish', out), weight), bias)


def _residual(
    graph: GraphWriter, x: Stream, branch: str, weight: Float64, bias: Float64
) -> Stream:
    """``x + branch @ weight``, the bias carried along."""
    return Stream(graph.op('Add', graph.linear(branch, weight), x.tokens), x.shift + bias)


def _columns(
    params: Params,
    x: Stream,
    stage: Stage,
    heads: int,
    sizes: tuple[int, ...],
    names: tuple[str, ...] = ('q', 'k', 'v'),
) -> tuple[list[Float64], list[Float64]]:
    """Weights and biases of the projections ``names``; positions, shift and scale folded in.

    A bias is (out,) or, where positions are added to the tokens (``absolute``), (N, out).
    """
    if stage.layout == 'absolute':
        pairs = [params.linear_bn(name) for name in names]
        weights, biases = [w for w, _ in pairs], [b for _, b in pairs]
    else:
        weight, bias = params.linear_bn(''.join(names))
        weights, biases = by_head(weight, heads, sizes), by_head(bias, heads, sizes)
    for i, name in enumerate(names):
        source = x.shift if name == 'v' else x.shift + _positions(stage, len(x.shift))
        biases[i] = biases[i] + source @ weights[i]
        if name == 'q':
            weights[i], biases[i] = (a * stage.key**-0.5 for a in (weights[i], biases[i]))
    return weights, biases


def _project(
    graph: GraphWriter, tokens: str, weights: list[Float64], biases: list[Float64]
) -> list[str]:
    """Several projections of the same tokens as one linear layer."""
    rows = max(b.shape[0] if b.ndim == 2 else 0 for b in biases)
    if rows:
        biases = [np.broadcast_to(b, (rows, b.shape[-1])) for b in biases]
    y = graph.linear(tokens, np.concatenate(weights, 1), np.concatenate(biases, -1))
    return graph.split(y, 2, [w.shape[1] for w in weights])


def _attend(graph: GraphWriter, q: str, k: str, v: str, heads: int, bias: Float64 | None) -> str:
    """softmax(q k^T + bias) v, heads concatenated: -> (B, queries, heads*value)."""
    shape = graph.constant([0, 0, heads, -1], np.int64)
    q, k, v = (graph.op('Reshape', part, shape) for part in (q, k, v))
    q, v = graph.transpose(q, 0, 2, 1, 3), graph.transpose(v, 0, 2, 1, 3)
    scores = graph.op('MatMul', q, graph.transpose(k, 0, 2, 3, 1), name='scores')
    if bias is not None:
        scores = graph.add(scores, bias[None])
    mixed = graph.op('MatMul', graph.op('Softmax', scores, axis=-1), v, name='mix')
    joined = graph.constant([0, 0, -1], np.int64)
    return graph.op('Reshape', graph.transpose(mixed, 0, 2, 1, 3), joined)


def _bias(params: Params, stage: Stage, query_stride: int) -> Float64 | None:
    """Attention bias of every pair of tokens, (heads, queries, keys); None in ``absolute``."""
    if stage.layout == 'absolute':
        return None
    index, _ = offset_table(*stage.sides, stage.layout, query_stride)
    return params['attention_biases'][:, index]


def _positions(stage: Stage, width: int, rows: Float64 | None = None) -> Float64:
    """Sine positions of the tokens (N, width) in ``absolute``, else nothing to add (width,)."""
    if stage.layout != 'absolute':
        return np.zeros(width)
    table = sine_table(*stage.sides, width).astype(np.float64)
    return table if rows is None else table[rows]


def _every_second(sides: tuple[int, int]) -> Float64:
    """Indices of the tokens in every second row and column of both grids."""
    search, template = (np.arange(n * n).reshape(n, n)[::2, ::2].ravel() for n in sides)
    return np.concatenate([search, sides[0] ** 2 + template])
