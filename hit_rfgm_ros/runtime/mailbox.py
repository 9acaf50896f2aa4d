"""A slot for one image: the newest wins."""

from __future__ import annotations

from hit_rfgm_ros.runtime.frame import Frame


class Mailbox:
    """Holds the newest image until the worker takes it; guarded by the lock of its owner."""

    def __init__(self) -> None:
        self._frame: Frame | None = None

    def __bool__(self) -> bool:
        return self._frame is not None

    def put(self, frame: Frame) -> bool:
        """Put one in; whether another one was pushed out."""
        pushed = self._frame is not None
        self._frame = frame
        return pushed

    def take(self) -> Frame | None:
        """Take it out, if there is one."""
        frame, self._frame = self._frame, None
        return frame
