"""LeViT's stem and stages as ONNX nodes (HiT, section 3.2), every exact shortcut taken.

There is no LayerNorm, so everything that reads the residual stream is linear: the constant that
the branches' biases would add is carried along beside the stream (`Stream.shift`) and goes into
the readers' biases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.folding import MEAN, STD, Float64, Params, by_head
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.geometry.token_grid import offset_table, sine_table
import numpy as np


@dataclass
class Stream:
    """Tokens in the graph: the true value is ``tokens + shift``."""

    tokens: str  # (B * count, C), row-major: every linear layer is one plain matrix product
    shift: Float64  # (C,)
    count: int


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
        label = params.label(f'patch_embed.{2 * i}') if i else ''  # the first hardly counts
        x = graph.conv(x, weight, bias, stride=2, pad=1, label=label)
        if i < 3:
            x = graph.op('HardSwish', x)
    tokens = (size // 16) ** 2
    return graph.transpose(graph.reshape(x, config.widths[0], tokens), 0, 2, 1)


def stages(
    graph: GraphWriter, params: Params, search: str, template: str, config: HiTConfig
) -> list[Stream]:
    """All tokens after each stage, search first."""
    width = config.widths[0]
    stage = Stage(
        (config.search_size // 16, config.template_size // 16),
        config.position_encoding,
        config.key_dim,
    )
    joint = graph.op('Concat', search, template, axis=1)
    x = Stream(graph.reshape(joint, width), np.zeros(width), stage.tokens)
    outputs = []
    block = 0
    for i in range(len(config.widths)):
        if i > 0:
            x = shrink(graph, params.at(f'blocks.{block}'), x, stage, config.shrink_heads[i - 1])
            x = mlp(graph, params.at(f'blocks.{block + 1}.m'), x)
            stage = replace(stage, sides=(stage.sides[0] // 2, stage.sides[1] // 2))
            block += 2
        for _ in range(config.depths[i]):
            x = attention(graph, params.at(f'blocks.{block}.m'), x, stage, config.heads[i])
            x = mlp(graph, params.at(f'blocks.{block + 1}.m'), x)
            block += 2
        outputs.append(x)
    return outputs


def mlp(graph: GraphWriter, params: Params, x: Stream) -> Stream:
    """Residual MLP: ``x + W2 hardswish(W1 x)``."""
    weight, bias = params.linear_bn('0')
    bias = bias + x.shift @ weight
    hidden = graph.linear(x.tokens, weight, bias, params.label('0'))
    return _residual(graph, x, graph.op('HardSwish', hidden), params, '2')


def attention(graph: GraphWriter, params: Params, x: Stream, stage: Stage, heads: int) -> Stream:
    """Residual attention of all tokens over all tokens."""
    sizes = (stage.key, stage.key, 2 * stage.key)
    weights, biases = _columns(params, x, stage, heads, sizes)
    q, k, v = _project(graph, x, weights, biases, params.label('qkv'))
    mixing = _mixing(graph, q, k, (heads, stage.key), (x.count, x.count), _bias(params, stage, 1))
    out = _mix(graph, mixing, v, x.count, (heads, 2 * stage.key))
    return _residual(graph, x, graph.op('HardSwish', out), params, 'proj.1')


def shrink(graph: GraphWriter, params: Params, x: Stream, stage: Stage, heads: int) -> Stream:
    """Attention whose queries are every second row and column of each grid; not residual."""
    rows = _every_second(stage.sides)
    weight, bias = params.linear_bn('q.1')
    bias = bias + (x.shift + _positions(stage, len(x.shift), rows)) @ weight
    scale = stage.key**-0.5
    tokens = graph.reshape(x.tokens, x.count, len(x.shift))
    few = graph.op('Gather', tokens, graph.constant(rows, np.int64, name='rows'), axis=1)
    few = graph.reshape(few, len(x.shift))
    queries = Stream(few, x.shift, len(rows))
    (q,) = _project(graph, queries, [weight * scale], [bias * scale], params.label('q'))
    weights, biases = _columns(params, x, stage, heads, (stage.key, 4 * stage.key), ('k', 'v'))
    counts = (len(rows), x.count)
    mixing_bias = _bias(params, stage, 2)
    if graph.ranges is None:
        (k,) = _project(graph, x, weights[:1], biases[:1], params.label('kv'))
        mixing = _mixing(graph, q, k, (heads, stage.key), counts, mixing_bias)
        out = _mix_then_project(graph, mixing, x, weights[1], heads, len(rows))
        out = graph.add(out, biases[1])  # the mixing weights add up to one
    else:
        k, v = _project(graph, x, weights, biases, params.label('kv'))
        mixing = _mixing(graph, q, k, (heads, stage.key), counts, mixing_bias)
        out = _mix(graph, mixing, v, x.count, (heads, 4 * stage.key))
    weight, bias = params.linear_bn('proj.1')
    tokens = graph.linear(graph.op('HardSwish', out), weight, None, params.label('proj.1'))
    return Stream(tokens, bias, len(rows))


def _residual(graph: GraphWriter, x: Stream, branch: str, params: Params, name: str) -> Stream:
    """``x`` plus the branch's last linear layer, whose bias is carried along."""
    weight, bias = params.linear_bn(name)
    tokens = graph.linear(branch, weight, x.tokens, params.label(name))
    return Stream(tokens, x.shift + bias, x.count)


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
    graph: GraphWriter, x: Stream, weights: list[Float64], biases: list[Float64], label: str
) -> list[str]:
    """Several projections of the same tokens as one linear layer."""
    if graph.plain_products and len(weights) > 1:
        return [_project(graph, x, [w], [b], label)[0] for w, b in zip(weights, biases)]
    weight = np.concatenate(weights, 1)
    if any(b.ndim == 2 for b in biases):
        full = [np.broadcast_to(b, (x.count, b.shape[-1])) for b in biases]
        y = graph.reshape(graph.linear(x.tokens, weight, None, label), x.count, weight.shape[1])
        y = graph.reshape(graph.add(y, np.concatenate(full, 1)), weight.shape[1])
    else:
        y = graph.linear(x.tokens, weight, np.concatenate(biases), label)
    return [y] if len(weights) == 1 else graph.split(y, 1, [w.shape[1] for w in weights])


