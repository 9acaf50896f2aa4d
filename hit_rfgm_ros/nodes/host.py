"""What a node needs from its middleware; `ros` and `dds` each provide it.

Messages go out as mappings from field name to value (nested mappings, lists; images as numpy
arrays or bytes) and come in as objects with attributes named as the fields: rclpy's classes, or
those of the definitions read by `messages`. Type names are ``package/msg/Name`` and
``package/srv/Name``. Topic and service names may be relative, absolute or begin with ``~/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import logging
from typing import Any, Protocol

from hit_rfgm_ros.runtime.reports import Endpoint

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class QoS:
    """Quality of service, keep last.

    Attributes:
        depth: of the queue.
        reliable: else best effort.
        transient_local: late joiners get the last messages; else volatile.
    """

    depth: int = 10
    reliable: bool = True
    transient_local: bool = False


class Closable(Protocol):
    """Something that is given back."""

    def close(self) -> None:
        """Give it back; a second call does nothing."""


class Publisher(Closable, Protocol):
    """Sends messages of one topic; may be called from any thread."""

    @property
    def topic(self) -> str:
        """Resolved name."""

    def publish(self, fields: Fields) -> None:
        """Send a message; missing fields take the default of their type."""

    def subscribers(self) -> int:
        """How many subscribers are matched."""


class Client(Closable, Protocol):
    """Calls a service."""

    def wait(self, timeout: float) -> bool:
        """Wait until a server is there; False if none came in ``timeout`` seconds."""

    def call(self, fields: Fields, timeout: float) -> Any:
        """Send a request and wait for the answer, never in a callback of this host.

        Raises:
            TimeoutError: if no answer came in ``timeout`` seconds.
        """


class Host(Protocol):
    """One node of a middleware."""

    @property
    def name(self) -> str:
        """Full name, ``/ns/tracker`` for one."""

    @property
    def log(self) -> logging.Logger:
        """Where to log; a ROS host passes it on to /rosout."""

    def resolve(self, name: str) -> str:
        """Full name of a topic or service after namespace and remappings."""

    def now(self) -> float:
        """Seconds of the node's clock, simulated time included; 0 if that has not begun."""

    def publisher(self, topic: str, type_name: str, qos: QoS) -> Publisher:
        """Make a publisher."""

    def subscription(
        self, topic: str, type_name: str, qos: QoS, callback: Callable[[Any], None]
    ) -> Closable:
        """Call ``callback`` with each message; an exception in it is logged, never passed on."""

    def service(self, name: str, type_name: str, callback: Callable[[Any], Fields]) -> Closable:
        """Answer requests with the fields that ``callback`` returns, at once."""

    def client(self, name: str, type_name: str) -> Client:
        """Make a client."""

    def timer(self, period: float, callback: Callable[[], None]) -> Closable:
        """Call ``callback`` every ``period`` seconds of the wall clock."""

    def publishers_on(self, topic: str) -> Sequence[Endpoint]:
        """Publishers that the network shows on a topic, of any type."""

    def subscribers_on(self, topic: str) -> Sequence[Endpoint]:
        """Subscribers likewise."""
