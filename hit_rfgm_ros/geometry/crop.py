"""Square crops around a box and the way back: the one place of this map.

Follows the official code (`sample_target`): the crop is a square of whole pixels, what lies
outside the image is black, and it is resized by OpenCV's bilinear interpolation. A crop that
reaches the image's right or bottom edge loses the last column or row, as it does there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.boxes import check_box, format_box
from hit_rfgm_ros.types import Array, Box, ImageU8
import numpy as np

MAX_SIDE = 16  # of a window, over the larger side of the image: bounds the memory of a crop


@dataclass(frozen=True)
class CropWindow:
    """A square of whole pixels in the image, and its resized side.

    Attributes:
        x, y: top-left corner in image pixels, may be negative.
        side: side in image pixels.
        size: side after resizing, in pixels.
        pads: black columns and rows: left, top, right, bottom.
        center: (x, y) in image pixels of the box that was asked for, before rounding.
    """

    x: int
    y: int
    side: int
    size: int
    pads: tuple[int, int, int, int]
    center: tuple[float, float]

    @property
    def resize_factor(self) -> float:
        """Pixels of the crop per pixel of the image."""
        return self.size / self.side

    def to_image(self, box: Array, *, paper_mode: bool = False) -> Box:
        """Map a network box to image pixels.

        Args:
            box: (4,) cx, cy, w, h as fractions of the crop.
            paper_mode: measure from the unrounded centre as the official code does, which is off
                by up to half a pixel; otherwise from the window that was really cut.
        """
        cx, cy, width, height = (
            float(value) for value in np.asarray(box, np.float32) * np.float32(self.side)
        )
        if paper_mode:
            left, top = self.center[0] - 0.5 * self.side, self.center[1] - 0.5 * self.side
        else:
            left, top = float(self.x), float(self.y)
        return Box(left + cx - 0.5 * width, top + cy - 0.5 * height, width, height)

    def to_crop(self, box: Box) -> Array:
        """Image box -> (4,) float64 cx, cy, w, h as fractions of the crop; undoes `to_image`."""
        cx, cy = box.center
        return np.array(
            [
                (cx - self.x) / self.side,
                (cy - self.y) / self.side,
                box.width / self.side,
                box.height / self.side,
            ]
        )


def crop_window(
    box: Box,
    factor: float,
    size: int,
    image_width: int,
    image_height: int,
    *,
    multiple: int = 1,
) -> CropWindow:
    """Place the square of side ``ceil(factor * sqrt(w * h))`` around ``box``.

    Args:
        box: in image pixels.
        factor: 2 for the template, 4 for the search region (HiT, section 4.1).
        size: side after resizing, in pixels.
        image_width, image_height: of the image in pixels.
        multiple: round the side up to a multiple of it; more of the padding of a large window can
            then be skipped in `cut`.

    Raises:
        GeometryError: if the box has no area or is far larger than the image, or if no pixel of
            the image is left in the window.
    """
    check_box(box)
    reach = math.sqrt(box.width * box.height) * factor
    if reach > MAX_SIDE * max(image_width, image_height):
        raise GeometryError(
            f'the box {format_box(box)} is far larger than the {image_width}x{image_height} '
            'image: give a box in pixels of this image'
        )
    side = math.ceil(reach)
    side += -side % multiple
    x = round(box.x + 0.5 * box.width - 0.5 * side)
    y = round(box.y + 0.5 * box.height - 0.5 * side)
    pads = (
        max(0, -x),
        max(0, -y),
        max(0, x + side - image_width + 1),
        max(0, y + side - image_height + 1),
    )
    if pads[0] + pads[2] >= side or pads[1] + pads[3] >= side:
        raise GeometryError(
            f'no pixel of the {image_width}x{image_height} image lies in the {side}-pixel window '
            f'around the box {format_box(box)}: give a box that overlaps the image'
        )
    return CropWindow(x, y, side, size, pads, box.center)


def cut(
    image: ImageU8, window: CropWindow, out: ImageU8 | None = None, *, exact: bool = False
) -> ImageU8:
    """Cut a window out of an image and resize it.

    Args:
        image: (H, W, 3) or (H, W) uint8.
        window: made for an image of this size.
        out: where to put the result; None makes a new array.
        exact: resize with integers alone, so that every machine gets the same pixels; slower, and
            up to a grey level away from the default.

    Returns:
        (size, size, 3) or (size, size) uint8, contiguous; black outside the image.
    """
    left, top, right, bottom = window.pads
    inside = image[
        window.y + top : window.y + window.side - bottom,
        window.x + left : window.x + window.side - right,
    ]
    how = cv2.INTER_LINEAR_EXACT if exact else cv2.INTER_LINEAR
    skips = _skippable(window)
    if not any(skips):
        if any(window.pads):
            inside = _with_border(inside, window.pads)
        size = (window.size, window.size)
        return np.asarray(cv2.resize(inside, size, dst=out, interpolation=how), np.uint8)
    if out is None:
        out = np.empty((window.size, window.size, *image.shape[2:]), np.uint8)
    out[:] = 0
    common = math.gcd(window.side, window.size)
    pixels, cells = window.side // common, window.size // common
    rest = [pad - skip * pixels for pad, skip in zip(window.pads, skips)]
    first_column, first_row, last_column, last_row = (skip * cells for skip in skips)
    part = out[first_row : window.size - last_row, first_column : window.size - last_column]
    part[:] = cv2.resize(
        _with_border(inside, rest), (part.shape[1], part.shape[0]), interpolation=how
    ).reshape(part.shape)
    return out


def _skippable(window: CropWindow) -> list[int]:
    """Blocks of padding at each side that need not be resized, because they stay black.

    A block is the smallest number of window pixels that become a whole number of crop pixels; a
    pixel of padding is left next to the image, since interpolation looks one pixel further.
    """
    pixels = window.side // math.gcd(window.side, window.size)
    return [max(pad - 1, 0) // pixels for pad in window.pads]


def _with_border(inside: ImageU8, pads: Sequence[int]) -> ImageU8:
    left, top, right, bottom = pads
    border = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT)
    return np.asarray(border, np.uint8)
