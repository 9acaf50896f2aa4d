"""The annotated image: all targets of one report drawn over their picture."""

from __future__ import annotations

import math

import cv2
from hit_rfgm_ros.runtime.reports import FrameReport, Picture, TargetReport, TargetState
from hit_rfgm_ros.runtime.target_look import COLORS, name_of, state_of
from hit_rfgm_ros.types import Box, ConfidenceKind, ImageU8
from hit_rfgm_ros.viz.colors import TRUTH_COLOR
from hit_rfgm_ros.viz.draw import TargetMark, draw_targets
import numpy as np

_NARROW = 480  # pixels; below it there is no room for labels and names


def annotate(
    picture: Picture, report: FrameReport, *, max_side: int, caption: str = ''
) -> ImageU8:
    """Draw a report; the picture is shrunk first, so that lines and letters stay sharp.

    Args:
        picture: of the report; not changed.
        report: boxes in pixels of the picture.
        max_side: longest side of the result in pixels.
        caption: small text before the status line, the network's name for one.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    canvas = _canvas(picture, max_side)
    scale_x = canvas.shape[1] / picture.pixels.shape[1]
    scale_y = canvas.shape[0] / picture.pixels.shape[0]
    brief = canvas.shape[1] < _NARROW
    marks = [
        _mark(target, scale_x, scale_y, brief)
        for target in report.targets
        if all(math.isfinite(value) for value in target.box)
    ]
    texts = ('' if brief else caption, _status(report))
    draw_targets(canvas, marks, caption='   '.join(text for text in texts if text))
    return canvas


def _canvas(picture: Picture, max_side: int) -> ImageU8:
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    shrink = max_side / max(height, width)
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    if picture.color == 'bgr':
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    return pixels if shrink < 1 else np.array(pixels, order='C')


def _mark(target: TargetReport, scale_x: float, scale_y: float, brief: bool) -> TargetMark:
    x, y, width, height = target.box
    color = COLORS[target.state]
    known = target.confidence_kind is not ConfidenceKind.NONE
    return TargetMark(
        Box(scale_x * x, scale_y * y, scale_x * width, scale_y * height),
        color,
        ((name_of(target, brief), TRUTH_COLOR), (state_of(target, brief), color)),
        target.confidence if known and math.isfinite(target.confidence) else None,
        faded=target.state is TargetState.LOST,
        dashed=target.state is TargetState.CATCHING_UP,
    )


def _status(report: FrameReport) -> str:
    count = len(report.targets)
    words = f'{count} target{"s" * (count > 1)}' if count else 'no targets'
    return f'{words}   {1000 * report.age:.0f} ms' if math.isfinite(report.age) else words
