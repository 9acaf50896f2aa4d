"""The frames that everybody measures with: the same on every machine, drawn without a library."""

from __future__ import annotations

import cv2
from hit_rfgm_ros.data.golden import HEIGHT, WIDTH, golden_frame
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

COUNT = 8


def bench_frames(width: int, height: int) -> tuple[ImageU8, Box]:
    """The first frames of the golden sequence, enlarged until they fill the size.

    Args:
        width, height: in pixels.

    Returns:
        (COUNT, height, width, 3) uint8 RGB, and the target's box in the first of them.
    """
    scale = max(width / WIDTH, height / HEIGHT)
    size = (max(width, round(scale * WIDTH)), max(height, round(scale * HEIGHT)))
    box = golden_frame(0).box
    # What does not fit is cut off evenly around the target, as far as the picture goes.
    left = _start(scale * box.center[0], width, size[0])
    top = _start(scale * box.center[1], height, size[1])
    frames = [
        cv2.resize(golden_frame(index).image, size, interpolation=cv2.INTER_LINEAR)[
            top : top + height, left : left + width
        ]
        for index in range(COUNT)
    ]
    place = Box(scale * box.x - left, scale * box.y - top, scale * box.width, scale * box.height)
    return np.stack(frames), place


def _start(middle: float, length: int, whole: int) -> int:
    return int(min(max(middle - 0.5 * length, 0), whole - length))
