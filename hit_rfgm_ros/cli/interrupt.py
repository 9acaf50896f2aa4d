"""Ctrl-C that lets the present frame be finished."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class Interruption:
    """While entered, the first Ctrl-C only sets `requested`; the second stops at once.

    Attributes:
        requested: whether to stop after the present frame.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interruption:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
