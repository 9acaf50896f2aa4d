"""A tracker of one target: a batch of one."""

from __future__ import annotations

from collections.abc import Callable

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import TrackerError
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.frames import FrameClock
from hit_rfgm_ros.trackers.look import Look
from hit_rfgm_ros.trackers.runner import TargetRunner
from hit_rfgm_ros.trackers.target import Target
from hit_rfgm_ros.types import Box, Engine, ImageU8, TrackResult


class SingleTargetTracker:
    """Follows one target; implements `hit_rfgm_ros.types.Tracker`.

    Attributes:
        engine: what runs the network.
        options: as given, `memory_kind` as it is meant where it was ``auto``.
    """

    def __init__(
        self,
        engine: Engine,
        config: ModelConfig,
        options: TrackerConfig | None = None,
        calibration: Calibration | None = None,
        *,
        color: str = 'rgb',
    ) -> None:
        """Make one on an engine that exists; by names it is `create_tracker`.

        Raises:
            ConfigError: if the network lacks what an option needs.
            WeightsError: if the calibration belongs to another family of networks.
        """
        self.engine = engine
        self._runner = TargetRunner(engine, config, options or TrackerConfig(), calibration, color)
        self.options = self._runner.options
        self._config = config
        self._clock = FrameClock(self.options.fps)
        self._target: Target | None = None
        self._trace: Callable[[Look], None] | None = None

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
        looks: list[Look] | None = None if self._trace is None else []
        target, result = self._runner.start(frame, box, now, looks=looks)
        clock.set(now)
        self._target, self._clock = target, clock
        self._tell(looks)
        return result

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
        looks: list[Look] | None = None if self._trace is None else []
        (result,) = self._runner.advance([self._target], frame, now, looks=looks)
        self._clock.set(now)
        self._tell(looks)
        return result

    def update_memory(self) -> int:
        """Carry out the memory update that the last frame made due; see `types.Tracker`.

        Returns:
            1 if there was one, else 0.

        Raises:
            EngineError: if the network cannot be run; that update is left out.
        """
        return 0 if self._target is None else self._runner.remember([self._target])

    def reset(self) -> None:
        """Forget the target."""
        self._target = None

    def _tell(self, looks: list[Look] | None) -> None:
        if self._trace is not None:
            for look in looks or ():
                self._trace(look)

    @property
    def trace(self) -> Callable[[Look], None] | None:
        """Called after `init` and each `update` with what was seen; None calls nobody.

        Raises:
            TrackerError: on setting it for a network without a memory.
        """
        return self._trace

    @trace.setter
    def trace(self, trace: Callable[[Look], None] | None) -> None:
        if trace is not None and not isinstance(self._config, RFGMConfig):
            raise TrackerError(f'{self._config.name} keeps no memory that could be shown')
        self._trace = trace
