"""Targets that were started on an older image run through the images kept since, one at a time.

Where there are more of them than the time allows, some are passed over, evenly: a camera may well
send more images than the network can follow.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.runtime.book import Book, Entry, Phase
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.history import History

AIM = 0.8  # share of the time in which to get there: images keep coming


def first_phase(frame: Frame, front: int | None, history: History) -> Phase:
    """Where a target begins that was started on ``frame``.

    Args:
        frame: of the start.
        front: number of the newest image processed, None before the first one.
        history: the images kept.
    """
    if front is None:
        return Phase.CATCHING_UP if history.after(frame.number) else Phase.LIVE
    return Phase.CATCHING_UP if frame.number < front else Phase.LIVE


def next_step(
    book: Book, history: History, front: int | None, now: float, budget: float
) -> tuple[list[Entry], Frame] | None:
    """The targets that are furthest behind, and the image to show them; None if none is behind.

    Targets that have reached the newest processed image become live, and so do those that have
    used up their time: they jump.

    Args:
        book: all targets.
        history: the images kept.
        front: number of the newest image processed, None before the first one.
        now: monotonic seconds.
        budget: seconds that catching up may take.
    """
    if front is None:
        return None
    while True:
        behind = [(entry, entry.frame) for entry in book.of(Phase.CATCHING_UP) if entry.frame]
        if not behind:
            return None
        number = min(frame.number for _, frame in behind)
        group = [entry for entry, frame in behind if frame.number == number]
        left = history.between(number, front)
        for entry in group:
            if not left:
                entry.phase = Phase.LIVE
            elif now - entry.started >= budget:
                entry.phase = Phase.LIVE
                entry.note = (
                    f'catching up took longer than {budget:g} s (catch_up_budget): '
                    f'{len(left)} images were passed over'
                )
        group = [entry for entry in group if entry.phase is Phase.CATCHING_UP]
        if group:
            stride = max(_stride(entry, len(left), now, budget) for entry in group)
            return group, left[min(stride, len(left)) - 1]


def _stride(entry: Entry, left: int, now: float, budget: float) -> int:
    """How many images to go forward, so that at the pace up to now the time is enough."""
    spent = now - entry.started
    pace = spent / entry.frames if entry.frames else 0.0
    rest = AIM * budget - spent
    if rest <= 0:
        return left
    return max(math.ceil(left * pace / rest - 1e-9), 1)
