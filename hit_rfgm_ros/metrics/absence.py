"""How a tracker takes it when its target leaves the picture and comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hit_rfgm_ros.types import TrackState
import numpy as np
from numpy.typing import NDArray

GONE_SHARE = 0.02  # of the target that may be seen while it counts as gone
BACK_SHARE = 0.5  # that must be seen for it to be back
SAME_OVERLAP = 0.5  # with the truth, for the box to be on the target again


class Absence(NamedTuple):
    """A spell without the target.

    Attributes:
        left: first frame in which it is gone.
        back: first frame after it in which the target is back; the number of frames if it does
            not come back.
    """

    left: int
    back: int


def find_absences(shares: NDArray[np.float64], shortest: int) -> list[Absence]:
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


def frames_to_lost(states: Sequence[TrackState], absence: Absence) -> int | None:
    """Frames from the target's leaving until the tracker says LOST; None if it never does."""
    for number in range(absence.left, absence.back):
        if states[number] is TrackState.LOST:
            return number - absence.left
    return None


def frames_to_found(
    states: Sequence[TrackState], overlaps: NDArray[np.float64], absence: Absence
) -> int | None:
    """Frames from the target's return until it is tracked again; None if it never is.

    Args:
        states: of all frames.
        overlaps: (N,) with the truth; the box must be on the same target.
        absence: the spell.
    """
    for number in range(absence.back, len(states)):
        if states[number] is TrackState.TRACKING and overlaps[number] >= SAME_OVERLAP:
            return number - absence.back
    return None
