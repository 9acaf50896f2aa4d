"""Speed against quality: one dot per tracker, named beside it where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

from hit_rfgm_ros.viz.look import FAINT, GROUND, INK, SMALL, headline, new_figure, quiet
from hit_rfgm_ros.viz.report_lines import Line
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_WIDTH, _HEIGHT = 4.9, 3.5
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
# Where a name may stand, in points from its dot, and its alignment; best places first.
_Place = tuple[float, float, str]
_NEAR: tuple[_Place, ...] = (
    *((8, dy, 'left') for dy in (0, 8, -8)),
    *((-8, dy, 'right') for dy in (0, 8, -8)),
    *((0, dy, 'center') for dy in (11, -11)),
)
_FAR: tuple[_Place, ...] = tuple(  # joined to the dot by a line
    (side * dx, sign * dy, 'left' if side > 0 else 'right')
    for reach in (20, 35, 50, 65, 80, 100)
    for dx, dy in ((reach, reach / 2), (reach / 2, reach), (reach, 0))
    for side in (1, -1)
    for sign in (1, -1)
)
_LEADER = {'arrowstyle': '-', 'color': FAINT, 'lw': 0.6, 'shrinkA': 0, 'shrinkB': 4}


@dataclass(frozen=True)
class Dot:
    """One tracker.

    Attributes:
        name: of the tracker.
        fps: frames per second.
        score: percent.
        line: its colour.
        parent: name of the tracker of which this is a run in real time.
    """

    name: str
    fps: float
    score: float
    line: Line
    parent: str | None = None


def draw_speed(title: str, under: str, ylabel: str, dots: Sequence[Dot]) -> Figure:
    """A plot of all trackers; runs in real time hang below theirs.

    Args:
        title, under: above it.
        ylabel: what the score is.
        dots: at least one.
    """
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = figure.add_axes((0.1, 0.135, 0.88, 0.72))
    quiet(axes)
    axes.set_xscale('log')
    slowest, fastest = min(dot.fps for dot in dots), max(dot.fps for dot in dots)
    axes.set_xlim(slowest / 1.5, fastest * 1.9)
    # No number so near the side that it would be cut off.
    ticks = [tick for tick in _TICKS if slowest / 1.4 <= tick <= fastest * 1.7]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    low, high = min(dot.score for dot in dots), max(dot.score for dot in dots)
    room = max(0.12 * (high - low), 1.0)
    axes.set_ylim(low - room, high + room)
    axes.locator_params(axis='y', integer=True)  # short, so that the label has room
    axes.set_xlabel('frames per second', size=SMALL, color=FAINT, labelpad=3)
    axes.set_ylabel(ylabel, size=SMALL, color=FAINT, labelpad=3)
    headline(axes, title, under)
    by_name = {dot.name: dot for dot in dots}
    for dot in dots:
        parent = by_name.get(dot.parent or '')
        if parent is not None:
            axes.plot(
                (parent.fps, dot.fps), (parent.score, dot.score), color=dot.line.color, lw=0.9
            )
        axes.plot(
            dot.fps,
            dot.score,
            marker='o',
            ms=6 if dot.line.child else 8,
            mfc=GROUND if dot.line.child else dot.line.color,
            mec=dot.line.color,
            mew=1.4,
            ls='none',
        )
    _name_dots(figure, axes, dots)
    return figure


def _name_dots(figure: Figure, axes: Axes, dots: Sequence[Dot]) -> None:
    """Names where they cover neither each other nor a dot, as far as there is such a place."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # of Agg
    points = np.array([axes.transData.transform((dot.fps, dot.score)) for dot in dots])
    reach = figure.dpi / 72 * 5
    frame = list(axes.get_window_extent(renderer).extents)
    taken = [[x - reach, y - reach, x + reach, y + reach] for x, y in points.tolist()]
    for dot in sorted(dots, key=lambda one: -one.score):
        best, least = _NEAR[0], math.inf
        for place in (*_NEAR, *_FAR):
            probe = _write(axes, dot, place)
            corners = list(probe.get_window_extent(renderer).extents)
            probe.remove()
            cost = sum(_shared(corners, other) for other in taken) + 100 * _beyond(corners, frame)
            if cost < least:
                best, least, covered = place, cost, corners
            if least == 0:
                break
        taken.append(covered)
        _write(axes, dot, best, joined=best in _FAR)


def _write(axes: Axes, dot: Dot, place: _Place, joined: bool = False) -> Text:
    dx, dy, side = place
    return axes.annotate(
        dot.name,
        (dot.fps, dot.score),
        (dx, dy),
        textcoords='offset points',
        ha=side,
        va='center',
        size=SMALL,
        color=INK,
        parse_math=False,
        arrowprops=_LEADER if joined else None,
    )


def _beyond(inner: list[float], outer: list[float]) -> float:
    """By how many pixels a rectangle leaves another."""
    low = max(outer[0] - inner[0], 0) + max(outer[1] - inner[1], 0)
    return low + max(inner[2] - outer[2], 0) + max(inner[3] - outer[3], 0)


def _shared(a: list[float], b: list[float]) -> float:
    """Area that two rectangles have in common."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)
