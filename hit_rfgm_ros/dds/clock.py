"""The node's clock: the wall clock, or that of a simulation on `/clock`."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Any

from hit_rfgm_ros.nodes.host import Closable


class NodeClock:
    """Seconds of the node; from the latest `/clock` while ``use_sim_time`` is set."""

    def __init__(self, subscribe: Callable[[Callable[[Any], None]], Closable]) -> None:
        """Make a clock.

        Args:
            subscribe: subscribes to `/clock` with the callback given.
        """
        self._subscribe = subscribe
        self._subscription: Closable | None = None
        self._simulated = 0.0
        self._lock = threading.Lock()

    @property
    def use_sim_time(self) -> bool:
        """Whether simulated time is used."""
        return self._subscription is not None

    @use_sim_time.setter
    def use_sim_time(self, wanted: bool) -> None:
        with self._lock:
            if wanted and self._subscription is None:
                self._simulated = 0.0
                self._subscription = self._subscribe(self._on_clock)
            elif not wanted and self._subscription is not None:
                self._subscription.close()
                self._subscription = None

    def now(self) -> float:
        """Seconds; 0 if simulated time is used and has not begun."""
        return self._simulated if self.use_sim_time else time.time()

    def _on_clock(self, message: Any) -> None:
        self._simulated = message.clock.sec + message.clock.nanosec * 1e-9
