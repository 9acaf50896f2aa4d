"""One-pass evaluation of one sequence by the rules of the profile `visible`.

A shorthand of `profiles.score`: frames without a true box are left out, the first frame counts
with the given box, and an overlap must be above a threshold, so a perfect tracker has an AUC of
20/21 = 95.2 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.profiles import score
from hit_rfgm_ros.types import FloatArray


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
        MetricError: if the lengths differ or no frame has truth.
    """
    values = score('visible', [Judged('sequence', truth, predicted)]).values
    auc, precision, overlap = (values[key] or 0.0 for key in ('auc', 'precision', 'ao'))
    return OnePassScores(auc / 100, precision / 100, overlap / 100)
