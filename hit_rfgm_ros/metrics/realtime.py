"""Two clocks that tell which frames a tracker of given speed gets to see, without waiting.

A runner asks for the next frame, runs the tracker on it as fast as it goes, and tells the clock
how long that took::

    clock = StrictClock(fps)
    clock.took(seconds_of_start)
    while (frame := clock.next_frame()) < length:
        clock.took(seconds_of(frame))
    judged = boxes_of_processed_frames[clock.valid(length)]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
import math

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.types import IntArray
import numpy as np


class ReplayClock(ABC):
    """What both clocks share: the order of calls, and the frames processed so far.

    The clock begins with the start on frame 0 being processed.
    """

    def __init__(self, fps: float) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise MetricError(f'frames per second must be a finite number above 0, got {fps!r}')
        self._frames = [0]  # processed, rising
        self._busy = True

    def took(self, seconds: float, after: float = 0.0) -> None:
        """Say how long the frame given last took.

        Args:
            seconds: until its box was out; for frame 0 until the tracker was started.
            after: for which the tracker was busy once its box was out (memory update).

        Raises:
            MetricError: if no frame is being processed or a time is no finite number from 0 on.
        """
        if not self._busy:
            raise MetricError('took() was called twice for one frame; ask next_frame() first')
        if not (math.isfinite(seconds) and math.isfinite(after) and seconds >= 0 and after >= 0):
            raise MetricError(f'times must be finite and at least 0 s, got {seconds!r}, {after!r}')
        self._busy = False
        self._pass_time(seconds, after)

    def next_frame(self) -> int:
        """The frame to process now; it may lie beyond the end of the sequence, which ends the run.

        Raises:
            MetricError: if the frame before was not reported with `took`.
        """
        if self._busy:
            raise MetricError('next_frame() was called before took() for the frame given last')
        self._busy = True
        self._frames.append(self._next())
        return self._frames[-1]

    def valid(self, length: int) -> IntArray:
        """For each frame (length,), the processed frame whose box is judged there."""
        starts = self._judged_from()
        frames = np.asarray(self._frames[: len(starts)], np.int64)
        places = np.searchsorted(starts, np.arange(length), side='right') - 1
        return np.asarray(frames[places], np.int64)

    @abstractmethod
    def _pass_time(self, seconds: float, after: float) -> None:
        """Take in how long the frame processed last took."""

    @abstractmethod
    def _next(self) -> int:
        """The frame after the one processed last."""

    @abstractmethod
    def _judged_from(self) -> list[int]:
        """For each frame that was processed to its end, the first frame its box is judged in."""


class VotClock(ReplayClock):
    """Real-time rule of the VOT toolkit 0.9.0.

    A frame that takes longer than the interval 1 / fps leaves a debt of the time beyond it. As
    long as the debt is longer than an interval, the next frame is not processed, repeats the last
    box and takes one interval off the debt; what is left then is forgiven. The first ``grace``
    slow frames, the start among them, leave no debt. The box of a processed frame is judged
    against that very frame, however late it is: 60 ms a frame lose nothing at 20 fps.

    ``after`` counts for the next frame that is processed, as the toolkit, which sends that frame
    at once and waits, would see it.
    """

    def __init__(self, fps: float = 20.0, grace: int = 3) -> None:
        super().__init__(fps)
        self._interval = 1 / fps
        self._grace = grace
        self._debt = 0.0
        self._after = 0.0

    def _pass_time(self, seconds: float, after: float) -> None:
        total, self._after = self._after + seconds, after
        self._debt = 0.0
        if total > self._interval:
            if self._grace > 0:
                self._grace -= 1
            else:
                self._debt = total - self._interval

    def _next(self) -> int:
        frame = self._frames[-1] + 1
        while self._debt > self._interval:
            self._debt -= self._interval
            frame += 1
        return frame

    def _judged_from(self) -> list[int]:
        return self._frames[: len(self._frames) - self._busy]


class StrictClock(ReplayClock):
    """Replay at the pace of the camera, judged as in streaming perception (Li et al., ECCV 2020).

    Frame k arrives at k / fps. A free tracker takes the newest frame that has arrived, or waits
    for the next one where it has seen that already; frames in between are lost. At each arrival,
    the box that was completed last (at that very moment counts) is judged against the truth of
    the arriving frame. The given box of frame 0 is there from the beginning; the start keeps the
    tracker busy all the same. A tracker that takes no time is judged as without a clock; one that
    takes any time at all is judged by the box of an earlier frame, as it would be on a robot.

    Times are rounded to nanoseconds and added up exactly, so long runs do not drift.
    """

    def __init__(self, fps: float) -> None:
        super().__init__(fps)
        self._fps = Fraction(fps).limit_denominator(1_000_000)
        self._begun = Fraction(0)  # all times in intervals, so frame k arrives at k
        self._free = Fraction(0)
        self._starts: list[int] = []

    def _pass_time(self, seconds: float, after: float) -> None:
        completed = self._begun + self._intervals(seconds)
        self._starts.append(math.ceil(completed) if self._starts else 0)
        self._free = completed + self._intervals(after)

    def _next(self) -> int:
        frame = max(math.floor(self._free), self._frames[-1] + 1)
        self._begun = max(self._free, Fraction(frame))
        return frame

    def _intervals(self, seconds: float) -> Fraction:
        return Fraction(round(seconds * 1e9), 10**9) * self._fps

    def _judged_from(self) -> list[int]:
        return self._starts
