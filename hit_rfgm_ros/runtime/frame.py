"""An accepted image: what the worker, the history and the targets hold on to."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.runtime.reports import NANOSECONDS, Header, IncomingImage


@dataclass(frozen=True, eq=False)
class Frame:
    """An image that was accepted, not decoded.

    Attributes:
        image: as it arrived.
        number: grows with every accepted image, never starts anew.
        seconds: time that the tracker goes by.
        width, height: pixels.
    """

    image: IncomingImage
    number: int
    seconds: float
    width: int
    height: int

    @property
    def header(self) -> Header:
        """Of the image."""
        return self.image.header


class SourceTime:
    """The trackers' time: stamps where there are any, else arrivals.

    Counted from the first image, so that a double holds nanoseconds for a hundred days. Images
    without a stamp go on from the last time by the time between the arrivals.
    """

    def __init__(self) -> None:
        self._origin: int | None = None  # nanoseconds
        self._last = 0.0
        self._arrival: float | None = None

    def read(self, image: IncomingImage) -> float:
        """Seconds of the next image."""
        stamp = image.header.stamp_ns
        if not stamp:
            passed = 0.0 if self._arrival is None else image.arrival - self._arrival
            self._last += max(passed, 0.0)
        else:
            if self._origin is None:
                self._origin = stamp - round(self._last * NANOSECONDS)
            self._last = (stamp - self._origin) / NANOSECONDS
        self._arrival = image.arrival
        return self._last
