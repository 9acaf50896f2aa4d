"""What becomes of an image that arrives: kept and put up for work, or dropped for a cause.

Stamps: 0 is accepted, and the trackers' time is then the arrival's. The same stamp twice is one
image sent twice. Up to a second back is an image that was overtaken. Further back is a jump: a bag
that begins anew, a simulation that was reset.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hit_rfgm_ros.runtime.frame import Frame, SourceTime
from hit_rfgm_ros.runtime.history import History
from hit_rfgm_ros.runtime.mailbox import Mailbox
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, IncomingImage

JUMP = NANOSECONDS  # further back than a second

OVERWRITTEN = 'overwritten'
DUPLICATE = 'duplicate'
OUT_OF_ORDER = 'out_of_order'
TOO_OLD = 'too_old'
TIME_JUMP = 'time_jump'
REFUSED = 'refused'


class Taken(NamedTuple):
    """What became of an image.

    Attributes:
        frame: if it was accepted.
        jump: seconds that the stamps went back by, 0 if they did not jump.
    """

    frame: Frame | None
    jump: float = 0.0


class Intake:
    """Images since the node became active; guarded by the lock of its owner.

    Attributes:
        history: the last images.
        mailbox: the newest one, until the worker takes it.
        drops: images that were not processed, by cause.
        refused: images that could not be used, by kind.
        accepted, zero_stamps, time_jumps: counts.
    """

    def __init__(self, params: TrackerParams, time: SourceTime, last_number: int) -> None:
        self.history = History(params.frame_history, params.frame_history_mb)
        self.mailbox = Mailbox()
        self.drops: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.accepted = 0
        self.zero_stamps = 0
        self.time_jumps = 0
        self.last_number = last_number
        self._time = time
        self._last_stamp: int | None = None

    @property
    def dropped(self) -> int:
        """Images that were not processed."""
        return sum(self.drops.values())

    def take(
        self, image: IncomingImage, size: tuple[int, int], *, paused: bool, ready: bool
    ) -> Taken:
        """Judge an image by its stamp, and keep it.

        Args:
            image: whose header was checked.
            size: width and height in pixels.
            paused: then it is kept, but not put up for work.
            ready: whether work is being done; else an image pushed out is no loss to count.
        """
        jump = 0.0
        stamp = image.header.stamp_ns
        if not stamp:
            self.zero_stamps += 1
        elif self._last_stamp is not None:
            back = self._last_stamp - stamp
            if 0 <= back <= JUMP:
                self.drops[OUT_OF_ORDER if back else DUPLICATE] += 1
                return Taken(None)
            if back > JUMP:
                jump = back / NANOSECONDS
                self._forget()
        if stamp:
            self._last_stamp = stamp
        self.accepted += 1
        self.last_number += 1
        frame = Frame(image, self.last_number, self._time.read(image), *size)
        self.history.add(frame)
        if not paused and self.mailbox.put(frame) and ready:
            self.drops[OVERWRITTEN] += 1
        return Taken(frame, jump)

    def refuse(self, kind: str) -> None:
        """Count an image that cannot be used."""
        self.refused[kind] += 1
        self.drops[REFUSED] += 1

    def _forget(self) -> None:
        self.time_jumps += 1
        self.history.clear()
        if self.mailbox.take() is not None:
            self.drops[TIME_JUMP] += 1
