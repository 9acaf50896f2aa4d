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


def run(name: str) -> int:
    """Run a node until SIGINT or SIGTERM, which end it with status 0 in under two seconds.

    Python's handlers run in the main thread only, so that one is kept free to wait for them, and
    the node is spun by another.

    Args:
        name: of a module of this room with ``main(stop: threading.Event) -> int``.

    Returns:
        The exit status.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            watchdog = threading.Timer(_GRACE, os._exit, [0])
            watchdog.daemon = True
            watchdog.start()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    status: int = import_module(f'hit_rfgm_ros.ros.{name}').main(stop)
    if threading.active_count() > 1:
        # A library may still be at work in a thread; Python's own end would pull the rug from it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status
