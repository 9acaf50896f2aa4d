"""One sequence through one tracker: its boxes, and the time of the tracker alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
import time
from typing import NamedTuple, Protocol

from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.contender import Answer, Contender
from hit_rfgm_ros.evaluation.results import FrameNotes
from hit_rfgm_ros.geometry.boxes import check_box, format_box
from hit_rfgm_ros.metrics.realtime import StrictClock, VotClock
from hit_rfgm_ros.types import Box, FloatArray, ImageU8, IntArray
import numpy as np

DEFAULT_FPS = 30.0
RULES = ('vot', 'strict')  # of real time, see `metrics.realtime`


class Clock(Protocol):
    """Says which frames a tracker gets to see, and which of its boxes counts for which frame."""

    def took(self, seconds: float, after: float = 0.0) -> None:
        """Take the time of the present frame, and of what was done once its box was out."""

    def next_frame(self) -> int:
        """Number of the next frame that the tracker gets."""

    def valid(self, length: int) -> IntArray:
        """(length,) for each frame the number of the frame whose box counts."""


class EveryFrame:
    """The common evaluation: the video waits for the tracker; implements `Clock`."""

    def __init__(self) -> None:
        self._frame = 0

    def took(self, seconds: float, after: float = 0.0) -> None:
        """See `Clock`; it does not matter here."""

    def next_frame(self) -> int:
        """See `Clock`."""
        self._frame += 1
        return self._frame

    def valid(self, length: int) -> IntArray:
        """See `Clock`."""
        return np.arange(length)


@dataclass(frozen=True)
class Pace:
    """That a tracker is run in real time.

    Attributes:
        rule: one of `RULES`.
        fps: frames per second of all sequences; None takes each one's own, 30 where unknown.
    """

    rule: str
    fps: float | None = None

    def name(self, tracker: str) -> str:
        """Name of the results of a tracker that is run at this pace."""
        return f'{tracker}@{self.rule}-{"own" if self.fps is None else f"{self.fps:g}"}'

    def clock(self, fps: float) -> Clock:
        """A clock for one sequence."""
        return VotClock(fps) if self.rule == 'vot' else StrictClock(fps)


@dataclass(frozen=True, eq=False)
class Track:
    """What a tracker made of a sequence: (L, 4) boxes, and what lies beside them."""

    boxes: FloatArray
    notes: FrameNotes


class _Said(NamedTuple):
    """What became of one frame; times in seconds."""

    answer: Answer
    seconds: float
    after: float


def run_sequence(
    contender: Contender,
    sequence: Sequence,
    pace: Pace | None = None,
    *,
    watch: Callable[[int], bool] = lambda _frame: False,
) -> Track | None:
    """Start on the first box and follow it to the end.

    Args:
        contender: the tracker.
        sequence: with a box in its first frame.
        pace: None waits for the tracker.
        watch: called with the number of each frame that is done; whether to give up.

    Returns:
        The track; None if it was given up.

    Raises:
        DatasetError: if a picture is damaged; it is named.
        EvaluationError: if there is no box to start on, or the tracker gives none.
        HitRfgmError: of the tracker.
    """
    box = first_box(sequence)
    fps = (pace.fps if pace else None) or sequence.fps or DEFAULT_FPS
    clock = pace.clock(fps) if pace else EveryFrame()
    said: dict[int, _Said] = {}
    for index in _frames(clock, len(sequence)):
        image = sequence.read(index)
        said[index] = _ask(contender, image, None if index else box, index / fps)
        _check(contender.name, sequence.name, index, said[index].answer.box)
        clock.took(said[index].seconds, said[index].after)
        if watch(index):
            return None
    return _assemble(said, clock.valid(len(sequence)))


def first_box(sequence: Sequence) -> Box:
    """The box that a sequence starts with.

    Raises:
        EvaluationError: if there is none.
        GeometryError: if it has no area.
    """
    box = sequence.box(0) if len(sequence) else None
    if box is None:
        raise EvaluationError(f'{sequence.name}: there is no true box in the first frame')
    check_box(box)
    return box


def _frames(clock: Clock, length: int) -> Iterator[int]:
    index = 0
    while index < length:
        yield index
        index = clock.next_frame()


def _ask(contender: Contender, image: ImageU8, box: Box | None, stamp: float) -> _Said:
    """Start on a box, or find the target again."""
    began = time.perf_counter()
    if box is not None:
        contender.start(image, box, stamp=stamp)
        answer = Answer(box)
    else:
        answer = contender.update(image, stamp=stamp)
    done = time.perf_counter()
    contender.after()
    after = time.perf_counter() - done
    return _Said(answer, done - began if answer.seconds is None else answer.seconds, after)


def _check(tracker: str, sequence: str, index: int, box: Box) -> None:
    if not all(math.isfinite(value) for value in box):
        raise EvaluationError(
            f'{sequence}, frame {index}: {tracker} gave {format_box(box)}; a box is four finite '
            f'numbers'
        )


def _assemble(said: dict[int, _Said], valid: IntArray) -> Track:
    """Boxes and notes of all frames, of which the tracker may have seen only some."""
    answers = [said[index].answer for index in valid.tolist()]
    seen = [said.get(index) for index in range(len(valid))]
    latency = [1000 * one.seconds if one else math.nan for one in seen]
    after = [1000 * one.after if one else math.nan for one in seen]
    notes = FrameNotes(
        confidence=np.array(
            [math.nan if one.confidence is None else one.confidence for one in answers], float
        ),
        states=tuple(answer.state for answer in answers),
        latency_ms=np.array(latency, float),
        after_ms=np.array([value if value >= LEAST_AFTER_MS else math.nan for value in after]),
    )
    return Track(np.array([tuple(answer.box) for answer in answers], float), notes)


LEAST_AFTER_MS = 0.05  # less is the call itself: there was nothing to do
