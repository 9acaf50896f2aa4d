"""Measures of trackers that are started once: VOT2022 unsupervised and VOTS (toolkit 0.9.0).

`hit-rfgm eval --dataset vot` takes its numbers from the toolkit itself and uses nothing of this.
These functions are for Python: the same measures on tracks that were made elsewhere, and the proof
that our reading of the toolkit is right, for a test runs both on the same tracks.
The accuracy alone is also that of the profile `vot`, which scores result files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.vot import is_empty, no_region, vot_overlaps, without_start
from hit_rfgm_ros.types import BoolArray, FloatArray
import numpy as np

ABSENT_FRAMES = 10  # more of them in a sequence are needed to judge absence detection


@dataclass(frozen=True)
class Once:
    """One sequence that a tracker was started on once.

    Attributes:
        frames: length.
        accuracy: mean overlap after the first frame where tracker and truth both say something
            (the unsupervised experiment of VOT2020 to VOT2022); 0 where there is no such frame.
        quality: mean overlap over all frames of known truth (VOTS); the first frame enters with 0.
        tracked_overlap: mean of the overlaps above 0 on the visible target (VOTS accuracy); the
            first frame enters with 0.
        tracked, drifted, missed: frames with a visible target: overlap above 0; none; no box.
        hallucinated, noticed: frames without the target: with a box; without.
    """

    frames: int
    accuracy: float
    quality: float
    tracked_overlap: float
    tracked: int
    drifted: int
    missed: int
    hallucinated: int
    noticed: int


def judge_once(
    predicted: FloatArray,
    truth: FloatArray,
    size: tuple[int, int] | None,
    *,
    unknown: BoolArray | None = None,
) -> Once:
    """Judge one sequence without restarts.

    Args:
        predicted: (L, 4); NaN or empty boxes say that the target is not there.
        truth: (L, 4); NaN or empty boxes are frames without the target.
        size: width and height of the image.
        unknown: (L,) frames that nothing is known about and that are left out. The toolkit reads
            NaN rows of a VOT ground truth file as such; None: there are none.

    Raises:
        MetricError: see `vot_overlaps`.
    """
    boxes = without_start(predicted)
    overlaps = vot_overlaps(boxes, truth, size)
    known = np.ones(len(truth), bool) if unknown is None else ~unknown
    absent, silent = is_empty(truth) & known, is_empty(boxes)
    present = ~is_empty(truth) & known
    on_target = present & (overlaps > 0)
    first = np.arange(len(truth)) == 0
    return Once(
        frames=len(truth),
        accuracy=_mean(overlaps[known & ~no_region(boxes)]),
        quality=_mean(overlaps[known]),
        tracked_overlap=_mean(overlaps[on_target | (present & first)]),
        tracked=int(on_target.sum()),
        drifted=int((present & ~on_target & ~silent).sum()),
        missed=int((present & ~on_target & silent).sum()),
        hallucinated=int((absent & ~silent).sum()),
        noticed=int((absent & silent).sum()),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else 0.0


@dataclass(frozen=True)
class UnsupervisedScores:
    """Of a data set, in [0, 1]; None where no sequence has what it needs.

    Attributes:
        accuracy: of VOT2020 to VOT2022, sequences weigh by their length.
        quality: tracking quality of VOTS, as all below a mean over sequences.
        tracked_overlap: accuracy of VOTS.
        robustness: share of the target's frames that are tracked.
        not_reported_error: NRE, share of the target's frames in which the tracker has no box.
        drift_rate_error: DRE, share of the target's frames in which the box misses it.
        absence_detection_quality: ADQ, share of frames without target in which the tracker has no
            box; sequences with more than 10 such frames only.
    """

    accuracy: float
    quality: float
    tracked_overlap: float
    robustness: float | None
    not_reported_error: float | None
    drift_rate_error: float | None
    absence_detection_quality: float | None


def unsupervised_scores(sequences: Sequence[Once]) -> UnsupervisedScores:
    """Join sequences as VOT2022 (accuracy) and VOTS (all else) do.

    Raises:
        MetricError: if there is no sequence.
    """
    if not sequences:
        raise MetricError('unsupervised scores need at least one sequence')
    frames = sum(one.frames for one in sequences)
    seen = [(one, one.tracked + one.drifted + one.missed) for one in sequences]
    unseen = [(one, one.hallucinated + one.noticed) for one in sequences]
    return UnsupervisedScores(
        accuracy=sum(one.accuracy * one.frames for one in sequences) / frames,
        quality=sum(one.quality for one in sequences) / len(sequences),
        tracked_overlap=sum(one.tracked_overlap for one in sequences) / len(sequences),
        robustness=_average([one.tracked / count for one, count in seen if count]),
        not_reported_error=_average([one.missed / count for one, count in seen if count]),
        drift_rate_error=_average([one.drifted / count for one, count in seen if count]),
        absence_detection_quality=_average(
            [one.noticed / count for one, count in unseen if count > ABSENT_FRAMES]
        ),
    )


def _average(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
