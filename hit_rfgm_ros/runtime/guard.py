"""Looks after what no image shows: whether images come, and targets that were lost for long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hit_rfgm_ros.runtime.camera_watch import explain
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.orders import Forget
from hit_rfgm_ros.runtime.reports import Endpoint


class Guard:
    """Notices what no image and no request would show."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: tuple[bool, str] = (False, '')  # camera stopped, failure

    def look(self, publishers: Callable[[], Sequence[Endpoint]]) -> bool:
        """Look once; whether something changed that the diagnostics should tell at once."""
        desk = self._desk
        now = desk.clock.monotonic()
        with desk.lock:
            ceased = desk.active and desk.camera.check(now, desk.params.image_timeout)
            silent = desk.camera.silent(now)
            gone = self._forget_lost(now)
            shown = (desk.active and desk.camera.stopped, desk.failure)
            changed, self._shown = shown != self._shown, shown
        if ceased:
            text = explain(publishers(), desk.topic, desk.params)
            desk.notes.log.error('no image for %.1f s; %s', silent, text)
        for own in gone:
            desk.notes.log.info(
                'target %d was LOST for %g s (remove_lost_after): forgotten',
                own,
                desk.params.remove_lost_after,
            )
        return changed

    def _forget_lost(self, now: float) -> tuple[int, ...]:
        """Forget what was lost for too long; called with the lock held."""
        desk = self._desk
        limit = desk.params.remove_lost_after
        if not limit:
            return ()
        gone = tuple(
            entry.id
            for entry in desk.book
            if entry.lost_since is not None and now - entry.lost_since >= limit
        )
        if gone:
            desk.book.remove(gone)
            desk.orders.append(Forget(gone))
            desk.lock.notify_all()
        return gone
