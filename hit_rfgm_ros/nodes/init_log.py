"""What the log says about requests to start targets."""

from __future__ import annotations

import logging
import time

from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.reports import InitAnswer


class InitLog:
    """Names each refusal, but no reason more often than every ten seconds."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._notes = Notes(log)

    def answered(self, answer: InitAnswer, source: str) -> None:
        """Tell what became of a request that came by ``source``."""
        started = [result for result in answer.results if result.success]
        if started:
            self._log.info(
                '%s: target %s starts on the image of %d.%09d',
                source,
                ', '.join(
                    f'{result.id}{f" ({name})" if (name := result.box_used.label) else ""}'
                    for result in started
                ),
                answer.sec,
                answer.nanosec,
            )
        for result in answer.results:
            if not result.success:
                self._notes.seldom(
                    f'{source} {result.reason.name}',
                    time.monotonic(),
                    f'{source}: {result.reason.name}: {result.message}',
                )

    def unusable(self, reason: str) -> None:
        """Tell why a message could not be read as a request."""
        self._notes.seldom('unusable', time.monotonic(), reason)
