"""From what is known about the targets to what is published about an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hit_rfgm_ros.runtime.book import Entry, state_of
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.outputs import Clock
from hit_rfgm_ros.runtime.reports import Bearing, FrameReport, Header, TargetReport
from hit_rfgm_ros.types import Box

EARLIEST, LATEST = -1.0, 60.0  # seconds; a latency outside says that two clocks differ


def target_report(entry: Entry, header: Header, *, started: bool = False) -> TargetReport:
    """One target.

    Args:
        entry: the target.
        header: of the image that its box belongs to.
        started: tell of the start, also if there are newer images to catch up with.
    """
    return TargetReport(
        header=header,
        id=entry.id,
        label=entry.label,
        box=entry.box,
        confidence=entry.confidence,
        confidence_kind=entry.kind,
        state=entry.state if started else state_of(entry),
        reason=entry.reason,
        processing_time=entry.processing_time,
        frames_since_init=entry.frames,
        memory_tokens=entry.memory_tokens,
        last_memory_update=entry.memory_update,
    )


def frame_report(
    frame: Frame,
    targets: Iterable[TargetReport],
    *,
    clock: Clock,
    dropped: int,
    bearing: Callable[[Box], Bearing | None] | None,
) -> FrameReport:
    """All targets of an image, with its age by now and bearings where the camera is known."""
    targets = tuple(targets)
    if bearing is not None:
        targets = tuple(replace(target, bearing=bearing(target.box)) for target in targets)
    return FrameReport(
        header=frame.header,
        image_width=frame.width,
        image_height=frame.height,
        targets=targets,
        age=clock.monotonic() - frame.image.arrival,
        latency=latency(frame.header, clock.now()),
        frames_dropped=dropped,
    )


def latency(header: Header, now: float) -> float:
    """Seconds from the stamp to ``now`` on the node's clock.

    NaN where that says nothing: the stamp is 0, the clock has not begun, or the two clocks plainly
    differ, which is taken to be so below -1 s and above 60 s.
    """
    if not header.stamp_ns or not now:
        return float('nan')
    passed = now - header.seconds
    return passed if EARLIEST <= passed <= LATEST else float('nan')
