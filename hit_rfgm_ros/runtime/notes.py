"""Log lines that must not flood: once for a cause, or seldom."""

from __future__ import annotations

import logging
import threading

SELDOM = 10.0  # seconds between two lines of one cause


class Notes:
    """Remembers what was logged; may be used from any thread, and never within another lock."""

    def __init__(self, log: logging.Logger) -> None:
        self.log = log
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def once(self, cause: str, text: str) -> None:
        """Warn the first time that ``cause`` is given."""
        with self._lock:
            if cause in self._told:
                return
            self._told[cause] = 0.0
        self.log.warning('%s', text)

    def seldom(self, cause: str, now: float, text: str) -> None:
        """Warn if ``cause`` was not told in the last ten seconds (monotonic)."""
        with self._lock:
            last = self._told.get(cause)
            if last is not None and now - last < SELDOM:
                return
            self._told[cause] = now
        self.log.warning('%s', text)
