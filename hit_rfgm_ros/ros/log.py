"""Pass Python's logging on to a node's logger, so that it reaches the console and /rosout."""

from __future__ import annotations

import logging
from typing import Any

LIBRARY = 'hit_rfgm_ros'


class RosHandler(logging.Handler):
    """Hands each record to the logger of a node."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self._logger = node.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record with its level; never raises."""
        try:
            self._pass_on(record.levelno, self.format(record))
        except Exception:  # noqa: BLE001  # the rule of logging: a broken log stops nobody
            self.handleError(record)

    def _pass_on(self, level: int, text: str) -> None:
        # rclpy remembers the level of each calling line and refuses another one from there.
        if level >= logging.CRITICAL:
            self._logger.fatal(text)
        elif level >= logging.ERROR:
            self._logger.error(text)
        elif level >= logging.WARNING:
            self._logger.warning(text)
        elif level >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)


def node_logger(node: Any) -> logging.Logger:
    """The logger of a node; its records reach /rosout under the node's name."""
    path = node.get_fully_qualified_name().strip('/').replace('/', '.')
    log = logging.getLogger(f'{LIBRARY}.node.{path}')
    log.handlers = [RosHandler(node)]
    log.setLevel(logging.DEBUG)  # rclpy decides by its own level
    log.propagate = False
    return log


def pass_on_library_logs(node: Any) -> None:
    """What the other rooms log goes to the logger of this node too."""
    log = logging.getLogger(LIBRARY)
    log.handlers = [RosHandler(node)]
    log.setLevel(logging.INFO)
    log.propagate = False
