"""Winograd's minimal filtering F(4x4, 3x3) as plain matrix products (Lavin and Gray, 2015).

A 3x3 convolution with padding 1 over tiles of 4x4 outputs takes 36 products per tile and channel
pair in place of 144. Transforms of the border are built into the matrices: no padding is needed.
"""

from __future__ import annotations

from hit_rfgm_ros.engines.folding import Float64
import numpy as np

TILE = 4
TAPS = 6

INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float64,
)
KERNEL = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    np.float64,
)
OUTPUT = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    np.float64,
)


def input_matrix(side: int) -> Float64:
    """Transform of one axis, padding included: (tiles*6, side), row = tile*6 + tap."""
    tiles = side // TILE
    matrix = np.zeros((tiles * TAPS, side + 2))
    for tile in range(tiles):
        matrix[tile * TAPS : (tile + 1) * TAPS, tile * TILE : tile * TILE + TAPS] = INPUT
    return matrix[:, 1:-1]  # the outermost columns meet the zero padding


def output_matrix(side: int) -> Float64:
    """Back transform of one axis: (side, tiles*6)."""
    matrix: Float64 = np.kron(np.eye(side // TILE), OUTPUT)
    return matrix


def kernels(weight: Float64) -> Float64:
    """Transformed kernels: (out, in, 3, 3) -> (36, in, out), first axis row tap*6 + column tap."""
    taps: Float64 = np.einsum('ia,ocab,jb->ijco', KERNEL, weight, KERNEL)
    return taps.reshape(TAPS * TAPS, weight.shape[1], weight.shape[0])
