"""What the worker does next.

Requests first, then the newest image, then a step of those that catch up; after an image it is
their turn, so that neither waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hit_rfgm_ros.runtime.catch_up import next_step
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.follow import Follower
from hit_rfgm_ros.runtime.intake import TOO_OLD

Task = Callable[[], None]


class Agenda:
    """Chooses the next piece of work; called with the lock of the desk held."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._catch_up_first = False

    def next(self, follower: Follower) -> Task | None:
        """The next piece of work, to be done without the lock; None if there is nothing to do."""
        desk = self._desk
        if desk.orders:
            return partial(follower.execute, desk.orders.popleft())
        if not desk.working:
            return None
        if self._catch_up_first:
            self._catch_up_first = False
            return self._catch_up(follower) or self._live(follower)
        return self._live(follower) or self._catch_up(follower)

    def _live(self, follower: Follower) -> Task | None:
        desk = self._desk
        frame = desk.intake.mailbox.take()
        if frame is None:
            return None
        waited = desk.clock.monotonic() - frame.image.arrival
        if 0 < desk.params.max_frame_age < waited:
            desk.intake.drops[TOO_OLD] += 1
            return partial(self._note_old, waited)
        self._catch_up_first = True
        return partial(follower.live, frame)

    def _catch_up(self, follower: Follower) -> Task | None:
        desk = self._desk
        step = next_step(
            desk.book,
            desk.intake.history,
            desk.front,
            desk.clock.monotonic(),
            desk.params.catch_up_budget,
        )
        return None if step is None else partial(follower.catch_up, *step)

    def _note_old(self, waited: float) -> None:
        desk = self._desk
        desk.notes.seldom(
            'max_frame_age',
            desk.clock.monotonic(),
            f'an image on {desk.topic} had waited for {waited:.2f} s and was dropped: the network '
            f'is slower than max_frame_age ({desk.params.max_frame_age:g} s) allows',
        )
