"""What users of a robot need beside overlap: latency, behaviour around absence, confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, TypeVar

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

_Given = TypeVar('_Given')


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
        """(L,) with NaN in the first frames alone; None where the tracker gives none.

        Raises:
            MetricError: if it is missing in between.
        """
        given = np.empty(0) if self.notes is None else self.notes.confidence
        known = np.flatnonzero(np.isfinite(given))
        if not len(known):
            return None
        if missing := len(given) - known[0] - len(known):
            raise MetricError(f'{self.sequence.name} lacks it in {missing} frames')
        return given

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
        played: the sequences.
        truth: whether there is ground truth beyond the first frames.

    Returns:
        ``fps``, ``latency_ms``, ``absence``, ``confidence`` and ``long_term``; None for what the
        tracker gives no means to tell. And ``unjudged``: why one is None although it does.
    """
    judged: dict[str, Any] = dict.fromkeys(_WAYS)
    unjudged = []
    for name, way in _WAYS.items():
        if name in _NEED_TRUTH and not truth:
            continue
        try:
            judged[name] = way(played)
        except MetricError as error:  # a confidence that is no probability, for one
            unjudged.append(f'{name} is not judged: {error}')
    latency = judged['latency_ms']
    return {'fps': latency and latency['fps'], **judged, 'unjudged': unjudged}


def _where_given(
    played: Many[Played], given: Callable[[Played], _Given | None]
) -> list[tuple[Played, _Given]]:
    """Sequences beside what the tracker gives in them; empty if it gives it nowhere.

    Raises:
        MetricError: if it gives it in some of them only, of which a mean would be misleading.
    """
    known, lacking = [], []
    for one in played:
        value = given(one)
        if value is not None:
            known.append((one, value))
        elif len(one.sequence) > 1:  # there is nothing to say of a single frame
            lacking.append(one.sequence.name)
    if known and lacking:
        raise MetricError(f'{len(lacking)} of {len(played)} sequences lack it, {lacking[0]} first')
    return known


def _latency(played: Many[Played]) -> dict[str, Any] | None:
    """Milliseconds of update; the starts, and what comes after frames, apart."""
    notes = [notes for _, notes in _where_given(played, lambda one: one.notes)]
    times = np.concatenate([np.empty(0), *(one.latency_ms[1:] for one in notes)])
    times = times[np.isfinite(times)]
    if not len(times):
        return None
    scores = latency_scores(times / 1000)
    after = np.concatenate([one.after_ms for one in notes])
    starts = np.array([one.latency_ms[0] for one in notes])
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
    for one, states in _where_given(played, lambda one: one.states):
        fps = one.sequence.fps or DEFAULT_FPS
        parts.append(judge_absence(one.truth, one.boxes, states, fps))
    return dict(pool_absences(parts).summary()) if parts else None


def _confidence(played: Many[Played]) -> dict[str, Any] | None:
    confidences, goods = [], []
    for one, confidence in _where_given(played, lambda one: one.confidence):
        said = np.isfinite(confidence)
        said[0] = False  # the box is given there
        confidences.append(confidence[said])
        goods.append(find_good(iou_arrays(one.boxes, one.truth))[said])
    if not confidences:
        return None
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
    for one, confidence in _where_given(played, lambda one: one.confidence):
        # In real time the given box may count for more frames than the first; nobody doubts it.
        confidence = np.concatenate([confidence[:1], np.nan_to_num(confidence[1:], nan=1.0)])
        name = one.sequence.name
        tracks.append(LongTermTrack(name, one.boxes, one.truth, confidence, one.size))
    if not tracks:
        return None
    scores = long_term_scores(tracks)
    return {
        'precision': 100 * scores.precision,
        'recall': 100 * scores.recall,
        'f_score': 100 * scores.f_score,
        'threshold': scores.threshold if np.isfinite(scores.threshold) else None,
    }


_WAYS: Mapping[str, Callable[[Many[Played]], dict[str, Any] | None]] = {
    'latency_ms': _latency,
    'absence': _absence,
    'confidence': _confidence,
    'long_term': _long_term,
}
_NEED_TRUTH = ('absence', 'confidence', 'long_term')
