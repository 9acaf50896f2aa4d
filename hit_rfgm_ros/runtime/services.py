"""Answers to requests: given at once, while the network follows in the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.image_error import ImageError
from hit_rfgm_ros.runtime.images import decode
from hit_rfgm_ros.runtime.isolation import FAILURES, describe
from hit_rfgm_ros.runtime.orders import Forget, Reset, Start
from hit_rfgm_ros.runtime.reports import (
    BoxAnswer,
    BoxRequest,
    InitAnswer,
    InitRequest,
    Picture,
    Reason,
    RemoveAnswer,
)
from hit_rfgm_ros.runtime.requests import Refusal, Verdict, choose_frame, judge_boxes, refuse_all


class Services:
    """What the node's services do; every method may be called from any thread."""

    def __init__(self, desk: Desk, not_ready: Callable[[], str]) -> None:
        """Make them.

        Args:
            desk: shared with the rest of the node.
            not_ready: says why the network cannot be used yet, empty if it can; called with the
                lock held.
        """
        self._desk = desk
        self._not_ready = not_ready

    def init_targets(self, request: InitRequest) -> InitAnswer:
        """Judge the boxes of a request and let the worker start on those that are accepted."""
        desk = self._desk
        with desk.lock:
            found = self._find(request)
        if isinstance(found, Refusal):
            return InitAnswer(refuse_all(request, found))
        picture = self._decode(found)
        if isinstance(picture, Refusal):
            return InitAnswer(refuse_all(request, picture))
        with desk.lock:
            refusal = self._unable()
            if refusal is not None:
                return InitAnswer(refuse_all(request, refusal))
            answers = self._accept(request, found, picture)
        return InitAnswer(answers, found.header.sec, found.header.nanosec)

    def remove_targets(self, ids: Sequence[int]) -> RemoveAnswer:
        """Forget targets, all if none is named; works in every state."""
        desk = self._desk
        with desk.lock:
            known = desk.book.ids
            wanted = tuple(dict.fromkeys(ids)) if len(ids) else known
            removed = tuple(own for own in wanted if own in known)
            unknown = tuple(own for own in wanted if own not in known)
            self._remove(removed)
        message = f'removed {_listed(removed)}'
        if unknown:
            message += f'; there was no target {_listed(unknown)}'
        return RemoveAnswer(removed, unknown, message)

    def pause(self, paused: bool) -> tuple[bool, str]:
        """Ignore images from now on, or process them again; the targets are kept."""
        desk = self._desk
        with desk.lock:
            if not desk.active:
                return False, f'the node is {desk.state.value}: activate it first'
            desk.paused = paused
            if paused:
                desk.intake.mailbox.take()
            desk.lock.notify_all()
            count = len(desk.book)
        return True, f'{"paused" if paused else "going on"} with {count} targets'

    def reset_memory(self) -> tuple[bool, str]:
        """Bring every target back to its first template."""
        desk = self._desk
        with desk.lock:
            reason = self._not_ready()
            if reason:
                return False, reason
            desk.orders.append(Reset())
            desk.lock.notify_all()
            count = len(desk.book)
        model = desk.params.model
        if not keeps_memory(model):
            return True, f'{model} keeps no memory; the states of {count} targets begin anew'
        return True, (
            f'the memories of {count} targets go back to their first template before the next '
            f'image, and their states begin anew'
        )

    def _unable(self) -> Refusal | None:
        desk = self._desk
        if not desk.active:
            why = f': {desk.failure}' if desk.failure else ''
            return Refusal(Reason.NOT_ACTIVE, f'the node is {desk.state.value}{why}')
        if desk.paused:
            return Refusal(Reason.NOT_ACTIVE, 'the node is paused')
        reason = self._not_ready()
        return Refusal(Reason.BACKEND_NOT_READY, reason) if reason else None

    def _find(self, request: InitRequest) -> Frame | Refusal:
        tolerance = self._desk.params.init_stamp_tolerance
        return self._unable() or choose_frame(self._desk.intake.history, request, tolerance)

    def _decode(self, frame: Frame) -> Picture | Refusal:
        try:
            return decode(frame.image)
        except ImageError as error:
            self._desk.unusable(error, frame)
            return Refusal(Reason.IMAGE_UNUSABLE, f'the image cannot be used: {error}')
        except FAILURES as error:
            self._desk.notes.log.exception('an image could not be decoded')
            return Refusal(Reason.INTERNAL_ERROR, f'internal error: {describe(error)}')

    def _accept(
        self, request: InitRequest, frame: Frame, picture: Picture
    ) -> tuple[BoxAnswer, ...]:
        """Enter the good boxes in the book; called with the lock held."""
        desk = self._desk
        verdicts = judge_boxes(
            request, (frame.width, frame.height), desk.params, set(desk.book.ids)
        )
        pairs = list(zip(request.boxes, verdicts))
        good = [(box, verdict) for box, verdict in pairs if verdict.good]
        if request.replace_all and good:
            again = {box.id for box, _ in good}
            self._remove([own for own in desk.book.ids if own not in again])
        entries = []
        answers = []
        for box, verdict in pairs:
            own = 0
            if verdict.good:
                entry = desk.book.enter(box.id, box.label, verdict.box)
                entries.append(entry)
                own = entry.id
            answers.append(_answer(box, verdict, own))
        if entries:
            desk.orders.append(Start(tuple(entries), frame, picture))
            desk.lock.notify_all()
        return tuple(answers)

    def _remove(self, ids: Sequence[int]) -> None:
        """Forget targets; called with the lock held."""
        desk = self._desk
        if ids:
            desk.book.remove(ids)
            desk.orders.append(Forget(tuple(ids)))
            desk.lock.notify_all()


def _answer(box: BoxRequest, verdict: Verdict, own: int) -> BoxAnswer:
    used = BoxRequest(verdict.box, own or box.id, box.label)
    return BoxAnswer(verdict.reason, verdict.message, own, used)


def _listed(ids: Sequence[int]) -> str:
    return ', '.join(map(str, ids)) or 'none'
