"""Success and precision plots of all trackers, the scores in the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hit_rfgm_ros.types import FloatArray
from hit_rfgm_ros.viz.look import FAINT, INK, SMALL, headline, new_figure, quiet
from hit_rfgm_ros.viz.report_lines import Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _PLOT, _ROW, _ABOVE, _BELOW = 4.1, 2.8, 0.163, 0.55, 0.56  # inches
_LONG = 17  # letters; longer names stand in one column of the legend


@dataclass(frozen=True, eq=False)
class Curve:
    """One tracker.

    Attributes:
        name: of the tracker.
        score: percent, goes before the name; None where the tool has no such number.
        thresholds, values: (T,), values in percent.
        line: how it is drawn.
    """

    name: str
    score: float | None
    thresholds: FloatArray
    values: FloatArray
    line: Line


def draw_score_curves(
    title: str, under: str, xlabel: str, curves: Sequence[Curve], marked: float | None = None
) -> Figure:
    """A plot with a legend below it, the best tracker first.

    Args:
        title, under: above it.
        xlabel: what the thresholds are.
        curves: at least one.
        marked: threshold at which the score is read, drawn as a line; None if it is an area.
    """
    ranked = sorted(curves, key=lambda curve: -1 if curve.score is None else -curve.score)
    columns = 1 if any(len(curve.name) > _LONG for curve in curves) else 2
    rows = -(-len(curves) // columns)
    height = _ABOVE + _PLOT + _BELOW + rows * _ROW
    figure = new_figure(_WIDTH, height)
    bottom = (_BELOW + rows * _ROW) / height
    axes = figure.add_axes((0.09, bottom, 0.875, _PLOT / height))
    quiet(axes)
    for order, curve in enumerate(ranked):
        axes.plot(
            curve.thresholds,
            curve.values,
            color=curve.line.color,
            ls=curve.line.dashes,
            lw=1.5 if curve.line.child else 1.8,
            zorder=3 - order / 100,
        )
    if marked is not None:
        axes.axvline(marked, color=FAINT, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.set_xlim(float(curves[0].thresholds[0]), float(curves[0].thresholds[-1]))
    axes.set_ylim(0, 101)
    axes.set_xlabel(xlabel, size=SMALL, color=FAINT, labelpad=3)
    headline(axes, title, under)
    labels = [f'{_number(curve.score)}  {curve.name}' for curve in ranked]
    legend = figure.legend(
        axes.get_lines()[: len(ranked)],
        labels,
        loc='upper left',
        bbox_to_anchor=(0.075, bottom - 0.42 / height),
        ncols=columns,
        fontsize=SMALL,
        labelcolor=INK,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        labelspacing=0.35,
        handlelength=2.4,
        columnspacing=1.6,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _number(score: float | None) -> str:
    return '   -' if score is None else f'{score:.1f}'
