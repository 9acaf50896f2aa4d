"""Winograd's minimal filtering F(4x4, 3x3) as plain matrix products (Lavin and Gray, 2015).

A 3x3 convolution with padding 1 over tiles of 4x4 outputs takes 36 products per tile and channel
pair in place of 144. The border's zero padding is built into the matrices. The transforms are
matrix products anyway, so their entries may be any numbers: the points +-5/8 and +-3/2 in place
of the textbook's +-1 and +-2 lower the rounding error by a factor of 2.7.
"""

from __future__ import annotations

from functools import lru_cache

from hit_rfgm_ros.engines.folding import Float64
import numpy as np

TILE = 4
TAPS = 6
POINTS = (0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)  # and infinity


@lru_cache(maxsize=1)
def transforms() -> tuple[Float64, Float64, Float64]:
    """Matrices of one axis by Cook and Toom: input (6, 6), kernel (6, 3), output (4, 6)."""
    size = TAPS - 1
    others = [[p for j, p in enumerate(POINTS) if j != i] for i in range(size)]
    source = np.zeros((TAPS, TAPS))
    for i in range(size):
        source[i, :size] = np.poly(others[i])[::-1]
    source[size] = np.poly(POINTS)[::-1]
    kernel = np.zeros((TAPS, 3))
    for i, point in enumerate(POINTS):
        kernel[i] = point ** np.arange(3) / np.prod(point - np.array(others[i]))
    kernel[size, 2] = 1
    output = np.zeros((TILE, TAPS))
    output[:, :size] = np.array(POINTS) ** np.arange(TILE)[:, None]
    output[-1, size] = 1
    return source, kernel, output


def input_matrix(side: int) -> Float64:
    """Transform of one axis, padding included: (6 * tiles, side), row = tap * tiles + tile."""
    source, _, _ = transforms()
    tiles = side // TILE
    matrix = np.zeros((TAPS, tiles, side + 2))
    for tile in range(tiles):
        matrix[:, tile, tile * TILE : tile * TILE + TAPS] = source
    return matrix[..., 1:-1].reshape(-1, side)  # the outermost columns meet the zero padding


def output_matrix() -> Float64:
    """Back transform of both axes at once: (16, 36), from (tap, tap) to (row, column)."""
    _, _, output = transforms()
    return np.kron(output, output)  # type: ignore[return-value]


def kernels(weight: Float64) -> Float64:
    """Transformed kernels: (out, in, 3, 3) -> (36, in, out), first axis row tap*6 + column tap."""
    _, kernel, _ = transforms()
    taps: Float64 = np.einsum('ia,ocab,jb->ijco', kernel, weight, kernel)
    return taps.reshape(TAPS * TAPS, weight.shape[1], weight.shape[0])
