"""Spin nodes in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import threading
from types import TracebackType
from typing import Any

from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor

logger = logging.getLogger(__name__)


class Spinner:
    """Runs the callbacks of nodes in one thread; a context manager.

    An exception that rclpy lets out, of a malformed parameter request for one, is logged, and the
    spinning goes on.

    Args:
        nodes: of rclpy.
        ended: called when somebody else shut ROS down.
    """

    def __init__(self, nodes: Sequence[Any], ended: Callable[[], None]) -> None:
        self._executor = SingleThreadedExecutor()
        for node in nodes:
            self._executor.add_node(node)
        self._ended = ended
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='spin', daemon=True)

    def __enter__(self) -> Spinner:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._executor.shutdown(timeout_sec=0.5)
        self._thread.join(0.5)

    def soon(self, task: Callable[[], Any]) -> None:
        """Have a function called by the spinning thread; may be called from any thread."""
        self._executor.create_task(task)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._executor.spin_once()
            except (ExternalShutdownException, ShutdownException):
                break
            except Exception:
                logger.exception('A callback of rclpy failed')
                if not self._executor.context.ok():
                    break
        if not self._stopping:
            self._ended()
