"""Many targets in one camera's frames, all in one batch of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.models import HiTConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import TrackerError
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.frames import FrameClock, check_color
from hit_rfgm_ros.trackers.parts import make_parts
from hit_rfgm_ros.trackers.runner import TargetRunner
from hit_rfgm_ros.trackers.target import Target
from hit_rfgm_ros.types import Box, Engine, ImageU8, TrackResult


class MultiTargetTracker:
    """Follows any number of targets; each gets the same boxes as it would alone.

    Attributes:
        engine: what runs the network.
        options: how targets are followed.
    """

    def __init__(
        self,
        model: str,
        *,
        weights: str | Path | None = None,
        backend: str = 'auto',
        device: str = 'auto',
        precision: str = 'auto',
        paper_mode: bool = False,
        fps: float = 30.0,
        color: str = 'rgb',
        threads: int = 0,
        **options: Any,
    ) -> None:
        """Build the engine; see `create_tracker` for the arguments and the errors."""
        check_color(color)
        parts = make_parts(
            model,
            weights=weights,
            backend=backend,
            device=device,
            precision=precision,
            threads=threads,
            options={'paper_mode': paper_mode, 'fps': fps, **options},
        )
        self._setup(parts.engine, parts.config, parts.options, parts.calibration, color)

    @classmethod
    def from_engine(
        cls,
        engine: Engine,
        config: HiTConfig,
        options: TrackerConfig | None = None,
        calibration: Calibration | None = None,
        *,
        color: str = 'rgb',
    ) -> MultiTargetTracker:
        """Make one on an engine that exists already, as `HiTTracker` is made."""
        self = cls.__new__(cls)
        self._setup(engine, config, options or TrackerConfig(), calibration, color)
        return self

    def _setup(
        self,
        engine: Engine,
        config: HiTConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
        color: str,
    ) -> None:
        self.engine = engine
        self.options = options
        self._runner = TargetRunner(engine, config, options, calibration, color)
        self._clock = FrameClock(options.fps)
        self._targets: dict[int, Target] = {}
        self._last_id = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """Targets that are followed, oldest first."""
        return tuple(self._targets)

    def add(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> int:
        """Start a target on ``box`` in ``frame``; the others are not touched.

        Args:
            frame: (H, W, 3) uint8, usually the frame of the last `update`.
            box: in image pixels.
            stamp: seconds of the source; without it that of the last frame.

        Returns:
            Its id, positive and never used again.

        Raises:
            FrameError, GeometryError, TrackerError, EngineError: as `HiTTracker.init`.
        """
        now = self._clock.now if stamp is None else self._clock.read(stamp)
        target = self._runner.start(frame, box)
        if not self._targets:
            self._clock.set(now)
        target.started(now)
        self._last_id += 1
        self._targets[self._last_id] = target
        return self._last_id

    def remove(self, target_id: int) -> None:
        """Forget a target.

        Raises:
            TrackerError: if there is no such target.
        """
        if target_id not in self._targets:
            known = ', '.join(map(str, self._targets)) or 'none'
            raise TrackerError(f'there is no target {target_id}; there are: {known}')
        del self._targets[target_id]

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> dict[int, TrackResult]:
        """Find all targets in the next frame.

        Returns:
            One result per target; empty where there is none.

        Raises:
            FrameError, TrackerError, EngineError: as `HiTTracker.update`.
        """
        now = self._clock.read(stamp)
        results = self._runner.advance(list(self._targets.values()), frame, now)
        self._clock.set(now)
        return dict(zip(self._targets, results))
