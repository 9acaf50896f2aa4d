"""Features of HiT's maps: what tells a good box from a bad one.

HiT gives no score; everything here is ours. A corner map that is sure has all its mass around one
cell; one that is torn between two places, or knows nothing, spreads. The correlation map tells the
target's place from its surroundings where the network has learnt to match.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.trackers.shape_features import shape_features
from hit_rfgm_ros.types import Array, FloatArray
import numpy as np

FEATURES = (
    'mass_mean',  # mass of a corner map within one cell around its expectation, mean of both
    'mass_min',  # the same, the less sure corner
    'offset',  # cells from a map's peak to its expectation, the worse corner
    'entropy',  # of the corner maps over log(cells), mean
    'contrast',  # correlation at the box centre above its mean, in standard deviations
    'prominence',  # highest correlation above its mean, in standard deviations
    'level',  # log(1 + highest correlation above its mean)
    'distance',  # cells from the highest correlation to the box centre
    'size',  # |log of the box side over a quarter of the search region|
    'aspect',  # |log(width / height)|
)


@np.errstate(invalid='ignore', over='ignore')  # NaN and infinity are judged by the caller
def features(score_tl: Array, score_br: Array, correlation: Array, boxes: Array) -> FloatArray:
    """Numbers that tell a good box from a bad one, for `Calibration` and `raw_score`.

    Args:
        score_tl, score_br: (B, cells) probabilities of the corners, row-major.
        correlation: (B, cells) correlation of each cell with the global token.
        boxes: (B, 4) cx, cy, w, h as fractions of the search region.

    Returns:
        float64 (B, `len(FEATURES)`), in the order of `FEATURES`; NaN where the input is NaN.
    """
    box = np.asarray(boxes, np.float64)
    batch, cells = np.shape(score_tl)
    side = math.isqrt(cells)
    maps = np.empty((batch, 2, cells))
    maps[:, 0], maps[:, 1] = score_tl, score_br
    place = box[:, :2] * side  # of the centre, in cells
    half = box[:, 2:] * (0.5 * side)
    corners = np.empty((batch, 2, 2))  # xy in cells
    corners[:, 0], corners[:, 1] = place - half, place + half
    values = np.empty((batch, len(FEATURES)))
    mass, offset = _concentration(maps, corners, side)
    values[:, 0] = 0.5 * (mass[:, 0] + mass[:, 1])
    values[:, 1] = mass.min(1)
    values[:, 2] = offset.max(1)
    log = np.log(np.maximum(maps, 1e-12))
    values[:, 3] = np.einsum('bkc,bkc->b', maps, log) * (-0.5 / math.log(cells))
    _correlation(np.asarray(correlation, np.float64), place, side, values[:, 4:8])
    shape_features(box, values[:, 8:])
    return values


def _concentration(
    maps: FloatArray, corners: FloatArray, side: int
) -> tuple[FloatArray, FloatArray]:
    """Mass within 1.5 cells around the expectation, and distance of the peak from it, (B, 2)."""
    near = np.abs(np.arange(side) - corners[..., None]) <= 1.5  # (B, 2, xy, side)
    squares = maps.reshape(len(maps), 2, side, side)
    mass = np.einsum('bkrc,bkr,bkc->bk', squares, near[:, :, 1], near[:, :, 0])
    row, column = np.divmod(maps.argmax(2), side)
    return mass, np.hypot(column - corners[:, :, 0], row - corners[:, :, 1])


def _correlation(correlation: FloatArray, place: FloatArray, side: int, out: FloatArray) -> None:
    """Contrast, prominence, level and distance into ``out`` (B, 4)."""
    rows = np.arange(len(correlation))
    cells = side * side
    above = correlation - correlation.sum(1, keepdims=True) / cells
    spread = np.sqrt(np.einsum('bc,bc->b', above, above) / cells) + 1e-6
    # NaN fails the comparison and so never becomes an index
    inside = np.minimum(np.where(place > 0, place + 0.5, 0.0), side - 1).astype(np.int64)
    peak = above.argmax(1)
    row, column = np.divmod(peak, side)
    highest = above[rows, peak]
    out[:, 0] = above[rows, inside[:, 1] * side + inside[:, 0]] / spread
    out[:, 1] = highest / spread
    out[:, 2] = np.log1p(highest)
    out[:, 3] = np.hypot(column - place[:, 0], row - place[:, 1])


def raw_score(values: FloatArray) -> FloatArray:
    """Score in [0, 1] of weights without a calibration: ``mass_min * exp(-offset / 4)``.

    Not a probability: 1 where both corner maps lie within one cell, 0 where they are spread.

    Args:
        values: (B, features) from `features`.

    Returns:
        (B,); 0 where a feature is not finite.
    """
    score = values[:, 1] * np.exp(-0.25 * values[:, 2])
    return np.where(np.isfinite(values.sum(1)), np.minimum(score, 1.0), 0.0)
