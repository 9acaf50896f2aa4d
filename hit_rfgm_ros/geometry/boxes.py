"""Arithmetic on boxes in image pixels (x, y, width, height; top-left corner; floats)."""

from __future__ import annotations

from collections.abc import Iterable
import math

from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.types import Box
import numpy as np
from numpy.typing import NDArray

PAPER_MARGIN = 10.0  # pixels of the box kept inside the image, official code


def make_box(values: Iterable[float]) -> Box:
    """Make a box from four numbers x, y, width, height.

    Raises:
        GeometryError: if there are not four, or one is not finite, or the box has no area.
    """
    numbers = [float(value) for value in values]
    if len(numbers) != 4:
        raise GeometryError(f'a box is four numbers x, y, width, height; got {len(numbers)}')
    box = Box(*numbers)
    check_box(box)
    return box


def check_box(box: Box) -> None:
    """Refuse a box that is not finite or has no area.

    Raises:
        GeometryError: with the values met.
    """
    if not all(math.isfinite(value) for value in box):
        raise GeometryError(f'a box needs four finite numbers, got {format_box(box)}')
    if box.width <= 0 or box.height <= 0:
        raise GeometryError(
            f'a box needs a width and a height above 0 pixels, got {format_box(box)}'
        )


def format_box(box: Box) -> str:
    """Text of a box for messages."""
    return f'x={box.x:g}, y={box.y:g}, width={box.width:g}, height={box.height:g}'


def clip_box(box: Box, image_width: int, image_height: int, margin: float = PAPER_MARGIN) -> Box:
    """Clip as the official code does: at least ``margin`` wide and high, and inside the image.

    Negative widths and heights end as ``margin``. The image must be at least ``margin`` on a side.
    """
    right, bottom = box.x + box.width, box.y + box.height
    x1 = min(max(0.0, box.x), image_width - margin)
    y1 = min(max(0.0, box.y), image_height - margin)
    x2 = min(max(margin, right), image_width)
    y2 = min(max(margin, bottom), image_height)
    return Box(x1, y1, max(margin, x2 - x1), max(margin, y2 - y1))


def visible_share(box: Box, image_width: int, image_height: int) -> float:
    """Share of the box's area that lies inside the image, in [0, 1]."""
    width = min(box.x + box.width, image_width) - max(box.x, 0.0)
    height = min(box.y + box.height, image_height) - max(box.y, 0.0)
    if width <= 0 or height <= 0:
        return 0.0
    return (width / box.width) * (height / box.height)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]; 0 where one has no area."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.area + b.area - shared)


def iou_arrays(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """`iou` row by row for two arrays (N, 4) of x, y, width, height; NaN rows give NaN."""
    corner = np.maximum(a[:, :2], b[:, :2])
    far = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    shared = np.prod(np.clip(far - corner, 0, None), axis=1)
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.asarray(
            np.where(union > 0, shared / union, np.where(np.isnan(union), np.nan, 0))
        )
