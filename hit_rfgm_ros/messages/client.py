"""The client's direction: requests to send, answers and reports that came back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeVar

from hit_rfgm_ros.messages.reports import CONFIDENCE_KINDS, target_box
from hit_rfgm_ros.messages.requests import box_request
from hit_rfgm_ros.messages.values import read_header, time_fields, uint32
from hit_rfgm_ros.runtime.reports import (
    Bearing,
    BoxAnswer,
    FrameReport,
    InitAnswer,
    InitRequest,
    Reason,
    RemoveAnswer,
    TargetReport,
    TargetState,
)
from hit_rfgm_ros.types import Box, ConfidenceKind

_KINDS = {number: kind for kind, number in CONFIDENCE_KINDS.items()}
Code = TypeVar('Code', bound=IntEnum)


def init_request_message(request: InitRequest) -> dict[str, Any]:
    """Fields of the request of `hit_rfgm_ros/InitTarget`."""
    return {
        'stamp': time_fields(request.sec, request.nanosec),
        'boxes': [target_box(box) for box in request.boxes],
        'replace_all': request.replace_all,
    }


def remove_request_message(ids: Sequence[int]) -> dict[str, Any]:
    """Fields of the request of `hit_rfgm_ros/RemoveTarget`."""
    return {'ids': [uint32(target) for target in ids]}


def init_answer(message: Any) -> InitAnswer:
    """Read the response of `hit_rfgm_ros/InitTarget`."""
    results = tuple(
        BoxAnswer(
            _code(Reason, result.reason, Reason.INTERNAL_ERROR),
            str(result.message),
            int(result.id),
            box_request(result.box_used),
        )
        for result in message.results
    )
    return InitAnswer(results, int(message.stamp_used.sec), int(message.stamp_used.nanosec))


def remove_answer(message: Any) -> RemoveAnswer:
    """Read the response of `hit_rfgm_ros/RemoveTarget`."""
    return RemoveAnswer(
        tuple(int(target) for target in message.removed),
        tuple(int(target) for target in message.unknown),
        str(message.message),
    )


def frame_report(message: Any) -> FrameReport:
    """Read a `hit_rfgm_ros/TrackedTargetArray`."""
    return FrameReport(
        header=read_header(message.header),
        image_width=int(message.image_width),
        image_height=int(message.image_height),
        targets=tuple(_target(target) for target in message.targets),
        age=float(message.age),
        latency=float(message.latency),
        frames_dropped=int(message.frames_dropped),
    )


def _target(message: Any) -> TargetReport:
    update = message.last_memory_update
    return TargetReport(
        header=read_header(message.header),
        id=int(message.id),
        label=str(message.label),
        box=Box(float(message.x), float(message.y), float(message.width), float(message.height)),
        confidence=float(message.confidence),
        confidence_kind=_KINDS.get(int(message.confidence_kind), ConfidenceKind.NONE),
        state=_code(TargetState, message.state, TargetState.UNCERTAIN),
        reason=str(message.reason),
        bearing=_bearing(message) if message.has_bearing else None,
        processing_time=float(message.processing_time),
        frames_since_init=int(message.frames_since_init),
        memory_tokens=int(message.memory_tokens),
        last_memory_update=(int(update.sec), int(update.nanosec)),
    )


def _bearing(message: Any) -> Bearing:
    direction = message.bearing
    return Bearing(
        (float(direction.x), float(direction.y), float(direction.z)),
        float(message.angular_width),
        float(message.angular_height),
    )


def _code(codes: type[Code], number: int, unknown: Code) -> Code:
    """A code of this version, ``unknown`` for one that a newer node sent."""
    try:
        return codes(int(number))
    except ValueError:
        return unknown
