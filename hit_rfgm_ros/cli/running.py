"""How a command that is a node begins and ends: DDS, signals, the parent's death."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import logging
import os
import platform
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from hit_rfgm_ros.cli.node_options import NodeSettings
from hit_rfgm_ros.errors import MissingDependencyError
from hit_rfgm_ros.runtime.param_store import ParameterStore

if TYPE_CHECKING:
    from hit_rfgm_ros.dds.host import DdsHost

# Tear-down that hangs in a library is cut off so many seconds after the signal.
_GRACE = 1.6


def open_host(settings: NodeSettings, store: ParameterStore[Any] | None = None) -> DdsHost:
    """Start a node on Cyclone DDS.

    Raises:
        MissingDependencyError: if the wheel is not installed, with the way for this machine.
        ConfigError: if a name is not valid.
    """
    require_dds()
    from hit_rfgm_ros.dds.host import DdsHost

    return DdsHost(
        settings.name,
        namespace=settings.namespace,
        remappings=settings.remappings,
        parameters=store,
        domain=settings.domain,
    )


def require_dds() -> None:
    """Check that nodes can run without ROS here.

    Raises:
        MissingDependencyError: saying what to do on this machine.
    """
    try:
        from hit_rfgm_ros.dds import binding  # noqa: F401  # the import is the check
        from hit_rfgm_ros.messages.definitions import load_definitions

        load_definitions()
    except MissingDependencyError as error:
        if has_dds_wheel():
            raise
        raise MissingDependencyError(
            f'Cyclone DDS has no wheel for {platform.system()} on {platform.machine()}, so '
            f'there is no node without ROS here; with ROS 2 it is: ros2 run hit_rfgm_ros tracker'
        ) from error


def has_dds_wheel() -> bool:
    """Whether the extra ``dds`` brings Cyclone DDS on this machine."""
    return sys.platform != 'linux' or platform.machine().lower() in ('x86_64', 'amd64')


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; what then hangs for long ends the process."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            watchdog = threading.Timer(_GRACE, leave, [0])
            watchdog.daemon = True
            watchdog.start()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def leave(status: int) -> None:
    """End the process at once, whatever its threads are doing; what was printed gets out."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def end_with_parent() -> None:
    """Have this process ended, as by SIGTERM, once stdin ends: its parent was closed or killed."""
    stdin = sys.stdin.fileno()

    def watch() -> None:
        # Not through sys.stdin, whose lock would be held when Python ends.
        while os.read(stdin, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name='parent', daemon=True).start()
