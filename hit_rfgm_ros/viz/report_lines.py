"""One line style per tracker, the same in all plots of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hit_rfgm_ros.viz.colors import SERIES_COLORS, as_hex

_DASHES = ('-', (0, (5, 2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1.2)))
_CHILD = (0, (1, 1.4))  # of a run in real time, in its tracker's colour


@dataclass(frozen=True)
class Line:
    """How a tracker is drawn.

    Attributes:
        index: of its colour in `SERIES_COLORS`.
        dashes: line style as matplotlib takes it.
        child: it is a run in real time of another one.
    """

    index: int
    dashes: str | tuple[float, tuple[float, ...]]
    child: bool = False

    @property
    def color(self) -> str:
        """Its colour as matplotlib takes it."""
        return as_hex(SERIES_COLORS[self.index])


def lines_of(names: Iterable[str], parents: Mapping[str, str]) -> dict[str, Line]:
    """Lines that differ for up to 28 trackers.

    Args:
        names: of all trackers, in order.
        parents: names of runs in real time, and of the tracker that each is of.
    """
    lines: dict[str, Line] = {}
    for name in names:
        if name not in parents:
            turn, index = divmod(len(lines), len(SERIES_COLORS))
            lines[name] = Line(index, _DASHES[turn % len(_DASHES)])
    return lines | {
        child: Line(lines[parent].index, _CHILD, child=True) for child, parent in parents.items()
    }
