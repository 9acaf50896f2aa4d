"""Starts targets and carries them to the next frame; shared by one target and by many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.geometry.crop import crop_window
from hit_rfgm_ros.trackers.batch import Batch
from hit_rfgm_ros.trackers.confidence import Calibration, FloatArray, features
from hit_rfgm_ros.trackers.frames import check_color, check_frame
from hit_rfgm_ros.trackers.target import Target, check_start
from hit_rfgm_ros.types import Array, Box, Engine, ImageU8, TrackResult
import numpy as np


class TargetRunner:
    """The one path of a frame: windows of all targets, one batch, results.

    Attributes:
        engine: what runs the network.
        options: how targets are followed.
    """

    def __init__(
        self,
        engine: Engine,
        config: HiTConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
        color: str,
    ) -> None:
        self.engine = engine
        self.options = options
        self._config = config
        self._calibration = calibration
        self._color = check_color(color)
        self._batch = Batch(engine, config)

    def start(self, frame: ImageU8, box: Box, *, color: str | None = None) -> Target:
        """Make a target from its box; nothing else is changed.

        Args:
            frame: (H, W, 3) uint8.
            box: in image pixels.
            color: order of this frame's channels where it is not the usual one.

        Raises:
            ConfigError, FrameError, GeometryError, EngineError: see `HiTTracker.init`.
        """
        color = self._color if color is None else check_color(color)
        picture = check_frame(frame)
        height, width = picture.shape[:2]
        check_start(box, width, height, self.options)
        window = crop_window(
            box, self.options.template_factor, self._config.template_size, width, height
        )
        # a box whose search region would hold no pixel is refused now, not in the first update
        crop_window(box, self.options.search_factor, self._config.search_size, width, height)
        tokens = self._batch.template(picture, window, color=color)
        return Target(box, tokens, (width, height), self._config, self.options, self._calibration)

    def advance(
        self,
        targets: Sequence[Target],
        frame: ImageU8,
        stamp: float,
        *,
        color: str | None = None,
    ) -> list[TrackResult]:
        """Follow all targets into the next frame, in one batch.

        Raises:
            ConfigError, FrameError, EngineError: see `HiTTracker.update`.
        """
        color = self._color if color is None else check_color(color)
        picture = check_frame(frame)
        height, width = picture.shape[:2]
        proposed = [target.propose(width, height) for target in targets]
        windows = [window for group in proposed for window in group]
        if not windows:
            return []
        tokens = [target.tokens for target, group in zip(targets, proposed) for _ in group]
        outputs = self._batch.track(picture, windows, tokens, color=color)
        boxes = np.asarray(outputs['boxes'], np.float64)
        values = None if self.options.paper_mode else _features(outputs)
        results, start = [], 0
        for target, group in zip(targets, proposed):
            rows = slice(start, start + len(group))
            start = rows.stop
            own = None if values is None else values[rows]
            results.append(target.absorb(group, boxes[rows], own, stamp))
        return results


def _features(outputs: Mapping[str, Array]) -> FloatArray:
    return features(
        outputs['score_tl'], outputs['score_br'], outputs['correlation'], outputs['boxes']
    )
