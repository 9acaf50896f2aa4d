"""Which part of a frame a rival looks at, and the way of its boxes back.

Three rules are in use:

- ``square``: side ``ceil(context * sqrt(w * h))``; OSTrack, HiT.
- ``siamfc``: side ``sqrt((w + p)(h + p))`` with ``p = context * (w + h)`` for the template; the
  search region is as much larger as its picture is. SiamFC, SiamRPN, NanoTrack.
- ``rectangle``: the box with ``context`` times its width and height more at each side, stretched
  to a square picture; FEAR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from hit_rfgm_ros.evaluation.rivals.adapter_settings import Crops
from hit_rfgm_ros.types import Array, Box, ImageU8
import numpy as np

Color = Sequence[float]


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels in the frame.

    Attributes:
        x, y: top left corner in image pixels, may be negative.
        width, height: in image pixels.
        size: side of the square picture that it becomes.
        edge: columns and rows that are lost where it reaches the frame's right or bottom end; 1
            in OSTrack's code, as in `geometry.crop`.
    """

    x: int
    y: int
    width: int
    height: int
    size: int
    edge: int = 0

    def cut(self, frame: ImageU8, outside: Color) -> ImageU8:
        """Cut it out, (size, size, 3) uint8; ``outside`` is put where the frame ends."""
        rows, top, bottom = self._inside(self.y, self.height, frame.shape[0])
        columns, left, right = self._inside(self.x, self.width, frame.shape[1])
        inside: Array = frame[rows, columns]
        if not inside.size:
            return np.full((self.size, self.size, 3), outside, np.uint8)
        if top or bottom or left or right:
            inside = cv2.copyMakeBorder(
                inside, top, bottom, left, right, cv2.BORDER_CONSTANT, value=list(outside)
            )
        return np.asarray(cv2.resize(inside, (self.size, self.size)), np.uint8)

    def to_image(self, box: Array) -> Box:
        """(4,) cx, cy, w, h in pixels of the picture -> box in the frame."""
        across, down = self.width / self.size, self.height / self.size
        cx, cy, width, height = (float(value) for value in box)
        return Box(
            self.x + (cx - 0.5 * width) * across,
            self.y + (cy - 0.5 * height) * down,
            width * across,
            height * down,
        )

    def _inside(self, start: int, length: int, frame: int) -> tuple[slice, int, int]:
        """What of one axis lies in the frame, and what is missing before and after."""
        end = start + length
        first, last = max(0, start), min(end, frame)
        if end > frame - self.edge:
            last = frame - self.edge
        if last <= first:
            return slice(0, 0), 0, 0
        return slice(first, last), first - start, end - last


def template_region(box: Box, crops: Crops) -> Region:
    """Where the picture of the target is taken from."""
    size, context = crops.template_size, crops.template_context
    if crops.rule == 'siamfc':
        return _siamfc(box, _siamfc_side(box, context), size)
    return _around(box, crops.rule, size, context)


def search_region(box: Box, crops: Crops) -> Region:
    """Where the target is looked for, around its last box."""
    size, context = crops.search_size, crops.search_context
    if crops.rule == 'siamfc':
        side = _siamfc_side(box, crops.template_context) * size / crops.template_size
        return _siamfc(box, side, size)
    return _around(box, crops.rule, size, context)


def _siamfc_side(box: Box, context: float) -> float:
    more = context * (box.width + box.height)
    return math.sqrt((box.width + more) * (box.height + more))


def _siamfc(box: Box, length: float, size: int) -> Region:
    side = max(1, round(length))
    # As the family's code rounds: half a pixel to one and a half left of the middle.
    x, y = (math.floor(middle - 0.5 * side - 0.5) for middle in box.center)
    return Region(x, y, side, side, size)


def _around(box: Box, rule: str, size: int, context: float) -> Region:
    if rule == 'square':
        side = max(1, math.ceil(context * math.sqrt(box.area)))
        x, y = (round(middle - 0.5 * side) for middle in box.center)
        return Region(x, y, side, side, size, edge=1)
    x, y = int(box.x - context * box.width), int(box.y - context * box.height)
    width = max(1, int(box.width * (1 + 2 * context)))
    height = max(1, int(box.height * (1 + 2 * context)))
    return Region(x, y, width, height, size)
