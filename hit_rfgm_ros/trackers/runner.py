"""Starts targets and carries them to the next frame; shared by one target and by many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import logging
import threading

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.geometry.crop import crop_window
from hit_rfgm_ros.trackers.batch import Batch, cut_rgb
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.families import make_network, settle
from hit_rfgm_ros.trackers.frames import check_color, check_frame
from hit_rfgm_ros.trackers.look import Look, first_look, make_look
from hit_rfgm_ros.trackers.target import Target, check_start
from hit_rfgm_ros.trackers.target_memory import MemoryUpdate
from hit_rfgm_ros.types import Box, Engine, ImageU8, TrackResult
import numpy as np

_log = logging.getLogger(__name__)

_LEFT_OUT = 'a memory update is left out: %s'


class TargetRunner:
    """The one path of a frame: windows of all targets, one batch, results, memories.

    What a memory update needs is taken from the frame at once; the update itself runs when
    `remember` is called, or else before the next frame of that target. So it makes no frame late,
    and when it runs is no matter for the results.

    Attributes:
        engine: what runs the network.
        options: how targets are followed.
    """

    def __init__(
        self,
        engine: Engine,
        config: ModelConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
        color: str,
    ) -> None:
        self.engine = engine
        self.options = settle(config, options)
        self._color = check_color(color)
        self._network = make_network(engine, config, self.options, calibration)
        self._batch = Batch(self._network, int(getattr(engine, 'max_batch', 8)))
        self._updating = threading.Lock()  # memories may be updated from another thread

    def start(
        self,
        frame: ImageU8,
        box: Box,
        stamp: float,
        *,
        color: str | None = None,
        looks: list[Look] | None = None,
    ) -> tuple[Target, TrackResult]:
        """Make a target from its box; nothing else is changed.

        Args:
            frame: (H, W, 3) uint8.
            box: in image pixels.
            stamp: seconds of the source.
            color: order of this frame's channels where it is not the usual one.
            looks: where to put the first template, if the target has a memory.

        Raises:
            ConfigError, FrameError, GeometryError, EngineError: see `SingleTargetTracker.init`.
        """
        color = self._color if color is None else check_color(color)
        picture = check_frame(frame)
        height, width = picture.shape[:2]
        check_start(box, width, height, self.options)
        template = self._template(picture, box, color)
        # a box whose search region would hold no pixel is refused now, not in the first update
        search_size = self._network.config.search_size
        window = crop_window(box, self.options.search_factor, search_size, width, height)
        memory = self._network.begin(template)
        target = Target(box, memory, (width, height), self._network, self.options)
        result = target.started(stamp)
        if looks is not None:
            search = cut_rgb(picture, window, color)
            looks += first_look(memory, window, search, template, result)
        return target, result

    def advance(
        self,
        targets: Sequence[Target],
        frame: ImageU8,
        stamp: float,
        *,
        color: str | None = None,
        looks: list[Look] | None = None,
    ) -> list[TrackResult]:
        """Follow all targets into the next frame, in one batch.

        Args:
            targets: to follow.
            frame: (H, W, 3) uint8.
            stamp: seconds of the source.
            color: order of this frame's channels where it is not the usual one.
            looks: where to put what was seen of each target that has a memory.

        Raises:
            ConfigError, FrameError, EngineError: see `SingleTargetTracker.update`.
        """
        color = self._color if color is None else check_color(color)
        picture = check_frame(frame)
        self._remember_late(targets)
        height, width = picture.shape[:2]
        proposed = [target.propose(width, height) for target in targets]
        windows = [window for group in proposed for window in group]
        if not windows:
            return []
        memories = [target.memory for target, group in zip(targets, proposed) for _ in group]
        near = np.array(
            [
                k == 0 and target.is_near
                for target, own in zip(targets, proposed)
                for k in range(len(own))
            ]
        )
        reading = self._batch.look(picture, windows, memories, near, color=color)
        results, first = [], 0
        for target, group in zip(targets, proposed):
            result = target.absorb(group, reading.rows(first, first + len(group)), stamp)
            results.append(result)
            row = first + target.picked
            update = self._update(target, picture, row, color) if target.wants_update() else None
            if looks is not None:
                template = None if update is None else update.template
                search = self._batch.search(row)
                looks += make_look(
                    target.memory, reading, row, windows[row], search, template, result
                )
            target.memory.waiting = update  # from here on another thread may carry it out
            first += len(group)
        return results

    def _update(self, target: Target, picture: ImageU8, row: int, color: str) -> MemoryUpdate:
        """What the memory is to be updated with, copied from this frame."""
        return MemoryUpdate(
            target.memory.frame,
            target.stamp,
            target.confidence,
            self._template(picture, target.box, color),
            self._batch.search(row),
        )

    def _template(self, picture: ImageU8, box: Box, color: str) -> ImageU8:
        height, width = picture.shape[:2]
        size = self._network.config.template_size
        window = crop_window(box, self.options.template_factor, size, width, height)
        return cut_rgb(picture, window, color)

    def remember(self, targets: Iterable[Target]) -> int:
        """Carry out the memory updates that are waiting, one by one.

        Returns:
            How many were carried out.

        Raises:
            EngineError: if the network cannot be run; that update is left out and its memory is
                as it was. Those of the other targets are carried out all the same.
        """
        done, failures = 0, []
        with self._updating:
            for target in targets:
                try:
                    done += self._network.remember(target.memory)
                except EngineError as error:
                    failures.append(error)
        for failure in failures[1:]:
            _log.warning(_LEFT_OUT, failure)
        if failures:
            raise failures[0]
        return done

    def _remember_late(self, targets: Iterable[Target]) -> None:
        """What nobody called `remember` for; a failure leaves the frame as it would be then."""
        try:
            self.remember(targets)
        except EngineError as error:
            _log.warning(_LEFT_OUT, error)

    def reset(self, targets: Iterable[Target]) -> None:
        """Bring targets back to their first template."""
        with self._updating:
            for target in targets:
                target.reset()

    def set_options(self, options: TrackerConfig, targets: Iterable[Target]) -> None:
        """Follow these targets, and those to come, by other options from the next frame on.

        Raises:
            ConfigError: if the network lacks what an option needs.
        """
        self.options = settle(self._network.config, options)
        self._network.set_options(self.options)
        for target in targets:
            target.set_options(self.options)
