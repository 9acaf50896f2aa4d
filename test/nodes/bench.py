"""A tracker node, a camera and a client on the loopback interface, in one process."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Any

from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.messages.reports import image_message
from hit_rfgm_ros.nodes.host import Publisher, QoS
from hit_rfgm_ros.nodes.tracker import TrackerNode
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, Header

PATIENCE = 20.0  # seconds; the machine may be busy
BEGIN = 1_000 * NANOSECONDS
STEP = 33_333_333  # ns between two images

FAST = {'backend': 'onnxruntime', 'num_threads': 1, 'warm_up': 0}
TARGETS = 'hit_rfgm_ros/msg/TrackedTargetArray'
DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'


def stamp(number: int) -> int:
    """Stamp of an image in nanoseconds."""
    return BEGIN + number * STEP


def header(number: int) -> Header:
    """Header of an image."""
    return Header(*divmod(stamp(number), NANOSECONDS), 'camera_optical_frame')


def header_fields(number: int) -> dict[str, Any]:
    """The same for a message."""
    sec, nanosec, frame_id = header(number)
    return {'stamp': {'sec': sec, 'nanosec': nanosec}, 'frame_id': frame_id}


def seconds(number: int) -> float:
    """Time of an image as a tracker counts it, from the first one."""
    return number * STEP / NANOSECONDS


def key(message: Any) -> tuple[int, int, str]:
    """Header of a message, to compare."""
    own = message.header
    return own.stamp.sec, own.stamp.nanosec, own.frame_id


class Bench:
    """A node under test.

    Attributes:
        host, node: under test.
        other: what the camera and the client run on.
        arrays: messages of ~/targets so far.
    """

    header = staticmethod(header)
    header_fields = staticmethod(header_fields)
    key = staticmethod(key)
    seconds = staticmethod(seconds)

    def __init__(
        self,
        values: dict[str, Any],
        *,
        domain: int,
        namespace: str = '',
        builder: Any = None,
        remappings: dict[str, str] | None = None,
    ) -> None:
        store = ParameterStore(TRACKER_TABLE, TrackerParams())
        self.warnings = store.load({**FAST, **values})
        self.host = DdsHost(
            'tracker',
            namespace=namespace,
            remappings=remappings,
            parameters=store,
            domain=domain,
        )
        self.node = TrackerNode(self.host, store, builder=builder)
        self.other = DdsHost('other', namespace=namespace, domain=domain)
        self.name = self.host.name
        self.arrays: list[Any] = []
        self.taken: dict[str, list[Any]] = {}
        self._changed = threading.Condition()
        self._images: Publisher | None = None
        self._clients: dict[str, Any] = {}
        self.listen('~/targets', TARGETS, QoS(100), self.arrays)
        self.diagnostics = self.listen('/diagnostics', DIAGNOSTICS)

    def start(self, camera: Publisher | None = None) -> None:
        """Configure, activate, wait for the network and for the camera to be connected."""
        camera = camera or self.images
        self.node.configure()
        self.node.activate()
        assert self.node.logic.wait_ready(PATIENCE)
        self.wait(camera.subscribers, 'the node to subscribe')
        time.sleep(0.1)  # the other directions are being matched too

    @property
    def images(self) -> Publisher:
        """The camera's topic."""
        if self._images is None:
            self._images = self.other.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(5))
        return self._images

    def listen(
        self, topic: str, type_name: str, qos: QoS | None = None, into: list[Any] | None = None
    ) -> list[Any]:
        """Collect the messages of a topic; ``~`` stands for the node under test."""
        into = [] if into is None else into

        def take(message: Any) -> None:
            with self._changed:
                into.append(message)
                self._changed.notify_all()

        name = topic.replace('~', self.name)
        self.other.subscription(name, type_name, qos or QoS(10), take)
        return into

    def wait(self, ready: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
        """Wait until ``ready`` gives something true, and give that."""
        until = time.monotonic() + timeout
        with self._changed:
            while not (answer := ready()):
                left = until - time.monotonic()
                assert left > 0, f'waited {timeout:g} s in vain for {what}'
                self._changed.wait(min(left, 0.05))
        return answer

    def show(self, number: int, picture: Any = None, *, stamped: int | None = None) -> Any:
        """Send one image and wait for its report.

        Args:
            number: of the golden frame.
            picture: (H, W, 3) RGB instead of it.
            stamped: number that its stamp is made of, if another.
        """
        image = golden_frame(number % 120).image if picture is None else picture
        own = header(number if stamped is None else stamped)
        self.images.publish(image_message(own, image, 'rgb8'))
        return self.wait(lambda: self.report_of(own), f'the report of image {number}')

    def report_of(self, own: Header) -> Any:
        """The last array under a header, None if there is none."""
        found = [array for array in self.arrays if key(array) == tuple(own)]
        return found[-1] if found else None

    def call(self, service: str, fields: dict[str, Any], type_name: str) -> Any:
        """Call a service; ``~`` stands for the node under test."""
        name = service.replace('~', self.name)
        if name not in self._clients:
            self._clients[name] = self.other.client(name, type_name)
            assert self._clients[name].wait(PATIENCE), name
        return self._clients[name].call(fields, PATIENCE)

    def init(self, *boxes: Any, at: int | None = None, **more: Any) -> Any:
        """Start targets on boxes; ``at`` is the number of the image."""
        own = (0, 0) if at is None else header(at)[:2]
        listed = [dict(zip(('x', 'y', 'width', 'height'), map(float, box))) for box in boxes]
        return self.call(
            '~/init_target',
            {'stamp': {'sec': own[0], 'nanosec': own[1]}, 'boxes': listed, **more},
            'hit_rfgm_ros/srv/InitTarget',
        )

    def set(self, name: str, kind: str, value: Any) -> Any:
        """Set a parameter by its service; ``kind`` is bool, integer, double or string."""
        number = {'bool': 1, 'integer': 2, 'double': 3, 'string': 4}[kind]
        answer = self.call(
            '~/set_parameters',
            {'parameters': [{'name': name, 'value': {'type': number, f'{kind}_value': value}}]},
            'rcl_interfaces/srv/SetParameters',
        )
        return answer.results[0]

    def status(self, part: str) -> Any:
        """The newest diagnostic status of a part of the node, None before the first one."""
        for array in reversed(self.diagnostics):
            for status in array.status:
                if status.name == f'{self.name}: {part}':
                    return status
        return None

    def close(self) -> None:
        """End everything."""
        self.node.shutdown()
        self.host.close()
        self.other.close()
