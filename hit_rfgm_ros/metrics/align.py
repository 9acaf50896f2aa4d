"""Bring predicted boxes into the form that a tool compares: one per frame, or an error."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError, MissingResultError, SurplusResultError
from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.rules import Profile
from hit_rfgm_ros.types import BoolArray, FloatArray
import numpy as np

FILLERS = {  # for missing boxes, and how a note calls them
    'zeros': ((0.0, 0.0, 0.0, 0.0), 'taken as boxes of zeros'),
    'nan': ((np.nan, np.nan, np.nan, np.nan), 'never counted as right'),
    'nowhere': ((np.inf, np.inf, 0.0, 0.0), 'counted as lost'),
}


@dataclass(frozen=True, eq=False)
class Aligned:
    """What is compared, frame by frame; N frames are divided by.

    Attributes:
        predicted, truth: (N, 4) boxes.
        usable: (N,) the annotation is taken as a box.
        hidden: (N,) the data set flags the target as hidden.
        notes: what was done to an incomplete result.
    """

    predicted: FloatArray
    truth: FloatArray
    usable: BoolArray
    hidden: BoolArray
    notes: tuple[str, ...]


def align(
    judged: Judged, rules: Profile, *, truncate: bool, allow_incomplete: bool
) -> Aligned | None:
    """Apply all rules that come before a box is compared; None: the sequence is left out.

    Raises:
        MetricError: if a box, the ground truth or what goes with it is not accepted by the rules.
        MissingResultError, SurplusResultError: if frames and boxes are not the same number, and
            incomplete results are not allowed or not accepted by the rules.
    """
    _check_truth(judged, rules)
    predicted = np.trunc(judged.predicted) if truncate else judged.predicted.copy()
    _check_boxes(judged.name, predicted, rules)
    notes = _check_count(judged, rules, allow_incomplete)
    predicted = _one_per_frame(predicted, judged, rules)
    if len(predicted) == 0:
        return None
    truth = judged.truth[: len(predicted)].copy()
    if rules.first == 'given':
        predicted[0] = truth[0]
    usable, hidden = _usable(judged, rules), _hidden(judged, rules)
    keep = usable & ~hidden if rules.leaves_out else np.ones(len(judged.truth), bool)
    keep[0] &= rules.first != 'skipped'
    keep = keep[: len(predicted)]
    predicted, truth = _reshape(predicted[keep], truth[keep], judged, rules)
    length = len(keep)
    return Aligned(predicted, truth, usable[:length][keep], hidden[:length][keep], notes)


def _check_truth(judged: Judged, rules: Profile) -> None:
    if len(judged.truth) > 1 and not judged.known[1:].any():
        raise MetricError(
            f'{judged.name}: no frame but the first has ground truth; where a data set keeps the '
            f'rest to itself, its server does the scoring'
        )
    if rules.refuses_nan and not judged.known.all():
        frame = int(np.flatnonzero(~judged.known)[0])
        raise MetricError(
            f'{judged.name}: frame {frame} has no ground truth (NaN), which {rules.tool} does not '
            f'accept on this kind of data set; take the profile `visible`'
        )
    if rules.needs_flags and judged.visible is None:
        raise MetricError(
            f'{judged.name}: {rules.tool} needs the flags of hidden frames (full_occlusion.txt, '
            f'out_of_view.txt) on LaSOT; add them to the data set'
        )
    if rules.needs_size and judged.size is None:
        raise MetricError(
            f'{judged.name}: {rules.tool} cuts boxes to the picture; its width and height are '
            f'needed'
        )


def _check_boxes(name: str, predicted: FloatArray, rules: Profile) -> None:
    broken = ~np.isfinite(predicted).all(axis=1) | (predicted[:, 2:] < 0).any(axis=1)
    if rules.broken == 'refused' and broken.any():
        frame = int(np.flatnonzero(broken)[0])
        raise MetricError(
            f'{name}: the predicted box of frame {frame} is {predicted[frame].tolist()}; expected '
            f'four finite numbers and no negative side'
        )


def _check_count(judged: Judged, rules: Profile, allow_incomplete: bool) -> tuple[str, ...]:
    """Refuse a wrong number of boxes, or say what is done about it."""
    boxes, frames = len(judged.predicted), len(judged.truth)
    if boxes == frames:
        return ()
    text = f'{judged.name}: {boxes} predicted boxes for {frames} frames'
    if boxes < frames:
        way = rules.short if boxes else rules.absent
        error: type[MetricError] = MissingResultError
        accepted, done = way != 'error', FILLERS[way][1] if way in FILLERS else way
    else:
        error, accepted, done = SurplusResultError, rules.cuts_long, 'cut off'
    if not accepted:
        raise error(f'{text}; {rules.tool} scores no such result. Run the sequence again')
    if not allow_incomplete:
        raise error(f'{text}; run the sequence again, or allow incomplete results')
    some = f'the {abs(frames - boxes)} missing' if boxes < frames else 'the surplus ones'
    return (f'{text}, {some} {done}',)


def _one_per_frame(predicted: FloatArray, judged: Judged, rules: Profile) -> FloatArray:
    """Cut, mend and fill up; fewer boxes than frames where the rest is left out."""
    frames = len(judged.truth)
    way = rules.short if len(predicted) else rules.absent
    boxes = _repeat_previous(predicted[:frames], judged, rules)
    if len(boxes) == frames or way not in FILLERS:
        return boxes
    return np.concatenate([boxes, np.tile(FILLERS[way][0], (frames - len(boxes), 1))])


def _repeat_previous(predicted: FloatArray, judged: Judged, rules: Profile) -> FloatArray:
    """Put the box before in place of an empty or broken one, where there is ground truth."""
    empty = (predicted[:, 2:] == 0).any(axis=1) & (rules.empty == 'previous')
    broken = np.isnan(predicted).any(axis=1) | (predicted[:, 2:] < 0).any(axis=1)
    bad = (empty | (broken & (rules.broken == 'previous'))) & judged.known[: len(predicted)]
    for frame in np.flatnonzero(bad[1:]) + 1:
        predicted[frame] = predicted[frame - 1]
    return predicted


def _usable(judged: Judged, rules: Profile) -> BoolArray:
    truth = judged.truth
    sides = judged.known & (truth[:, 2:] > 0).all(axis=1)
    if rules.usable == 'covered':
        seen = sides if judged.cover is None else np.asarray(judged.cover) > 0
        if not judged.known[seen].all():
            raise MetricError(f'{judged.name}: a frame that counts has no ground truth (NaN)')
        return np.asarray(seen)
    return {
        'any': np.ones(len(truth), bool),
        'known': judged.known,
        'sides': sides,
        'box': judged.known & (truth > 0).all(axis=1),
    }[rules.usable]


def _hidden(judged: Judged, rules: Profile) -> BoolArray:
    if judged.visible is None or not rules.flags:
        return np.zeros(len(judged.truth), bool)
    return ~np.asarray(judged.visible, bool)


def _reshape(
    predicted: FloatArray, truth: FloatArray, judged: Judged, rules: Profile
) -> tuple[FloatArray, FloatArray]:
    if rules.rounded:
        return np.round(predicted), np.round(truth)
    if rules.clipped and judged.size is not None:
        return _clip(predicted, judged.size), _clip(truth, judged.size)
    return predicted, truth


def _clip(boxes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Clip as GOT-10k's tool: a corner moved into the picture leaves the sides as they are."""
    limits = np.array(size, np.float64)
    corner = np.clip(boxes[:, :2], 0, limits)
    return np.concatenate([corner, np.clip(boxes[:, 2:], 0, limits - corner)], axis=1)
