"""How a tracker takes it when its target leaves the picture and comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.types import BoolArray, FloatArray, TrackState
import numpy as np

GONE_SHARE = 0.02  # of the target that may be seen while it counts as gone
BACK_SHARE = 0.5  # that must be seen for it to be back
SAME_OVERLAP = 0.5  # with the truth, for the box to be on the target again
SHORTEST = 1.0  # seconds; a shorter spell is an occlusion that a tracker may bridge

States = Sequence[TrackState | None]  # None: the tracker was not asked, as in its first frame


class Absence(NamedTuple):
    """A spell without the target.

    Attributes:
        left: first frame in which it is gone.
        back: first frame after it in which the target is back; the number of frames if it does
            not come back.
    """

    left: int
    back: int


def find_absences(shares: FloatArray, shortest: int) -> list[Absence]:
    """Spells in which the target is gone for at least ``shortest`` frames.

    Args:
        shares: (N,) share of the target that can be seen, in [0, 1].
        shortest: frames; shorter spells are occlusions.
    """
    gone = np.concatenate([[False], shares <= GONE_SHARE, [False]])
    steps = np.diff(gone.astype(int))
    found = []
    for left, end in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)):
        if end - left >= shortest:
            later = np.flatnonzero(shares[end:] >= BACK_SHARE)
            found.append(Absence(int(left), int(end + later[0]) if len(later) else len(shares)))
    return found


def frames_to_lost(states: States, absence: Absence) -> int | None:
    """Frames from the target's leaving until the tracker says LOST; None if it never does."""
    for number in range(absence.left, absence.back):
        if states[number] == TrackState.LOST:
            return number - absence.left
    return None


def frames_to_found(states: States, overlaps: FloatArray, absence: Absence) -> int | None:
    """Frames from the target's return until it is tracked again; None if it never is.

    Args:
        states: of all frames.
        overlaps: (N,) with the truth; the box must be on the same target.
        absence: the spell.
    """
    for number in range(absence.back, len(states)):
        if states[number] == TrackState.TRACKING and overlaps[number] >= SAME_OVERLAP:
            return number - absence.back
    return None


@dataclass(frozen=True)
class AbsenceScores:
    """What a tracker made of its target's absences in one sequence or many.

    Frames are counted from the second on, since the first is given.

    Attributes:
        seconds_to_lost: from the target's leaving to LOST, for each spell in which that came.
        never_noticed: spells in which it did not come.
        seconds_to_recover: from the target's return to TRACKING with IoU >= 0.5, for each return
            after which that came before the target left again.
        never_recovered: returns after which it did not come.
        brief: spells that were too short to be judged.
        absent_frames, absent_tracking: frames without the target; those reported as TRACKING.
        visible_frames, visible_lost: frames with the target; those reported as LOST.
    """

    seconds_to_lost: tuple[float, ...] = ()
    never_noticed: int = 0
    seconds_to_recover: tuple[float, ...] = ()
    never_recovered: int = 0
    brief: int = 0
    absent_frames: int = 0
    absent_tracking: int = 0
    visible_frames: int = 0
    visible_lost: int = 0

    def summary(self) -> dict[str, float | None]:
        """Numbers for a table: times in seconds, shares in [0, 1]; None where nothing was seen."""
        return {
            'spells': len(self.seconds_to_lost) + self.never_noticed,
            'brief_spells': self.brief,
            'never_noticed': self.never_noticed,
            'seconds_to_lost_median': _median(self.seconds_to_lost),
            'seconds_to_lost_max': max(self.seconds_to_lost, default=None),
            'absent_frames': self.absent_frames,
            'absent_as_tracking': _share(self.absent_tracking, self.absent_frames),
            'returns': len(self.seconds_to_recover) + self.never_recovered,
            'never_recovered': self.never_recovered,
            'seconds_to_recover_median': _median(self.seconds_to_recover),
            'seconds_to_recover_max': max(self.seconds_to_recover, default=None),
            'visible_frames': self.visible_frames,
            'visible_as_lost': _share(self.visible_lost, self.visible_frames),
        }


def find_absent(truth: FloatArray, visible: BoolArray | None = None) -> BoolArray:
    """Frames (L,) without the target: the truth is NaN or has no area, or it is not visible.

    Args:
        truth: (L, 4) x, y, width, height.
        visible: (L,) where the data set says so by itself.
    """
    absent = ~((truth[:, 2:] > 0).all(axis=1) & np.isfinite(truth).all(axis=1))
    return np.asarray(absent if visible is None else absent | ~visible)


def judge_absence(
    truth: FloatArray,
    predicted: FloatArray,
    states: States,
    fps: float,
    *,
    visible: BoolArray | None = None,
    shortest: float = SHORTEST,
) -> AbsenceScores:
    """Judge one sequence.

    Args:
        truth, predicted: (L, 4) x, y, width, height.
        states: of all L frames; the first may be None.
        fps: frames per second of the sequence.
        visible: see `find_absent`.
        shortest: seconds that a spell must last to be judged.

    Raises:
        MismatchedResultError: if the lengths differ.
        MetricError: if a state is missing or ``fps`` is not above 0.
    """
    if not len(truth) == len(predicted) == len(states):
        raise MismatchedResultError(
            f'{len(truth)} frames, but {len(predicted)} boxes and {len(states)} states; '
            'each frame needs one of both'
        )
    if None in states[1:]:
        raise MetricError(
            f'frame {list(states).index(None, 1)} has no state; behaviour around absence can be '
            'judged only where the tracker gives states'
        )
    if not fps > 0:
        raise MetricError(f'frames per second must be above 0, got {fps!r}')
    absent = find_absent(truth, visible)
    overlaps = iou_arrays(predicted, truth)
    shares = np.where(absent, 0.0, 1.0)
    every = find_absences(shares, 1)
    spells = [one for one in every if one.back - one.left >= round(shortest * fps)]
    ends = [later.left for later in spells[1:]] + [len(states)]  # of the time to recover in
    lost = [frames_to_lost(states, one) for one in spells]
    found = [
        frames_to_found(states[:end], overlaps[:end], one)
        for one, end in zip(spells, ends)
        if one.back < len(states)
    ]
    said = list(zip(absent[1:], states[1:]))
    return AbsenceScores(
        seconds_to_lost=tuple(frames / fps for frames in lost if frames is not None),
        never_noticed=lost.count(None),
        seconds_to_recover=tuple(frames / fps for frames in found if frames is not None),
        never_recovered=found.count(None),
        brief=len(every) - len(spells),
        absent_frames=sum(bool(gone) for gone, _ in said),
        absent_tracking=sum(bool(gone and state == TrackState.TRACKING) for gone, state in said),
        visible_frames=sum(not gone for gone, _ in said),
        visible_lost=sum(not gone and state == TrackState.LOST for gone, state in said),
    )


def pool_absences(parts: Sequence[AbsenceScores]) -> AbsenceScores:
    """All spells and frames of several sequences together; long sequences weigh more."""
    return AbsenceScores(
        seconds_to_lost=tuple(chain.from_iterable(one.seconds_to_lost for one in parts)),
        never_noticed=sum(one.never_noticed for one in parts),
        seconds_to_recover=tuple(chain.from_iterable(one.seconds_to_recover for one in parts)),
        never_recovered=sum(one.never_recovered for one in parts),
        brief=sum(one.brief for one in parts),
        absent_frames=sum(one.absent_frames for one in parts),
        absent_tracking=sum(one.absent_tracking for one in parts),
        visible_frames=sum(one.visible_frames for one in parts),
        visible_lost=sum(one.visible_lost for one in parts),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
