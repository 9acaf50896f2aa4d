"""Film strips: frames of a sequence with the true box and those of trackers."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from hit_rfgm_ros.types import Box, ImageU8
from hit_rfgm_ros.viz.colors import PANEL_COLOR, RGB, TRUTH_COLOR
from hit_rfgm_ros.viz.draw import corner_marks, draw_rectangle
from hit_rfgm_ros.viz.ink import blend, panel, text_mask
import numpy as np

WIDTH = 400  # pixels of a frame in a strip
_QUALITY = 80


def draw_strip_frame(
    frame: ImageU8,
    truth: Box | None,
    box: Box | None,
    color: RGB,
    *,
    number: int,
    width: int = WIDTH,
) -> ImageU8:
    """One frame, shrunk or enlarged to ``width`` pixels.

    Args:
        frame: (H, W, 3) uint8 RGB.
        truth: the true box, a white outline; None where the target is not visible.
        box: that of the tracker, coloured corners; None if it gives none.
        color: of its corners.
        number: of the frame in the strip, for its corner.
        width: of the picture that comes out.
    """
    scale = width / frame.shape[1]
    size = (width, max(1, round(scale * frame.shape[0])))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.ascontiguousarray(cv2.resize(frame, size, interpolation=way), np.uint8)
    if truth is not None:
        draw_rectangle(canvas, _scaled(truth, scale), PANEL_COLOR, 4)
        draw_rectangle(canvas, _scaled(truth, scale), TRUTH_COLOR, 2)
    if box is not None:
        corner_marks(canvas, _scaled(box, scale), color, 1.7)
    mask = text_mask(str(number), 18)
    panel(canvas, 8, 8, mask.shape[1] + 18, mask.shape[0] + 14, PANEL_COLOR, 0.7, radius=8)
    blend(canvas, mask, 17, 15, TRUTH_COLOR)
    return canvas


def encode_jpeg(picture: ImageU8) -> bytes:
    """A picture (H, W, 3) uint8 RGB as JPEG."""
    _, data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)


def join_strip(frames: Sequence[ImageU8], captions: Sequence[str], columns: int = 3) -> ImageU8:
    """Frames in rows, each with its caption below it, on white; (H, W, 3) uint8 RGB.

    Args:
        frames: of one size.
        captions: one per frame; of several lines, if need be.
        columns: frames per row.
    """
    gap, line = 12, 17
    foot = 8 + line * max(caption.count('\n') + 1 for caption in captions)
    height, width = frames[0].shape[:2]
    rows = -(-len(frames) // columns)
    columns = min(columns, len(frames))
    shape = (rows * (height + foot) + gap, columns * (width + gap) + gap, 3)
    sheet: ImageU8 = np.full(shape, 255, np.uint8)
    for index, (frame, caption) in enumerate(zip(frames, captions)):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + foot), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = frame
        for place, text in enumerate(caption.split('\n')):
            mask = text_mask(text, 8)[:, :width]
            blend(sheet, mask, left, top + height + 6 + line * place, (70, 78, 88))
    return sheet


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(scale * value for value in box))
