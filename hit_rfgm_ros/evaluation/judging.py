"""What users of a robot need beside overlap: latency, behaviour around absence, confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.evaluation.results import FrameNotes
from hit_rfgm_ros.evaluation.run import DEFAULT_FPS
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.metrics.absence import find_absent, judge_absence, pool_absences
from hit_rfgm_ros.metrics.latency import latency_scores
from hit_rfgm_ros.metrics.long_term import LongTermTrack, long_term_scores
from hit_rfgm_ros.metrics.reliability import ReliabilityCurve, find_good, judge_confidence
from hit_rfgm_ros.types import FloatArray, TrackState
import numpy as np


@dataclass(frozen=True, eq=False)
class Played:
    """One sequence with what a tracker made of it.

    Attributes:
        sequence: with its truth.
        size: width and height of the pictures, None if not known.
        boxes: (L, 4), one per frame.
        notes: beside the boxes; None for trackers of others.
    """

    sequence: Sequence
    size: tuple[int, int] | None
    boxes: FloatArray
    notes: FrameNotes | None

    @property
    def truth(self) -> FloatArray:
        """(L, 4) boxes, NaN where the target is absent, however the data set says that."""
        truth: FloatArray = self.sequence.boxes.copy()
        truth[find_absent(truth, self.sequence.visible)] = np.nan
        return truth

    @property
    def confidence(self) -> FloatArray | None:
        """(L,) with NaN in the first frames alone; None where the tracker gives none."""
        if self.notes is None:
            return None
        given = self.notes.confidence
        known = np.flatnonzero(np.isfinite(given))
        whole = len(known) > 0 and len(known) == len(given) - known[0]
        return given if whole else None

    @property
    def states(self) -> tuple[TrackState | None, ...] | None:
        """Of all frames; None where the tracker gives none.

        Until it has said the first one, it is taken to believe in the box that it was given.
        """
        given = () if self.notes is None else self.notes.states
        first = next((index for index, state in enumerate(given) if state), None)
        return None if first is None else (TrackState.TRACKING,) * first + given[first:]


def judge(played: Many[Played], *, truth: bool = True) -> dict[str, Any]:
    """The numbers of one tracker on one sequence or on many.

    Args:
        played: at least one sequence.
        truth: whether there is ground truth beyond the first frames.

    Returns:
        ``fps``, ``latency_ms``, ``absence``, ``confidence`` and ``long_term``; None for what the
        tracker gives no means to tell. And ``unjudged``: why one is None although it does.
    """
    latency = _latency(played)
    judged: dict[str, Any] = {'fps': latency and latency['fps'], 'latency_ms': latency}
    judged |= dict.fromkeys(_WAYS)
    unjudged = []
    for name, way in _WAYS.items() if truth else ():
        try:
            judged[name] = way(played)
        except MetricError as error:  # a confidence that is no probability, for one
            unjudged.append(f'{name} is not judged: {error}')
    return {**judged, 'unjudged': unjudged}


def _latency(played: Many[Played]) -> dict[str, Any] | None:
    """Milliseconds of update; the starts, and what comes after frames, apart."""
    notes = [one.notes for one in played if one.notes is not None]
    if not notes:
        return None
    times = np.concatenate([one.latency_ms[1:] for one in notes])
    times = times[np.isfinite(times)]
    after = np.concatenate([one.after_ms for one in notes])
    starts = np.array([one.latency_ms[0] for one in notes])
    try:
        scores = latency_scores(times / 1000)
    except MetricError:
        return None
    return {
        **scores.summary(),
        'fps': scores.fps,
        'frames': scores.frames,
        'start_p50': float(np.nanmedian(starts)),
        'after_mean': float(np.nanmean(after)) if np.isfinite(after).any() else None,
        'after_count': int(np.isfinite(after).sum()),
    }


def _absence(played: Many[Played]) -> dict[str, Any] | None:
    parts = []
    for one in played:
        states = one.states
        if states is None:
            return None
        fps = one.sequence.fps or DEFAULT_FPS
        parts.append(judge_absence(one.truth, one.boxes, states, fps))
    return dict(pool_absences(parts).summary())


def _confidence(played: Many[Played]) -> dict[str, Any] | None:
    confidences, goods = [], []
    for one in played:
        confidence = one.confidence
        if confidence is None:
            return None
        said = np.isfinite(confidence)
        said[0] = False  # the box is given there
        confidences.append(confidence[said])
        goods.append(find_good(iou_arrays(one.boxes, one.truth))[said])
    scores = judge_confidence(np.concatenate(confidences), np.concatenate(goods))
    return {
        'frames': scores.frames,
        'good_frames': scores.good_frames,
        'ece': scores.equal_width.expected_error,
        'mce': scores.equal_width.maximum_error,
        'ece_equal_count': scores.equal_count.expected_error,
        'brier': scores.brier,
        'auroc': scores.auroc,
        'equal_width': _curve(scores.equal_width),
        'equal_count': _curve(scores.equal_count),
    }


def _curve(curve: ReliabilityCurve) -> dict[str, Any]:
    return {name: getattr(curve, name) for name in ('edges', 'counts', 'confidence', 'good')}


def _long_term(played: Many[Played]) -> dict[str, Any] | None:
    tracks = []
    for one in played:
        confidence = one.confidence
        if confidence is None:
            return None
        # In real time the given box may count for more frames than the first; nobody doubts it.
        confidence = np.concatenate([confidence[:1], np.nan_to_num(confidence[1:], nan=1.0)])
        name = one.sequence.name
        tracks.append(LongTermTrack(name, one.boxes, one.truth, confidence, one.size))
    scores = long_term_scores(tracks)
    return {
        'precision': 100 * scores.precision,
        'recall': 100 * scores.recall,
        'f_score': 100 * scores.f_score,
        'threshold': scores.threshold if np.isfinite(scores.threshold) else None,
    }


_WAYS: Mapping[str, Callable[[Many[Played]], dict[str, Any] | None]] = {
    'absence': _absence,
    'confidence': _confidence,
    'long_term': _long_term,
}
