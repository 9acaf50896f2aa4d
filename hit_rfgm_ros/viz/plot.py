"""One picture of a whole track: key frames, overlap, confidence and state over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hit_rfgm_ros.optional import require
from hit_rfgm_ros.types import ImageU8, TrackState
from hit_rfgm_ros.viz.colors import STATE_COLORS, as_hex
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT, _GROUND = '#1c2128', '#8b949e', '#ffffff'
_OVERLAP, _CONFIDENCE, _ABSENT = '#3b6fd4', '#e2762f', '#e9ecf0'


@dataclass(frozen=True, eq=False)
class TrackPlot:
    """What is drawn.

    Attributes:
        title, subtitle: texts above.
        times: (N,) float64 seconds.
        confidence: (N,) float64 in [0, 1]; NaN where the tracker gives none.
        states: N states.
        overlap: (N,) float64 intersection over union with the truth, NaN where the target is not
            visible; None without truth.
        strip: pairs of time and (H, W, 3) uint8 RGB, the key frames.
    """

    title: str
    subtitle: str
    times: NDArray[np.float64]
    confidence: NDArray[np.float64]
    states: Sequence[TrackState]
    overlap: NDArray[np.float64] | None
    strip: Sequence[tuple[float, ImageU8]]


def save_plot(track: TrackPlot, path: str | Path) -> None:
    """Draw the picture into a file; the suffix says the kind (.png, .svg, .pdf).

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    require('matplotlib', extra='plot', purpose='plots')
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), dpi=110, facecolor=_GROUND)
    FigureCanvasAgg(figure)
    columns = max(len(track.strip), 1)
    grid = figure.add_gridspec(
        3,
        columns,
        height_ratios=(1.45, 2.2, 0.16),
        left=0.055,
        right=0.985,
        top=0.885,
        bottom=0.1,
        hspace=0.16,
        wspace=0.05,
    )
    figure.text(0.055, 0.95, track.title, size=14, weight='bold', color=_INK)
    figure.text(0.055, 0.907, track.subtitle, size=9.5, color=_FAINT)
    curves = figure.add_subplot(grid[1, :])
    _draw_curves(curves, track)
    _draw_states(figure.add_subplot(grid[2, :], sharex=curves), track)
    for column, (time, image) in enumerate(track.strip):
        _draw_key_frame(figure.add_subplot(grid[0, column]), time, image)
    _mark_key_frames(curves, track)
    figure.savefig(path)


def _draw_key_frame(axes: Axes, time: float, image: ImageU8) -> None:
    axes.imshow(image, interpolation='antialiased')
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f'{time:.1f} s', size=8, color=_FAINT, labelpad=2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_curves(axes: Axes, track: TrackPlot) -> None:
    """Overlap and confidence; spells without a visible target are shaded."""
    if track.overlap is not None:
        absent = np.isnan(track.overlap)
        for start, end in _spells(absent):
            axes.axvspan(*_edges(track.times, start, end), color=_ABSENT, lw=0, zorder=0)
        if absent.any():
            axes.fill_between([], [], color=_ABSENT, label='target not visible')
        axes.plot(track.times, track.overlap, color=_OVERLAP, lw=1.6, label='overlap with truth')
        axes.fill_between(track.times, track.overlap, color=_OVERLAP, alpha=0.10, lw=0)
    if np.isfinite(track.confidence).any():
        axes.plot(track.times, track.confidence, color=_CONFIDENCE, lw=1.3, label='confidence')
    axes.set_ylim(0, 1.04)
    axes.set_xlim(track.times[0], max(track.times[-1], track.times[0] + 1e-3))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.grid(axis='y', color='#eef0f3', lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelbottom=False, length=0, labelsize=8.5, colors=_FAINT)
    _bare(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc='lower right',
            bbox_to_anchor=(1.0, 1.66),
            fontsize=8.5,
            labelcolor=_INK,
            frameon=False,
            borderaxespad=0,
            ncols=3,
        )


def _draw_states(axes: Axes, track: TrackPlot) -> None:
    """A ribbon in the colours of the states."""
    start = 0
    for state, group in groupby(track.states):
        end = start + len(list(group))
        left, right = _edges(track.times, start, end)
        axes.axvspan(left, right, color=as_hex(STATE_COLORS[state]), lw=0)
        if right - left > 0.055 * (track.times[-1] - track.times[0]):
            axes.text(
                0.5 * (left + right),
                0.47,
                state.value,
                transform=axes.get_xaxis_transform(),
                ha='center',
                va='center',
                size=7,
                color=_INK,
            )
        start = end
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.tick_params(labelsize=8.5, colors=_FAINT, length=3)
    axes.set_xlabel('seconds', size=9, color=_FAINT)
    _bare(axes)


def _mark_key_frames(axes: Axes, track: TrackPlot) -> None:
    times = [time for time, _ in track.strip]
    axes.plot(
        times,
        [1.0] * len(times),
        marker='v',
        ls='none',
        ms=5,
        color=_FAINT,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )


def _spells(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last index of each run of true flags."""
    steps = np.diff(np.concatenate([[False], flags, [False]]).astype(int))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist()))


def _edges(times: NDArray[np.float64], start: int, end: int) -> tuple[float, float]:
    """Times at which a run of frames begins and ends."""
    return float(times[start]), float(times[min(end, len(times) - 1)])


def _bare(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_facecolor(_GROUND)
