"""The last images, for starts on a past one; bounded in time and memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from hit_rfgm_ros.runtime.frame import Frame

MIB = 1 << 20


class History:
    """Keeps images as they arrived; guarded by the lock of its owner.

    The newest image is always kept, whatever the limits, so that a start on it works.

    Attributes:
        size: bytes of the images kept.
    """

    def __init__(self, seconds: float, mebibytes: float) -> None:
        self._seconds = seconds
        self._limit = mebibytes * MIB
        self._frames: deque[Frame] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def newest(self) -> Frame | None:
        """The last image, if there is one."""
        return self._frames[-1] if self._frames else None

    def add(self, frame: Frame) -> None:
        """Keep an image, and forget those that are too old or too many."""
        self._frames.append(frame)
        self.size += frame.image.data.nbytes
        oldest = frame.image.arrival - self._seconds
        while len(self._frames) > 1 and (
            self.size > self._limit or self._frames[0].image.arrival < oldest
        ):
            self.size -= self._frames.popleft().image.data.nbytes

    def discard(self, frame: Frame) -> None:
        """Forget an image that turned out to be unusable."""
        if frame in self._frames:
            self._frames.remove(frame)
            self.size -= frame.image.data.nbytes

    def clear(self) -> None:
        """Forget all."""
        self._frames.clear()
        self.size = 0

    def nearest(self, stamp_ns: int) -> Frame | None:
        """The image of the nearest stamp, the earlier of two; those without one do not count."""
        stamped = [frame for frame in self._frames if frame.header.stamp_ns]
        return min(stamped, key=lambda frame: abs(frame.header.stamp_ns - stamp_ns), default=None)

    def after(self, number: int) -> Frame | None:
        """The first image kept after the one of that number."""
        index = self._index_after(number)
        return self._frames[index] if index < len(self._frames) else None

    def between(self, after: int, until: int) -> list[Frame]:
        """The images kept after one number and until another, that one included."""
        frames = list(self._frames)
        return frames[self._index_after(after) : self._index_after(until)]

    def _index_after(self, number: int) -> int:
        return bisect_right([frame.number for frame in self._frames], number)
