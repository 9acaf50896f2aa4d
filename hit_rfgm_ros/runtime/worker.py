"""The one thread that does the work of a `TrackerLogic`."""

from __future__ import annotations

import threading

from hit_rfgm_ros.runtime.logic import TrackerLogic

PATIENCE = 10.0  # seconds; it is woken for work and for the end


class Worker:
    """Calls `TrackerLogic.step` as long as there is work, and waits while there is none."""

    def __init__(self, logic: TrackerLogic) -> None:
        self._logic = logic
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing while it runs."""
        if self._thread is not None and self._thread.is_alive() and not self._stop.is_set():
            return
        self._stop = stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(stop,), name='tracker', daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End; True if the thread has ended within ``timeout`` seconds."""
        self._stop.set()
        self._logic.wake()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                if not self._logic.step():
                    self._logic.wait(PATIENCE, unless=stop.is_set)
            except Exception as error:  # a bug must not end in a thread that is silently gone
                self._logic.log.exception('the worker failed')
                self._logic.give_up(f'internal error: {type(error).__name__}: {error}')
