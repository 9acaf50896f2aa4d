"""Relevance attention as ONNX nodes (RFGM, section 3.3): rank the memory, keep the best.

The kept tokens stand in the order of their relevance, not of the memory: attention does not care,
and a sort is saved. So what a padded sample keeps always stands before its padding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.vit_graph import Block, Columns
import numpy as np
from onnx import TensorProto

_NEVER = -1e30  # added to a logit: its weight is 0 exactly


@dataclass(frozen=True)
class Memory:
    """The memory tokens in the stream of a graph; they stand before the search tokens.

    Attributes:
        given: how many the memory had, int64 (1,).
        length: how many there are, int64 (1,).
        search: search tokens behind them.
        places: (B, length) int64 where they stood in the memory given; empty: all are there.
        counts: (B, 1) int64 tokens of each sample's memory, the rest being padding; empty: no
            padding.
        valid: (B, length) bool, False for padding; empty: no padding.
        bias: of the attention's logits, which hides padding, (B, 1, 1, length + search); empty:
            no padding.
    """

    given: str
    length: str
    search: int
    places: str = ''
    counts: str = ''
    valid: str = ''
    bias: str = ''


def memory_of(graph: GraphWriter, tokens: str, search: int, counts: str = '') -> Memory:
    """The memory before the first layer.

    Args:
        graph: gets the nodes.
        tokens: (B, n, C).
        search: search tokens that will stand behind them.
        counts: int64 (B,) tokens of each sample, the rest being padding; empty: no padding.
    """
    length = graph.shape_of(tokens, 1)
    memory = Memory(length, length, search)
    if not counts:
        return memory
    counts = graph.op('Unsqueeze', counts, graph.constant([1], np.int64))
    return _padded(graph, replace(memory, counts=counts), counts)


def _padded(graph: GraphWriter, memory: Memory, limits: str) -> Memory:
    """The same with all behind the first ``limits`` (B, 1) tokens of each sample as padding."""
    stop = graph.op('Squeeze', memory.length, graph.constant([0], np.int64))
    valid = graph.op('Less', _up_to(graph, stop), limits)
    levels = (graph.constant(np.float32(value)) for value in (0, _NEVER))
    hidden = graph.op('Where', valid, *levels)
    hidden = graph.op('Pad', hidden, graph.constant([0, 0, 0, memory.search], np.int64))
    bias = graph.op('Unsqueeze', hidden, graph.constant([1, 2], np.int64))
    return replace(memory, valid=valid, bias=bias)


def without_padding(graph: GraphWriter, memory: Memory, tokens: str) -> str:
    """Memory tokens (B, n, C), zero where they are padding: even NaN there does no harm."""
    if not memory.valid:
        return tokens
    valid = graph.op('Unsqueeze', memory.valid, graph.constant([2], np.int64))
    return graph.op('Where', valid, tokens, graph.constant(np.float32(0)))


def search_weights(
    graph: GraphWriter,
    block: Block,
    q: Columns,
    k: Columns,
    keys: tuple[int | str, int | str],
    bias: str,
) -> str:
    """Mean attention weight that the search tokens give to some keys (eq. 10): (B, n, heads).

    Args:
        graph: gets the nodes.
        block: the layer.
        q: queries of the search tokens.
        k: keys of all tokens.
        keys: the first that is wanted, and the one behind the last.
        bias: see `Memory`.
    """
    means = (
        graph.op('ReduceMean', block.weights(*group, bias), axes=[2], keepdims=0)
        for group in zip(q, k)
    )
    mean = graph.joined(means, axis=1)
    return graph.transpose(graph.cut(mean, *keys, axis=2), 0, 2, 1)


def preference(graph: GraphWriter, params: Params, weights: str) -> str:
    """Logit of being kept (eq. 11): (B, n, heads) -> (B, n).

    It orders tokens as the probability does, and does not saturate.
    """
    hidden = graph.gelu(graph.dense(weights, *params.linear('fc1')))
    hidden = graph.gelu(graph.dense(hidden, *params.linear('fc2')))
    weight, bias = params.linear('fc3')
    difference = graph.dense(hidden, weight[:, :1] - weight[:, 1:], bias[:1] - bias[1:])
    return graph.op('Squeeze', difference, graph.constant([2], np.int64))


def ranked_block(
    block: Block, ranker: Params, x: str, memory: Memory, tenths: int
) -> tuple[str, Memory]:
    """A layer that keeps only the best memory tokens, from its attention on.

    Args:
        block: the layer.
        ranker: the state dict below its ranker.
        x: (B, length + search, C).
        memory: what stands in ``x``.
        tenths: share kept, of the tokens of the memory given.
    """
    graph = block.graph
    normed = block.normalised(x)
    q, k, v = block.queries(normed), block.keys(normed), block.values(normed)
    search = tuple(graph.tail(group, memory.search) for group in q)
    weights = search_weights(graph, block, search, k, (0, memory.length), memory.bias)
    kept, best = _keep_best(graph, memory, preference(graph, ranker, weights), tenths)
    places = graph.op('Unsqueeze', best, graph.constant([2], np.int64))

    def taken(tokens: str) -> str:
        chosen = graph.op('GatherND', tokens, places, batch_dims=1)
        return graph.op('Concat', chosen, graph.tail(tokens, memory.search), axis=1)

    def all_taken(columns: Columns) -> Columns:
        return tuple(map(taken, columns))

    # The search tokens' logits are formed again: to gather those of above took longer, as then
    # no back end fuses the attention.
    mixed = block.attention(all_taken(q), all_taken(k), all_taken(v), kept.bias)
    return block.finish(taken(x), mixed), kept


def _keep_best(graph: GraphWriter, memory: Memory, score: str, tenths: int) -> tuple[Memory, str]:
    """The memory after a ranking, and where its tokens stood in ``memory``: (B, k)."""
    if memory.valid:
        score = graph.op('Where', memory.valid, score, graph.constant(np.float32(_NEVER)))
    count = _share(graph, memory.given, tenths)
    ranks = _ranks(graph, score, memory.places)
    _, best = graph.ops('TopK', ranks, count, count=2, axis=1, largest=0)
    places = best
    if memory.places:
        places = graph.op('GatherElements', memory.places, best, axis=1)
    kept = replace(memory, length=count, places=places)
    if memory.counts:
        kept = _padded(graph, kept, _share(graph, memory.counts, tenths))
    return kept, best


def _ranks(graph: GraphWriter, score: str, places: str) -> str:
    """How many tokens go before each, int32 (B, n); a tie goes to the lower place.

    Counted pair by pair, as OpenVINO's TopK settles ties at will; in integers, as counts would
    be rounded in bf16.
    """
    if not places:
        stop = graph.op('Squeeze', graph.shape_of(score, 1), graph.constant([0], np.int64))
        places = _up_to(graph, stop)
        places = graph.op('Unsqueeze', places, graph.constant([0], np.int64))
    (mine, other), (my_place, its_place) = (
        [graph.op('Unsqueeze', x, graph.constant([axis], np.int64)) for axis in (2, 1)]
        for x in (score, places)
    )
    tie = graph.op('And', graph.op('Equal', other, mine), graph.op('Less', its_place, my_place))
    before = graph.op('Or', graph.op('Greater', other, mine), tie)
    counted = graph.op('Cast', before, to=TensorProto.INT32)
    return graph.op('ReduceSum', counted, graph.constant([2], np.int64), keepdims=0)


def kept_places(graph: GraphWriter, memory: Memory) -> str:
    """Places in the memory given (B, k) int64, -1 for padding."""
    if not memory.valid:
        return memory.places
    return graph.op('Where', memory.valid, memory.places, graph.constant(-1, np.int64))


def _share(graph: GraphWriter, count: str, tenths: int) -> str:
    """``count * tenths // 10``."""
    product = graph.op('Mul', count, graph.constant([tenths], np.int64))
    return graph.op('Div', product, graph.constant([10], np.int64))


def _up_to(graph: GraphWriter, stop: str) -> str:
    """0, 1, ... stop - 1, int64."""
    zero, one = (graph.constant(n, np.int64) for n in (0, 1))
    return graph.op('Range', zero, stop, one)
