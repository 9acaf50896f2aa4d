"""The one thread of a node that waits: for samples, for timers, for being told something."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import heapq
import itertools
import logging
import math
import threading
import time
from typing import Any

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.binding import DdsError
from hit_rfgm_ros.errors import HitRfgmError

_ROUND = 16  # samples of one reader before the others have their turn


class Source:
    """A reader and what is called with each of its samples."""

    def __init__(self, reader: Any, callback: Callable[[bytes, Any], None], name: str) -> None:
        self.reader = reader
        self.callback = callback
        self.name = name
        # Kept here: a waitset does not keep its conditions alive.
        self.condition = binding.core.ReadCondition(reader, binding.ANY_STATE)
        self.closed = False


class Timer:
    """Calls a function again and again, or once."""

    def __init__(
        self,
        period: float,
        callback: Callable[[], None],
        name: str = 'timer',
        *,
        once: bool = False,
    ) -> None:
        self.period = period
        self.callback = callback
        self.name = name
        self.once = once
        self.closed = False

    def close(self) -> None:
        """Stop it; a second call does nothing."""
        self.closed = True


class Loop:
    """Runs callbacks in one thread, one after another, holding no lock.

    What a callback raises is logged and ends nothing.
    """

    def __init__(self, participant: Any, log: logging.Logger, name: str) -> None:
        self.log = log
        self._waitset = binding.core.WaitSet(participant)
        self._guard = binding.core.GuardCondition(participant)
        self._waitset.attach(self._guard)
        self._sources: tuple[Source, ...] = ()
        self._timers: list[tuple[float, int, Timer]] = []
        self._soon: deque[Callable[[], None]] = deque()
        self._order = itertools.count()
        self._complained: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f'dds {name}', daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller runs in this loop."""
        return threading.current_thread() is self._thread

    def add(self, source: Source) -> None:
        """Call the source's callback with each of its samples."""
        with self._lock:
            self._sources = (*self._sources, source)
            self._waitset.attach(source.condition)
        self._wake()

    def remove(self, source: Source) -> None:
        """Stop that and give its reader back; a callback that runs just now still ends."""
        with self._lock:
            if source.closed:
                return
            source.closed = True
            self._sources = tuple(kept for kept in self._sources if kept is not source)
            if not self._stopped:
                self._waitset.detach(source.condition)
        binding.delete(source.condition, source.reader)

    def timer(self, period: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` every ``period`` seconds, first after one period."""
        return self._start(Timer(period, callback))

    def later(self, delay: float, callback: Callable[[], None], name: str) -> Timer:
        """Call ``callback`` once after ``delay`` seconds; ``name`` is for the log."""
        return self._start(Timer(delay, callback, name, once=True))

    def soon(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once in the loop's thread."""
        self._soon.append(callback)
        self._wake()

    def complain(self, name: str, text: str) -> None:
        """Log, but at most once a second for each name: a peer must not flood the log."""
        now = time.monotonic()
        if now - self._complained.get(name, -math.inf) >= 1.0:
            self._complained[name] = now
            self.log.warning('%s: %s', name, text)

    def stop(self) -> None:
        """End the thread; waits for the callback that runs, unless that is the caller."""
        with self._lock:
            self._stopped = True
        self._wake()
        if not self.inside:
            self._thread.join(timeout=2.0)
        for source in self._sources:
            self.remove(source)
        binding.delete(self._waitset, self._guard)

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._waitset.wait(self._time_left())
                self._guard.take()
            except binding.DDSException as error:
                if not self._stopped:
                    self.log.error('waiting for messages failed: %s', error)
                    time.sleep(0.1)
            for _ in range(len(self._soon)):
                self._guarded(self._soon.popleft())
            for source in self._sources:
                self._drain(source)
            self._run_timers()

    def _drain(self, source: Source) -> None:
        if source.closed or self._stopped:
            return
        try:
            samples = binding.take(source.reader, _ROUND)
        except DdsError as error:
            if not (source.closed or self._stopped):
                self.log.error('%s: %s', source.name, error)
            return
        for data, info in samples:
            if info.valid_data and not (source.closed or self._stopped):
                self._guarded(source.callback, data, info, name=source.name)

    def _run_timers(self) -> None:
        now = time.monotonic()
        while not self._stopped:
            with self._lock:
                if not self._timers or self._timers[0][0] > now:
                    return
                due, _, timer = heapq.heappop(self._timers)
            if timer.closed:
                continue
            self._guarded(timer.callback, name=timer.name)
            if not timer.once:
                # A callback that took long does not make the next ones crowd.
                self._push(max(due + timer.period, now), timer)

    def _guarded(self, callback: Callable[..., None], *args: Any, name: str = 'node') -> None:
        try:
            callback(*args)
        except HitRfgmError as error:
            self.complain(name, str(error))
        except Exception:
            self.log.exception('%s: a callback failed', name)

    def _start(self, timer: Timer) -> Timer:
        self._push(time.monotonic() + timer.period, timer)
        self._wake()
        return timer

    def _push(self, due: float, timer: Timer) -> None:
        with self._lock:
            heapq.heappush(self._timers, (due, next(self._order), timer))

    def _time_left(self) -> int:
        """Nanoseconds until the next timer."""
        with self._lock:
            if not self._timers:
                return int(binding.INFINITE)
            return max(0, int((self._timers[0][0] - time.monotonic()) * 1e9))

    def _wake(self) -> None:
        try:
            self._guard.set(True)
        except binding.DDSException:
            # Stopped meanwhile by another thread: there is nothing left to wake.
            self.log.debug('the loop has ended already')
