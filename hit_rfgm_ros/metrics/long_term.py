"""Long-term precision, recall and F-score of the VOT-LT challenges (toolkit 0.9.0).

A tracker that says how sure it is may stay silent below a threshold. Precision is the mean
overlap of the frames in which it speaks, recall the overlap it gathers per frame that shows the
target; the F-score is their harmonic mean at the best threshold. Overlaps are those of
`metrics.vot`; the first frame enters with overlap 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.metrics.vot import no_region, vot_overlaps, without_start
from hit_rfgm_ros.types import FloatArray
import numpy as np

RESOLUTION = 100  # thresholds, where there are as many frames


@dataclass(frozen=True, eq=False)
class LongTermTrack:
    """One sequence.

    Attributes:
        name: for messages.
        predicted: (L, 4) x, y, width, height; the first row is not looked at.
        truth: (L, 4); NaN rows are frames without the target.
        confidence: (L,) on any scale; NaN in the first row counts as 0, as in the toolkit.
        size: width and height of the image; None: parts of boxes outside it count too.
    """

    name: str
    predicted: FloatArray
    truth: FloatArray
    confidence: FloatArray
    size: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class LongTermScores:
    """Of a data set, in [0, 1].

    Attributes:
        precision, recall, f_score: at the threshold of the highest F-score.
        threshold: that confidence; the first of several.
        thresholds: (T,) falling, from inf to -inf.
        precisions, recalls: (T,) means over sequences.
    """

    precision: float
    recall: float
    f_score: float
    threshold: float
    thresholds: FloatArray
    precisions: FloatArray
    recalls: FloatArray


def long_term_scores(tracks: Sequence[LongTermTrack]) -> LongTermScores:
    """Precision, recall and F-score; each sequence weighs the same.

    Raises:
        MismatchedResultError: if the arrays of a sequence do not agree.
        MetricError: if there is no sequence, one lacks a confidence in a frame or never shows its
            target.
    """
    if not tracks:
        raise MetricError('long-term scores need at least one sequence')
    confidences = [_confidence(track) for track in tracks]
    thresholds = confidence_thresholds(np.concatenate(confidences))
    curves = [_curve(one, given, thresholds) for one, given in zip(tracks, confidences)]
    precisions, recalls = np.mean(curves, axis=0)
    total = precisions + recalls
    f_scores = 2 * precisions * recalls / np.where(total > 0, total, 1.0)
    best = int(np.argmax(f_scores))
    return LongTermScores(
        precision=float(precisions[best]),
        recall=float(recalls[best]),
        f_score=float(f_scores[best]),
        threshold=float(thresholds[best]),
        thresholds=thresholds,
        precisions=precisions,
        recalls=recalls,
    )


def confidence_thresholds(confidence: FloatArray) -> FloatArray:
    """At most `RESOLUTION` thresholds, falling from inf to -inf.

    About equally many frames lie between them; fewer frames give a threshold each.

    Args:
        confidence: (N,) of all frames of all sequences.
    """
    scores = np.sort(confidence)[::-1]
    inner = RESOLUTION - 2
    if len(scores) > inner:
        step = len(scores) // inner
        places = np.round(np.linspace(step, len(scores) - step, num=inner)).astype(int)
        scores = scores[places]
    return np.concatenate([[np.inf], scores, [-np.inf]])


def _confidence(track: LongTermTrack) -> FloatArray:
    """Checked confidences (L,) of a track."""
    if not len(track.predicted) == len(track.truth) == len(track.confidence):
        raise MismatchedResultError(
            f'{track.name}: {len(track.predicted)} boxes and {len(track.confidence)} confidences '
            f'for {len(track.truth)} frames; each frame needs one of both'
        )
    confidence = np.array(track.confidence, np.float64)
    confidence[:1] = np.nan_to_num(confidence[:1], nan=0.0)
    if not np.isfinite(confidence).all():
        frame = int(np.flatnonzero(~np.isfinite(confidence))[0])
        raise MetricError(
            f'{track.name}: frame {frame} has no finite confidence; a tracker that does not say '
            'how sure it is cannot be judged by long-term scores'
        )
    if no_region(track.truth).all():
        raise MetricError(f'{track.name}: no frame shows the target, so there is no recall')
    return confidence


def _curve(track: LongTermTrack, confidence: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Precision and recall (2, T) of one sequence."""
    overlaps = vot_overlaps(without_start(track.predicted), track.truth, track.size)
    order = np.argsort(-confidence, kind='stable')
    gathered = np.concatenate([[0.0], np.cumsum(overlaps[order])])
    spoken = np.searchsorted(-confidence[order], -thresholds, side='right')
    precision = np.where(spoken > 0, gathered[spoken] / np.maximum(spoken, 1), 1.0)
    return np.stack([precision, gathered[spoken] / (~no_region(track.truth)).sum()])
