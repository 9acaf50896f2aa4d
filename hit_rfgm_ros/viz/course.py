"""Overlap, confidence and state of one track over time, as parts of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hit_rfgm_ros.types import BoolArray, FloatArray, TrackState
from hit_rfgm_ros.viz.colors import STATE_COLORS, as_hex
from hit_rfgm_ros.viz.look import ABSENT, CONFIDENCE, FAINT, ON_COLOR, OVERLAP, SMALL, bare, quiet
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NARROW = 0.013  # of the width of the plot per letter; a shorter stretch of a state has no name


def draw_curves(
    axes: Axes, times: FloatArray, confidence: FloatArray, overlap: FloatArray | None
) -> None:
    """Overlap and confidence; spells without a visible target are shaded.

    Args:
        axes: to draw in.
        times: (N,) seconds.
        confidence: (N,) in [0, 1]; NaN where the tracker gives none.
        overlap: (N,) with the truth, NaN where the target is not visible; None without truth.
    """
    if overlap is not None:
        absent = np.isnan(overlap)
        for start, end in spells(absent):
            axes.axvspan(*_edges(times, start, end), color=ABSENT, lw=0, zorder=0)
        if absent.any():
            axes.fill_between([], [], color=ABSENT, label='target not visible')
        axes.plot(times, overlap, color=OVERLAP, lw=1.6, label='overlap with truth')
        axes.fill_between(times, overlap, color=OVERLAP, alpha=0.10, lw=0)
    if np.isfinite(confidence).any():
        axes.plot(times, confidence, color=CONFIDENCE, lw=1.3, label='confidence')
    axes.set_ylim(0, 1.04)
    axes.set_xlim(times[0], max(times[-1], times[0] + 1e-3))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    quiet(axes, grid='y')
    axes.tick_params(labelbottom=False)


def draw_states(axes: Axes, times: FloatArray, states: Sequence[TrackState | None]) -> None:
    """A ribbon in the colours of the states; without a state it has a gap.

    Args:
        axes: to draw in; shares its x axis with the curves.
        times: (N,) seconds.
        states: N states.
    """
    start = 0
    for state, group in groupby(states):
        end = start + len(list(group))
        if state is not None:
            left, right = _edges(times, start, end)
            axes.axvspan(left, right, color=as_hex(STATE_COLORS[state]), lw=0)
            if right - left > _NARROW * len(state.value) * (times[-1] - times[0]):
                _name_state(axes, 0.5 * (left + right), state)
        start = end
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.tick_params(labelsize=SMALL, colors=FAINT, length=3)
    axes.set_xlabel('seconds', size=9, color=FAINT)
    bare(axes)


def spells(flags: BoolArray) -> list[tuple[int, int]]:
    """First and one past the last index of each run of true flags."""
    steps = np.diff(np.concatenate([[False], flags, [False]]).astype(int))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist()))


def _name_state(axes: Axes, time: float, state: TrackState) -> None:
    axes.text(
        time,
        0.47,
        state.value,
        transform=axes.get_xaxis_transform(),
        ha='center',
        va='center',
        size=7,
        color=ON_COLOR,
    )


def _edges(times: FloatArray, start: int, end: int) -> tuple[float, float]:
    """Times at which a run of frames begins and ends."""
    return float(times[start]), float(times[min(end, len(times) - 1)])
