"""A track drawn over its frame: corner marks, state, confidence."""

from __future__ import annotations

from functools import lru_cache

import cv2
from hit_rfgm_ros.types import Box, ConfidenceKind, ImageU8, TrackResult, TrackState
from hit_rfgm_ros.viz.colors import PANEL_COLOR, RGB, STATE_COLORS, TRUTH_COLOR
import numpy as np
from numpy.typing import NDArray

_FINE = 4  # supersampling of panels and text
_SHIFT = 4  # bits of a pixel fraction in OpenCV's lines
_FONT = cv2.FONT_HERSHEY_DUPLEX
_MARGIN = 1e4  # pixels; boxes are cut here, OpenCV's integers would overflow


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
    scale = max(min(canvas.shape[:2]) / 480, 0.5)
    color = STATE_COLORS[result.state]
    if truth is not None:
        _rectangle(canvas, truth, TRUTH_COLOR, max(1, round(scale)))
    lost = result.state is TrackState.LOST
    if lost:
        faded = canvas.copy()
        _corner_marks(faded, result.box, color, scale)
        cv2.addWeighted(faded, 0.45, canvas, 0.55, 0, canvas)
    else:
        _corner_marks(canvas, result.box, color, scale)
    _label(canvas, result, scale)
    if caption:
        _caption(canvas, caption, scale)
    return canvas


def draw_thumbnail(frame: ImageU8, result: TrackResult, width: int) -> ImageU8:
    """Shrink a frame to ``width`` pixels and mark the box, boldly and without words."""
    shrink = width / frame.shape[1]
    size = (width, max(1, round(shrink * frame.shape[0])))
    small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    if result.state is not TrackState.LOST:
        box = Box(*(shrink * value for value in result.box))
        _corner_marks(small, box, STATE_COLORS[result.state], 1.0)
    return small


def _corner_marks(canvas: ImageU8, box: Box, color: RGB, scale: float) -> None:
    """Four rounded corners; a dark line below keeps them readable on any ground."""
    x1, y1 = max(box.x, -_MARGIN), max(box.y, -_MARGIN)
    x2, y2 = min(box.x + box.width, _MARGIN), min(box.y + box.height, _MARGIN)
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


def _rectangle(canvas: ImageU8, box: Box, color: RGB, thickness: int) -> None:
    x1, y1 = max(box.x, -_MARGIN), max(box.y, -_MARGIN)
    x2, y2 = min(box.x + box.width, _MARGIN), min(box.y + box.height, _MARGIN)
    line = _fixed_point(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]))
    cv2.polylines(canvas, [line], True, color, thickness, cv2.LINE_AA, _SHIFT)


def _fixed_point(points: NDArray[np.float64]) -> NDArray[np.int32]:
    # A box's edge lies between pixels; OpenCV counts from their centres.
    return np.asarray(np.rint((points - 0.5) * 2**_SHIFT), np.int32)[:, None]


