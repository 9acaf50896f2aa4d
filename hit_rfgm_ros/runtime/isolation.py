"""One target's failure must not be another one's: what fails together is tried one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
import math

import cv2
from hit_rfgm_ros.errors import FrameError, HitRfgmError
from hit_rfgm_ros.runtime.reports import Picture
from hit_rfgm_ros.types import MultiTracker, TrackResult

# Engines turn what their libraries raise into EngineError. Should something slip through, an
# image must not end the worker.
FAILURES = (
    HitRfgmError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    ValueError,
    cv2.error,
)


@dataclass
class Outcome:
    """What became of each target in an image.

    Attributes:
        results: of the targets that went well.
        failures: why the others did not.
        broken: whether there were targets and the network failed on every one.
    """

    results: dict[int, TrackResult] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    broken: bool = False


def update_each(
    tracker: MultiTracker, picture: Picture, seconds: float, ids: Sequence[int]
) -> Outcome:
    """Follow targets into an image, all in one batch or, where that fails, each alone.

    Args:
        tracker: that knows them.
        picture: the image.
        seconds: its time.
        ids: the targets; none is fine.
    """
    outcome = Outcome()
    if not ids:
        return outcome
    errors: list[BaseException] = []
    groups = [tuple(ids)]
    while groups:
        group = groups.pop()
        try:
            results = tracker.update(picture.pixels, stamp=seconds, color=picture.color, ids=group)
        except FAILURES as error:
            if len(group) > 1:
                groups += [(own,) for own in reversed(group)]
                continue
            errors.append(error)
            outcome.failures[group[0]] = describe(error)
            continue
        for own in group:
            _judge(own, results.get(own), outcome)
    outcome.broken = len(errors) == len(ids) and not all(
        isinstance(error, FrameError) for error in errors
    )
    return outcome


def describe(error: BaseException) -> str:
    """An error as the reason of a state: one line."""
    text = ' '.join(str(error).split())
    return text if isinstance(error, HitRfgmError) else f'{type(error).__name__}: {text}'


def _judge(own: int, result: TrackResult | None, outcome: Outcome) -> None:
    if result is None:
        outcome.failures[own] = 'the tracker gave no result'
    elif not all(map(math.isfinite, (*result.box, result.confidence))):
        outcome.failures[own] = 'the network gave numbers that are not finite'
    else:
        outcome.results[own] = result
