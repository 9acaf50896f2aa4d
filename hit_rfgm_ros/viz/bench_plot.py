"""How long each stage of an update takes, and how far single frames are from the median."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hit_rfgm_ros.viz.colors import SERIES_COLORS, as_hex
from hit_rfgm_ros.viz.look import FAINT, INK, SMALL, TEXT, headline, new_figure, quiet, save_png
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.62  # of the height of a row
_COLORS = tuple(as_hex(SERIES_COLORS[index]) for index in (4, 0, 2, 3))


@dataclass(frozen=True)
class BenchBar:
    """One row of the picture; times in milliseconds.

    Attributes:
        group: of rows that belong together, a model for one; written above the first of them.
        label: of the row within its group.
        stages: names and medians, in order.
        memory_update: median of a memory update, no part of the stages; None without one.
        percentiles: of the whole update, by name, rising.
        fps: frames per second.
    """

    group: str
    label: str
    stages: Mapping[str, float]
    percentiles: Mapping[str, float]
    fps: float
    memory_update: float | None = None


@dataclass(frozen=True)
class BenchPlot:
    """What is drawn.

    Attributes:
        title, subtitle: texts above.
        bars: from top to bottom.
    """

    title: str
    subtitle: str
    bars: Sequence[BenchBar] = field(default_factory=tuple)


def save_bench_plot(plot: BenchPlot, path: Path) -> None:
    """Draw the picture into a PNG.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    places = list(_places(plot.bars))
    rows = places[-1] + 1 if places else 1
    height = 1.75 + 0.3 * rows
    figure = new_figure(11, height)
    label = max((len(bar.label) for bar in plot.bars), default=0)
    left = min(0.03 + 0.0068 * label, 0.35)
    grid = figure.add_gridspec(
        1,
        2,
        width_ratios=(1.35, 1),
        left=left,
        right=0.98,
        top=1 - 1.0 / height,
        bottom=0.5 / height,
        wspace=0.06,
    )
    top = 1 - 0.12 / height
    figure.text(0.012, top, plot.title, size=14, weight='bold', color=INK, va='top')
    under = top - 0.29 / height
    figure.text(0.012, under, plot.subtitle, size=TEXT, color=FAINT, va='top')
    stages = figure.add_subplot(grid[0])
    spread = figure.add_subplot(grid[1], sharey=stages)
    _draw_stages(stages, plot.bars, places)
    _draw_percentiles(spread, plot.bars, places)
    stages.set_ylim(rows - 0.4, -0.9)
    save_png(figure, path)


def _places(bars: Sequence[BenchBar]) -> Iterator[float]:
    """Where the rows lie; a new group leaves room for its name."""
    place, group = -1.0, None
    for bar in bars:
        place += 1.0 if bar.group == group else 2.0
        group = bar.group
        yield place - 1.0


def _draw_stages(axes: Axes, bars: Sequence[BenchBar], places: Sequence[float]) -> None:
    quiet(axes, grid='x')
    headline(axes, 'stages, ms')
    names = list(dict.fromkeys(name for bar in bars for name in bar.stages))
    ends = np.zeros(len(bars))
    for name, color in zip(names, _COLORS):
        lengths = np.array([bar.stages.get(name, 0.0) for bar in bars])
        axes.barh(places, lengths, _BAR, left=ends, color=color, label=name)
        ends += lengths
    updates = [(place, bar.memory_update) for place, bar in zip(places, bars) if bar.memory_update]
    if updates:
        axes.barh(
            [place + 0.42 for place, _ in updates],
            [length for _, length in updates],
            0.16,
            color=_COLORS[3],
            label='memory update, apart',
        )
    for place, end, bar in zip(places, ends, bars):
        axes.annotate(
            f'{bar.fps:.3g} fps',
            (end, place),
            (5, 0),
            textcoords='offset points',
            size=SMALL,
            color=INK,
            va='center',
        )
    axes.set_yticks(places, [bar.label for bar in bars], color=INK, size=TEXT)
    _name_groups(axes, bars, places)
    longest = max([*ends, *(length for _, length in updates)], default=1.0)
    axes.set_xlim(0, 1.16 * longest)
    _add_legend(axes)


def _name_groups(axes: Axes, bars: Sequence[BenchBar], places: Sequence[float]) -> None:
    for group in dict.fromkeys(bar.group for bar in bars):
        first = next(place for place, bar in zip(places, bars) if bar.group == group)
        axes.annotate(
            group,
            (0, first - 0.62),
            (4, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords='offset points',
            size=TEXT,
            weight='bold',
            color=INK,
            va='center',
        )


def _draw_percentiles(axes: Axes, bars: Sequence[BenchBar], places: Sequence[float]) -> None:
    quiet(axes, grid='x')
    headline(axes, 'whole update, ms')
    axes.tick_params(labelleft=False)
    color = _COLORS[1]
    for place, bar in zip(places, bars):
        values = list(bar.percentiles.values())
        axes.plot((values[0], values[-1]), (place, place), color=color, lw=2.2, alpha=0.35)
    names = list(dict.fromkeys(name for bar in bars for name in bar.percentiles))
    for name, marker in zip(names, ('o', 'd', '|', 'x')):
        points = [
            (bar.percentiles[name], place)
            for place, bar in zip(places, bars)
            if name in bar.percentiles
        ]
        axes.plot(*zip(*points), marker, color=color, ms=7 if marker == '|' else 5, label=name)
    axes.set_xlim(left=0)
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    axes.legend(
        loc='lower right',
        bbox_to_anchor=(1.0, 1.0),
        ncols=5,
        fontsize=SMALL,
        labelcolor=INK,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.0,
        columnspacing=1.0,
    )
