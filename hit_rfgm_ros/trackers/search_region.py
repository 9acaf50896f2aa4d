"""Where to look: one window while sure, more windows while not.

The network sees a template of fixed scale, so zooming out would show it a target of the wrong
size. Instead the search region widens by further windows at other places, a few per frame: all of
them together cover the region that a wider crop would show. Some windows are cut for a target of
another size, since a wrong size is as often the cause of a loss as a wrong place.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.types import Box, TrackState

# Between windows, in window sides. A target of the usual size (a quarter of the window) is then
# whole in one of them, and within the 15/16 of it that the corner maps can express.
STRIDE = 0.6
MAX_PLACES = 2000  # of one walk over the image; for tiny targets the stride grows instead


class SearchPolicy:
    """Chooses the boxes around which the windows of a frame are cut.

    A walk over further places is planned when the target becomes unsure and goes on from frame
    to frame, near places first; it starts anew where the last place believed changes.
    """

    def __init__(self, options: TrackerConfig) -> None:
        self.set_options(options)

    def set_options(self, options: TrackerConfig) -> None:
        """Go by other options; a walk that is under way ends."""
        self._options = options
        self._planned_for: tuple[object, ...] = ()
        self._plan: list[Box] = []
        self._next = 0

    def places(self, box: Box, state: TrackState, width: int, height: int) -> list[Box]:
        """Boxes to search around in one frame, the one at ``box`` first.

        Args:
            box: last place believed, in image pixels.
            state: of the target.
            width, height: of the image in pixels.
        """
        options = self._options
        if state is TrackState.TRACKING or options.paper_mode:
            return [box]
        lost = state is TrackState.LOST
        key = (box, lost, width, height)
        if key != self._planned_for:
            self._planned_for, self._next = key, 0
            self._plan = self._walk(box, lost, width, height)
        return [box, *self._take(options.scan_windows if lost else options.search_windows)]

    def _walk(self, box: Box, lost: bool, width: int, height: int) -> list[Box]:
        options = self._options
        other = options.search_scale
        sizes = [] if other == 1 else [scaled(box, 1 / other), scaled(box, other)]
        if lost and options.search_everywhere:
            walks = [over_image(size, options.search_factor, width, height) for size in sizes]
            first = over_image(box, options.search_factor, width, height)
            return [*sizes, *first, *(place for walk in walks for place in walk)]
        if options.widen_search:
            return [*sizes, *around(box, options, width, height)]
        return []

    def _take(self, count: int) -> list[Box]:
        length = len(self._plan)
        count = min(count, length)
        taken = [self._plan[(self._next + step) % length] for step in range(count)]
        self._next += count
        return taken


def scaled(box: Box, factor: float) -> Box:
    """The box with sides ``factor`` times as long, about its centre."""
    cx, cy = box.center
    width, height = factor * box.width, factor * box.height
    return Box(cx - 0.5 * width, cy - 0.5 * height, width, height)


def around(box: Box, options: TrackerConfig, width: int, height: int) -> list[Box]:
    """Places whose windows cover the widened search region around ``box``, near ones first.

    Args:
        box: last place believed.
        options: `search_factor` and `max_search_factor`.
        width, height: of the image in pixels; places outside it are left out.
    """
    reach = 0.5 * (options.max_search_factor - options.search_factor) * math.sqrt(box.area)
    side = options.search_factor * math.sqrt(box.area)
    cx, cy = box.center
    columns = [x for x in _even(cx - reach, cx + reach, STRIDE * side) if 0 <= x <= width]
    rows = [y for y in _even(cy - reach, cy + reach, STRIDE * side) if 0 <= y <= height]
    return _sorted(box, columns, rows)


def over_image(box: Box, search_factor: float, width: int, height: int) -> list[Box]:
    """Places of the size of ``box`` whose windows cover the image, those near it first."""
    side = search_factor * math.sqrt(box.area)
    step = max(STRIDE * side, math.sqrt(width * height / MAX_PLACES))
    margin = 0.5 * STRIDE * side
    columns = _even(min(margin, 0.5 * width), max(width - margin, 0.5 * width), step)
    rows = _even(min(margin, 0.5 * height), max(height - margin, 0.5 * height), step)
    return _sorted(box, columns, rows)


def _even(first: float, last: float, step: float) -> list[float]:
    """Points from ``first`` to ``last``, both included, at most ``step`` apart; odd in number.

    Odd, so that the middle is one of them.
    """
    half = math.ceil((last - first) / (2 * step) - 1e-9)
    middle = 0.5 * (first + last)
    return [middle + k * (last - middle) / max(half, 1) for k in range(-half, half + 1)]


def _sorted(box: Box, columns: list[float], rows: list[float]) -> list[Box]:
    """Boxes of the size of ``box`` on a lattice, near ones first, without the box itself."""
    cx, cy = box.center
    places = sorted(
        (math.hypot(x - cx, y - cy), x - 0.5 * box.width, y - 0.5 * box.height)
        for y in rows
        for x in columns
    )
    return [Box(x, y, box.width, box.height) for distance, x, y in places if distance > 1e-6]
