"""Targets that were started on an older image run through the images kept since, one at a time."""

from __future__ import annotations

from hit_rfgm_ros.runtime.book import Book, Entry, Phase
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.history import History


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
        frame = history.after(number)
        if frame is None or frame.number > front:
            for entry in group:
                entry.phase = Phase.LIVE
            continue
        left = history.count(number, front)
        late = [entry for entry in group if now - entry.started >= budget]
        for entry in late:
            _jump(entry, left, budget)
        group = [entry for entry in group if entry not in late]
        if group:
            return group, frame


def _jump(entry: Entry, left: int, budget: float) -> None:
    entry.phase = Phase.LIVE
    entry.note = (
        f'catching up took longer than {budget:g} s (catch_up_budget): '
        f'{left} images were passed over'
    )
