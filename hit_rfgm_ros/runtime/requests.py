"""Which image and which boxes of a request to start targets can be used."""

from __future__ import annotations

from collections.abc import Collection
import math
from typing import NamedTuple

from hit_rfgm_ros.geometry.boxes import format_box, visible_share
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.history import History
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, BoxAnswer, InitRequest, Reason
from hit_rfgm_ros.types import Box


class Refusal(NamedTuple):
    """Why nothing of a request can be done."""

    reason: Reason
    message: str


class Verdict(NamedTuple):
    """What is to become of one box.

    Attributes:
        reason, message: as in the answer.
        box: after clipping; as given where it is refused.
    """

    reason: Reason
    message: str
    box: Box

    @property
    def good(self) -> bool:
        """Whether the box is accepted."""
        return self.reason in (Reason.OK, Reason.OK_CLIPPED)


def refuse_all(request: InitRequest, refusal: Refusal) -> tuple[BoxAnswer, ...]:
    """The same answer for every box."""
    return tuple(BoxAnswer(refusal.reason, refusal.message, 0, box) for box in request.boxes)


def choose_frame(history: History, request: InitRequest, tolerance: float) -> Frame | Refusal:
    """The image that a request means.

    Args:
        history: the images kept.
        request: stamp 0 means the newest image, another one the nearest to it.
        tolerance: largest distance of the stamps in seconds.
    """
    newest = history.newest
    if newest is None:
        return Refusal(Reason.NO_IMAGE, 'no image has arrived yet')
    stamp = request.sec * NANOSECONDS + request.nanosec
    if not stamp:
        return newest
    frame = history.nearest(stamp)
    if frame is None:
        return Refusal(
            Reason.STAMP_NOT_IN_HISTORY,
            'the images carry no stamps: ask with stamp 0 for the newest one',
        )
    away = (stamp - frame.header.stamp_ns) / NANOSECONDS
    if abs(away) <= tolerance:
        return frame
    if away > 0 and frame is newest:
        return Refusal(
            Reason.STAMP_IN_FUTURE,
            f'the stamp is {away:.3f} s later than the newest image; do the clocks agree?',
        )
    return Refusal(
        Reason.STAMP_NOT_IN_HISTORY,
        f'of {len(history)} images kept, the newest of {_stamp(newest)}, the nearest one is '
        f'{abs(away):.3f} s {"earlier" if away > 0 else "later"} ({_stamp(frame)}); allowed are '
        f'{tolerance:g} s (init_stamp_tolerance); how long they are kept says frame_history',
    )


def _stamp(frame: Frame) -> str:
    return f'{frame.header.sec}.{frame.header.nanosec:09d}'


def judge_boxes(
    request: InitRequest, size: tuple[int, int], params: TrackerParams, known: Collection[int]
) -> list[Verdict]:
    """Decide on every box of a request.

    Args:
        request: the boxes; with `InitRequest.replace_all` the other targets make room.
        size: width and height of the image in pixels.
        params: limits on boxes and on the number of targets.
        known: ids of the present targets.
    """
    verdicts = [judge_box(box.box, size, params) for box in request.boxes]
    last: dict[int, int] = {}  # place of the last good box of an id
    for place, (box, verdict) in enumerate(zip(request.boxes, verdicts)):
        if box.id and box.id not in known and verdict.good:
            there = ', '.join(map(str, sorted(known))) or 'none'
            text = f'there is no target {box.id}; there are: {there}'
            verdicts[place] = Verdict(Reason.UNKNOWN_ID, text, box.box)
        elif box.id and verdict.good:
            last[box.id] = place
    used = len(last) if request.replace_all else len(known)
    for place, (box, verdict) in enumerate(zip(request.boxes, verdicts)):
        if not verdict.good:
            continue
        if box.id and last[box.id] != place:
            text = f'a later box of the request is for target {box.id} too'
            verdicts[place] = Verdict(Reason.CANCELLED, text, box.box)
        elif not box.id and used >= params.max_targets:
            text = f'there is room for {params.max_targets} targets (max_targets): remove one'
            verdicts[place] = Verdict(Reason.TOO_MANY_TARGETS, text, box.box)
        elif not box.id:
            used += 1
    return verdicts


def judge_box(box: Box, size: tuple[int, int], params: TrackerParams) -> Verdict:
    """Decide on a box by itself: clip it to the image, or refuse it.

    Args:
        box: may be anything.
        size: width and height of the image in pixels.
        params: `min_visible` and `min_box_size`.
    """
    width, height = size
    text = format_box(box)
    if not all(map(math.isfinite, box)):
        return Verdict(Reason.BOX_NOT_FINITE, f'a box is four finite numbers, got {text}', box)
    if box.width <= 0 or box.height <= 0:
        return Verdict(Reason.BOX_EMPTY, f'the box {text} has no area', box)
    share = visible_share(box, width, height)
    if share <= 0 or share < params.min_visible:
        message = (
            f'{share:.0%} of the box {text} lies in the {width}x{height} image, at least '
            f'{params.min_visible:.0%} is needed (min_visible)'
        )
        return Verdict(Reason.BOX_OUTSIDE, message, box)
    clipped = _clip(box, width, height)
    if min(clipped.width, clipped.height) < params.min_box_size:
        message = (
            f'of the box {text} {clipped.width:g}x{clipped.height:g} pixels are left in the '
            f'image, both sides need at least {params.min_box_size:g} (min_box_size)'
        )
        return Verdict(Reason.BOX_TOO_SMALL, message, box)
    if clipped == box:
        return Verdict(Reason.OK, f'accepted: {text}', box)
    return Verdict(
        Reason.OK_CLIPPED,
        f'accepted the part inside the {width}x{height} image: {format_box(clipped)}',
        clipped,
    )


def _clip(box: Box, width: int, height: int) -> Box:
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, width), min(box.y + box.height, height)
    if (
        (left, top) == (box.x, box.y)
        and box.x + box.width <= width
        and box.y + box.height <= height
    ):
        return box  # as given, to the last bit
    return Box(left, top, right - left, bottom - top)
