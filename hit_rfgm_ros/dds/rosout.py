"""What the node logs, sent to `/rosout` as ROS nodes do."""

from __future__ import annotations

import logging
import time

from hit_rfgm_ros.dds.binding import DdsError, delete, write
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.wire import encode
from hit_rfgm_ros.messages.definitions import MessageError
from hit_rfgm_ros.nodes.host import QoS

_TYPE = 'rcl_interfaces/msg/Log'
_QOS = QoS(depth=1000, transient_local=True)
_LIFESPAN = 10 * 1_000_000_000  # ns


class RosoutHandler(logging.Handler):
    """Publishes log records; levels are the same numbers in Python and ROS."""

    def __init__(self, participant: Participant, node: str) -> None:
        super().__init__(logging.DEBUG)
        self._definitions = participant.definitions
        self._name = node.strip('/').replace('/', '.')
        self.writer = participant.writer('/rosout', _TYPE, _QOS, lifespan=_LIFESPAN)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; one that cannot be sent is left to `logging` to complain about."""
        try:
            write(self.writer, encode(self._definitions, _TYPE, self._fields(record)))
        except (DdsError, MessageError, ValueError, TypeError):
            self.handleError(record)

    def close(self) -> None:
        """Give the writer back."""
        super().close()
        delete(self.writer)

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        sec, rest = divmod(record.created, 1.0)
        return {
            'stamp': {'sec': int(sec), 'nanosec': int(rest * 1e9)},
            'level': min(record.levelno, 255),
            'name': self._name,
            'msg': self.format(record),
            'file': record.pathname,
            'function': record.funcName or '',
            'line': record.lineno,
        }


def stamp_now() -> dict[str, int]:
    """The wall clock as a `builtin_interfaces/Time`."""
    sec, nanosec = divmod(time.time_ns(), 1_000_000_000)
    return {'sec': sec, 'nanosec': nanosec}
