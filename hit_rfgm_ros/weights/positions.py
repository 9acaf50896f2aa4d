"""Positional parameters of a vision transformer at another number of tokens."""

from __future__ import annotations

from math import isqrt

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
import numpy as np
from numpy.typing import NDArray

MAX_EXTRA = 2  # positions of a class and a distillation token, which stand first
_A = -0.75  # of the cubic convolution


def resize_positions(positions: Array, side: int) -> NDArray[np.float32]:
    """Interpolate positions for a square grid of tokens.

    Bicubic, pixel centres aligned (not corners), borders repeated, no antialiasing; the same
    as torch's ``interpolate(mode='bicubic', align_corners=False)``.

    Args:
        positions: (1, extra + n * n, C), row-major, at most two extra ones first, which are
            left out.
        side: tokens along a side of the new grid.

    Returns:
        (1, side * side, C).

    Raises:
        WeightsError: if the positions are not those of a square grid.
    """
    count = positions.shape[1] if positions.ndim == 3 and len(positions) == 1 else 0
    old = isqrt(count)
    if not old or count - old**2 > MAX_EXTRA:
        raise WeightsError(
            f'positions of shape {positions.shape} are not those of a square grid of tokens, '
            'which have shape (1, tokens, channels)'
        )
    grid = positions[0, count - old**2 :].astype(np.float64).reshape(old, old, -1)
    matrix = _bicubic(old, side)
    resized: NDArray[np.float64] = np.einsum('ya,xb,abc->yxc', matrix, matrix, grid)
    return resized.reshape(1, side**2, -1).astype(np.float32)


def _bicubic(old: int, new: int) -> NDArray[np.float64]:
    """Weights (new, old) of the old cells in the new ones, along one side."""
    place = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.floor(place).astype(int)
    matrix = np.zeros((new, old))
    for tap in (-1, 0, 1, 2):
        cell = np.clip(first + tap, 0, old - 1)
        np.add.at(matrix, (np.arange(new), cell), _cubic(np.abs(place - first - tap)))
    return matrix


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cubic convolution kernel at distances 0 to 2."""
    near = ((_A + 2) * x - (_A + 3)) * x**2 + 1
    far = ((x - 5) * x + 8) * x * _A - 4 * _A
    return np.where(x <= 1, near, far)
