"""Rates and percentiles over what happened lately; both forget, neither grows.

`Stages` has a lock of its own; the others are guarded by that of their owner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
import threading

from hit_rfgm_ros.runtime.outputs import Clock
import numpy as np

VALUES = 300  # ten seconds of a camera with 30 images per second
SECONDS = 5.0
EVENTS = 2000


class Window:
    """The last values of something."""

    def __init__(self, size: int = VALUES) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """Take one in, and forget the oldest where there are too many."""
        self._values.append(value)

    def percentile(self, percent: float) -> float:
        """Value that ``percent`` of the values do not exceed; NaN without values."""
        if not self._values:
            return float('nan')
        return float(np.percentile(list(self._values), percent))


class Rate:
    """How often something happened in the last seconds."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=EVENTS)

    def add(self, now: float) -> None:
        """It happened at ``now`` (monotonic seconds)."""
        self._times.append(now)

    def per_second(self, now: float) -> float:
        """Times per second; 0 if it happened less than twice."""
        while self._times and self._times[0] < now - self._seconds:
            self._times.popleft()
        if len(self._times) < 2:
            return 0.0
        span = max(now, self._times[-1]) - self._times[0]
        return (len(self._times) - 1) / span if span > 0 else 0.0


class MemoryUpdates:
    """What became of the updates of the targets' memories; guarded by the lock of its owner.

    Attributes:
        count: updates that went well.
        failed: times that updating failed.
        failure: why the last time failed; empty if it went well.
        times: seconds of the times at which there was something to update.
    """

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0
        self.failure = ''
        self.times = Window()

    def done(self, count: int, seconds: float) -> None:
        """The memories of ``count`` targets were updated; 0 says that none was due."""
        if count:
            self.count += count
            self.failure = ''
            self.times.add(seconds)

    def fail(self, reason: str) -> None:
        """An update failed; the memories are as they were."""
        self.failed += 1
        self.failure = reason


class Stages:
    """Seconds spent in each stage of the work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, Window] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Measure what is done inside."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            spent = self._clock.monotonic() - began
            with self._lock:
                self._windows.setdefault(stage, Window()).add(spent)

    def percentiles(self, *percents: float) -> dict[str, tuple[float, ...]]:
        """Percentiles of each stage in seconds."""
        with self._lock:
            return {
                stage: tuple(window.percentile(percent) for percent in percents)
                for stage, window in self._windows.items()
            }
