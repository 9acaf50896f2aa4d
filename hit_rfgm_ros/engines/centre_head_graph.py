"""RFGM's head as ONNX nodes: three towers side by side give score, size and offset maps."""

from __future__ import annotations

from hit_rfgm_ros.engines.folding import Params
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.tower_graph import run_towers, tower_layers
import numpy as np

MAPS = {'score': 'ctr', 'size': 'size', 'offset': 'offset'}  # output: tower
_LOWEST = 1e-4  # of score and size, and their distance from 1


def centre_head(
    graph: GraphWriter, params: Params, tokens: str, side: int, winograd_layers: int
) -> dict[str, str]:
    """Maps by output: score (B, cells), size and offset (B, 2, cells).

    Args:
        graph: gets the nodes.
        params: the state dict below ``box_head``.
        tokens: normalised search tokens (B, cells, C).
        side: of the maps; cells = side * side.
        winograd_layers: see `run_towers`.
    """
    towers = tuple(MAPS.values())
    layers = tower_layers(params, towers)
    maps = run_towers(
        graph, params, tokens, layers, towers, side=side, winograd_layers=winograd_layers
    )
    score, size, offset = maps
    cells = side * side
    return {
        'score': graph.reshape(_bounded(graph, score), cells),
        'size': graph.reshape(_bounded(graph, size), 2, cells),
        'offset': graph.reshape(offset, 2, cells),
    }


def _bounded(graph: GraphWriter, x: str) -> str:
    limits = (graph.constant(np.float32(value)) for value in (_LOWEST, 1 - _LOWEST))
    return graph.op('Clip', graph.op('Sigmoid', x), *limits)
