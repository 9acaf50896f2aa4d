"""How a target is shown, in pictures and as a marker: its colour and its words."""

from __future__ import annotations

from hit_rfgm_ros.runtime.reports import TargetReport, TargetState
from hit_rfgm_ros.types import ConfidenceKind, TrackState
from hit_rfgm_ros.viz.colors import (
    CATCHING_UP_COLOR,
    INITIALIZED_COLOR,
    RGB,
    STATE_COLORS,
)

COLORS: dict[TargetState, RGB] = {
    TargetState.INITIALIZED: INITIALIZED_COLOR,
    TargetState.TRACKING: STATE_COLORS[TrackState.TRACKING],
    TargetState.UNCERTAIN: STATE_COLORS[TrackState.UNCERTAIN],
    TargetState.LOST: STATE_COLORS[TrackState.LOST],
    TargetState.CATCHING_UP: CATCHING_UP_COLOR,
}
_LONGEST_LABEL = 24


def name_of(target: TargetReport, brief: bool = False) -> str:
    """Id and label, the label cut to a line's worth and left out where it must be brief."""
    label = '' if brief else ' '.join(target.label.split())
    if len(label) > _LONGEST_LABEL:
        label = label[: _LONGEST_LABEL - 3] + '...'
    return f'{target.id} {label}'.rstrip()


def state_of(target: TargetReport, brief: bool = False) -> str:
    """State and confidence; what goes without saying is left out.

    That is TRACKING beside a confidence, and where it must be brief all but LOST.
    """
    known = target.confidence_kind is not ConfidenceKind.NONE
    words = [f'{100 * target.confidence:.0f}%'] if known else []
    plain = target.state is TargetState.TRACKING or (
        brief and target.state is not TargetState.LOST
    )
    if not (known and plain):
        words.insert(0, target.state.name.replace('_', ' '))
    return ' '.join(words)
