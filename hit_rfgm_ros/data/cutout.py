"""Objects cut out of photographs: colour, soft mask and outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np
from numpy.typing import NDArray

_BORDER = 4  # transparent pixels around a cut-out, so that its edge stays soft when warped
_SUPERSAMPLE = 4  # of the outline when it is filled


@dataclass(frozen=True, eq=False)
class CutOut:
    """An object without its background.

    Coordinates are continuous: pixel ``i`` covers ``[i, i + 1]``.

    Attributes:
        layers: premultiplied (h, w, 4) uint8 RGBA at full, half, quarter ... size.
        hull: (N, 2) float64, convex hull of the object's outline at full size.
    """

    layers: tuple[ImageU8, ...]
    hull: NDArray[np.float64]

    @cached_property
    def extent(self) -> NDArray[np.float64]:
        """Left, top, right, bottom of the outline."""
        return np.concatenate([self.hull.min(axis=0), self.hull.max(axis=0)])

    @property
    def center(self) -> NDArray[np.float64]:
        """Middle of the outline's box."""
        return 0.5 * (self.extent[:2] + self.extent[2:])

    @property
    def side(self) -> float:
        """Square root of the area of the outline's box in pixels."""
        return float(np.sqrt(np.prod(self.extent[2:] - self.extent[:2])))


def cut_out(
    picture: ImageU8,
    outline: Sequence[tuple[float, float]],
    *,
    feather: float = 1.0,
    inset: float = 0.0,
    tone: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> CutOut:
    """Cut what lies inside a polygon out of a photograph.

    Args:
        picture: (H, W, 3) uint8 RGB.
        outline: corners (x, y) of the polygon in pixels of the picture.
        feather: width of the soft edge in pixels (standard deviation).
        inset: pixels by which the mask is pulled in from the outline, against a bright fringe.
        tone: gains of red, green and blue.
    """
    points = np.asarray(outline, np.float64)
    mask = _fill(points, picture.shape[0], picture.shape[1], inset)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), feather), np.uint8)
    toned = np.clip(picture * np.asarray(tone), 0, 255).astype(np.uint8)
    return from_mask(toned, mask, hull=_hull(points))


def from_mask(
    picture: ImageU8, mask: ImageU8, *, hull: NDArray[np.float64] | None = None
) -> CutOut:
    """Make a cut-out of a picture and its mask.

    Args:
        picture: (h, w, 3) uint8 RGB.
        mask: (h, w) uint8, 255 on the object.
        hull: outline, if it is known better than from the mask.
    """
    if hull is None:
        rows, columns = np.nonzero(mask >= 128)
        corners = [(columns + dx, rows + dy) for dx in (0, 1) for dy in (0, 1)]
        hull = _hull(np.concatenate([np.stack(corner, axis=1) for corner in corners]))
    alpha = mask.astype(np.float32)[..., None] / 255
    rgba = np.dstack([np.rint(picture * alpha).astype(np.uint8), mask])
    left, top = np.maximum(np.floor(hull.min(axis=0)).astype(int) - _BORDER, 0)
    right, bottom = np.ceil(hull.max(axis=0)).astype(int) + _BORDER
    layers = [_pad(rgba[top:bottom, left:right], _BORDER, _BORDER, _BORDER, _BORDER)]
    while min(layers[-1].shape[:2]) >= 16:
        height, width = layers[-1].shape[:2]
        # Padded to even sides: each level is exactly half of the one before.
        even = _pad(layers[-1], 0, height % 2, 0, width % 2)
        size = (even.shape[1] // 2, even.shape[0] // 2)
        layers.append(np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8))
    return CutOut(tuple(layers), hull - (left - _BORDER, top - _BORDER))


def mirrored(cut: CutOut) -> CutOut:
    """The object seen in a mirror."""
    full = cut.layers[0]
    colour, mask = full[..., :3].astype(np.float32), full[..., 3]
    plain = np.where(mask[..., None] > 0, 255 * colour / np.maximum(mask[..., None], 1), 0)
    picture = np.clip(np.rint(plain), 0, 255).astype(np.uint8)
    hull = _hull(np.stack([full.shape[1] - cut.hull[:, 0], cut.hull[:, 1]], axis=1))
    return from_mask(picture[:, ::-1], np.ascontiguousarray(mask[:, ::-1]), hull=hull)


def _fill(points: NDArray[np.float64], height: int, width: int, inset: float) -> ImageU8:
    """Mask of a polygon, (height, width) uint8, with smooth edges."""
    large = np.zeros((_SUPERSAMPLE * height, _SUPERSAMPLE * width), np.uint8)
    cv2.fillPoly(large, [np.rint(_SUPERSAMPLE * points - 0.5).astype(np.int32)], (255,))
    if inset:
        reach = 2 * round(_SUPERSAMPLE * inset) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        large = np.asarray(cv2.erode(large, disc, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _pad(rgba: ImageU8, top: int, bottom: int, left: int, right: int) -> ImageU8:
    """Add transparent pixels around."""
    return np.pad(rgba, ((top, bottom), (left, right), (0, 0)))


def _hull(points: Array) -> NDArray[np.float64]:
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
