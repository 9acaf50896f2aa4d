"""Targets drawn over their frame: corner marks, state, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from hit_rfgm_ros.types import Box, ConfidenceKind, ImageU8, TrackResult, TrackState
from hit_rfgm_ros.viz.colors import PANEL_COLOR, RGB, STATE_COLORS, TRUTH_COLOR
from hit_rfgm_ros.viz.ink import blend, panel, text_mask
import numpy as np
from numpy.typing import NDArray

_SHIFT = 4  # bits of a pixel fraction in OpenCV's lines
_MARGIN = 1e4  # pixels; boxes are cut here, OpenCV's integers would overflow


@dataclass(frozen=True)
class TargetMark:
    """How one target is drawn.

    Attributes:
        box: in pixels of the picture drawn on.
        color: of the marks, the dot and the bar.
        words: texts of the label with their colours.
        confidence: length of the bar in [0, 1]; None draws none.
        faded: marks half transparent, for a box that is only remembered.
        dashed: a broken outline besides, for a box of an older image.
    """

    box: Box
    color: RGB
    words: tuple[tuple[str, RGB], ...]
    confidence: float | None = None
    faded: bool = False
    dashed: bool = False


def draw_track(
    frame: ImageU8, result: TrackResult, *, truth: Box | None = None, caption: str = ''
) -> ImageU8:
    """Draw one result over a copy of its frame; sizes go with the frame's.

    Args:
        frame: (H, W, 3) uint8 RGB.
        result: of the tracker for this frame.
        truth: the true box, drawn as a thin line.
        caption: small text in the lower left corner.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    canvas: ImageU8 = np.array(frame, np.uint8, order='C')
    scale = _scale(canvas)
    color = STATE_COLORS[result.state]
    if truth is not None:
        draw_rectangle(canvas, truth, TRUTH_COLOR, max(1, round(scale)))
    known = result.confidence_kind is not ConfidenceKind.NONE
    words = result.state.value + (f' {100 * result.confidence:.0f}%' if known else '')
    mark = TargetMark(
        result.box,
        color,
        ((words, TRUTH_COLOR),),
        result.confidence if known else None,
    )
    if result.state is TrackState.LOST:
        _draw_faded(canvas, mark, scale)
    else:
        corner_marks(canvas, result.box, color, scale)
    _label(canvas, mark, scale, [])
    if caption:
        _caption(canvas, caption, scale)
    return canvas


def draw_targets(canvas: ImageU8, marks: Sequence[TargetMark], *, caption: str = '') -> None:
    """Draw many targets into a picture; sizes go with the picture's.

    Args:
        canvas: (H, W, 3) uint8 RGB, contiguous; changed.
        marks: in the order of drawing; their labels keep clear of each other where they can.
        caption: small text in the lower left corner.
    """
    scale = _scale(canvas)
    for mark in marks:
        if mark.dashed:
            _dashes(canvas, mark.box, mark.color, scale)
        if mark.faded:
            _draw_faded(canvas, mark, scale)
        else:
            corner_marks(canvas, mark.box, mark.color, scale)
    taken = [_caption(canvas, caption, scale)] if caption else []
    for mark in marks:
        _label(canvas, mark, scale, taken)


def draw_thumbnail(frame: ImageU8, result: TrackResult, width: int) -> ImageU8:
    """Shrink a frame to ``width`` pixels and mark the box, boldly and without words."""
    shrink = width / frame.shape[1]
    size = (width, max(1, round(shrink * frame.shape[0])))
    small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    if result.state is not TrackState.LOST:
        box = Box(*(shrink * value for value in result.box))
        corner_marks(small, box, STATE_COLORS[result.state], 1.0)
    return small


def _scale(canvas: ImageU8) -> float:
    return max(float(min(canvas.shape[:2])) / 480, 0.5)


def _draw_faded(canvas: ImageU8, mark: TargetMark, scale: float) -> None:
    """Half transparent corner marks; only the part of the picture around the box is touched."""
    margin = 4 * scale + 4
    x1, y1, x2, y2 = _edges(mark.box)
    left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
    place = canvas[top : max(int(y2 + margin), 0), left : max(int(x2 + margin), 0)]
    if not place.size:
        return
    faded = place.copy()
    moved = Box(mark.box.x - left, mark.box.y - top, mark.box.width, mark.box.height)
    corner_marks(faded, moved, mark.color, scale)
    place[:] = cv2.addWeighted(faded, 0.45, place, 0.55, 0)


def corner_marks(canvas: ImageU8, box: Box, color: RGB, scale: float) -> None:
    """Four rounded corners; a dark line below keeps them readable on any ground."""
    x1, y1, x2, y2 = _edges(box)
    width, height = x2 - x1, y2 - y1
    radius = min(7 * scale, 0.2 * min(width, height))
    leg = radius + min(14 * scale, 0.16 * min(width, height))
    thickness = max(2, round(2.4 * scale))
    corners = ((x1, y1, 1, 1), (x2, y1, -1, 1), (x2, y2, -1, -1), (x1, y2, 1, -1))
    turns = np.linspace(0, np.pi / 2, 8)
    lines = []
    for x, y, dx, dy in corners:
        arc = np.stack([1 - np.sin(turns), 1 - np.cos(turns)], axis=1) * radius
        line = np.concatenate([[[leg, 0]], arc, [[0, leg]]]) * (dx, dy) + (x, y)
        lines.append(_fixed_point(line))
    for shade, extra in (((0, 0, 0), max(1, round(1.6 * scale))), (color, 0)):
        cv2.polylines(canvas, lines, False, shade, thickness + extra, cv2.LINE_AA, _SHIFT)


