"""Features of a box alone, for networks of every family."""

from __future__ import annotations

import math

from hit_rfgm_ros.types import FloatArray
import numpy as np

VALID_SIDE = 1 / 64  # of the search region; a smaller or negative side is no box


def shape_features(boxes: FloatArray, out: FloatArray) -> None:
    """How unusual sizes and shapes are, into ``out`` (B, 2).

    The first is |log of the side over a quarter of the search region|: how far the size is from
    the one that the region was cut for. The second is |log(width / height)|.

    Args:
        boxes: (B, 4) cx, cy, w, h as fractions of the search region.
        out: where to put them.
    """
    lengths = np.log(np.maximum(boxes[:, 2:], VALID_SIDE))
    out[:, 0] = np.abs(0.5 * (lengths[:, 0] + lengths[:, 1]) - math.log(0.25))
    out[:, 1] = np.abs(lengths[:, 0] - lengths[:, 1])