def _label(canvas: ImageU8, result: TrackResult, scale: float) -> None:
    """A pill above the box, below it where there is no room: state, confidence, a bar."""
    text = result.state.value
    if result.confidence_kind is not ConfidenceKind.NONE:
        text += f' {100 * result.confidence:.0f}%'
    mask = _text_mask(text, max(8, round(10 * scale)))
    pad = max(4, round(6 * scale))
    dot = max(2, round(3.4 * scale))
    bar = max(2, round(2.2 * scale)) if result.confidence_kind is not ConfidenceKind.NONE else 0
    width = mask.shape[1] + 3 * pad + 2 * dot
    height = mask.shape[0] + 2 * pad + (bar + pad // 2 if bar else 0)
    rows, columns = canvas.shape[:2]
    gap = round(6 * scale)
    top = result.box.y - height - gap
    if top < gap:
        top = result.box.y + result.box.height + gap
    left = round(min(max(result.box.x, gap), columns - width - gap))
    top = round(min(max(top, gap), rows - height - gap))
    color = STATE_COLORS[result.state]
    _panel(canvas, left, top, width, height, PANEL_COLOR, 0.72, radius=pad + dot)
    middle = top + pad + mask.shape[0] // 2
    _panel(canvas, left + pad, middle - dot, 2 * dot, 2 * dot, color, 1.0, radius=dot)
    _blend(canvas, mask, left + 2 * pad + 2 * dot, top + pad, TRUTH_COLOR)
    if bar:
        length = width - 2 * pad
        below = top + height - pad - bar + pad // 4
        _panel(canvas, left + pad, below, length, bar, (255, 255, 255), 0.22, radius=bar // 2)
        filled = round(length * min(max(result.confidence, 0.0), 1.0))
        if filled:
            _panel(canvas, left + pad, below, filled, bar, color, 1.0, radius=bar // 2)


def _caption(canvas: ImageU8, text: str, scale: float) -> None:
    mask = _text_mask(text, max(7, round(8 * scale)))
    pad = max(3, round(5 * scale))
    width, height = mask.shape[1] + 2 * pad, mask.shape[0] + 2 * pad
    top = canvas.shape[0] - height - pad
    _panel(canvas, pad, top, width, height, PANEL_COLOR, 0.55, radius=pad)
    _blend(canvas, mask, 2 * pad, top + pad, (225, 228, 232))


def _panel(
    canvas: ImageU8,
    left: int,
    top: int,
    width: int,
    height: int,
    color: RGB,
    opacity: float,
    *,
    radius: int,
) -> None:
    """A filled rectangle with round corners."""
    if width > 0 and height > 0:
        mask = _round_mask(width, height, min(radius, width // 2, height // 2))
        _blend(canvas, mask, left, top, color, opacity)


@lru_cache(maxsize=512)
def _round_mask(width: int, height: int, radius: int) -> ImageU8:
    fine = np.zeros((_FINE * height, _FINE * width), np.uint8)
    r = _FINE * radius
    if r == 0:
        return np.full((height, width), 255, np.uint8)
    right, bottom = fine.shape[1] - 1, fine.shape[0] - 1
    cv2.rectangle(fine, (r, 0), (right - r, bottom), (255,), -1)
    cv2.rectangle(fine, (0, r), (right, bottom - r), (255,), -1)
    for x in (r, right - r):
        for y in (r, bottom - r):
            cv2.circle(fine, (x, y), r, (255,), -1)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=512)
def _text_mask(text: str, height: int) -> ImageU8:
    """Coverage of a line of text whose capitals are ``height`` pixels high."""
    size = _FINE * height / 22  # capitals of this font are 22 pixels high at scale 1
    stroke = max(1, round(1.35 * size))
    (length, rise), drop = cv2.getTextSize(text, _FONT, size, stroke)
    pad = _FINE
    fine = np.zeros((rise + drop + 2 * pad, length + 2 * pad), np.uint8)
    cv2.putText(fine, text, (pad, rise + pad), _FONT, size, (255,), stroke, cv2.LINE_AA)
    if not set(text) & set('gjpqy_,'):
        fine = fine[: rise + 2 * pad]
    shape = (max(fine.shape[1] // _FINE, 1), max(fine.shape[0] // _FINE, 1))
    return np.asarray(cv2.resize(fine, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _blend(
    canvas: ImageU8, mask: ImageU8, left: int, top: int, color: RGB, opacity: float = 1.0
) -> None:
    """Lay a colour over the canvas where the mask is, cut at the canvas's edges."""
    rows, columns = canvas.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + mask.shape[1], columns), min(top + mask.shape[0], rows)
    if x1 >= x2 or y1 >= y2:
        return
    weight = mask[y1 - top : y2 - top, x1 - left : x2 - left, None] * np.float32(opacity / 255)
    place = canvas[y1:y2, x1:x2]
    place[:] = np.rint(place * (1 - weight) + np.asarray(color) * weight).astype(np.uint8)
