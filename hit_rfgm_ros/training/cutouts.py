"""Objects cut out of photos along their outline, ready to be pasted elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from hit_rfgm_ros.training.photos import Photo, PhotoObject, PhotoSet
from hit_rfgm_ros.training.warp import Points, Pyramid
import numpy as np

MARGIN = 3  # pixels around the box, room for the soft edge
SMALLEST = 24  # pixels, square root of the box's area
LARGEST_SHARE = 0.7  # of the photo
LEAST_FILL = 0.25  # mask over box
MOST_POINTS = 64


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


def cut_out(photo: Photo, obj: PhotoObject, index: int = 0) -> Cutout | None:
    """Cut one object out; None if it is unsuitable (no outline, too small, cut by the border)."""
    if not obj.polygons or not _suitable(photo, obj):
        return None
    image = photo.picture.levels[0]
    left, top = max(int(obj.box.x) - MARGIN, 0), max(int(obj.box.y) - MARGIN, 0)
    right = min(int(obj.box.x + obj.box.width) + MARGIN + 1, photo.picture.width)
    bottom = min(int(obj.box.y + obj.box.height) + MARGIN + 1, photo.picture.height)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [polygon - (left, top) for polygon in obj.polygons], (255,))
    if (mask > 0).mean() < LEAST_FILL:
        return None
    rows, columns = np.nonzero(mask)
    alpha = np.asarray(cv2.GaussianBlur(mask, (3, 3), 0), np.uint8)
    # An opaque rim would paste a sharp straight edge where the object meets the photo's border.
    alpha[[0, -1]] = 0
    alpha[:, [0, -1]] = 0
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))[:, 0]
    step = max(1, -(-len(hull) // MOST_POINTS))
    return Cutout(
        index,
        obj.label,
        Pyramid.of(image[top:bottom, left:right]),
        Pyramid.of(alpha),
        _pixel_corners(hull[::step].astype(np.float64), hull),
    )


def cut_out_all(photos: PhotoSet) -> list[Cutout]:
    """All usable cut-outs of a set, in its order."""
    found = (
        cut_out(photo, obj, index)
        for index, photo in enumerate(photos.photos)
        for obj in photo.objects
    )
    return [cutout for cutout in found if cutout is not None]


def _pixel_corners(
    points: Points, hull: np.ndarray[tuple[int, ...], np.dtype[np.int32]]
) -> Points:
    # The hull goes through pixel indices; the mask ends half a pixel further out. Thinning must
    # not lose the extreme points, so they are added again.
    extremes = hull[[hull[:, 0].argmin(), hull[:, 0].argmax(), hull[:, 1].argmin(), hull[:, 1].argmax()]]
    centers = np.concatenate([points, extremes.astype(np.float64)]) + 0.5
    middle = 0.5 * (centers.min(axis=0) + centers.max(axis=0))
    spread = np.maximum(centers.max(axis=0) - middle, 0.5)
    return np.asarray(middle + (centers - middle) * (1.0 + 0.5 / spread), np.float64)


def _suitable(photo: Photo, obj: PhotoObject) -> bool:
    width, height = photo.picture.width, photo.picture.height
    box = obj.box
    if box.area < SMALLEST**2 or box.area > LARGEST_SHARE * width * height:
        return False
    if max(box.width / box.height, box.height / box.width) > 6:
        return False
    touched = sum(
        (box.x <= 1, box.y <= 1, box.x + box.width >= width - 1, box.y + box.height >= height - 1)
    )
    # Hand-drawn regions of BSDS that touch the border are mostly background.
    return touched <= (0 if obj.label == 'region' else 1)
