"""Linear layers by Strassen's product of matrices, as ONNX nodes.

V. Strassen, Gaussian elimination is not optimal, 1969; here in Winograd's form with fewer sums.
Both factors are cut into quarters, and seven products of quarters take the place of eight. Exact
but for rounding. Sums of weights are formed here, in float64, so a layer keeps seven quarters of
weights in place of four; sums of activations cost as much as ever, so only large layers gain.

Tokens are cut into a first and a last half, which share the middle one where their number is odd,
and channels into a left and a right half. Quarters go row by row: top left, top right, bottom
left, bottom right.
"""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.engines.folding import Float64
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
import numpy as np

_END = 2**31 - 1

Halves = tuple[str, str]  # left and right channels


def mlp(graph: GraphWriter, x: Halves, layers: Sequence[tuple[Float64, Float64]]) -> Halves:
    """Linear layers with GELU between them, quarters from the first to the last.

    Args:
        graph: gets the nodes.
        x: each (B, N, in / 2); N is free, at least 2.
        layers: weights (in, out) and biases (out,), all sizes even.

    Returns:
        Each (B, N, out / 2).
    """
    length = graph.shape_of(x[0], 1)
    parts = _quarters(graph, x, length)
    for i, (weight, bias) in enumerate(layers):
        if i:
            parts = [graph.gelu(part) for part in parts]
        parts = _product(graph, parts, weight, bias)
    return _halves(graph, parts, length)


def _product(graph: GraphWriter, x: Sequence[str], weight: Float64, bias: Float64) -> list[str]:
    """Quarters of ``x @ weight + bias`` from those of ``x``."""
    (w11, w12), (w21, w22) = (np.hsplit(half, 2) for half in np.vsplit(weight, 2))
    t1, t3 = w12 - w11, w22 - w12
    t2 = w22 - t1
    left, right = np.split(bias, 2)

    def plus(a: str, b: str) -> str:
        return graph.op('Add', a, b)

    def times(a: str, b: Float64) -> str:
        return graph.op('MatMul', a, graph.constant(b, name='weight'))

    # OpenVINO makes two steps of a difference, so the top half of x is negated once; the signs of
    # the weights make up for it.
    n11, n12 = (graph.op('Neg', part) for part in x[:2])
    x21, x22 = x[2:]
    s1, s3 = plus(x21, x22), plus(x21, n11)
    s2 = plus(s1, n11)
    # Each quarter of the outcome gets its bias with one of these products.
    p1 = times(n11, -w11)
    p5 = graph.dense(s1, t1, right)
    shared = plus(p1, times(s2, t2))
    lower = plus(shared, times(s3, -t3))
    return [
        plus(p1, graph.dense(n12, -w21, left)),
        plus(plus(shared, p5), times(plus(s2, n12), -w22)),
        plus(lower, graph.dense(x22, w21 - t2, left)),
        plus(lower, p5),
    ]


def _quarters(graph: GraphWriter, x: Halves, length: str) -> list[str]:
    skipped = graph.op('Div', length, graph.constant([2], np.int64))
    count = graph.op('Sub', length, skipped)
    top = (graph.cut(half, 0, count, axis=1) for half in x)
    bottom = (graph.cut(half, skipped, _END, axis=1) for half in x)
    return [*top, *bottom]


def _halves(graph: GraphWriter, x: Sequence[str], length: str) -> Halves:
    shared = graph.op('Mod', length, graph.constant([2], np.int64))
    left, right = (
        graph.op('Concat', top, graph.cut(bottom, shared, _END, axis=1), axis=1)
        for top, bottom in zip(x[:2], x[2:])
    )
    return left, right
