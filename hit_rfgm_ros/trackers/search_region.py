"""Where to look: one window while sure, more windows at the same scale while not.

The network sees a template of fixed scale, so a window is never zoomed out: the search region
widens by further windows of the usual size at other places, a few per frame.
"""

from __future__ import annotations

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.types import Box, TrackState

STRIDE = 0.5  # between windows, in window sides: a target is near the middle of one of them


class SearchPolicy:
    """Chooses the boxes around which the windows of a frame are cut."""

    def __init__(self, options: TrackerConfig) -> None:
        self._options = options
        self._plan: list[Box] = []
        self._next = 0
        self._key: tuple[object, ...] = ()

    def places(self, box: Box, state: TrackState, width: int, height: int) -> list[Box]:
        """Boxes to search around in one frame, the one at ``box`` first.

        Args:
            box: last place believed, in image pixels.
            state: of the target.
            width, height: of the image in pixels.
        """
        options = self._options
        if options.paper_mode or state is TrackState.TRACKING or not options.widen_search:
            return [box]
        lost = state is TrackState.LOST
        everywhere = lost and options.search_everywhere
        count = options.scan_windows if lost else options.search_windows
        key = (box, everywhere, width, height)
        if key != self._key:
            if not self._key or everywhere != self._key[1]:
                self._next = 0
            self._plan = around(box, options, width, height, everywhere=everywhere)
            self._key = key
        return [box, *self._take(count)]

    def _take(self, count: int) -> list[Box]:
        plan = self._plan
        count = min(count, len(plan))
        taken = [plan[(self._next + step) % len(plan)] for step in range(count)]
        self._next = (self._next + count) % len(plan) if plan else 0
        return taken


def around(
    box: Box, options: TrackerConfig, width: int, height: int, *, everywhere: bool
) -> list[Box]:
    """Places around ``box`` from near to far, without the box itself.

    Args:
        box: last place believed.
        options: bound of the widened search region.
        width, height: of the image in pixels.
        everywhere: the whole image instead of the widened search region.
    """
    side = options.search_factor * box.area**0.5
    step = STRIDE * side
    cx, cy = box.center
    if everywhere:
        columns, rows = _lattice(cx, step, width), _lattice(cy, step, height)
    else:
        reach = 0.5 * (options.max_search_factor / options.search_factor - 1)
        steps = range(-int(reach / STRIDE + 1e-9), int(reach / STRIDE + 1e-9) + 1)
        columns = [cx + step * k for k in steps if 0 <= cx + step * k <= width]
        rows = [cy + step * k for k in steps if 0 <= cy + step * k <= height]
    centers = [(x, y) for y in rows for x in columns if (x, y) != (cx, cy)]
    centers.sort(key=lambda c: (c[0] - cx) ** 2 + (c[1] - cy) ** 2)
    return [
        Box(x - 0.5 * box.width, y - 0.5 * box.height, box.width, box.height) for x, y in centers
    ]


def _lattice(center: float, step: float, length: int) -> list[float]:
    """Multiples of ``step`` around ``center`` that lie in [0, length]."""
    first = -int(center // step)
    last = int((length - center) // step)
    return [center + step * k for k in range(first, last + 1)]
