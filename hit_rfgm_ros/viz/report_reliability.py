"""Reliability diagram: how sure a tracker was, against how often it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hit_rfgm_ros.types import FloatArray
from hit_rfgm_ros.viz.look import FAINT, INK, SMALL, bare, headline, new_figure, quiet
from hit_rfgm_ros.viz.report_lines import Line
import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Bins:
    """Frames sorted by confidence.

    Attributes:
        edges: (B + 1,) of the bins of confidence.
        counts: (B,) frames.
        confidence, good: (B,) mean confidence and share of good boxes; NaN in empty bins.
    """

    edges: FloatArray
    counts: FloatArray
    confidence: FloatArray
    good: FloatArray


def draw_reliability(title: str, under: str, bins: Bins, line: Line) -> Figure:
    """Diagram of one tracker, the number of frames per bin below it.

    Args:
        title, under: above it.
        bins: at least one holds a frame.
        line: of the tracker.
    """
    figure = new_figure(3.1, 3.5)
    axes = figure.add_axes((0.13, 0.33, 0.83, 0.53))
    quiet(axes)
    axes.plot((0, 1), (0, 1), color=FAINT, lw=1.0, ls=(0, (3, 2)), zorder=1)
    filled = bins.counts > 0
    counts, confidence, good = (
        values[filled] for values in (bins.counts, bins.confidence, bins.good)
    )
    middles = (0.5 * (bins.edges[1:] + bins.edges[:-1]))[filled]
    widths = 0.94 * np.diff(bins.edges)[filled]
    axes.bar(
        middles,
        good,
        widths,
        color=line.color,
        alpha=0.22,
        lw=0,
        zorder=2,
    )
    axes.vlines(confidence, confidence, good, color=line.color, lw=1.2)
    axes.plot(confidence, good, 'o-', color=line.color, ms=4.5, lw=1.6, zorder=3)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.tick_params(labelbottom=False)
    axes.annotate(
        'share of good boxes',
        (0, 1),
        (4, -4),
        xycoords='axes fraction',
        textcoords='offset points',
        size=SMALL - 1,
        color=FAINT,
        va='top',
    )
    headline(axes, title, under)
    below = figure.add_axes((0.13, 0.135, 0.83, 0.14), sharex=axes)
    bare(below)
    below.bar(middles, counts, widths, color=line.color, lw=0)
    for x, count in zip(middles, counts):
        below.annotate(
            f'{count:.0f}',
            (x, count),
            (0, 1.5),
            textcoords='offset points',
            ha='center',
            size=SMALL - 2.5,
            color=INK,
        )
    below.set_ylim(0, 1.25 * float(counts.max()))
    below.set_yticks([])
    below.tick_params(length=0, labelsize=SMALL, colors=FAINT)
    below.set_xlabel('confidence; below the diagram: frames', size=SMALL, color=FAINT)
    return figure
