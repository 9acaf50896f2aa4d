"""The one loop that takes a tracker through a source; `track` and `demo` both use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import time
from typing import NamedTuple, Protocol

from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.data.pictures import Frame
from hit_rfgm_ros.types import Box, ImageU8, Tracker, TrackResult


class Step(NamedTuple):
    """What became of one frame.

    Attributes:
        number: of the frame in its source.
        stamp: of the frame, seconds.
        result: of the tracker.
        latency_ms: time in the tracker, milliseconds.
        held: whether this frame was not tracked in, and `result` is that of an earlier one.
        memory_ms: time of the memory update after this frame, milliseconds; None without one.
            Outputs do not know it yet.
    """

    number: int
    stamp: float
    result: TrackResult
    latency_ms: float
    held: bool = False
    memory_ms: float | None = None


class Output(Protocol):
    """Takes each frame with its result, in order."""

    def write(self, image: ImageU8, step: Step) -> None:
        """Take one frame, (H, W, 3) uint8 RGB, and what became of it."""


def follow(
    frames: Iterable[Frame],
    tracker: Tracker,
    box: Box,
    outputs: Sequence[Output],
    interruption: Interruption,
) -> list[Step]:
    """Start on ``box`` in the first frame and follow it until the frames end or Ctrl-C.

    Args:
        frames: at least one.
        tracker: to be started.
        box: of the target in the first frame.
        outputs: each is given every frame before the next one is read.
        interruption: looked at after each frame.
    """
    steps: list[Step] = []
    for frame in frames:
        began = time.perf_counter()
        if steps:
            result = tracker.update(frame.image, stamp=frame.stamp)
        else:
            result = tracker.init(frame.image, box, stamp=frame.stamp)
        latency_ms = 1000 * (time.perf_counter() - began)
        steps.append(Step(frame.number, frame.stamp, result, latency_ms))
        for output in outputs:
            output.write(frame.image, steps[-1])
        # Only now: an update of the memory makes no frame late.
        began = time.perf_counter()
        if tracker.update_memory():
            memory_ms = 1000 * (time.perf_counter() - began)
            steps[-1] = steps[-1]._replace(memory_ms=memory_ms)
        if interruption.requested:
            break
    return steps
