"""How a program of `ros2 run` begins and ends; imports nothing heavy before it can be stopped."""

from __future__ import annotations

from importlib import import_module
import os
import signal
import sys
import threading
from types import FrameType

# Tear-down that hangs in a library is cut off so long after the signal, in seconds.
_GRACE = 1.6


def run(name: str, *, interrupted: int = 0) -> int:
    """Run a node until it ends or a signal comes; that ends it in under two seconds.

    Python's handlers run in the main thread only, so what blocks belongs into other threads.

    Args:
        name: of a module of this room with ``main(stop: threading.Event) -> int``.
        interrupted: exit status after SIGINT or SIGTERM. If it is not 0, the signal raises
            KeyboardInterrupt in the main thread besides setting ``stop``.

    Returns:
        The exit status.
    """
    stop = threading.Event()
    watchdog = threading.Timer(_GRACE, os._exit, [interrupted])
    watchdog.daemon = True

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():  # `ros2 launch` passes on a Ctrl-C that the terminal sent here too
            return
        stop.set()
        watchdog.start()
        if interrupted:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        status: int = import_module(f'hit_rfgm_ros.ros.{name}').main(stop)
    except KeyboardInterrupt:
        status = interrupted
    watchdog.cancel()
    if set(threading.enumerate()) - {threading.current_thread(), watchdog}:
        # A library may still be at work in a thread; Python's own end would pull the rug from it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
