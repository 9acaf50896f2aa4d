"""A node on the ROS 2 wire without ROS: `nodes.host.Host` over Cyclone DDS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import logging
import threading
from typing import Any, TypeVar

from hit_rfgm_ros.dds.clock import NodeClock
from hit_rfgm_ros.dds.discovery import Announcer
from hit_rfgm_ros.dds.domain import DomainSettings
from hit_rfgm_ros.dds.graph import Graph
from hit_rfgm_ros.dds.loop import Loop, Timer
from hit_rfgm_ros.dds.names import Names
from hit_rfgm_ros.dds.parameters import ParameterServices
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.qos import CLOCK_QOS, SERVICE_QOS
from hit_rfgm_ros.dds.rosout import RosoutHandler
from hit_rfgm_ros.dds.services import DdsClient, Server
from hit_rfgm_ros.dds.topics import DdsPublisher, DdsSubscription, Part
from hit_rfgm_ros.messages.definitions import Definitions, load_definitions
from hit_rfgm_ros.nodes.host import Fields, QoS
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.reports import Endpoint

P = TypeVar('P', bound=Part)

_LOGGERS = 'hit_rfgm_ros.node'
_GRAPH_PERIOD = 5.0  # s between two readings of the discovery


class DdsHost:
    """One node with one thread, in which all its callbacks run one after another.

    A callback must be quick: it holds up the others. What it raises is logged and ends nothing.
    Every method may be called from any thread.

    Attributes:
        definitions: interface definitions of the distribution.
        clock: of the node.
        participant: its member of the DDS domain.
    """

    def __init__(
        self,
        name: str,
        *,
        namespace: str = '',
        remappings: Mapping[str, str] | None = None,
        parameters: ParameterStore[Any] | None = None,
        domain: int | None = None,
        use_sim_time: bool = False,
        definitions: Definitions | None = None,
    ) -> None:
        """Join the network.

        Args:
            name: of the node.
            namespace: before it.
            remappings: from name to name; see `dds.names.parse_remappings`.
            parameters: to be served at once; see `serve_parameters`.
            domain: id; ROS_DOMAIN_ID without it.
            use_sim_time: take the time from `/clock`.
            definitions: of another distribution than the environment's.

        Raises:
            ConfigError: if a name or the domain is not valid.
            DdsError: if the network cannot be joined.
            MissingDependencyError: if rosbags is not installed.
        """
        self._names = Names(name, namespace, remappings)
        self.definitions = definitions or load_definitions()
        settings = DomainSettings.from_environment(domain_id=domain)
        self.participant = Participant(settings, self.definitions)
        self._log = logging.getLogger(_LOGGERS + self.name.replace('/', '.'))
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._parts: list[Part] = []
        self._announced = True
        self._loop = Loop(self.participant.entity, self._log, self._names.name)
        self._announcer = Announcer(self.participant, self._names.namespace, self._names.name)
        self._graph = Graph(self.participant)
        self._loop.timer(_GRAPH_PERIOD, self._graph.update)
        self._rosout = RosoutHandler(self.participant, self.name)
        self._announcer.add(None, self._rosout.writer)
        self._log.addHandler(self._rosout)
        self._parameters: ParameterServices | None = None
        self.clock = NodeClock(
            lambda callback: self.subscription(
                '/clock', 'rosgraph_msgs/msg/Clock', CLOCK_QOS, callback
            )
        )
        self.clock.use_sim_time = use_sim_time
        self._announcer.publish()
        if parameters is not None:
            self.serve_parameters(parameters)

    @property
    def name(self) -> str:
        """Full name, ``/ns/tracker`` for one."""
        return self._names.node

    @property
    def log(self) -> logging.Logger:
        """Logger of the node; what it takes goes to /rosout too."""
        return self._log

    def resolve(self, name: str) -> str:
        """Full name of a topic or service after namespace and remappings.

        Raises:
            ConfigError: if the name is not valid.
        """
        return self._names.resolve(name)

    def now(self) -> float:
        """Seconds of the node's clock, simulated time included; 0 if that has not begun."""
        return self.clock.now()

    def publisher(self, topic: str, type_name: str, qos: QoS) -> DdsPublisher:
        """Make a publisher.

        Raises:
            ConfigError: if name or type is not valid.
        """
        return self._keep(
            DdsPublisher(self.participant, self._loop, self.resolve(topic), type_name, qos)
        )

    def subscription(
        self, topic: str, type_name: str, qos: QoS, callback: Callable[[Any], None]
    ) -> DdsSubscription:
        """Call ``callback`` with each message; its arrays are views of the bytes received.

        Raises:
            ConfigError: if name or type is not valid.
        """
        full = self.resolve(topic)
        return self._keep(
            DdsSubscription(self.participant, self._loop, full, type_name, qos, callback)
        )

    def service(
        self,
        name: str,
        type_name: str,
        callback: Callable[[Any], Fields],
        qos: QoS = SERVICE_QOS,
    ) -> Server:
        """Answer requests with the fields that ``callback`` returns, at once.

        Raises:
            ConfigError: if name or type is not valid.
        """
        full = self.resolve(name)
        return self._keep(Server(self.participant, self._loop, full, type_name, callback, qos))

    def client(self, name: str, type_name: str) -> DdsClient:
        """Make a client.

        Raises:
            ConfigError: if name or type is not valid.
        """
        return self._keep(DdsClient(self.participant, self._loop, self.resolve(name), type_name))

    def timer(self, period: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` every ``period`` seconds of the wall clock."""
        return self._loop.timer(period, callback)

    def publishers_on(self, topic: str) -> Sequence[Endpoint]:
        """Publishers that the network shows on a topic, of any type."""
        return self._graph.publishers_on(self.resolve(topic))

    def subscribers_on(self, topic: str) -> Sequence[Endpoint]:
        """Subscribers likewise."""
        return self._graph.subscribers_on(self.resolve(topic))

    def serve_parameters(self, store: ParameterStore[Any]) -> None:
        """Offer the services of parameters, and tell `/parameter_events` of changes."""
        self._parameters = ParameterServices(self, store, self.clock)

    def spin(self) -> None:
        """Wait until the host is closed, or for Ctrl-C, which passes through."""
        while not self._closed.wait(0.5):
            pass

    def close(self) -> None:
        """Leave the network; a second call does nothing."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            parts, self._parts = self._parts, []
        self._log.removeHandler(self._rosout)
        self._loop.stop()
        for part in parts:
            part.on_close = None
            part.release()
        self._announcer.close()
        self._rosout.close()
        self._graph.close()
        self.participant.close()

    def _keep(self, part: P) -> P:
        part.on_close = self._drop
        with self._lock:
            self._parts.append(part)
        self._announcer.add(part.reader, part.writer)
        self._announce_soon()
        return part

    def _drop(self, part: Part) -> None:
        with self._lock:
            self._parts.remove(part)
        self._announcer.remove(part.reader, part.writer)
        self._announce_soon()

    def _announce_soon(self) -> None:
        """Announce once for all that was made at about the same time."""
        with self._lock:
            if not self._announced or self._closed.is_set():
                return
            self._announced = False
        self._loop.soon(self._announce)

    def _announce(self) -> None:
        with self._lock:
            self._announced = True
        self._announcer.publish()
