"""Loading of the network in a thread of its own; it can be given up, not interrupted."""

from __future__ import annotations

from collections.abc import Callable
import logging
import threading

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.runtime.outputs import Builder, Clock, LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams

HEARTBEAT = 10.0  # seconds between two lines of the log while it takes long


class Loading:
    """One attempt to load.

    Attributes:
        progress: where it is, in words.
        log: where to say how it goes.
    """

    def __init__(
        self,
        builder: Builder,
        params: TrackerParams,
        done: Callable[[Loading, LoadedTracker | None, str], None],
        *,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        """Prepare it.

        Args:
            builder: makes the tracker.
            params: of the tracker.
            done: called at the end in the thread of the loading, with the tracker or, if that is
                None, the reason.
            clock: for the time that it takes.
            log: where to say how it goes.
        """
        self.params = params
        self.progress = 'starting'
        self._builder = builder
        self._done = done
        self._clock = clock
        self.log = log
        self._began = self._told = clock.monotonic()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name='loading', daemon=True).start()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock.monotonic() - self._began

    def beat(self) -> None:
        """Let the log know every ten seconds that it goes on; called often."""
        now = self._clock.monotonic()
        if now - self._told >= HEARTBEAT:
            self._told = now
            self.log.info('%s is still being loaded: %s', self.params.model, self)

    def __str__(self) -> str:
        return f'{self.progress}, for {self.seconds:.0f} s'

    def _tell(self, progress: str) -> None:
        self.progress = progress
        self._told = self._clock.monotonic()
        self.log.info('loading %s: %s', self.params.model, progress)

    def _run(self) -> None:
        loaded, reason = None, ''
        try:
            loaded = self._builder.build(self.params, self._tell)
        except HitRfgmError as error:
            reason = str(error)
        except Exception as error:  # whatever a library raises, the node must learn of it
            self.log.exception('loading %s failed', self.params.model)
            reason = f'{type(error).__name__}: {error}'
        self._done(self, loaded, reason)
