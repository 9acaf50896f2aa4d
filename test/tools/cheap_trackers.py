"""Trackers in Python that cost nothing, for what is tested around trackers.

Given as ``FILE.py:NAME``; all of them let the box stand still.
"""

import os
from pathlib import Path
import signal
import time

from hit_rfgm_ros import Box
from hit_rfgm_ros.errors import TrackerError
from hit_rfgm_ros.evaluation.contender import Answer
from hit_rfgm_ros.types import TrackState


class Still:
    """Says the first box for ever."""

    seconds = 0.0  # that each frame takes

    def init(self, frame, box):
        self.box = box
        self.frames = 0
        time.sleep(self.seconds)

    def update(self, frame):
        self.frames += 1
        time.sleep(self.seconds)
        return tuple(self.box)


class Slow(Still):
    """Takes a twentieth of a second per frame."""

    seconds = 0.05


class Judging(Still):
    """Says what it believes: less and less."""

    def update(self, frame):
        super().update(frame)
        confidence = 1 / (1 + self.frames)
        return Answer(
            self.box, confidence, TrackState.LOST if self.frames > 3 else TrackState.TRACKING
        )


class TellsItsTime(Still):
    """Has a clock of its own, as trackers in other processes have."""

    def update(self, frame):
        return Answer(self.box, seconds=0.125)


class NoNumber(Still):
    """Loses its mind on the third frame."""

    def update(self, frame):
        super().update(frame)
        return (0, 0, float('nan'), 5) if self.frames == 2 else tuple(self.box)


class Refusing:
    """Cannot be made."""

    def __init__(self):
        raise TrackerError('this tracker cannot be made')


class Mistaken(Still):
    """Has a mistake in it."""

    def update(self, frame):
        return [1 / 0]


class Fatal(Still):
    """Takes its process with it where the frame is 40 pixels wide."""

    def update(self, frame):
        if frame.shape[1] == 40:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().update(frame)


class Stuck(Still):
    """Comes to no end."""

    def init(self, frame, box):
        Path(os.environ['CHEAP_LOG']).touch()
        time.sleep(300)


class Logging(Still):
    """Writes a line per start into the file that CHEAP_LOG names."""

    def __init__(self):
        self._note('made')

    def init(self, frame, box):
        super().init(frame, box)
        self._note('start')

    def update(self, frame):
        time.sleep(float(os.environ.get('CHEAP_SECONDS', '0')))
        return super().update(frame)

    def _note(self, word):
        with Path(os.environ['CHEAP_LOG']).open('a', encoding='utf-8') as file:
            file.write(f'{word} {os.getpid()} {os.environ.get("OMP_NUM_THREADS", "")}\n')


def box_of(frame):
    """A factory that is no class."""
    return Box(0, 0, 1, 1)