def draw_rectangle(canvas: ImageU8, box: Box, color: RGB, thickness: int) -> None:
    """A closed outline, smooth."""
    x1, y1, x2, y2 = _edges(box)
    line = _fixed_point(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]))
    cv2.polylines(canvas, [line], True, color, thickness, cv2.LINE_AA, _SHIFT)


def _edges(box: Box) -> tuple[float, float, float, float]:
    """Left, top, right, bottom, within what OpenCV can draw."""
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    left, top, right, bottom = (min(max(edge, -_MARGIN), _MARGIN) for edge in edges)
    return left, top, right, bottom


def _fixed_point(points: NDArray[np.float64]) -> NDArray[np.int32]:
    # A box's edge lies between pixels; OpenCV counts from their centres.
    return np.asarray(np.rint((points - 0.5) * 2**_SHIFT), np.int32)[:, None]


def _dashes(canvas: ImageU8, box: Box, color: RGB, scale: float) -> None:
    """A thin broken outline."""
    x1, y1, x2, y2 = _edges(box)
    step = 7 * scale
    lines = []
    for start, end in (
        ((x1, y1), (x2, y1)),
        ((x2, y1), (x2, y2)),
        ((x2, y2), (x1, y2)),
        ((x1, y2), (x1, y1)),
    ):
        begin, way = np.array(start), np.array(end) - start
        count = min(max(round(float(np.abs(way).sum()) / step / 2), 1), 500)
        parts = (np.arange(2 * count) / (2 * count)).reshape(-1, 2, 1)
        lines += [_fixed_point(begin + part * way) for part in parts]
    cv2.polylines(canvas, lines, False, color, max(1, round(1.2 * scale)), cv2.LINE_AA, _SHIFT)


def _label(
    canvas: ImageU8,
    mark: TargetMark,
    scale: float,
    taken: list[tuple[int, int, int, int]],
) -> None:
    """A pill at the box: words, and a bar for the confidence; it keeps clear of those before."""
    size = max(8, round(10 * scale))
    texts = [(text_mask(text, size), shade) for text, shade in mark.words if text]
    pad = max(4, round(6 * scale))
    dot = max(2, round(3.4 * scale))
    bar = 0 if mark.confidence is None else max(2, round(2.2 * scale))
    rise = max((mask.shape[0] for mask, _ in texts), default=0)
    width = sum(mask.shape[1] + pad for mask, _ in texts) + 2 * pad + 2 * dot
    height = rise + 2 * pad + (bar + pad // 2 if bar else 0)
    left, top = _free_place(canvas, mark.box, (width, height), round(6 * scale), taken)
    taken.append((left, top, left + width, top + height))
    opacity = 0.6 if mark.faded else 0.72
    panel(canvas, left, top, width, height, PANEL_COLOR, opacity, radius=pad + dot)
    middle = top + pad + rise // 2
    panel(canvas, left + pad, middle - dot, 2 * dot, 2 * dot, mark.color, radius=dot)
    x = left + 2 * pad + 2 * dot
    for mask, shade in texts:
        blend(canvas, mask, x, top + pad, shade)
        x += mask.shape[1] + pad
    if mark.confidence is not None:
        length = width - 2 * pad
        below = top + height - pad - bar + pad // 4
        panel(canvas, left + pad, below, length, bar, (255, 255, 255), 0.22, radius=bar // 2)
        filled = round(length * min(max(mark.confidence, 0.0), 1.0))
        if filled:
            panel(canvas, left + pad, below, filled, bar, mark.color, radius=bar // 2)


def _free_place(
    canvas: ImageU8,
    box: Box,
    size: tuple[int, int],
    gap: int,
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int]:
    """Left and top of a label: above the box, below it, or inside; the first that is free."""
    rows, columns = canvas.shape[:2]
    width, height = size
    left = round(min(max(box.x, gap), columns - width - gap))
    above, below = box.y - height - gap, box.y + box.height + gap
    tries = [above, below] if above >= gap else [below, above]
    tries += [box.y + gap, box.y + box.height - height - gap]
    places = [round(min(max(top, gap), rows - height - gap)) for top in tries]
    for top in places:
        if not any(
            left < right and x < left + width and top < bottom and y < top + height
            for x, y, right, bottom in taken
        ):
            return left, top
    return left, places[0]


def _caption(canvas: ImageU8, text: str, scale: float) -> tuple[int, int, int, int]:
    mask = text_mask(text, max(7, round(8 * scale)))
    pad = max(3, round(5 * scale))
    width, height = mask.shape[1] + 2 * pad, mask.shape[0] + 2 * pad
    top = canvas.shape[0] - height - pad
    panel(canvas, pad, top, width, height, PANEL_COLOR, 0.55, radius=pad)
    blend(canvas, mask, 2 * pad, top + pad, (225, 228, 232))
    return pad, top, pad + width, top + height
