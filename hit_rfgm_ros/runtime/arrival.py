"""What happens when an image arrives: checked, judged and put up for work, in no time.

What is odd about the images is said once per topic and kind, and counted.
"""

from __future__ import annotations

from collections.abc import Callable

from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.image_error import ImageError
from hit_rfgm_ros.runtime.images import check_image
from hit_rfgm_ros.runtime.intake import Taken
from hit_rfgm_ros.runtime.orders import Forget
from hit_rfgm_ros.runtime.reports import IncomingImage, NodeState

STALE = 10.0  # seconds from stamp to arrival that are worth a warning


class Arrivals:
    """Takes the images of the subscription, in its thread."""

    def __init__(self, desk: Desk, ready: Callable[[], bool]) -> None:
        """Make it.

        Args:
            desk: shared with the rest of the node.
            ready: whether the network can be used; called with the lock held.
        """
        self._desk = desk
        self._ready = ready

    def take(self, image: IncomingImage) -> None:
        """Take an image; whatever is wrong with it is counted and logged, never raised."""
        desk = self._desk
        if desk.state is not NodeState.ACTIVE:
            return
        try:
            size = check_image(image)
        except ImageError as error:
            with desk.lock:
                silent = desk.camera.arrived(image.arrival)
            self._note_return(silent)
            desk.unusable(error)
            return
        now = desk.clock.now()
        with desk.lock:
            if not desk.active:
                return
            silent = desk.camera.arrived(image.arrival)
            taken = desk.intake.take(image, size, paused=desk.paused, ready=self._ready())
            stamp = image.header.seconds
            if stamp and now:
                desk.arrival_ages.add(now - stamp)
            if taken.jump and desk.params.time_jump == 'clear':
                desk.orders.append(Forget(desk.book.ids))
                desk.book.clear()
            desk.lock.notify_all()
        self._note_return(silent)
        self._note_stamp(image, taken, now)

    def _note_return(self, silent: float | None) -> None:
        if silent is not None:
            desk = self._desk
            desk.notes.log.info('images arrive on %s again, after %.1f s', desk.topic, silent)

    def _note_stamp(self, image: IncomingImage, taken: Taken, now: float) -> None:
        desk = self._desk
        notes, topic = desk.notes, desk.topic
        if taken.jump:
            kept = 'forgotten' if desk.params.time_jump == 'clear' else 'kept'
            notes.log.warning(
                'the stamps on %s went back by %.3f s: the targets are %s (time_jump)',
                topic,
                taken.jump,
                kept,
            )
        stamp = image.header.seconds
        if not image.header.stamp_ns:
            notes.once(
                'zero stamp',
                f'images on {topic} have no stamp (0): they are tracked by the time of their '
                'arrival, and nobody can match the results with other data',
            )
        elif not now:
            notes.once(
                'no clock',
                'the clock of the node stands at 0: is use_sim_time on and nothing on /clock?',
            )
        elif not 0 <= now - stamp <= STALE:
            notes.once(
                'clock',
                f'an image on {topic} arrived {now - stamp:.2f} s after its stamp: '
                'the clocks of camera and node differ, or the way is slow',
            )
