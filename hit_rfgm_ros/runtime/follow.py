"""The worker's side: runs the tracker and writes down what it finds.

Everything here may take long, so the lock is held only to read and write the book.
"""

from __future__ import annotations

from collections.abc import Callable

from hit_rfgm_ros.runtime.book import Entry, Phase
from hit_rfgm_ros.runtime.catch_up import first_phase
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.image_error import ImageError
from hit_rfgm_ros.runtime.images import decode
from hit_rfgm_ros.runtime.isolation import FAILURES, Outcome, describe, update_each
from hit_rfgm_ros.runtime.orders import Forget, Order, Reset, Start, Tune
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.report import target_report
from hit_rfgm_ros.runtime.reports import Picture, TargetReport
from hit_rfgm_ros.types import Box

GIVE_UP = 10  # images in a row on which the network fails for every target

Publish = Callable[['Follower', Frame, Picture, list[TargetReport]], None]


class Follower:
    """Drives one loaded tracker; used by one thread at a time.

    Attributes:
        info: what is known about the tracker.
        over: set when the node has cleaned up: what is still being done is for nothing.
    """

    def __init__(
        self,
        loaded: LoadedTracker,
        desk: Desk,
        publish: Publish,
        give_up: Callable[[Follower, str], None],
    ) -> None:
        """Make one.

        Args:
            loaded: the tracker.
            desk: shared with the rest of the node.
            publish: sends the targets of an image.
            give_up: called when the network fails again and again.
        """
        self.info = loaded.info
        self.over = False
        self._tracker = loaded.tracker
        self._memory_tokens = loaded.memory_tokens
        self._desk = desk
        self._publish = publish
        self._give_up = give_up
        self._held: set[int] = set()  # ids that the tracker knows
        self._broken = 0  # images in a row

    def execute(self, order: Order) -> None:
        """Carry out what was asked for between two images."""
        if isinstance(order, Start):
            self._start(order)
        elif isinstance(order, Forget):
            for own in order.ids:
                self._forget(own)
        elif isinstance(order, Reset):
            self._try(self._tracker.reset_memory, 'reset_memory')
            with self._desk.lock:
                for entry in self._desk.book:
                    entry.failing_since = None
        elif isinstance(order, Tune):
            self._try(lambda: self._tracker.change_options(**order.options), 'new parameters')

    def live(self, frame: Frame) -> None:
        """Find all live targets in the newest image, in one batch, and publish."""
        desk = self._desk
        began = desk.clock.monotonic()
        picture = self._decode(frame)
        if picture is None:
            return
        with desk.lock:
            entries = desk.book.of(Phase.LIVE)
        # a target that was started on this very image has its box already
        due = [entry for entry in entries if not _has_seen(entry, frame)]
        with desk.stages.time('track'):
            outcome = self._update(picture, frame, due)
        now = desk.clock.monotonic()
        with desk.lock:
            if self.over:
                return
            self._write_down(outcome, due, frame, now, now - began)
            for entry in due:
                entry.doubt()
            desk.front = frame.number
            reports = [self._report(entry, frame) for entry in desk.book if entry.frame]
        self._publish(self, frame, picture, reports)
        self._update_memory()
        self._count_broken(outcome)

    def catch_up(self, entries: list[Entry], frame: Frame) -> None:
        """Show a kept image to the targets that have not seen it; the others are not touched."""
        desk = self._desk
        began = desk.clock.monotonic()
        with desk.stages.time('catch_up'):
            picture = self._decode(frame)
            if picture is None:
                return
            outcome = self._update(picture, frame, entries)
        now = desk.clock.monotonic()
        with desk.lock:
            self._write_down(outcome, entries, frame, now, now - began)
            for entry in entries:
                if desk.front is not None and frame.number >= desk.front:
                    entry.phase = Phase.LIVE
        self._update_memory()
        self._count_broken(outcome)

    def _start(self, order: Start) -> None:
        desk, frame = self._desk, order.frame
        reports = []
        for entry in order.entries:
            with desk.lock:
                wanted, box = desk.book.holds(entry), entry.box
            if not wanted:
                continue  # removed or started again meanwhile
            began = desk.clock.monotonic()
            with desk.stages.time('start'):
                reason = self._add(entry.id, frame, order.picture, box)
            now = desk.clock.monotonic()
            with desk.lock:
                if reason:
                    entry.die(frame, reason, now)
                else:
                    phase = first_phase(frame, desk.front, desk.intake.history)
                    entry.start(frame, phase, now, now - began, self._memory_tokens)
                if desk.book.holds(entry):
                    reports.append(target_report(entry, frame.header, started=True))
        if reports:
            reports.sort(key=lambda report: report.id)
            self._publish(self, frame, order.picture, reports)

    def _add(self, own: int, frame: Frame, picture: Picture, box: Box) -> str:
        """Start a target in the tracker; why that failed, empty if it did not."""
        try:
            self._tracker.add(
                picture.pixels,
                box,
                stamp=frame.seconds,
                color=picture.color,
                target_id=own,
            )
        except FAILURES as error:
            self._forget(own)
            self._desk.notes.log.error('target %d could not be started: %s', own, error)
            return f'could not be started: {describe(error)}'
        self._held.add(own)
        return ''

    def _forget(self, own: int) -> None:
        if own in self._held:
            self._held.discard(own)
            self._try(lambda: self._tracker.remove(own), f'removing target {own}')

    def _try(self, act: Callable[[], None], what: str) -> None:
        try:
            act()
        except FAILURES as error:
            self._desk.notes.log.error('%s: %s', what, describe(error))

    def _decode(self, frame: Frame) -> Picture | None:
        try:
            with self._desk.stages.time('decode'):
                return decode(frame.image)
        except ImageError as error:
            self._desk.unusable(error, frame)
            return None

    def _update(self, picture: Picture, frame: Frame, entries: list[Entry]) -> Outcome:
        outcome = update_each(
            self._tracker, picture, frame.seconds, [entry.id for entry in entries]
        )
        now = self._desk.clock.monotonic()
        for own, reason in outcome.failures.items():
            text = f'the network failed on target {own}: {reason}'
            self._desk.notes.seldom('network', now, text)
        return outcome

    def _update_memory(self) -> None:
        """Let the memories take in the image whose boxes are out: so no box waits for that."""
        desk = self._desk
        began = desk.clock.monotonic()
        count, failure = 0, ''
        try:
            count = self._tracker.update_memory()
        except FAILURES as error:
            failure = describe(error)
        now = desk.clock.monotonic()
        with desk.lock:
            if failure:
                desk.memory.fail(failure)
            else:
                desk.memory.done(count, now - began)
        if failure:
            desk.notes.seldom('memory', now, f'a memory could not be updated: {failure}')

    def _write_down(
        self, outcome: Outcome, entries: list[Entry], frame: Frame, now: float, seconds: float
    ) -> None:
        """Enter what was found; called with the lock held."""
        lost_after = self._desk.params.lost_after
        for entry in entries:
            if not self._desk.book.holds(entry):
                continue  # removed or started again meanwhile
            if entry.id in outcome.results:
                entry.follow(outcome.results[entry.id], frame, now, seconds)
            else:
                entry.fail(outcome.failures[entry.id], frame, now, lost_after)

    def _report(self, entry: Entry, frame: Frame) -> TargetReport:
        behind = entry.phase is Phase.CATCHING_UP and entry.frame is not None
        header = entry.frame.header if behind and entry.frame else frame.header
        return target_report(entry, header)

    def _count_broken(self, outcome: Outcome) -> None:
        if outcome.broken:
            self._broken += 1
            if self._broken == GIVE_UP:
                reason = next(iter(outcome.failures.values()))
                self._give_up(self, f'the network failed on {GIVE_UP} images in a row: {reason}')
        elif outcome.results:
            self._broken = 0


def _has_seen(entry: Entry, frame: Frame) -> bool:
    return entry.frame is not None and entry.frame.number >= frame.number
