"""A vision transformer's parts as ONNX nodes (RFGM, section 3.3), every exact shortcut taken.

Normalisations keep no scale and shift of their own: both go into the linear layers that read
them, and the attention's scale goes into the queries' weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.engines import strassen
from hit_rfgm_ros.engines.folding import MEAN, STD, Float64, Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np

EPS = 1e-6  # of the layer normalisations
HEAD_WIDTH = 64

# Channels of tokens (B, N, C): one value, or a left and a right half for Strassen's products.
Columns = tuple[str, ...]


def patch_tokens(graph: GraphWriter, params: Params, image: str, positions: str) -> str:
    """Embed the patches of a picture and add their positions.

    Args:
        graph: gets the nodes.
        params: the state dict below ``backbone``.
        image: uint8 (B, S, S, 3) RGB.
        positions: name of the parameter (1, tokens, C).

    Returns:
        (B, tokens, C), row-major.
    """
    weight, bias = params['patch_embed.proj.weight'], params['patch_embed.proj.bias']
    width, _, patch, _ = weight.shape
    table = params[positions]
    # No padding, so all of the normalisation can be folded in; grey levels are exact in bf16.
    planes = graph.op('Cast', graph.transpose(image, 0, 3, 1, 2), to=1)
    shift = bias - np.einsum('oiab,i->o', weight, MEAN / STD)
    maps = graph.conv(planes, weight / (255 * STD).reshape(1, 3, 1, 1), shift, stride=patch)
    tokens = graph.transpose(graph.reshape(maps, width, table.shape[1]), 0, 2, 1)
    return graph.add(tokens, table)


def standardised(graph: GraphWriter, x: str, width: int) -> str:
    """Layer normalisation of (B, N, C) without scale and shift."""
    ones = graph.constant(np.ones(width, np.float32), name='ones')
    zeros = graph.constant(np.zeros(width, np.float32), name='zeros')
    return graph.op('LayerNormalization', x, ones, zeros, axis=-1, epsilon=EPS)


def layer_norm(graph: GraphWriter, params: Params, x: str) -> str:
    """Layer normalisation of (B, N, C) with scale and shift."""
    scale, shift = (graph.constant(params[key], name='norm') for key in ('weight', 'bias'))
    return graph.op('LayerNormalization', x, scale, shift, axis=-1, epsilon=EPS)


@dataclass(frozen=True)
class Block:
    """One layer in the graph; tokens are (B, N, C), heads (B, h, N, 64).

    With Strassen's products queries, keys and values come in two halves with half of the heads
    each, and so does the attention's outcome.

    Attributes:
        graph: gets the nodes.
        params: the state dict below the block.
        heads: attention heads.
    """

    graph: GraphWriter
    params: Params
    heads: int

    @property
    def width(self) -> int:
        """Channels of a token."""
        return HEAD_WIDTH * self.heads

    def normalised(self, x: str) -> str:
        """Input of `queries`, `keys` and `values`."""
        return standardised(self.graph, x, self.width)

    def queries(self, normed: str) -> Columns:
        """Queries of these tokens (B, N, C), scaled."""
        return self._project(normed, 0, HEAD_WIDTH**-0.5)

    def keys(self, normed: str) -> Columns:
        """Keys of these tokens (B, N, C)."""
        return self._project(normed, 1)

    def values(self, normed: str) -> Columns:
        """Values of these tokens (B, N, C)."""
        return self._project(normed, 2)

    def weights(self, q: str, k: str, bias: str = '') -> str:
        """softmax(q k^T + bias): (B, h, queries, keys).

        Args:
            q, k: of one value's heads.
            bias: what to add, (B, 1, 1, keys), or nothing.
        """
        # In two steps, as OpenVINO's fused attention likes it.
        k = self.graph.transpose(self._by_head(k), 0, 1, 3, 2)
        scores = self.graph.op('MatMul', self._by_head(q), k, name='scores')
        if bias:
            scores = self.graph.op('Add', scores, bias)
        return self.graph.op('Softmax', scores, axis=-1)

    def attention(self, q: Columns, k: Columns, v: Columns, bias: str = '') -> Columns:
        """All heads' mixtures of the values, side by side: (B, queries, C)."""
        return tuple(self._mixture(*group, bias) for group in zip(q, k, v))

    def finish(self, x: str, mixed: Columns) -> str:
        """Projection and MLP, both residual, from the attention's outcome for tokens ``x``."""
        graph, params = self.graph, self.params
        proj = (*params.linear('attn.proj'), params.label('attn.proj'))
        x = graph.op('Add', x, self._whole(self._linear(mixed, proj)))
        normed = standardised(graph, x, self.width)
        fc1 = (*behind_norm(params, 'norm2', 'mlp.fc1'), params.label('mlp.fc1'))
        fc2 = (*params.linear('mlp.fc2'), params.label('mlp.fc2'))
        return graph.op('Add', x, self._whole(self._linear(self._columns(normed), fc1, fc2)))

    def _mixture(self, q: str, k: str, v: str, bias: str) -> str:
        mixing = self.weights(q, k, bias)
        mixed = self.graph.op('MatMul', mixing, self._by_head(v), name='mix')
        mixed = self.graph.transpose(mixed, 0, 2, 1, 3)
        return self.graph.op('Reshape', mixed, self.graph.constant([0, 0, -1], np.int64))

    def _project(self, normed: str, part: int, scale: float = 1.0) -> Columns:
        weight, bias = behind_norm(self.params, 'norm1', 'attn.qkv')
        columns = slice(part * self.width, (part + 1) * self.width)
        weight, bias = scale * weight[:, columns], scale * bias[columns]
        return self._linear(self._columns(normed), (weight, bias, self.params.label('attn.qkv')))

    def _linear(self, x: Columns, *layers: tuple[Float64, Float64, str]) -> Columns:
        """Linear layers, each a weight, a bias and a label, with GELU between them."""
        graph = self.graph
        if graph.strassen:
            left, right = x
            return strassen.mlp(graph, (left, right), [layer[:2] for layer in layers])
        (y,) = x
        for i, layer in enumerate(layers):
            y = graph.dense(graph.gelu(y) if i else y, *layer)
        return (y,)

    def _columns(self, x: str) -> Columns:
        if not self.graph.strassen:
            return (x,)
        return tuple(self.graph.split(x, 2, [self.width // 2] * 2))

    def _whole(self, x: Columns) -> str:
        return self.graph.joined(x, axis=2)

    def _by_head(self, x: str) -> str:
        """The heads of one value: (B, N, C) -> (B, h, N, 64)."""
        heads = self.heads // 2 if self.graph.strassen else self.heads
        shape = self.graph.constant([0, 0, heads, HEAD_WIDTH], np.int64)
        return self.graph.transpose(self.graph.op('Reshape', x, shape), 0, 2, 1, 3)


def behind_norm(params: Params, norm: str, linear: str) -> tuple[Float64, Float64]:
    """A linear layer with the scale and shift of the normalisation before it folded in."""
    weight, bias = params.linear(linear)
    return weight * params[f'{norm}.weight'][:, None], bias + params[f'{norm}.bias'] @ weight
