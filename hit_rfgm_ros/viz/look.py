"""The look that all plots share: inks, a bare figure, and how it gets into a page or a file."""

from __future__ import annotations

import io
from pathlib import Path
import re
from typing import TYPE_CHECKING, Literal

from hit_rfgm_ros.optional import require
from hit_rfgm_ros.viz.colors import SERIES_COLORS, as_hex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GROUND, GRID = '#1c2128', '#8b949e', '#ffffff', '#eef0f3'
OVERLAP, CONFIDENCE, ABSENT = '#3b6fd4', '#e2762f', '#e9ecf0'
ON_COLOR = '#1c2129'  # text on a coloured ground, which no theme changes
TEXT, SMALL = 9.5, 8.5  # points

# In a page these colours are the variables of its style sheet, so that they follow its theme.
THEMED = {
    INK: 'ink',
    GROUND: 'card',
    FAINT: 'faint',
    GRID: 'grid',
    ABSENT: 'absent',
    OVERLAP: 'overlap',
    CONFIDENCE: 'confidence',
    **{as_hex(color): f'series-{index}' for index, color in enumerate(SERIES_COLORS)},
}
# What has no place within a page; the style would be that of the whole page.
_PARTS = r'<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>'
_FONT = re.compile(r"((?:[\d.]+px|font-family:)) 'DejaVu Sans'[^;\"]*")


def new_figure(width: float, height: float, dpi: int = 110) -> Figure:
    """A figure of so many inches that needs no screen.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    require('matplotlib', extra='plot', purpose='plots')
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor=GROUND)
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Take the frame off a plot."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_facecolor(GROUND)


def quiet(axes: Axes, *, grid: Literal['both', 'x', 'y'] = 'both') -> None:
    """No frame, a faint grid, small numbers without ticks."""
    bare(axes)
    axes.grid(axis=grid, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=SMALL, colors=FAINT)


def headline(axes: Axes, title: str, under: str = '') -> None:
    """Title at the left above a plot, and a small line below it.

    Both are taken as they are, not as formulas.
    """
    lift = 17 if under else 5
    for text, size, color, up in ((title, TEXT + 1.5, INK, lift), (under, SMALL, FAINT, 5)):
        axes.annotate(
            text,
            (0, 1),
            (0, up),
            xycoords='axes fraction',
            textcoords='offset points',
            size=size,
            color=color,
            weight='bold' if color == INK else 'normal',
            va='bottom',
            parse_math=False,
        )


def as_svg(figure: Figure, name: str) -> str:
    """A figure as an ``<svg>`` to be put into a page: no ground of its own, the page's colours.

    Args:
        figure: drawn in the inks of this file.
        name: letters and digits; goes before all ids, which must differ within a page.
    """
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({'svg.fonttype': 'none', 'svg.hashsalt': name}):
        figure.savefig(file, format='svg', transparent=True)
    text = re.sub(_PARTS, '', file.getvalue(), flags=re.DOTALL).strip()
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', '', text)
    text = re.sub(r' version="1.1"| (width|height)="[\d.]+pt"', '', text, count=3)
    text = re.sub(r'<g id="[^"]*"', '<g', text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(|href=")#', rf'\1#{name}-', text)
    text = _FONT.sub(r'\1 system-ui, sans-serif', text)
    for color, variable in THEMED.items():
        text = text.replace(color, f'var(--{variable})')
    return text


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure with a white ground.

    Raises:
        OSError: if it cannot be written.
    """
    figure.savefig(path, dpi=160)
