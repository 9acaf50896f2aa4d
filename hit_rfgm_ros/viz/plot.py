"""One picture of a whole track: key frames, overlap, confidence and state over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hit_rfgm_ros.types import ImageU8, TrackState
from hit_rfgm_ros.viz.course import draw_curves, draw_states
from hit_rfgm_ros.viz.look import FAINT, INK, SMALL, TEXT, bare, new_figure
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    figure = new_figure(11, 5.2)
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
    figure.text(0.055, 0.95, track.title, size=14, weight='bold', color=INK)
    figure.text(0.055, 0.907, track.subtitle, size=TEXT, color=FAINT)
    curves = figure.add_subplot(grid[1, :])
    draw_curves(curves, track.times, track.confidence, track.overlap)
    _add_legend(curves)
    draw_states(figure.add_subplot(grid[2, :], sharex=curves), track.times, track.states)
    for column, (time, image) in enumerate(track.strip):
        _draw_key_frame(figure.add_subplot(grid[0, column]), time, image)
    _mark_key_frames(curves, track)
    figure.savefig(path)


def _draw_key_frame(axes: Axes, time: float, image: ImageU8) -> None:
    axes.imshow(image, interpolation='antialiased')
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f'{time:.1f} s', size=8, color=FAINT, labelpad=2)
    bare(axes)


def _add_legend(axes: Axes) -> None:
    """Above the key frames, at the right."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc='lower right',
            bbox_to_anchor=(1.0, 1.66),
            fontsize=SMALL,
            labelcolor=INK,
            frameon=False,
            borderaxespad=0,
            ncols=3,
        )


def _mark_key_frames(axes: Axes, track: TrackPlot) -> None:
    times = [time for time, _ in track.strip]
    axes.plot(
        times,
        [1.0] * len(times),
        marker='v',
        ls='none',
        ms=5,
        color=FAINT,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )
