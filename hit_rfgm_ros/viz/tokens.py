"""What a tracker with a memory sees: the paper's figures 4 and 5 as one picture of a frame.

Left the search region with score map and box; right a column per frame that the memory has tokens
of: its template, the cells of it that the memory holds (figure 5), and those that are left after
each relevance stage (figure 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math

import cv2
from hit_rfgm_ros.types import Box, ImageU8, TrackState
from hit_rfgm_ros.viz.colors import INITIALIZED_COLOR, PANEL_COLOR, RGB, STATE_COLORS, TRUTH_COLOR
from hit_rfgm_ros.viz.draw import corner_marks
from hit_rfgm_ros.viz.ink import blend, panel, text_mask
import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

_GREEN = STATE_COLORS[TrackState.TRACKING]
_FAINT: RGB = (128, 138, 150)
_DROPPED: RGB = (168, 172, 178)
_EMPTY: RGB = (34, 40, 49)  # a cell that the memory does not hold
_MARGIN, _GAP = 28, 12
_SEARCH = 512  # side of the search region as drawn, pixels
_HEAD = 66  # pixels above the pictures
_SIDES = (96, 88, 80, 72, 64)  # of a template as drawn; multiples of 8, the cells of a row
_GRID_WIDTH = 1300  # that the columns may take
_LABELS = 108  # pixels for the names of the rows
_CAPTION, _FOOT = 22, 26  # above the columns for the frames, below each template for its count
_FAINTEST = 0.2  # score that glows fully; higher peaks glow no more
_SWATCH = 8  # half the side of a tile of the legend, pixels
_GLOW: tuple[RGB, ...] = ((40, 60, 200), (60, 170, 255), (72, 214, 150), (255, 225, 90))


@dataclass(frozen=True, eq=False)
class TokenView:
    """What is drawn of a frame.

    Attributes:
        title, subtitle: texts above.
        search: (S, S, 3) uint8 RGB, the search region.
        box: in pixels of the search region.
        score: (g, g) in [0, 1], the score map.
        frames, cells: (n,) where each token of the memory comes from: number of its frame, and
            row-major cell in that frame's template.
        kept: layer of a relevance stage -> ascending indices of the tokens that are left after it.
        templates: number of a frame -> (T, T, 3) uint8 RGB; frames without one are drawn grey.
        new: number of the frame whose template the memory takes in next; None for no update.
    """

    title: str
    subtitle: str
    search: ImageU8
    box: Box
    score: NDArray[np.float64]
    frames: Indices
    cells: Indices
    kept: Mapping[int, Indices]
    templates: Mapping[int, ImageU8]
    new: int | None = None


def draw_tokens(view: TokenView) -> ImageU8:
    """Draw one frame.

    Returns:
        (H, W, 3) uint8 RGB; the size goes with the number of frames in the memory.
    """
    shown, side = _columns(view)
    rows = 2 + len(view.kept)
    columns = len(shown) + (view.new is not None)
    width = 3 * _MARGIN + _SEARCH + _LABELS + columns * (side + _GAP) + _MARGIN
    height = _HEAD + max(_SEARCH + 66, _CAPTION + rows * (side + _FOOT)) + _MARGIN // 2
    canvas = np.full((height, width, 3), PANEL_COLOR, np.uint8)
    _write(canvas, view.title, _MARGIN, 22, 15, TRUTH_COLOR)
    offset = text_mask(view.title, 15).shape[1] + 18
    _write(canvas, view.subtitle, _MARGIN + offset, 27, 10, _FAINT)
    _draw_search(canvas, view)
    _draw_memory(canvas, view, shown, side)
    return canvas


def _columns(view: TokenView) -> tuple[list[int], int]:
    """Frames that get a column, and the side of their templates; the first one always does.

    Where there are too many, those stay of which the memory holds most.
    """
    numbers, counts = np.unique(view.frames, return_counts=True)
    room = [_GRID_WIDTH // (side + _GAP) - 1 for side in _SIDES]
    for most, side in zip(room, _SIDES):
        if len(numbers) <= most:
            return numbers.tolist(), side
    rest = np.argsort(-counts[1:], kind='stable')[: room[-1] - 1] + 1
    return [int(numbers[0]), *sorted(numbers[rest].tolist())], _SIDES[-1]


def _draw_search(canvas: ImageU8, view: TokenView) -> None:
    """The search region, the score map over it, the box, and what the tiles beside it mean."""
    side = _SEARCH
    picture = _resize(view.search, side)
    peak = float(view.score.max())
    score = np.asarray(view.score, np.float32) / max(peak, _FAINTEST)
    score = cv2.resize(score, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    steps = np.linspace(0, 1, len(_GLOW))
    glow = np.stack([np.interp(score, steps, shade) for shade in np.transpose(_GLOW)], axis=-1)
    share = 0.6 * score[..., None]
    picture = np.asarray(np.rint(picture * (1 - share) + glow * share), np.uint8)
    scale = side / view.search.shape[1]
    corner_marks(picture, Box(*(scale * value for value in view.box)), TRUTH_COLOR, 1.0)
    _paste(canvas, picture, _MARGIN, _HEAD)
    top = _HEAD + side + 12
    _write(canvas, 'search region, score map, box', _MARGIN, top, 9, TRUTH_COLOR)
    text = f'highest score {peak:.2f}'
    _write(canvas, text, _MARGIN + side, top, 9, _FAINT, align='right')
    left = _MARGIN
    first = _template(view, int(view.frames[0]), 4 * _SWATCH)[_SWATCH:-_SWATCH, _SWATCH:-_SWATCH]
    for name, state in (('kept', 2), ('dropped', 1), ('not in the memory', 0)):
        _paste(canvas, _tile(first, np.full(4, state, np.uint8)), left, top + 26)
        _write(canvas, name, left + 2 * _SWATCH + 8, top + 29, 9, _FAINT)
        left += 2 * _SWATCH + 34 + text_mask(name, 9).shape[1]


def _draw_memory(canvas: ImageU8, view: TokenView, shown: list[int], side: int) -> None:
    """A row of whole templates, one of what the memory holds, and one per stage."""
    left, top = 2 * _MARGIN + _SEARCH, _HEAD + _CAPTION
    total = len(view.frames)
    first = left + _LABELS
    _write(canvas, 'frame', left, _HEAD, 9, _FAINT)
    _label(canvas, left, top, side, 'template')
    for column, number in enumerate(shown):
        x = first + column * (side + _GAP)
        _write(canvas, str(number), x + side // 2, _HEAD, 9, TRUTH_COLOR, align='middle')
        _paste(canvas, _template(view, number, side), x, top)
    if view.new is not None:
        _draw_new(canvas, view, first + len(shown) * (side + _GAP), side)
    rows = [('in memory', [f'{total} tokens'], np.arange(total))]
    for stage, (layer, kept) in enumerate(sorted(view.kept.items()), start=1):
        share = round(100 * len(kept) / total)
        lines = [f'layer {layer}', f'{len(kept)}, {share} %']
        rows.append((f'stage {stage}', lines, kept))
    for row, (name, lines, kept) in enumerate(rows, start=1):
        y = top + row * (side + _FOOT)
        _label(canvas, left, y, side, name, *lines)
        _draw_row(canvas, view, shown, kept, (first, y, side))


def _draw_row(
    canvas: ImageU8, view: TokenView, shown: list[int], kept: Indices, place: tuple[int, int, int]
) -> None:
    """The tokens of the memory by frame, those that are left after a stage in their colours.

    Args:
        canvas, view, shown: as above.
        kept: indices of the tokens that are left.
        place: left and top of the first template, and the side of each.
    """
    left, top, side = place
    left_over = np.zeros(len(view.frames), bool)
    left_over[kept] = True
    cells = int((view.frames == view.frames[0]).sum())  # the first template never leaves
    for column, number in enumerate(shown):
        x = left + column * (side + _GAP)
        held = view.frames == number
        state = np.zeros(cells, np.uint8)
        state[view.cells[held]] = 1 + left_over[held]
        _paste(canvas, _tile(_template(view, number, side), state), x, top)
        count = int((left_over & held).sum())
        _write(canvas, str(count), x + side, top + side + 7, 8, _FAINT, align='right')
        length = side - 24
        panel(canvas, x, top + side + 9, length, 4, _EMPTY, radius=2)
        panel(canvas, x, top + side + 9, round(length * count / cells), 4, _GREEN, radius=2)


def _draw_new(canvas: ImageU8, view: TokenView, left: int, side: int) -> None:
    """The template that comes in next, apart from those that the memory has."""
    number = view.new or 0
    middle, top = left + side // 2, _HEAD + _CAPTION
    _write(canvas, f'+ {number}', middle, _HEAD, 9, INITIALIZED_COLOR, align='middle')
    panel(canvas, left - 3, top - 3, side + 6, side + 6, INITIALIZED_COLOR, radius=7)
    _paste(canvas, _template(view, number, side), left, top)
    _write(canvas, 'comes in', middle, top + side + 9, 8, _FAINT, align='middle')


def _tile(template: ImageU8, state: NDArray[np.uint8]) -> ImageU8:
    """A template with each cell as its state says: 2 kept, 1 dropped, 0 not in the memory."""
    grid = math.isqrt(len(state))
    fine = np.kron(state.reshape(grid, grid), np.ones((len(template) // grid,) * 2, np.uint8))
    grey = template.mean(axis=2, keepdims=True)
    dropped = 0.3 * grey + 0.7 * np.asarray(_DROPPED)
    fine = fine[..., None]
    tile = np.where(fine == 2, template, np.where(fine == 1, dropped, _EMPTY))
    return np.asarray(tile, np.uint8)


def _label(canvas: ImageU8, left: int, top: int, side: int, name: str, *lines: str) -> None:
    """Name of a row and what is to be said about it, in the middle of the row's height."""
    y = top + side // 2 - 7 - 9 * len(lines)
    _write(canvas, name, left, y, 11, TRUTH_COLOR)
    for number, line in enumerate(lines):
        _write(canvas, line, left, y + 22 + 18 * number, 8, _FAINT)


def _template(view: TokenView, number: int, side: int) -> ImageU8:
    unknown = np.full((8, 8, 3), 90, np.uint8)
    return _resize(view.templates.get(number, unknown), side)


def _resize(picture: ImageU8, side: int) -> ImageU8:
    how = cv2.INTER_AREA if side < len(picture) else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.uint8)


def _paste(canvas: ImageU8, picture: ImageU8, left: int, top: int) -> None:
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture


def _write(
    canvas: ImageU8,
    text: str,
    left: int,
    top: int,
    size: int,
    color: RGB,
    *,
    align: str = 'left',
) -> None:
    """A line of text; ``left`` is its middle or its right end where ``align`` says so."""
    mask = text_mask(text, size)
    shift = {'left': 0, 'middle': mask.shape[1] // 2, 'right': mask.shape[1]}[align]
    blend(canvas, mask, left - shift, top, color)
