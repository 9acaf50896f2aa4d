"""When the memory is updated: often in the first frames of a track, seldom later."""

from __future__ import annotations


def interval(t: int) -> int:
    """Frames between two updates around frame ``t``: 5, doubling every 100 frames up to 160.

    RFGM, section 4.1; frame 0 is that of the first box, ``t`` = 1 the first one tracked.
    """
    return 5 << min(5, max(0, (t - 1) // 100))


def is_update(t: int, fixed: int = 0) -> bool:
    """Whether the memory is updated at frame ``t``, which depends on ``t`` alone.

    Args:
        t: frames tracked so far, this one included; never at the first box, ``t`` = 0.
        fixed: frames between two updates; 0 goes by the paper's schedule, `interval`.
    """
    return t > 0 and t % (fixed or interval(t)) == 0
