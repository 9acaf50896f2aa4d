"""Single values on their way out: finite, within the range of their field, and sendable."""

from __future__ import annotations

import math
from typing import Any

from hit_rfgm_ros.runtime.reports import NANOSECONDS, Header

LONGEST_TEXT = 4096  # characters
_LARGEST_FLOAT32 = 3.4028234663852886e38
_LARGEST_UINT32 = 2**32 - 1
_LARGEST_SECOND = 2**31 - 1


def finite(value: float, fallback: float = 0.0) -> float:
    """The value as a Python float; ``fallback`` where it is NaN or infinite."""
    value = float(value)
    return value if math.isfinite(value) else fallback


def float32(value: float) -> float:
    """The value for a float32: NaN becomes 0, what is too large the largest one."""
    value = float(value)
    if math.isnan(value):
        return 0.0
    return min(max(value, -_LARGEST_FLOAT32), _LARGEST_FLOAT32)


def share(value: float) -> float:
    """The value as a number in [0, 1]; NaN becomes 0."""
    return min(max(float32(value), 0.0), 1.0)


def uint32(value: int) -> int:
    """The value as a whole number that a uint32 holds."""
    return min(max(int(value), 0), _LARGEST_UINT32)


def clean_text(value: str) -> str:
    """The text without what no string on the wire may hold, cut where it is far too long.

    A NUL would end the string in C, a lone surrogate has no UTF-8.
    """
    sendable = value.replace('\0', '').encode('utf-8', 'replace').decode('utf-8')
    if len(sendable) <= LONGEST_TEXT:
        return sendable
    return sendable[: LONGEST_TEXT - 3] + '...'


def header_fields(header: Header) -> dict[str, Any]:
    """`std_msgs/Header`, bit for bit."""
    return {'stamp': time_fields(header.sec, header.nanosec), 'frame_id': header.frame_id}


def time_fields(sec: int, nanosec: int) -> dict[str, int]:
    """`builtin_interfaces/Time`."""
    return {'sec': int(sec), 'nanosec': int(nanosec)}


def seconds_fields(seconds: float) -> dict[str, int]:
    """`builtin_interfaces/Time` or `Duration` of seconds; 0 for what no clock shows."""
    seconds = min(max(finite(seconds), 0.0), float(_LARGEST_SECOND))
    sec, nanosec = divmod(round(seconds * NANOSECONDS), NANOSECONDS)
    return time_fields(min(sec, _LARGEST_SECOND), nanosec)


def read_header(header: Any) -> Header:
    """The header of a message that came in."""
    return Header(int(header.stamp.sec), int(header.stamp.nanosec), str(header.frame_id))
