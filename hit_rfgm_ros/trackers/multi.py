"""Many targets in one camera's frames, all in one batch of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import ConfigError, TrackerError
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.frames import FrameClock, check_color
from hit_rfgm_ros.trackers.parts import make_parts
from hit_rfgm_ros.trackers.runner import TargetRunner
from hit_rfgm_ros.trackers.target import Target
from hit_rfgm_ros.types import Box, Engine, ImageU8, TrackResult

# What a target was started with, or what its time is counted by.
FIXED = (
    'paper_mode',
    'fps',
    'search_factor',
    'template_factor',
    'memory_kind',
    'relevance_stages',
)


class MultiTargetTracker:
    """Follows any number of targets; each gets the same boxes as it would alone.

    Implements `hit_rfgm_ros.types.MultiTracker`. Frames are (H, W, 3) uint8, or (H, W) if grey;
    each call may name the order of its frame's channels where it is not the usual one.

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
        several: bool = True,
        **options: Any,
    ) -> None:
        """Build the engine; see `create_tracker` for the other arguments and the errors.

        Args:
            several: load at once what several targets need, so that no frame waits for it; False
                where one target at a time is followed: an RFGM then holds its weights once.
        """
        check_color(color)
        parts = make_parts(
            model,
            weights=weights,
            backend=backend,
            device=device,
            precision=precision,
            threads=threads,
            options={'paper_mode': paper_mode, 'fps': fps, **options},
            several=several,
        )
        self._setup(parts.engine, parts.config, parts.options, parts.calibration, color)

    @classmethod
    def from_engine(
        cls,
        engine: Engine,
        config: ModelConfig,
        options: TrackerConfig | None = None,
        calibration: Calibration | None = None,
        *,
        color: str = 'rgb',
    ) -> MultiTargetTracker:
        """Make one on an engine that exists already, as a `SingleTargetTracker` is made.

        `trackers.parts.warm_up` loads beforehand what several targets need.
        """
        self = cls.__new__(cls)
        self._setup(engine, config, options or TrackerConfig(), calibration, color)
        return self

    def _setup(
        self,
        engine: Engine,
        config: ModelConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
        color: str,
    ) -> None:
        self.engine = engine
        self._runner = TargetRunner(engine, config, options, calibration, color)
        self.options = self._runner.options
        self._clock = FrameClock(options.fps)
        self._targets: dict[int, Target] = {}
        self._last_id = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """Targets that are followed, oldest first."""
        return tuple(self._targets)

    def add(
        self,
        frame: ImageU8,
        box: Box,
        *,
        stamp: float | None = None,
        color: str | None = None,
        target_id: int | None = None,
    ) -> int:
        """Start a target on ``box`` in ``frame``; the others are not touched.

        Args:
            frame: usually the frame of the last `update`.
            box: in image pixels.
            stamp: seconds of the source; without it that of the last frame.
            color: ``rgb`` or ``bgr``, of this frame.
            target_id: positive; a target of this id is started again, and goes on as it was if
                the start is refused. Without it the next one that was never used.

        Returns:
            Its id, never given by itself again.

        Raises:
            FrameError, GeometryError, TrackerError, EngineError: as `SingleTargetTracker.init`.
            ConfigError: if ``color`` is not known.
        """
        now = self._clock.now if stamp is None else self._clock.read(stamp)
        own = self._last_id + 1 if target_id is None else target_id
        if own < 1:
            raise TrackerError(f'the id of a target is a positive number, got {own!r}')
        target, _ = self._runner.start(frame, box, now, color=color)
        if not self._targets:
            self._clock.set(now)
        self._last_id = max(self._last_id, own)
        self._targets[own] = target
        return own

    def remove(self, target_id: int) -> None:
        """Forget a target.

        Raises:
            TrackerError: if there is no such target.
        """
        self._check_known(target_id)
        del self._targets[target_id]

    def update(
        self,
        frame: ImageU8,
        *,
        stamp: float | None = None,
        color: str | None = None,
        ids: Sequence[int] | None = None,
    ) -> dict[int, TrackResult]:
        """Find all targets in the next frame, or only some of them.

        Args:
            frame: the next one.
            stamp: seconds of the source.
            color: ``rgb`` or ``bgr``, of this frame.
            ids: targets to find; the others, and the time that frames without a stamp are
                counted from, stay as they are. So one target can run through older frames.

        Returns:
            One result per target; empty where there is none.

        Raises:
            FrameError, TrackerError, EngineError: as `SingleTargetTracker.update`.
            ConfigError: if ``color`` is not known.
        """
        now = self._clock.read(stamp)
        chosen = self._targets
        if ids is not None:
            for target_id in ids:
                self._check_known(target_id)
            chosen = {target_id: self._targets[target_id] for target_id in ids}
        results = self._runner.advance(list(chosen.values()), frame, now, color=color)
        if ids is None:
            self._clock.set(now)
        return dict(zip(chosen, results))

    def update_memory(self) -> int:
        """Carry out the memory updates that the last frames made due; see `types.Tracker`.

        Returns:
            How many were carried out.

        Raises:
            EngineError: if the network cannot be run; that update is left out, and those of the
                other targets are carried out all the same.
        """
        return self._runner.remember(list(self._targets.values()))

    def change_options(self, **options: Any) -> None:
        """Take over fields of `TrackerConfig` from the next frame on; no target is lost.

        Raises:
            ConfigError: if a name or a value is not known, or the option cannot change any more.
        """
        known = [field.name for field in fields(TrackerConfig) if field.name not in FIXED]
        for name in options:
            if name not in known:
                hint = did_you_mean(name, known) or f'these can: {", ".join(known)}'
                raise ConfigError(f'{name!r} cannot be changed in a running tracker: {hint}')
        changed = TrackerConfig.from_dict({**asdict(self.options), **options})
        self._runner.set_options(changed, self._targets.values())
        self.options = self._runner.options

    def reset_memory(self) -> None:
        """Bring every target back to its first template.

        Its box stays. The state begins anew with TRACKING, and with a memory the schedule of its
        updates too.
        """
        self._runner.reset(self._targets.values())

    def _check_known(self, target_id: int) -> None:
        if target_id not in self._targets:
            known = ', '.join(map(str, self._targets)) or 'none'
            raise TrackerError(f'there is no target {target_id}; there are: {known}')
