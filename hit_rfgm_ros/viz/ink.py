"""Smooth text and panels on pictures: drawn large, shrunk, kept, and blended in."""

from __future__ import annotations

from functools import lru_cache

import cv2
from hit_rfgm_ros.types import ImageU8
from hit_rfgm_ros.viz.colors import RGB
import numpy as np

_FINE = 4  # supersampling of panels and text
_FONT = cv2.FONT_HERSHEY_DUPLEX


def panel(
    canvas: ImageU8,
    left: int,
    top: int,
    width: int,
    height: int,
    color: RGB,
    opacity: float = 1.0,
    *,
    radius: int,
) -> None:
    """A filled rectangle with round corners."""
    if width > 0 and height > 0:
        mask = _round_mask(width, height, min(radius, width // 2, height // 2))
        blend(canvas, mask, left, top, color, opacity)


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
def text_mask(text: str, height: int) -> ImageU8:
    """Coverage of a line of text whose capitals are ``height`` pixels high."""
    text = text.encode('ascii', 'replace').decode()  # the font has nothing else
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


def blend(
    canvas: ImageU8, mask: ImageU8, left: int, top: int, color: RGB, opacity: float = 1.0
) -> None:
    """Lay a colour over the canvas where the mask is, cut at the canvas's edges."""
    rows, columns = canvas.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + mask.shape[1], columns), min(top + mask.shape[0], rows)
    if x1 >= x2 or y1 >= y2:
        return
    share = mask[y1 - top : y2 - top, x1 - left : x2 - left, None].astype(np.uint16)
    share = share * np.uint16(round(256 * opacity)) // np.uint16(255)  # 0 to 256
    place = canvas[y1:y2, x1:x2]
    mixed = place * (np.uint16(256) - share) + np.asarray(color, np.uint16) * share
    place[:] = (mixed + np.uint16(128)) >> np.uint16(8)
