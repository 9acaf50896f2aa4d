"""RFGM's inference graphs, assembled from a state dict without torch.

The batch is dynamic, pictures are uint8 RGB, NHWC; a memory's number of tokens n is free, at
least 64.

``template``
    ``template`` (B, 128, 128, 3) -> ``template_tokens`` (B, 64, C), what a memory stores.
``track``
    ``search`` (B, 256, 256, 3) and ``memory`` (B, n, C), oldest template first -> ``score``
    (B, 256), ``size`` and ``offset`` (B, 2, 256), and for each stage ``kept_<layer>`` int64
    (B, k): places in the memory of the tokens that it keeps, in the order of their relevance.
``track_padded``
    As ``track``, for memories of different lengths: sample b has ``memory_count[b]`` tokens, and
    whatever stands behind them influences nothing. ``kept_<layer>`` is -1 where sample b keeps
    fewer.
``filter``
    ``memory``, the new ``template_tokens`` (B, 64, C) and ``search`` of the same frame ->
    ``relevance`` (B, n): logit of being kept (section 3.2) of the memory's tokens from the 65th
    on, then of the new 64. The probabilities of tokens that are all but sure to stay would be
    rounded to 1 and no longer tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hit_rfgm_ros.config.rfgm import FILTER_LAYER, RFGMConfig
from hit_rfgm_ros.engines.centre_head_graph import centre_head
from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.relevance_graph import (
    Memory,
    kept_places,
    memory_of,
    preference,
    ranked_block,
    search_weights,
    without_padding,
)
from hit_rfgm_ros.engines.vit_graph import Block, layer_norm, patch_tokens
from hit_rfgm_ros.types import Array
import numpy as np

Write = Callable[[GraphWriter, RFGMConfig, Mapping[str, Array], int], None]


def writers(config: RFGMConfig) -> dict[str, Write]:
    """What writes each graph; the last argument is the number of Winograd layers in the head."""
    graphs: dict[str, Write] = {
        'template': _write_template,
        'track': _write_track,
        'track_padded': _write_track_padded,
    }
    return {**graphs, 'filter': _write_filter} if config.has_filter else graphs


def _write_template(
    graph: GraphWriter, config: RFGMConfig, tensors: Mapping[str, Array], _: int
) -> None:
    size = config.template_size
    image = graph.input('template', np.uint8, (size, size, 3))
    tokens = patch_tokens(graph, Params(tensors).at('backbone'), image, 'pos_embed_z')
    graph.output('template_tokens', tokens, (config.template_tokens, config.width))


def _write_track(
    graph: GraphWriter, config: RFGMConfig, tensors: Mapping[str, Array], winograd_layers: int
) -> None:
    search, tokens = _search_input(graph, config), _memory_input(graph, config)
    memory = memory_of(graph, tokens, config.search_tokens)
    _track(graph, config, Params(tensors), (search, tokens, memory), winograd_layers)


def _write_track_padded(
    graph: GraphWriter, config: RFGMConfig, tensors: Mapping[str, Array], winograd_layers: int
) -> None:
    search, tokens = _search_input(graph, config), _memory_input(graph, config)
    counts = graph.input('memory_count', np.int64, ())
    memory = memory_of(graph, tokens, config.search_tokens, counts)
    tokens = without_padding(graph, memory, tokens)
    _track(graph, config, Params(tensors), (search, tokens, memory), winograd_layers)


def _write_filter(
    graph: GraphWriter, config: RFGMConfig, tensors: Mapping[str, Array], _: int
) -> None:
    params, first = Params(tensors), config.template_tokens
    tokens = _memory_input(graph, config)
    new = graph.input('template_tokens', np.float32, (first, config.width))
    image = _search_input(graph, config)
    search = patch_tokens(graph, params.at('backbone'), image, 'pos_embed_x')
    x = graph.op('Concat', tokens, new, search, axis=1)
    for layer in range(1, FILTER_LAYER):
        x = _plain_block(_block(graph, config, params, layer), x)
    block = _block(graph, config, params, FILTER_LAYER)
    normed = block.normalised(x)
    queries = block.queries(graph.tail(normed, config.search_tokens))
    candidates = (first, -config.search_tokens)
    weights = search_weights(graph, block, queries, block.keys(normed), candidates, '')
    relevance = preference(graph, params.at(f'rankers.{FILTER_LAYER}'), weights)
    graph.output('relevance', relevance, ('tokens',))


def _search_input(graph: GraphWriter, config: RFGMConfig) -> str:
    return graph.input('search', np.uint8, (config.search_size, config.search_size, 3))


def _memory_input(graph: GraphWriter, config: RFGMConfig) -> str:
    return graph.input('memory', np.float32, ('tokens', config.width))


def _track(
    graph: GraphWriter,
    config: RFGMConfig,
    params: Params,
    inputs: tuple[str, str, Memory],
    winograd_layers: int,
) -> None:
    """Everything behind the inputs: search picture, memory tokens, and what these are."""
    image, tokens, memory = inputs
    tenths = dict(config.stages)
    search = patch_tokens(graph, params.at('backbone'), image, 'pos_embed_x')
    x = graph.op('Concat', tokens, search, axis=1)
    kept = {}
    for layer in range(1, config.depth + 1):
        block = _block(graph, config, params, layer)
        if layer in tenths:
            ranker = params.at(f'rankers.{layer}')
            x, memory = ranked_block(block, ranker, x, memory, tenths[layer])
            kept[layer] = memory
        elif layer == config.depth:
            x = _last_block(block, x, memory)
        else:
            x = _plain_block(block, x, memory.bias)
    if config.depth in tenths:
        x = graph.tail(x, memory.search)
    normed = layer_norm(graph, params.at('backbone.norm'), x)
    head = params.at('box_head')
    maps = centre_head(graph, head, normed, config.grid, winograd_layers)
    for name, value in maps.items():
        cells = config.search_tokens
        graph.output(name, value, (cells,) if name == 'score' else (2, cells))
    places = {layer: kept_places(graph, left) for layer, left in kept.items()}
    for layer, value in places.items():
        graph.output(f'kept_{layer}', value, (f'kept_{layer}',), np.int64)


def _block(graph: GraphWriter, config: RFGMConfig, params: Params, layer: int) -> Block:
    """A layer, counted from 1."""
    return Block(graph, params.at(f'backbone.blocks.{layer - 1}'), config.heads)


def _plain_block(block: Block, x: str, bias: str = '') -> str:
    normed = block.normalised(x)
    q, k, v = block.queries(normed), block.keys(normed), block.values(normed)
    return block.finish(x, block.attention(q, k, v, bias))


def _last_block(block: Block, x: str, memory: Memory) -> str:
    """The search tokens only (B, search, C): nothing reads the memory's afterwards."""
    graph = block.graph
    normed = block.normalised(x)
    q = block.queries(graph.tail(normed, memory.search))
    mixed = block.attention(q, block.keys(normed), block.values(normed), memory.bias)
    return block.finish(graph.tail(x, memory.search), mixed)
