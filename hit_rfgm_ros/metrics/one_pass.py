"""One-pass evaluation: start on the first box, no restarts, frames without truth left out.

Overlap must be strictly above a threshold of 0, 0.05, ... 1 to count, so a perfect tracker has an
AUC of 20/21 = 95.2 %; the first frame counts (rule of the `visible` profile).
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.geometry.boxes import iou_arrays
import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0, 1, 21)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class OnePassScores:
    """Scores of one sequence, in [0, 1].

    Attributes:
        auc: area under the success curve.
        precision: share of frames whose centre is at most 20 pixels off.
        mean_overlap: mean IoU.
    """

    auc: float
    precision: float
    mean_overlap: float


def one_pass_scores(predicted: FloatArray, truth: FloatArray) -> OnePassScores:
    """Score one sequence.

    Args:
        predicted: (frames, 4) x, y, width, height in pixels.
        truth: likewise; NaN rows are left out.

    Raises:
        ValueError: if the lengths differ or no frame has truth.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'{len(predicted)} predicted boxes but {len(truth)} true ones')
    seen = np.isfinite(truth).all(axis=1)
    if not seen.any():
        raise ValueError('no frame has a true box')
    overlap = iou_arrays(predicted[seen], truth[seen])
    success = (overlap[:, None] > THRESHOLDS).mean(axis=0)
    offset = (predicted - truth)[seen]
    distance = np.linalg.norm(offset[:, :2] + 0.5 * offset[:, 2:], axis=1)
    return OnePassScores(
        auc=float(success.mean()),
        precision=float((distance <= 20).mean()),
        mean_overlap=float(overlap.mean()),
    )
