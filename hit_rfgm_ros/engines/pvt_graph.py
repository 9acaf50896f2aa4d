"""PVT-Small's stages as ONNX nodes, one for one as in the torch network."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.folding import STD, Params
from hit_rfgm_ros.engines.levit_graph import Stream, centred
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np

REDUCTIONS = (8, 4, 2, 1)  # side of the patches that keys and values are made of, per stage


def embed_image(graph: GraphWriter, params: Params, image: str, size: int) -> str:
    """First patch embedding: uint8 (B, S, S, 3) -> (B, (S/4)^2, C1), without positions."""
    return _embed(graph, params, centred(graph, image), 1, size // 4)


def pvt_stages(
    graph: GraphWriter, params: Params, search: str, template: str, config: HiTConfig
) -> list[Stream]:
    """All tokens after each stage, search first, from the first patch embeddings."""
    parts = [search, template]
    outputs = []
    for i, width in enumerate(config.widths):
        stride = 4 * 2**i
        sides = (config.search_size // stride, config.template_size // stride)
        if i > 0:
            parts = [
                _embed(
                    graph,
                    params,
                    _as_map(graph, part, 2 * side, config.widths[i - 1]),
                    i + 1,
                    side,
                )
                for part, side in zip(parts, sides)
            ]
        x = graph.add(graph.op('Concat', *parts, axis=1), params[f'pos_embed{i + 1}'])
        for j in range(config.depths[i]):
            block = params.at(f'block{i + 1}.{j}')
            x = _block(graph, block, x, config.heads[i], REDUCTIONS[i], sides)
        parts = graph.split(x, 1, [side * side for side in sides])
        outputs.append(Stream(graph.reshape(x, width), np.zeros(width), sum(n * n for n in sides)))
    last = outputs[-1]
    last.tokens = _layer_norm(graph, params.at('norm'), last.tokens, 1e-6)
    return outputs


def _as_map(graph: GraphWriter, tokens: str, side: int, width: int) -> str:
    """(B, side*side, C) -> (B, C, side, side)."""
    return graph.reshape(graph.transpose(tokens, 0, 2, 1), width, side, side)


def _patches(graph: GraphWriter, params: Params, planes: str, side: int, first: bool) -> str:
    """Convolution with kernel = stride on planes, as tokens (B, side*side, out)."""
    weight, bias = params['weight'], params['bias']
    if first:
        weight = weight / (255 * STD).reshape(1, 3, 1, 1)
    x = graph.conv(planes, weight, bias, stride=weight.shape[2])
    return graph.transpose(graph.reshape(x, weight.shape[0], side * side), 0, 2, 1)


def _embed(graph: GraphWriter, params: Params, planes: str, stage: int, side: int) -> str:
    embed = params.at(f'patch_embed{stage}')
    tokens = _patches(graph, embed.at('proj'), planes, side, stage == 1)
    return _layer_norm(graph, embed.at('norm'), tokens, 1e-5)


def _layer_norm(graph: GraphWriter, params: Params, x: str, eps: float) -> str:
    scale, shift = (graph.constant(params[key], name='norm') for key in ('weight', 'bias'))
    return graph.op('LayerNormalization', x, scale, shift, axis=-1, epsilon=eps)


def _block(
    graph: GraphWriter,
    params: Params,
    x: str,
    heads: int,
    reduction: int,
    sides: tuple[int, int],
) -> str:
    """Pre-norm attention and MLP, both residual."""
    normed = _layer_norm(graph, params.at('norm1'), x, 1e-6)
    x = graph.op('Add', x, _attention(graph, params.at('attn'), normed, heads, reduction, sides))
    normed = _layer_norm(graph, params.at('norm2'), x, 1e-6)
    hidden = graph.gelu(graph.dense(normed, *params.linear('mlp.fc1')))
    return graph.op('Add', x, graph.dense(hidden, *params.linear('mlp.fc2')))


def _attention(
    graph: GraphWriter, params: Params, x: str, heads: int, reduction: int, sides: tuple[int, int]
) -> str:
    """Attention with keys and values from maps reduced separately for search and template."""
    weight, bias = params.linear('q')
    width = weight.shape[0]
    scale = (width // heads) ** -0.5
    q = graph.dense(x, weight * scale, bias * scale)
    reduced = x if reduction == 1 else _reduce(graph, params, x, reduction, sides, width)
    k, v = graph.split(graph.dense(reduced, *params.linear('kv')), 2, [width, width])
    shape = graph.constant([0, 0, heads, width // heads], np.int64)
    q, k, v = (graph.op('Reshape', part, shape) for part in (q, k, v))
    q, k, v = (
        graph.transpose(part, *axes)
        for part, axes in ((q, (0, 2, 1, 3)), (k, (0, 2, 3, 1)), (v, (0, 2, 1, 3)))
    )
    weights = graph.op('Softmax', graph.op('MatMul', q, k), axis=-1)
    mixed = graph.transpose(graph.op('MatMul', weights, v), 0, 2, 1, 3)
    joined = graph.op('Reshape', mixed, graph.constant([0, 0, -1], np.int64))
    return graph.dense(joined, *params.linear('proj'))


def _reduce(
    graph: GraphWriter,
    params: Params,
    x: str,
    reduction: int,
    sides: tuple[int, int],
    width: int,
) -> str:
    parts = graph.split(x, 1, [side * side for side in sides])
    few = [
        _patches(graph, params.at('sr'), _as_map(graph, p, side, width), side // reduction, False)
        for p, side in zip(parts, sides)
    ]
    return _layer_norm(graph, params.at('norm'), graph.op('Concat', *few, axis=1), 1e-5)
