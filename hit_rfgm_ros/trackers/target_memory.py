"""What is kept of one target's looks, and the update of it that is still to be carried out."""

from __future__ import annotations

from typing import NamedTuple

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.memory.schedule import is_update
from hit_rfgm_ros.memory.tokens import TokenMemory
from hit_rfgm_ros.types import Array, ImageU8


class MemoryUpdate(NamedTuple):
    """Everything that an update needs, taken from its frame at once.

    Attributes:
        frame: number of the frame since the start.
        stamp: of the frame in seconds of the source.
        confidence: of the box.
        template: (S, S, 3) RGB around the new box.
        search: (S, S, 3) RGB, the search region that the box was found in.
    """

    frame: int
    stamp: float
    confidence: float
    template: ImageU8
    search: ImageU8


class TargetMemory:
    """What a network knows of one target.

    Attributes:
        template: (1, tokens, channels) that the graph `template` made of the first template; may
            be a handle on the device.
        tokens: memory that takes in later templates; None where the network keeps the first
            alone.
        frame: number of the newest frame since the start.
        stamp: of the frame that the memory was last updated with; None if it never was.
        waiting: the update to carry out before the next frame.
    """

    def __init__(self, template: Array, tokens: TokenMemory | None = None) -> None:
        self.template = template
        self.tokens = tokens
        self.frame = 0
        self.stamp: float | None = None
        self.waiting: MemoryUpdate | None = None
        self._begun = 0  # frame that the schedule counts from

    @property
    def count(self) -> int:
        """Tokens in the memory; 0 where the network has none."""
        return 0 if self.tokens is None else len(self.tokens.tokens)

    @property
    def input(self) -> Array:
        """What the graph `track` takes of this target, (1, tokens, channels)."""
        return self.template if self.tokens is None else self.tokens.tokens[None]

    def next_frame(self) -> None:
        """Count a frame."""
        self.frame += 1

    def is_due(self, options: TrackerConfig) -> bool:
        """Whether this frame is one of those that the memory is updated with."""
        if self.tokens is None:
            return False
        self.tokens.size = options.memory_size  # here alone, so that it is no matter of timing
        t = self.frame - self._begun
        return self.tokens.changes and is_update(t, options.update_interval)

    def take_waiting(self) -> MemoryUpdate | None:
        """The update to carry out, which is no longer waiting then."""
        waiting, self.waiting = self.waiting, None
        return waiting

    def reset(self) -> None:
        """Back to the first template; the schedule begins anew."""
        self.waiting = self.stamp = None
        self._begun = self.frame
        if self.tokens is not None:
            self.tokens.reset()
