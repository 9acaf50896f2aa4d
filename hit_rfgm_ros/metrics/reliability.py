"""Whether a confidence means what it says: that the box overlaps the target by more than 0.5.

A frame without the target has no good box, so any confidence in it counts against the tracker.
The first frame of a sequence is given; leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.types import Array, BoolArray, FloatArray, IntArray
import numpy as np

GOOD_OVERLAP = 0.5
BINS = 10


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Stated against observed: what share of the boxes of one confidence is good.

    Attributes:
        edges: (B + 1,) rising; bin b holds edges[b] <= confidence < edges[b + 1], the last bin
            its upper edge as well.
        counts: (B,) frames per bin.
        confidence, good: (B,) mean confidence and share of good boxes; NaN in empty bins.
    """

    edges: FloatArray
    counts: IntArray
    confidence: FloatArray
    good: FloatArray

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean gap between both, bins weigh by their frames."""
        filled = self.counts > 0
        gaps = np.abs(self.confidence - self.good)[filled]
        return float((gaps * self.counts[filled]).sum() / self.counts.sum())

    @property
    def maximum_error(self) -> float:
        """Largest gap of a bin that holds a frame."""
        return float(np.nanmax(np.abs(self.confidence - self.good)))


@dataclass(frozen=True, eq=False)
class ReliabilityScores:
    """Of a tracker's confidence.

    Attributes:
        equal_width, equal_count: reliability curves of bins as wide as each other, and of bins
            with about as many frames as each other.
        brier: mean squared difference between confidence and outcome, 0 is perfect.
        auroc: probability that a good box has a higher confidence than a bad one; None where all
            boxes are good or all are bad.
        frames, good_frames: how many were judged, and how many of them had a good box.
    """

    equal_width: ReliabilityCurve
    equal_count: ReliabilityCurve
    brier: float
    auroc: float | None
    frames: int
    good_frames: int


def find_good(overlaps: FloatArray) -> BoolArray:
    """Frames (N,) whose overlap with the truth is above 0.5; NaN, for no target, is not."""
    return np.asarray(overlaps > GOOD_OVERLAP)


def judge_confidence(
    confidence: FloatArray, good: BoolArray, *, bins: int = BINS
) -> ReliabilityScores:
    """Judge the confidence of frames, of one sequence or of many together.

    Args:
        confidence: (N,) in [0, 1].
        good: (N,) whether the box was good, see `find_good`.
        bins: of the curves.

    Raises:
        MetricError: see `reliability_curve`.
    """
    both = 0 < good.sum() < len(good)
    return ReliabilityScores(
        equal_width=reliability_curve(confidence, good, np.arange(bins + 1) / bins),
        equal_count=reliability_curve(confidence, good, equal_count_edges(confidence, bins)),
        brier=float(np.mean((confidence - good) ** 2)),
        auroc=auroc(confidence, good) if both else None,
        frames=len(good),
        good_frames=int(good.sum()),
    )


def equal_count_edges(confidence: FloatArray, bins: int = BINS) -> FloatArray:
    """Edges of at most ``bins`` bins with about as many frames as each other.

    Equal confidences always share a bin, so there may be fewer bins than asked for.

    Raises:
        MetricError: if there is no frame.
    """
    if not len(confidence):
        raise MetricError('a reliability curve needs at least one frame with a confidence')
    rising = np.sort(confidence)
    cuts = np.maximum(np.arange(1, bins) * len(rising) // bins, 1)
    behind = np.searchsorted(rising, rising[cuts - 1], side='right')  # runs of equals stay whole
    inner = np.unique(rising[behind[behind < len(rising)]])
    return np.concatenate([[0.0], inner[inner < 1], [1.0]])


def reliability_curve(
    confidence: FloatArray, good: BoolArray, edges: FloatArray
) -> ReliabilityCurve:
    """Sort frames into bins of confidence.

    Args:
        confidence: (N,) in [0, 1].
        good: (N,) whether the box was good.
        edges: (B + 1,) from 0 to 1, rising.

    Raises:
        MismatchedResultError: if the lengths differ.
        MetricError: if there is no frame or a confidence is outside [0, 1].
    """
    if len(confidence) != len(good):
        raise MismatchedResultError(f'{len(confidence)} confidences, but {len(good)} judged boxes')
    if not len(confidence):
        raise MetricError('a reliability curve needs at least one frame with a confidence')
    wrong = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
    if len(wrong):
        raise MetricError(
            f'a confidence must be in [0, 1] to be a probability, got {confidence[wrong[0]]:g} '
            f'at place {wrong[0]} ({len(wrong)} such)'
        )
    number = len(edges) - 1
    places = np.clip(np.searchsorted(edges, confidence, side='right') - 1, 0, number - 1)
    counts = np.bincount(places, minlength=number)
    divisor = np.where(counts > 0, counts, np.nan)
    return ReliabilityCurve(
        edges=edges,
        counts=counts,
        confidence=np.bincount(places, weights=confidence, minlength=number) / divisor,
        good=np.bincount(places, weights=good.astype(np.float64), minlength=number) / divisor,
    )


def auroc(score: Array, good: Array) -> float:
    """Probability that a good sample scores above a bad one; ties count half.

    Raises:
        MetricError: if a class is missing.
    """
    score, good = np.asarray(score, np.float64), np.asarray(good, bool)
    positives, negatives = int(good.sum()), int((~good).sum())
    if not positives or not negatives:
        raise MetricError('AUROC needs good and bad samples, got one class only')
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - 0.5 * (counts - 1)  # mean rank of equal scores
    total = ranks[inverse.ravel()][good].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))
