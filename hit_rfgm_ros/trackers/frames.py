"""What a tracker accepts as a frame, and the time between frames."""

from __future__ import annotations

import math

from hit_rfgm_ros.errors import ConfigError, FrameError, TrackerError
from hit_rfgm_ros.geometry.boxes import PAPER_MARGIN
from hit_rfgm_ros.types import ImageU8
import numpy as np

COLORS = ('rgb', 'bgr')
MIN_SIDE = int(PAPER_MARGIN)  # pixels; smaller pictures cannot hold a clipped box


def check_color(color: str) -> str:
    """Refuse a colour order other than ``rgb`` and ``bgr``.

    Raises:
        ConfigError: with the value given.
    """
    if color not in COLORS:
        raise ConfigError(f"color must be 'rgb' or 'bgr', got {color!r}")
    return color


def check_frame(frame: ImageU8) -> ImageU8:
    """Refuse what is no picture; nothing is copied.

    Args:
        frame: (H, W, 3) uint8 in any memory layout, or grey as (H, W) or (H, W, 1).

    Returns:
        A view of shape (H, W, 3), or (H, W) for grey pictures.

    Raises:
        FrameError: saying what was given and how to convert it.
    """
    if not isinstance(frame, np.ndarray):
        raise FrameError(f'a frame is a numpy array, got {type(frame).__name__}')
    if frame.dtype != np.uint8:
        raise FrameError(
            f'a frame is uint8 with values 0 to 255, got {frame.dtype}; convert it first, '
            'for values in [0, 1] with: (frame * 255).astype(numpy.uint8)'
        )
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[:, :, 0]
    if not (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)):
        hint = '; drop the alpha channel: frame[:, :, :3]' if frame.shape[2:] == (4,) else ''
        raise FrameError(
            f'a frame has the shape (height, width, 3), or (height, width) if it is grey; '
            f'got {frame.shape}{hint}'
        )
    if min(frame.shape[:2]) < MIN_SIDE:
        raise FrameError(
            f'a frame is at least {MIN_SIDE} pixels wide and high, got '
            f'{frame.shape[1]}x{frame.shape[0]}'
        )
    return frame


class FrameClock:
    """Time of the source: stamps where they are given, else frames 1/fps apart.

    Attributes:
        now: seconds of the newest frame.
    """

    def __init__(self, fps: float) -> None:
        self._step = 1.0 / fps
        self._started = False
        self.now = 0.0

    def read(self, stamp: float | None) -> float:
        """Time of the next frame in seconds; nothing is remembered yet.

        Raises:
            TrackerError: if the stamp is not finite.
        """
        if stamp is None:
            return self.now + self._step if self._started else 0.0
        if not math.isfinite(stamp):
            raise TrackerError(f'a stamp is a finite number of seconds, got {stamp!r}')
        return float(stamp)

    def set(self, now: float) -> None:
        """Take over the time of a frame that was accepted."""
        self.now = now
        self._started = True

    def reset(self) -> None:
        """Forget all frames."""
        self._started = False
        self.now = 0.0
