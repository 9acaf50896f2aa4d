"""`nodes.host.Host` on a node of rclpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import threading
from typing import Any

from hit_rfgm_ros.nodes.host import Fields, QoS
from hit_rfgm_ros.ros.fill import fill, message_class
from hit_rfgm_ros.ros.log import node_logger
from hit_rfgm_ros.ros.qos import profile, publisher_events, subscription_events
from hit_rfgm_ros.runtime.reports import Endpoint
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy


class RosHost:
    """A node for the node logic; somebody else spins it.

    Publishing and calling are allowed from any thread, making and closing too. Publishers are
    plain ones also on a lifecycle node: diagnostics are needed in every state.

    Args:
        node: any node of rclpy.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._log = node_logger(node)

    @property
    def name(self) -> str:
        """Full name, ``/ns/tracker`` for one."""
        return str(self._node.get_fully_qualified_name())

    @property
    def log(self) -> logging.Logger:
        """Where to log; reaches /rosout."""
        return self._log

    def resolve(self, name: str) -> str:
        """Full name of a topic or service after namespace and remappings."""
        return str(self._node.resolve_topic_name(name))

    def now(self) -> float:
        """Seconds of the node's clock, simulated time included; 0 if that has not begun."""
        return float(self._node.get_clock().now().nanoseconds * 1e-9)

    def publisher(self, topic: str, type_name: str, qos: QoS) -> RosPublisher:
        """Make a publisher."""
        return RosPublisher(self._node, topic, type_name, qos, self._log)

    def subscription(
        self, topic: str, type_name: str, qos: QoS, callback: Callable[[Any], None]
    ) -> Entity:
        """Call ``callback`` with each message; an exception in it is logged, never passed on."""
        node = self._node
        made = node.create_subscription(
            message_class(type_name),
            topic,
            _guarded(callback, self._log, f'taking a message of {topic}'),
            profile(qos),
            event_callbacks=subscription_events(self._log, self.resolve(topic)),
        )
        return Entity(lambda: node.destroy_subscription(made))

    def service(self, name: str, type_name: str, callback: Callable[[Any], Fields]) -> Entity:
        """Answer requests with the fields that ``callback`` returns, at once."""
        node, cls = self._node, message_class(type_name)
        answer = _guarded(
            lambda request: fill(cls.Response(), callback(request)), self._log, f'answering {name}'
        )
        made = node.create_service(cls, name, lambda request, empty: answer(request) or empty)
        return Entity(lambda: node.destroy_service(made))

    def client(self, name: str, type_name: str) -> RosClient:
        """Make a client."""
        return RosClient(self._node, name, type_name)

    def timer(self, period: float, callback: Callable[[], None]) -> Entity:
        """Call ``callback`` every ``period`` seconds of the wall clock."""
        node = self._node
        made = node.create_timer(
            period,
            _guarded(callback, self._log, 'a timer'),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        return Entity(lambda: node.destroy_timer(made))

    def publishers_on(self, topic: str) -> Sequence[Endpoint]:
        """Publishers that the network shows on a topic, of any type."""
        name = self.resolve(topic)
        return [_endpoint(name, info) for info in self._node.get_publishers_info_by_topic(name)]

    def subscribers_on(self, topic: str) -> Sequence[Endpoint]:
        """Subscribers likewise."""
        name = self.resolve(topic)
        return [_endpoint(name, info) for info in self._node.get_subscriptions_info_by_topic(name)]


class Entity:
    """Something of a node that can be given back once."""

    def __init__(self, destroy: Callable[[], Any]) -> None:
        self._destroy: Callable[[], Any] | None = destroy

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        destroy, self._destroy = self._destroy, None
        if destroy is not None:
            destroy()


class RosPublisher(Entity):
    """Sends messages of one topic; may be called from any thread."""

    def __init__(
        self, node: Any, topic: str, type_name: str, qos: QoS, log: logging.Logger
    ) -> None:
        self._class = message_class(type_name)
        self._publisher = node.create_publisher(
            self._class,
            topic,
            profile(qos),
            event_callbacks=publisher_events(log, node.resolve_topic_name(topic)),
        )
        self._context = node.context
        # rclpy refuses to destroy what another thread uses only half the time: one at a time.
        self._lock = threading.Lock()
        self._open = True
        super().__init__(lambda: node.destroy_publisher(self._publisher))

    @property
    def topic(self) -> str:
        """Resolved name."""
        return str(self._publisher.topic_name)

    def publish(self, fields: Fields) -> None:
        """Send a message; after closing or the end of the process it does nothing."""
        message = fill(self._class(), fields)
        with self._lock:
            if self._open and self._context.ok():
                self._publisher.publish(message)

    def subscribers(self) -> int:
        """How many subscribers are matched."""
        with self._lock:
            if not (self._open and self._context.ok()):
                return 0
            return int(self._publisher.get_subscription_count())

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        with self._lock:
            self._open = False
        super().close()


class RosClient(Entity):
    """Calls a service while another thread spins the node."""

    def __init__(self, node: Any, name: str, type_name: str) -> None:
        self._class = message_class(type_name)
        self._client = node.create_client(self._class, name)
        super().__init__(lambda: node.destroy_client(self._client))

    def wait(self, timeout: float) -> bool:
        """Wait until a server is there; False if none came in ``timeout`` seconds."""
        return bool(self._client.wait_for_service(timeout_sec=timeout))

    def call(self, fields: Fields, timeout: float) -> Any:
        """Send a request and wait for the answer, never in a callback of this host.

        Raises:
            TimeoutError: if no answer came in ``timeout`` seconds.
        """
        answered = threading.Event()
        future = self._client.call_async(fill(self._class.Request(), fields))
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(timeout):
            self._client.remove_pending_request(future)
            raise TimeoutError(f'{self._client.srv_name} did not answer in {timeout:g} s')
        return future.result()


def _guarded(callback: Callable[..., Any], log: logging.Logger, doing: str) -> Callable[..., Any]:
    """The callback with its exceptions logged; rclpy would stop spinning at them."""

    def run(*args: Any) -> Any:
        try:
            return callback(*args)
        except Exception:
            log.exception('Failed in %s', doing)
            return None

    return run


def _endpoint(topic: str, info: Any) -> Endpoint:
    # rmw fills in names that begin like this where a plain DDS program tells none.
    named = not info.node_name.startswith('_NODE_NAME_UNKNOWN')
    space = info.node_namespace.rstrip('/')
    return Endpoint(
        node=f'{space}/{info.node_name}' if named else '',
        topic=topic,
        type=info.topic_type,
        reliable=info.qos_profile.reliability == ReliabilityPolicy.RELIABLE,
        transient_local=info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
    )
