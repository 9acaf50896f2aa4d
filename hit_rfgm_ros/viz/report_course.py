"""Overlap, confidence and states of one tracker in one sequence, key frames numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hit_rfgm_ros.types import FloatArray, TrackState
from hit_rfgm_ros.viz.course import draw_curves, draw_states
from hit_rfgm_ros.viz.look import FAINT, INK, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 4.7, 2.15
_APART = 0.026  # of the width of the plot, between the numbers of frames


def draw_course(
    times: FloatArray,
    confidence: FloatArray,
    overlap: FloatArray | None,
    states: Sequence[TrackState | None],
    marks: Sequence[int] = (),
) -> Figure:
    """A plot.

    Args:
        times: (N,) seconds.
        confidence: (N,) in [0, 1]; NaN where the tracker gives none.
        overlap: (N,) with the truth, NaN where the target is not visible; None without truth.
        states: N states; None where the tracker gives none.
        marks: frames to be numbered from 1.
    """
    stated = any(state is not None for state in states)
    figure = new_figure(_WIDTH, _HEIGHT)
    curves = figure.add_axes((0.075, 0.285 if stated else 0.185, 0.9, 0.53 if stated else 0.62))
    draw_curves(curves, times, confidence, overlap)
    if stated:
        ribbon = figure.add_axes((0.075, 0.195, 0.9, 0.07), sharex=curves)
        draw_states(ribbon, times, states)
    else:
        curves.tick_params(labelbottom=True)
        curves.set_xlabel('seconds', size=9, color=FAINT)
    _number_frames(curves, [float(times[frame]) for frame in marks])
    if curves.get_legend_handles_labels()[0]:
        curves.legend(
            loc='lower right',
            bbox_to_anchor=(1.0, 1.15),
            fontsize=SMALL - 1,
            labelcolor=INK,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            ncols=3,
            handlelength=1.4,
            columnspacing=1.2,
        )
    return figure


def _number_frames(axes: Axes, times: Sequence[float]) -> None:
    """A dotted line at each time, its number above; numbers give way to each other."""
    start, end = axes.get_xlim()
    apart = _APART * (end - start)
    places = list(times)
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + apart)
    limit = end
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - apart
    for number, (time, place) in enumerate(zip(times, places), start=1):
        axes.axvline(time, color=FAINT, lw=0.6, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            str(number),
            (place, 1),
            (0, 2),
            xycoords=axes.get_xaxis_transform(),
            textcoords='offset points',
            ha='center',
            size=SMALL - 1,
            color=INK,
        )
