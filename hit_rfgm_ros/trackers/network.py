"""What a tracker needs of a network; HiT and RFGM fill it in, and all else is alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import Array, BoolArray, ConfidenceKind, FloatArray, ImageU8
import numpy as np


class Reading(NamedTuple):
    """What a network says of N windows.

    Attributes:
        boxes: (N, 4) cx, cy, w, h as fractions of the windows, as the network gave them.
        finite: (N,) whether the numbers can be used at all.
        raw: (N,) scores in [0, 1] that are the confidence where there are no `features`.
        features: (N, F) for the calibration; None where it plays no part.
        score: (N, cells) score maps; None where the network has none.
        kept: for each window and layer that drops memory tokens, those that stay; -1 is none.
    """

    boxes: FloatArray
    finite: BoolArray
    raw: FloatArray
    features: FloatArray | None = None
    score: Array | None = None
    kept: Sequence[Mapping[int, Array]] = ()

    def rows(self, first: int, last: int) -> Reading:
        """The windows from ``first`` up to ``last``, which is not included."""
        part = slice(first, last)
        return Reading(
            self.boxes[part],
            self.finite[part],
            self.raw[part],
            None if self.features is None else self.features[part],
            None if self.score is None else self.score[part],
            self.kept[part],
        )


def join(readings: Sequence[Reading]) -> Reading:
    """One reading of the windows of several."""
    if len(readings) == 1:
        return readings[0]
    boxes, finite, raw, features, scores, kept = zip(*readings)
    return Reading(
        np.concatenate(boxes),
        np.concatenate(finite),
        np.concatenate(raw),
        None if features[0] is None else np.concatenate(features),
        None if scores[0] is None else np.concatenate(scores),
        [layers for part in kept for layers in part],
    )


class Network(Protocol):
    """One network on an engine, for targets that are followed in one way."""

    @property
    def config(self) -> ModelConfig:
        """Of the network."""

    @property
    def calibration(self) -> Calibration:
        """How its answers are judged."""

    @property
    def kind(self) -> ConfidenceKind:
        """What its confidence means."""

    def set_options(self, options: TrackerConfig) -> None:
        """Go by other options from the next frame on."""

    def begin(self, template: ImageU8) -> TargetMemory:
        """What is kept of a target from its first template, (S, S, 3) RGB.

        Raises:
            EngineError: if the network cannot be run.
        """

    def look(self, searches: ImageU8, memories: Sequence[TargetMemory], near: Array) -> Reading:
        """Find each target in its window.

        Args:
            searches: (N, S, S, 3) RGB, no more than the engine takes.
            memories: N, of each window's target.
            near: (N,) bool, whether the window lies around the last place of its target, so that
                its middle is more likely than its border.

        Raises:
            EngineError: if the network cannot be run.
        """

    def remember(self, memory: TargetMemory) -> bool:
        """Carry out the update that ``memory`` has waiting; it is gone from there in any case.

        Returns:
            Whether there was one.

        Raises:
            EngineError: if the network cannot be run; the memory is as it was.
        """

    def prepare(self) -> None:
        """Load what several targets at the same time need and one alone does not.

        Raises:
            EngineError: if it cannot be loaded.
        """

    def warm_up(self, sizes: Sequence[int], *, several: bool = False) -> None:
        """Run everything that a target can need, with windows in batches of these sizes.

        Args:
            sizes: in ascending order.
            several: also what several targets at the same time need.
        """
