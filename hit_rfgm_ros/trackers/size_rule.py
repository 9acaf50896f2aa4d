"""How the size of a box may change, and the size to come back to when the box is in doubt.

A few wrong sizes in a row are worse than a wrong place: the windows are cut by the size, so the
target then appears at a scale that the network was not made for, and is not found again.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.types import Box

STEADY_SECONDS = 0.5  # time constant of the steady size


class SizeRule:
    """Bounds and damps changes of size, and remembers a steady size.

    Attributes:
        steady: (width, height) in pixels, the running mean of the sizes while TRACKING.
    """

    def __init__(self, box: Box, options: TrackerConfig, calibration: Calibration) -> None:
        self.steady = (box.width, box.height)
        self.set_options(options, calibration)

    def set_options(self, options: TrackerConfig, calibration: Calibration) -> None:
        """Go by other options from the next frame on."""
        own = options.size_damping == -1
        self._damping = calibration.size_damping if own else options.size_damping
        self._factor = calibration.size_factor
        self._bound = options.max_scale_change
        self._least = options.min_box_size

    def step(
        self, old: Box, found: Box, confidence: float, image_size: tuple[int, int]
    ) -> tuple[float, float]:
        """Width and height after a frame.

        Args:
            old: box that the change is measured from.
            found: what the network says.
            confidence: of it, in [0, 1]; weighs the damped share of the way.
            image_size: (width, height), the bounds of the sides in pixels.
        """
        return (
            self._side(old.width, found.width, confidence, image_size[0]),
            self._side(old.height, found.height, confidence, image_size[1]),
        )

    def learn(self, box: Box, confidence: float, seconds: float) -> None:
        """Let the steady size follow a box that is believed.

        Args:
            box: in image pixels.
            confidence: in [0, 1].
            seconds: since the last frame.
        """
        share = confidence * -math.expm1(-max(seconds, 0.0) / STEADY_SECONDS)
        width, height = self.steady
        self.steady = (
            width * (box.width / width) ** share,
            height * (box.height / height) ** share,
        )

    def rescale(self, across: float, down: float) -> None:
        """The picture became ``across`` times wider and ``down`` times higher."""
        self.steady = (self.steady[0] * across, self.steady[1] * down)

    def _side(self, old: float, found: float, confidence: float, longest: int) -> float:
        new = max(found * self._factor, 1e-3)
        if self._damping < 1:
            new = old * (new / old) ** (self._damping * confidence)
        if self._bound:
            new = min(max(new, old / self._bound), old * self._bound)
        return min(max(new, self._least), max(float(longest), self._least))
