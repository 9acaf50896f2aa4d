"""Affine maps between pictures and crops, and pictures kept at several sizes for warping.

Coordinates are continuous: pixel i covers [i, i + 1), as `geometry.crop` and `cv2.resize` have it.
OpenCV's warps count from pixel centres instead; `warp` is the one place that converts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from hit_rfgm_ros.types import ImageU8
import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]  # (2, 3), maps source (x, y, 1) to target (x, y)
Points = NDArray[np.float64]  # (N, 2) x, y
Extent = tuple[float, float, float, float]  # x1, y1, x2, y2

LEVELS = 3  # full, half and quarter size


@dataclass(frozen=True)
class Pyramid:
    """One picture at full, half and quarter size: bilinear warps alias when they shrink much.

    Attributes:
        levels: uint8 arrays (H, W, 3) or (H, W), the first at full size.
    """

    levels: tuple[ImageU8, ...]

    @classmethod
    def of(cls, image: ImageU8) -> Pyramid:
        """Build the smaller copies by area averaging."""
        levels = [np.ascontiguousarray(image)]
        while len(levels) < LEVELS and min(levels[-1].shape[:2]) >= 16:
            height, width = levels[-1].shape[:2]
            smaller = cv2.resize(
                levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA
            )
            levels.append(np.asarray(smaller, np.uint8))
        return cls(tuple(levels))

    @property
    def width(self) -> int:
        """Width in pixels at full size."""
        return int(self.levels[0].shape[1])

    @property
    def height(self) -> int:
        """Height in pixels at full size."""
        return int(self.levels[0].shape[0])

    def at_scale(self, matrix: Affine) -> tuple[ImageU8, Affine]:
        """Choose the copy that ``matrix`` shrinks at most twofold, and adapt the matrix to it.

        Twofold shrinking stays, because the tracker's own crop aliases in the same way.
        """
        shrink = math.sqrt(
            max(abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]), 1e-9)
        )
        level = min(max(math.ceil(-math.log2(shrink)) - 1, 0), len(self.levels) - 1)
        if level == 0:
            return self.levels[0], matrix
        image = self.levels[level]
        ratios = (self.width / image.shape[1], self.height / image.shape[0], 1.0)
        return image, matrix * np.array(ratios)


def linear_map(angle: float, stretch: float, shear: float, *, flip: bool) -> NDArray[np.float64]:
    """Make a 2 x 2 map of determinant +-1: flip, stretch, shear, then rotation.

    Args:
        angle: rotation in radians.
        stretch: width is multiplied by exp(stretch / 2), height divided by it.
        shear: x moves by this share of y.
        flip: mirror left and right first.
    """
    wide = math.exp(0.5 * stretch)
    cosine, sine = math.cos(angle), math.sin(angle)
    a, b, d = (-wide if flip else wide), shear / wide, 1.0 / wide
    return np.array([[cosine * a, cosine * b - sine * d], [sine * a, sine * b + cosine * d]])


def apply(matrix: Affine, points: Points) -> Points:
    """Map points (N, 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def extent(points: Points) -> Extent:
    """Smallest x1, y1, x2, y2 around points (N, 2)."""
    x1, y1 = points.min(axis=0).tolist()
    x2, y2 = points.max(axis=0).tolist()
    return x1, y1, x2, y2


def place(
    points: Points, linear: NDArray[np.float64], size: float, center: tuple[float, float]
) -> tuple[Affine, Extent]:
    """Scale and move an outline so that its upright box has a given size and centre.

    Args:
        points: outline (N, 2) in source pixels.
        linear: 2 x 2 map to apply first.
        size: square root of the wanted box's area, target pixels.
        center: wanted centre of the box, target pixels.

    Returns:
        The affine map source -> target and the outline's box in the target.
    """
    turned = points @ linear.T
    x1, y1, x2, y2 = extent(turned)
    width, height = max(x2 - x1, 1e-6), max(y2 - y1, 1e-6)
    scale = size / math.sqrt(width * height)
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * linear
    matrix[0, 2] = center[0] - 0.5 * scale * (x1 + x2)
    matrix[1, 2] = center[1] - 0.5 * scale * (y1 + y2)
    half_w, half_h = 0.5 * scale * width, 0.5 * scale * height
    box = (center[0] - half_w, center[1] - half_h, center[0] + half_w, center[1] + half_h)
    return matrix, box


def warp(
    image: ImageU8,
    matrix: Affine,
    size: tuple[int, int],
    *,
    border: int = cv2.BORDER_CONSTANT,
    onto: ImageU8 | None = None,
) -> ImageU8:
    """Warp a picture into a crop of ``size`` (width, height), bilinear.

    Args:
        image: (H, W, 3) or (H, W) uint8.
        matrix: source -> target in continuous coordinates.
        size: width and height of the crop in pixels.
        border: OpenCV's border rule; constant is black.
        onto: fill what lies outside the picture from this crop, which is written to.
    """
    shifted = matrix.copy()
    shifted[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    if onto is not None:
        cv2.warpAffine(image, shifted, size, dst=onto, borderMode=cv2.BORDER_TRANSPARENT)
        return onto
    return np.asarray(cv2.warpAffine(image, shifted, size, borderMode=border), np.uint8)


def blend(crop: ImageU8, color: Pyramid, alpha: Pyramid, matrix: Affine) -> None:
    """Warp a layer and blend it onto ``crop`` in place, touching only the part it covers.

    Args:
        crop: (H, W, 3) uint8.
        color: the layer's colours.
        alpha: its opacity, of the same size.
        matrix: layer -> crop.
    """
    corners = np.array([[0, 0], [color.width, 0], [0, color.height], [color.width, color.height]])
    x1, y1, x2, y2 = extent(apply(matrix, corners.astype(np.float64)))
    left, top = max(math.floor(x1), 0), max(math.floor(y1), 0)
    right, bottom = min(math.ceil(x2), crop.shape[1]), min(math.ceil(y2), crop.shape[0])
    if right <= left or bottom <= top:
        return
    local = matrix.copy()
    local[:, 2] -= (left, top)
    size = (right - left, bottom - top)
    image, adapted = color.at_scale(local)
    layer = warp(image, adapted, size, border=cv2.BORDER_REPLICATE)
    image, adapted = alpha.at_scale(local)
    weight = warp(image, adapted, size).astype(np.float32)
    part = crop[top:bottom, left:right]
    mixed = cv2.blendLinear(np.ascontiguousarray(part), layer, 255.0 - weight, weight)
    part[...] = mixed


def intersection(a: Extent, b: Sequence[float]) -> float:
    """Area shared by two boxes x1, y1, x2, y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)
