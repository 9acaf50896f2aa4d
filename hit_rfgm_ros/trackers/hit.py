"""HiT as a tracker of one target: a batch of one."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import TrackerError
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.frames import FrameClock
from hit_rfgm_ros.trackers.runner import TargetRunner
from hit_rfgm_ros.trackers.target import Target
from hit_rfgm_ros.types import Box, Engine, ImageU8, TrackResult


class HiTTracker:
    """Follows one target; implements `hit_rfgm_ros.types.Tracker`.

    Attributes:
        engine: what runs the network.
        options: as given.
    """

    def __init__(
        self,
        engine: Engine,
        config: HiTConfig,
        options: TrackerConfig | None = None,
        calibration: Calibration | None = None,
        *,
        color: str = 'rgb',
    ) -> None:
        self.engine = engine
        self.options = options or TrackerConfig()
        self._runner = TargetRunner(engine, config, self.options, calibration, color)
        self._clock = FrameClock(self.options.fps)
        self._target: Target | None = None

    def init(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> TrackResult:
        """Start on ``box`` in ``frame``; a refused start leaves a running track untouched.

        Args:
            frame: (H, W, 3) uint8.
            box: in image pixels.
            stamp: seconds of the source; 0 without it, and later frames 1/fps apart.

        Raises:
            FrameError: if the frame is no picture.
            GeometryError: if the box cannot be used.
            TrackerError: if the stamp is not finite.
            EngineError: if the network cannot be run.
        """
        clock = FrameClock(self.options.fps)
        now = clock.read(stamp)
        target = self._runner.start(frame, box)
        clock.set(now)
        self._target, self._clock = target, clock
        return target.started(now)

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> TrackResult:
        """Find the target in the next frame.

        Raises:
            TrackerError: before `init`, or if the stamp is not finite.
            FrameError: if the frame is no picture; the track goes on with the next one.
            EngineError: if the network cannot be run.
        """
        if self._target is None:
            raise TrackerError('update() before init(): give a frame and a box to init() first')
        now = self._clock.read(stamp)
        (result,) = self._runner.advance([self._target], frame, now)
        self._clock.set(now)
        return result

    def update_memory(self) -> int:
        """Nothing to do: HiT keeps the first template."""
        return 0

    def reset(self) -> None:
        """Forget the target."""
        self._target = None
