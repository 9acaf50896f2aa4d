"""From boxes to numbers by one tool's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.agreement import NORMALIZED, OVERLAPS, centre_distance, centres
from hit_rfgm_ros.metrics.align import Aligned, align
from hit_rfgm_ros.metrics.averages import Curves, area, mean_curve, mean_value, share
from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.rules import MISS, Profile
from hit_rfgm_ros.metrics.scores import KEYS, Curve
from hit_rfgm_ros.metrics.vot import vot_overlaps
from hit_rfgm_ros.types import BoolArray, FloatArray
import numpy as np

AT = 20  # place of 20 pixels and of 0.20 among the thresholds


@dataclass(frozen=True, eq=False)
class Measured:
    """One sequence, measured frame by frame; N frames are divided by.

    Attributes:
        length: frames of the sequence.
        overlap: (N,) intersection over union; -1 where the annotation is not usable.
        distance, normalized: (N,) distance of the centres, in pixels and in sides of the box.
        usable: (N,) the annotation is a box, and the target not hidden.
        there: (N,) the predicted box is not all zeros.
        notes: see `Aligned`.
    """

    length: int
    overlap: FloatArray
    distance: FloatArray
    normalized: FloatArray
    usable: BoolArray
    there: BoolArray
    notes: tuple[str, ...] = ()


def measure(
    judged: Judged, rules: Profile, *, truncate: bool, allow_incomplete: bool
) -> Measured | None:
    """Measure one sequence; None: it is left out.

    Raises:
        MetricError: see `align`; or if no frame is left to divide by.
    """
    aligned = align(judged, rules, truncate=truncate, allow_incomplete=allow_incomplete)
    if aligned is None:
        return None
    if len(aligned.truth) == 0 and rules.weights != 'frames':
        raise MetricError(f'{judged.name}: no frame that {rules.tool} scores has a true box')
    predicted, truth = aligned.predicted, aligned.truth
    usable = aligned.usable & ~aligned.hidden
    if rules.overlap == 'raster':
        overlap = vot_overlaps(predicted, truth, judged.size)
    else:
        overlap = OVERLAPS[rules.overlap](predicted, truth)
    return Measured(
        length=len(judged.truth),
        overlap=np.where(usable, overlap, -1),
        distance=_distance(aligned, rules),
        normalized=_normalized(aligned, rules),
        usable=usable,
        there=np.asarray(predicted.sum(axis=1) > 0),
        notes=aligned.notes,
    )


def _distance(aligned: Aligned, rules: Profile) -> FloatArray:
    distance = centre_distance(aligned.predicted, aligned.truth)
    if rules.distance_decimals is not None:
        distance = np.array([round(value, rules.distance_decimals) for value in distance])
    return _judge(distance, aligned, rules, rules.unusable_distance, rules.hidden_distance)


def _normalized(aligned: Aligned, rules: Profile) -> FloatArray:
    if rules.normalized is None:
        return np.full(len(aligned.truth), MISS)
    with np.errstate(invalid='ignore', divide='ignore'):
        values = NORMALIZED[rules.normalized](aligned.predicted, aligned.truth)
    return _judge(values, aligned, rules, rules.unusable_normalized, rules.hidden_normalized)


def _judge(
    values: FloatArray, aligned: Aligned, rules: Profile, unusable: float, hidden: float
) -> FloatArray:
    """Overwrite the distances of frames whose annotation is no box, or whose target is hidden."""
    usable = aligned.usable
    if rules.centre_usable:
        usable = np.asarray((centres(aligned.truth) > 0).all(axis=1))
    return np.where(aligned.hidden, hidden, np.where(usable, values, unusable))


def pool(measured: Sequence[Measured]) -> Measured:
    """All frames of all sequences as one."""
    return Measured(
        length=sum(one.length for one in measured),
        overlap=np.concatenate([one.overlap for one in measured]),
        distance=np.concatenate([one.distance for one in measured]),
        normalized=np.concatenate([one.normalized for one in measured]),
        usable=np.concatenate([one.usable for one in measured]),
        there=np.concatenate([one.there for one in measured]),
    )


def curves(measured: Sequence[Measured], rules: Profile) -> dict[str, Curves]:
    """Curves of each sequence as shares: (sequences, thresholds) by name."""
    above = np.greater_equal if rules.reaches else np.greater
    hits = {}
    if rules.overlap_thresholds is not None:
        limits = _limits('success', rules)
        hits['success'] = [above(one.overlap[:, None], limits) for one in measured]
    if rules.distance_thresholds is not None:
        limits = _limits('precision', rules)
        hits['precision'] = [one.distance[:, None] <= limits for one in measured]
    if rules.normalized is not None:
        limits = _limits('normalized_precision', rules)
        hits['normalized_precision'] = [one.normalized[:, None] <= limits for one in measured]
    return {
        name: np.stack([share(one.sum(axis=0), len(one), rules.arithmetic) for one in rows])
        for name, rows in hits.items()
    }


def _limits(name: str, rules: Profile) -> FloatArray:
    """Thresholds of a curve."""
    if name == 'success':
        return np.array(rules.overlap_thresholds)
    if name == 'precision':
        return np.array(rules.distance_thresholds)
    return np.array(rules.normalized_thresholds)


def numbers(
    measured: Sequence[Measured], rules: Profile
) -> tuple[dict[str, float], dict[str, Curve]]:
    """Numbers as the tool has them (percent or share), and mean curves in percent.

    Empty where no frame counts.
    """
    if rules.weights == 'frames':
        measured = [pool(measured)]
    if any(len(one.overlap) == 0 for one in measured):
        return {}, {}
    found: dict[str, float] = {}
    drawn: dict[str, Curve] = {}
    for name, rows in curves(measured, rules).items():
        if rules.drops_zero_curves:
            counted = rows.sum(axis=1) > np.finfo(np.float64).eps
            rows = rows[counted] if counted.any() else rows
        curve, limits = mean_curve(rows, rules.arithmetic), _limits(name, rules)
        drawn[name] = limits, curve if rules.arithmetic == 'torch' else 100 * curve
        found |= _of_curve(name, rows, curve, rules)
    found |= _of_overlaps(measured, rules)
    return {key: found[key] for key in KEYS if key in rules.keys and key in found}, drawn


def _of_curve(name: str, rows: Curves, curve: Curves, rules: Profile) -> dict[str, float]:
    """Numbers read off one curve."""
    way = getattr(rules, name)
    if way == 'area':
        score = area(curve)
    elif way == 'at':
        score = float(curve[AT])
    else:
        score = mean_value(rows, rules.arithmetic)
    found = {'auc' if name == 'success' else name: score}
    if name == 'success':
        last = len(curve) - 1
        found |= {'op50': float(curve[last // 2]), 'op75': float(curve[last * 3 // 4])}
    in_percent = rules.arithmetic == 'torch' or not rules.percent
    return found if in_percent else {key: 100 * value for key, value in found.items()}


def _of_overlaps(measured: Sequence[Measured], rules: Profile) -> dict[str, float]:
    """Average overlap and success rates over the frames whose annotation is usable."""
    overlaps = [one.overlap[one.usable] for one in measured]
    if any(len(overlap) == 0 for overlap in overlaps):
        return {}
    unit = 100 if rules.percent else 1
    weights = [one.length for one in measured] if rules.weights == 'lengths' else None
    return {
        key: unit * float(np.average([values.mean() for values in rows], weights=weights))
        for key, rows in (
            ('ao', overlaps),
            ('sr50', [overlap > 0.5 for overlap in overlaps]),
            ('sr75', [overlap > 0.75 for overlap in overlaps]),
        )
    }
