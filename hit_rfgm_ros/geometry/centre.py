"""From the maps of a centre head to a box: the one place of this step.

OSTrack's decoding, which RFGM takes over: the cell where the score, weighed by a Hann window, is
highest says where the target's centre lies; offset and size are read at that cell.
"""

from __future__ import annotations

from functools import lru_cache
import math
from typing import NamedTuple

from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.types import Array
import numpy as np
from numpy.typing import NDArray


class Centres(NamedTuple):
    """What the maps say, one row per search region.

    Attributes:
        boxes: float64 (B, 4) cx, cy, w, h as fractions of the search region; not clamped.
        cell: int64 (B,) row-major index of the cell they were read at.
        score: float64 (B,) score at that cell, not weighed by a window.
    """

    boxes: NDArray[np.float64]
    cell: NDArray[np.int64]
    score: NDArray[np.float64]


@lru_cache(maxsize=8)
def hann(side: int) -> NDArray[np.float64]:
    """Window that prefers the middle of the score map, where the target was in the last frame.

    Returns:
        float64 (side * side,), row-major, read-only: the outer product of
        ``0.5 * (1 - cos(2 pi k / (side + 1)))``, k = 1 to side, with itself.
    """
    line = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, side + 1) / (side + 1)))
    window = np.outer(line, line).ravel()
    window.setflags(write=False)
    return window


def decode(
    score: Array, size: Array, offset: Array, window: NDArray[np.float64] | None = None
) -> Centres:
    """Read the boxes off the maps of a centre head.

    Args:
        score: (B, cells) in (0, 1), row-major over a square of cells.
        size: (B, 2, cells) width and height as fractions of the search region.
        offset: (B, 2, cells) of the centre from its cell's corner in cells, x then y.
        window: (cells,) or (B, cells) that the score is weighed by, `hann` for one; None weighs
            nothing.

    Returns:
        See `Centres`. Of equal cells the first is taken. NaN is passed on.

    Raises:
        GeometryError: if the maps do not fit each other.
    """
    score, size, offset = (np.asarray(values, np.float64) for values in (score, size, offset))
    side = _check(score, size, offset, window)
    cell = (score if window is None else score * window).argmax(1)
    rows = np.arange(len(cell))
    row, column = np.divmod(cell, side)
    place = (np.stack([column, row], 1) + offset[rows, :, cell]) / side
    boxes = np.concatenate([place, size[rows, :, cell]], axis=1)
    return Centres(boxes, cell, score[rows, cell])


def _check(score: Array, size: Array, offset: Array, window: NDArray[np.float64] | None) -> int:
    """Side of the square of cells."""
    shape = score.shape
    side = math.isqrt(shape[-1]) if shape else 0
    pairs = (*shape[:1], 2, *shape[1:])
    if len(shape) != 2 or not side or side * side != shape[1]:
        raise GeometryError(f'a score map has the shape (B, side * side), got {shape}')
    if size.shape != pairs or offset.shape != pairs:
        raise GeometryError(
            f'to a score map {shape} belong size and offset maps {pairs}, '
            f'got {size.shape} and {offset.shape}'
        )
    if window is not None and window.shape not in (shape[1:], shape):
        raise GeometryError(f'the window must be {shape[1:]} or {shape}, got {window.shape}')
    return side