def _by_head(graph: GraphWriter, x: str, count: int, heads: tuple[int, int]) -> str:
    """(B * N, heads * width) -> (B, heads, N, width); ``heads`` is their number and width."""
    return graph.transpose(graph.reshape(x, count, *heads), 0, 2, 1, 3)


def _mixing(
    graph: GraphWriter,
    q: str,
    k: str,
    heads: tuple[int, int],
    counts: tuple[int, int],
    bias: Float64 | None,
) -> str:
    """softmax(q k^T + bias): (B, heads, queries, keys)."""
    q, k = (_by_head(graph, part, count, heads) for part, count in zip((q, k), counts))
    scores = graph.op('MatMul', q, graph.transpose(k, 0, 1, 3, 2), name='scores')
    if bias is not None:
        scores = graph.add(scores, bias[None])
    return graph.op('Softmax', scores, axis=-1)


def _mix(graph: GraphWriter, mixing: str, v: str, keys: int, heads: tuple[int, int]) -> str:
    """``mixing v``, heads concatenated: (B * queries, heads * value)."""
    out = graph.op('MatMul', mixing, _by_head(graph, v, keys, heads), name='mix')
    return graph.reshape(graph.transpose(out, 0, 2, 1, 3), heads[0] * heads[1])


def _mix_then_project(
    graph: GraphWriter, mixing: str, x: Stream, weight: Float64, heads: int, queries: int
) -> str:
    """``mixing (x W_v)`` as ``(mixing x) W_v``: (B * queries, heads * value).

    A shrink has a quarter as many queries as keys and wide values, so it is less work to mix the
    tokens first and project the mixtures.
    """
    width = len(weight)
    rows = graph.reshape(mixing, heads * queries, x.count)
    mixed = graph.op('MatMul', rows, graph.reshape(x.tokens, x.count, width), name='mix')
    mixed = graph.transpose(graph.reshape(mixed, heads, queries, width), 1, 0, 2, 3)
    mixed = graph.op('Reshape', mixed, graph.constant([heads, -1, width], np.int64))
    values = graph.batched_linear(mixed, weight.reshape(width, heads, -1).transpose(1, 0, 2))
    out = graph.transpose(values, 1, 0, 2)  # (B * queries, heads, value)
    return graph.reshape(out, weight.shape[1])


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
