"""Features of RFGM's score map: what tells a good box from a bad one.

The score at a peak alone is a poor judge: a look-alike, or a target that is half covered, leaves
a second peak or a blurred one.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.trackers.shape_features import shape_features
from hit_rfgm_ros.types import Array, FloatArray
import numpy as np

FEATURES = (
    'peak',  # score at the chosen cell, as log(p / (1 - p))
    'rival',  # highest score beyond two cells from there, over that at the cell
    'mass',  # share of the whole map's score within two cells
    'spread',  # entropy of the map over log(cells)
    'size',  # |log of the box side over a quarter of the search region|
    'aspect',  # |log(width / height)|
)
LEAST = 1e-4  # score of the network's clamp
_NEAR = 2  # cells


@np.errstate(invalid='ignore', over='ignore', divide='ignore')  # judged by the caller
def features(score: Array, boxes: Array, cell: Array) -> FloatArray:
    """Numbers that tell a good box from a bad one, for `Calibration`.

    Args:
        score: (B, cells) score map, row-major, not weighed by a window.
        boxes: (B, 4) cx, cy, w, h as fractions of the search region.
        cell: (B,) index of the cell that each box was read at.

    Returns:
        float64 (B, `len(FEATURES)`), in the order of `FEATURES`; NaN where the input is NaN.
    """
    maps = np.asarray(score, np.float64)
    batch, cells = maps.shape
    peak = np.clip(maps[np.arange(batch), cell], LEAST, 1 - LEAST)
    near = _near(np.asarray(cell), math.isqrt(cells))
    share = maps / maps.sum(1, keepdims=True)
    values = np.empty((batch, len(FEATURES)))
    values[:, 0] = np.log(peak / (1 - peak))
    values[:, 1] = np.where(near, 0.0, maps).max(1) / peak
    values[:, 2] = np.where(near, share, 0.0).sum(1)
    logs = np.log(np.maximum(share, 1e-12))
    values[:, 3] = np.einsum('bc,bc->b', share, logs) / -math.log(cells)
    shape_features(np.asarray(boxes, np.float64), values[:, 4:])
    return values


def _near(cell: Array, side: int) -> Array:
    """Whether each cell of the map lies within two rows and columns of ``cell``, (B, cells)."""
    steps = np.arange(side)
    row, column = (np.abs(place[:, None] - steps) <= _NEAR for place in np.divmod(cell, side))
    near: Array = row[:, :, None] & column[:, None, :]
    return near.reshape(len(cell), -1)
