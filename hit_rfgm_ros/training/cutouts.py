"""Labelled objects, and how they are cut out of photos along their outline to be pasted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from hit_rfgm_ros.training.warp import Points, Pyramid
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np
from numpy.typing import NDArray

MARGIN = 3  # pixels around the box, room for the soft edge
SMALLEST = 24  # pixels, square root of the box's area
LARGEST_SHARE = 0.7  # of the photo
LEAST_FILL = 0.25  # mask over box
MOST_POINTS = 64
SOFT_EDGE = np.array([0.125, 0.75, 0.125], np.float32)
REGION = 'region'  # hand-drawn parts of scenes (BSDS): mostly background if at the border


@dataclass(frozen=True)
class PhotoObject:
    """One labelled object.

    Attributes:
        box: in pixels of the photo as it is kept.
        label: class name.
        polygons: int32 arrays (N, 2) of pixel indices, empty if only the box is known; together
            they fill to the mask by the even-odd rule.
    """

    box: Box
    label: str
    polygons: tuple[NDArray[np.int32], ...]


@dataclass(frozen=True)
class Cutout:
    """A pasteable object.

    Attributes:
        photo: index of its photo in the set.
        label: class name.
        color, alpha: its pixels and opacity (soft edge about two pixels wide).
        outline: (N, 2) in pixels of ``color``, continuous coordinates; its box is the object's.
    """

    photo: int
    label: str
    color: Pyramid
    alpha: Pyramid
    outline: Points


def cut_out(picture: Pyramid, obj: PhotoObject, photo: int = 0) -> Cutout | None:
    """Cut one object out; None if it is unsuitable (no outline, too small, cut by the border).

    Args:
        picture: the photo.
        obj: the object in it.
        photo: index of the photo in its set.
    """
    if not obj.polygons or not _suitable(picture, obj):
        return None
    image = picture.levels[0]
    left, top = max(int(obj.box.x) - MARGIN, 0), max(int(obj.box.y) - MARGIN, 0)
    right = min(int(obj.box.x + obj.box.width) + MARGIN + 1, picture.width)
    bottom = min(int(obj.box.y + obj.box.height) + MARGIN + 1, picture.height)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [polygon - (left, top) for polygon in obj.polygons], (255,))
    if (mask > 0).mean() < LEAST_FILL:
        return None
    # Weak smoothing: the warp interpolates as well, and thin tips must not fade.
    alpha = np.asarray(cv2.sepFilter2D(mask, -1, SOFT_EDGE, SOFT_EDGE), np.uint8)
    # An opaque rim would paste a sharp straight edge where the object meets the photo's border.
    alpha[[0, -1]] = 0
    alpha[:, [0, -1]] = 0
    return Cutout(
        photo,
        obj.label,
        Pyramid.of(_spread_colors(image[top:bottom, left:right], mask)),
        Pyramid.of(alpha),
        outline_of(np.argwhere(mask)[:, ::-1].astype(np.int32)),
    )


def _spread_colors(image: ImageU8, mask: NDArray[np.uint8]) -> ImageU8:
    """Continue the object's colours a little beyond its mask.

    Otherwise the soft edge fades twice, in opacity and into the photo's own background, and the
    pasted object looks smaller than its box.
    """
    inside = (mask > 0).astype(np.float32)
    near = cv2.blur(inside, (5, 5))[..., None]
    colors = cv2.blur(image * inside[..., None], (5, 5)) / np.maximum(near, 1e-3)
    outside = (inside[..., None] == 0) & (near > 0.03)
    return np.where(outside, np.clip(colors, 0, 255), image).astype(np.uint8)


def outline_of(pixels: NDArray[np.int32]) -> Points:
    """Convex hull of pixels as at most about `MOST_POINTS` points.

    Args:
        pixels: (N, 2) column, row of pixels.

    Returns:
        (M, 2) in continuous coordinates; their box is the pixels' own.
    """
    hull = np.asarray(cv2.convexHull(pixels))[:, 0].astype(np.float64)
    step = max(1, -(-len(hull) // MOST_POINTS))
    extremes = [hull[:, 0].argmin(), hull[:, 0].argmax(), hull[:, 1].argmin(), hull[:, 1].argmax()]
    kept = np.concatenate([hull[::step], hull[extremes]]) + 0.5
    # The hull goes through pixel centres; the object ends half a pixel further out.
    low, high = kept.min(axis=0), kept.max(axis=0)
    middle, spread = 0.5 * (low + high), np.maximum(0.5 * (high - low), 0.5)
    return np.asarray(middle + (kept - middle) * (1 + 0.5 / spread))


def touched_borders(picture: Pyramid, box: Box) -> int:
    """Number of the picture's borders that a box reaches."""
    right, bottom = picture.width - 1, picture.height - 1
    return sum((box.x <= 1, box.y <= 1, box.x + box.width >= right, box.y + box.height >= bottom))


def _suitable(picture: Pyramid, obj: PhotoObject) -> bool:
    box = obj.box
    if not SMALLEST**2 <= box.area <= LARGEST_SHARE * picture.width * picture.height:
        return False
    if max(box.width / box.height, box.height / box.width) > 6:
        return False
    return touched_borders(picture, box) <= (0 if obj.label == REGION else 1)
