"""When to send which frame: a steady rate without drift, where late frames are left out."""

from __future__ import annotations


class Pace:
    """Places frames on a grid of time that began with the first one.

    A frame that is late by more than a period is left out, so that a hiccup does not shift what
    comes after it. Where leaving frames out does not help, since reading them is what takes so
    long, every frame is sent and the grid moves instead.

    Attributes:
        skipped: frames left out so far.
        too_slow: whether frames come more slowly than they should be sent.
    """

    def __init__(self, rate: float, began: float) -> None:
        """Begin the grid.

        Args:
            rate: frames per second.
            began: when the first frame is due, seconds of the clock that `plan` is given.
        """
        self.skipped = 0
        self.too_slow = False
        self._period = 1 / rate
        self._due = began
        self._late_before: float | None = None

    def plan(self, now: float) -> float | None:
        """Say in how many seconds the next frame is to be sent; None if it is to be left out."""
        late = now - self._due
        self._due += self._period
        if late <= self._period:
            self._late_before = None
            if late < -self._period / 2:
                self.too_slow = False
            return max(-late, 0.0)
        if self._late_before is not None and late >= self._late_before:
            self.too_slow = True
        if self.too_slow:
            self._due += late
            self._late_before = None
            return 0.0
        self._late_before = late
        self.skipped += 1
        return None
