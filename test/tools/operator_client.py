"""A camera and an operator on any host: what a robot's other programs do with the tracker node."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Any

from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.nodes.host import Host, QoS
import numpy as np

ARRAY = 'hit_rfgm_ros/msg/TrackedTargetArray'
STATE = {'INITIALIZED': 1, 'TRACKING': 2, 'UNCERTAIN': 3, 'LOST': 4, 'CATCHING_UP': 5}
PATIENCE = 60.0  # seconds; the machine may be busy
BASE = 1_700_000_000 * 10**9  # stamp of the first image, ns
FRAME = 33_333_333  # ns between two images


class Film:
    """Pictures with a target in them, and where it truly is."""

    def __init__(self, count: int = 60) -> None:
        scene = compose_scene('easy', seed=3)
        self.pictures = [np.ascontiguousarray(scene.frame(index)) for index in range(count)]
        self.boxes = scene.boxes[:count]

    def box(self, number: int, **more: Any) -> dict[str, Any]:
        """The target's box in one picture, as fields of a TargetBox."""
        x, y, width, height = (float(value) for value in self.boxes[self._index(number)])
        return {'x': x, 'y': y, 'width': width, 'height': height, **more}

    def image(self, number: int, stamp: int | None = None, **more: Any) -> dict[str, Any]:
        """One picture as fields of an Image; there and back again beyond the end."""
        picture = self.pictures[self._index(number)]
        height, width = picture.shape[:2]
        stamp = BASE + number * FRAME if stamp is None else stamp
        return {
            'header': header(stamp),
            'height': height,
            'width': width,
            'encoding': 'rgb8',
            'step': 3 * width,
            'data': picture.reshape(-1),
            **more,
        }

    def _index(self, number: int) -> int:
        count = len(self.pictures)
        turn = number % (2 * count - 2)
        return turn if turn < count else 2 * count - 2 - turn


class Operator:
    """Sends images, calls services, and keeps what the node says.

    Attributes:
        arrays: TrackedTargetArray messages so far.
        statuses: the newest DiagnosticStatus by name.
        number: of the next picture.
    """

    def __init__(self, host: Host, film: Film, node: str = '/tracker', image: str = '/image_raw'):
        self.host = host
        self.film = film
        self.number = 0
        self.arrays: list[Any] = []
        self.statuses: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._node = node
        self.images = host.publisher(image, 'sensor_msgs/msg/Image', QoS(depth=5))
        host.subscription(f'{node}/targets', ARRAY, QoS(depth=100), self._on_array)
        host.subscription(
            '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', QoS(), self._on_diagnostics
        )
        self._clients = {
            name: host.client(f'{node}/{name}', kind)
            for name, kind in (
                ('init_target', 'hit_rfgm_ros/srv/InitTarget'),
                ('remove_target', 'hit_rfgm_ros/srv/RemoveTarget'),
                ('pause', 'std_srvs/srv/SetBool'),
                ('reset_memory', 'std_srvs/srv/Trigger'),
            )
        }

    def _on_array(self, message: Any) -> None:
        with self._changed:
            self.arrays.append(message)
            self._changed.notify_all()

    def _on_diagnostics(self, message: Any) -> None:
        with self._changed:
            for status in message.status:
                if status.name.startswith(f'{self._node}:'):
                    self.statuses[status.name.partition(': ')[2]] = status
            self._changed.notify_all()

    def wait(self, ready: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
        """Wait until ``ready`` gives something true, and give that."""
        found: list[Any] = []

        def check() -> bool:
            found[:] = [ready()]
            return bool(found[0])

        with self._changed:
            ok = self._changed.wait_for(check, timeout)
        assert ok, f'waited {timeout:.0f} s in vain for: {what}'
        return found[0]

    def call(self, service: str, fields: dict[str, Any]) -> Any:
        """Call one of the node's services."""
        client = self._clients[service]
        assert client.wait(PATIENCE), f'no server of {service}'
        return client.call(fields, PATIENCE)

    def show(self, count: int = 1, **more: Any) -> None:
        """Send pictures without waiting, 30 a second."""
        for _ in range(count):
            self.images.publish(self.film.image(self.number, **more))
            self.number += 1
            time.sleep(1 / 30)

    def step(self, count: int = 1, **more: Any) -> list[Any]:
        """Send pictures, each after the node has answered the one before; gives the answers."""
        answers = []
        for _ in range(count):
            image = self.film.image(self.number, **more)
            wanted = stamp_of(image['header'])
            self.images.publish(image)
            self.number += 1
            answers.append(
                self.wait(lambda wanted=wanted: self.answer_to(wanted), f'boxes for {wanted}')
            )
        return answers

    def answer_to(self, stamp: int) -> Any:
        """The newest array for an image that is not only about a start."""
        for message in reversed(self.arrays):
            if stamp_of(message.header) == stamp and not _is_start(message):
                return message
        return None

    def ready(self) -> None:
        """Wait until the node sees this camera and the network is loaded."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.show()
            seen = len(self.arrays)
            answer = self.call('init_target', {'boxes': [self.film.box(self.number - 1)]})
            if answer.success and (seen or self.arrays or self._later()):
                self.call('remove_target', {'ids': []})
                # Let images under way arrive: what follows counts them.
                time.sleep(0.3)
                with self._changed:
                    self.arrays.clear()
                return
            time.sleep(0.3)
        raise AssertionError(f'the node did not get ready: {answer.results[0].message}')

    def fresh(self) -> None:
        """Forget all targets and what was heard; the camera's time goes on."""
        self.call('pause', {'data': False})
        self.call('remove_target', {'ids': []})
        self.number += 60
        time.sleep(0.2)
        with self._changed:
            self.arrays.clear()
            self.statuses.clear()

    def _later(self) -> bool:
        time.sleep(0.5)
        return bool(self.arrays)

    def init(self, number: int | None = None, **fields: Any) -> Any:
        """Start on the true box of a picture (by default the last one sent) with its stamp."""
        number = self.number - 1 if number is None else number
        stamp = BASE + number * FRAME
        request = {'stamp': time_of(stamp), 'boxes': [self.film.box(number)], **fields}
        return self.call('init_target', request)


def header(stamp: int) -> dict[str, Any]:
    """Fields of a header."""
    return {'stamp': time_of(stamp), 'frame_id': 'camera_optical_frame'}


def time_of(stamp: int) -> dict[str, int]:
    """Fields of a Time."""
    return {'sec': stamp // 10**9, 'nanosec': stamp % 10**9}


def stamp_of(source: Any) -> int:
    """Nanoseconds of a header, as fields or as a message."""
    if isinstance(source, dict):
        return int(source['stamp']['sec']) * 10**9 + int(source['stamp']['nanosec'])
    return int(source.stamp.sec) * 10**9 + int(source.stamp.nanosec)


def overlap(target: Any, box: dict[str, Any]) -> float:
    """IoU of a TrackedTarget with a box."""
    right = min(target.x + target.width, box['x'] + box['width'])
    bottom = min(target.y + target.height, box['y'] + box['height'])
    width, height = right - max(target.x, box['x']), bottom - max(target.y, box['y'])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    both = target.width * target.height + box['width'] * box['height']
    return float(shared / (both - shared))


def _is_start(message: Any) -> bool:
    states = {int(target.state) for target in message.targets}
    return states == {STATE['INITIALIZED']}
