"""A camera and a client for a tracker that runs in another process."""

from __future__ import annotations

import time
from typing import Any

import cv2
from hit_rfgm_ros.messages.client import frame_report, init_answer, init_request_message
from hit_rfgm_ros.nodes.host import Closable, QoS
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.runtime.reports import (
    BoxRequest,
    FrameReport,
    Header,
    InitAnswer,
    InitRequest,
    TargetState,
)
from hit_rfgm_ros.types import Box
import numpy as np
from numpy.typing import NDArray
from waiting import eventually

FPS = 20
FRAME = 'camera_optical_frame'
WIDTH, HEIGHT, SIDE = 320, 240, 48


class Film:
    """A patch that wanders over a blurred background; seeded."""

    def __init__(self, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        self.background = cv2.GaussianBlur(noise, (0, 0), 6)
        patch = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (SIDE, SIDE))
        self._patch = cv2.rectangle(patch, (0, 0), (SIDE - 1, SIDE - 1), (255, 255, 255), 2)

    def box(self, number: int) -> Box:
        """Where the patch is on a frame."""
        x = 60 + 2 * (number % 90)
        return Box(float(x), 90.0 + 20 * np.sin(number / 9).round(2), SIDE, SIDE)

    def frame(self, number: int) -> NDArray[np.uint8]:
        """(240, 320, 3) uint8 RGB."""
        image = self.background.copy()
        x, y = round(self.box(number).x), round(self.box(number).y)
        image[y : y + SIDE, x : x + SIDE] = self._patch
        return image


class Stage:
    """The camera and the client.

    Each begins a second after the last image of the one before: stamps never go back.

    Attributes:
        reports: arrays of targets that came, oldest first.
        number: of the last frame shown.
    """

    _last = 0

    def __init__(
        self, host: RosHost, tracker: str = '/tracker', camera: str = '/image_raw', **qos: Any
    ) -> None:
        self.film = Film()
        self.reports: list[FrameReport] = []
        self._host = host
        self._tracker = tracker
        self._begin = max(int(time.time()), Stage._last + 2)
        self.number = -1
        self._images = host.publisher(camera, 'sensor_msgs/msg/Image', QoS(**{'depth': 5, **qos}))
        self._client = host.client(f'{tracker}/init_target', 'hit_rfgm_ros/srv/InitTarget')
        self._open: list[Closable] = [self._images, self._client]
        self.listen('targets', 'hit_rfgm_ros/msg/TrackedTargetArray', self._take)

    def listen(self, name: str, type_name: str, callback: Any) -> None:
        """Subscribe to ``~/name`` of the tracker."""
        self._open.append(
            self._host.subscription(f'{self._tracker}/{name}', type_name, QoS(depth=50), callback)
        )

    def close(self) -> None:
        for part in self._open:
            part.close()

    def connected(self) -> None:
        """Wait until the tracker listens and is heard."""
        eventually(lambda: self._images.subscribers() >= 1, doing='the tracker subscribes')
        assert self._client.wait(30)
        # Volatile topics: what is sent before both ends have found each other is lost.
        eventually(lambda: self.show() >= 0 and self.reports, doing='the tracker is heard')
        eventually(lambda: self.report_of(self.header(self.number)))

    def header(self, number: int) -> Header:
        """Of a frame of this camera."""
        return Header(self._begin + number // FPS, number % FPS * 50_000_000, FRAME)

    def show(self, image: NDArray[np.uint8] | None = None) -> int:
        """Publish the next frame; its number."""
        self.number += 1
        number = self.number
        pixels = self.film.frame(number) if image is None else image
        height, width = pixels.shape[:2]
        header = self.header(number)
        Stage._last = header.sec
        stamp = {'sec': header.sec, 'nanosec': header.nanosec}
        self._images.publish(
            {
                'header': {'stamp': stamp, 'frame_id': FRAME},
                'height': height, 'width': width, 'step': 3 * width, 'encoding': 'rgb8',
                'data': pixels,
            }
        )  # fmt: skip
        return number

    def track(self, image: NDArray[np.uint8] | None = None) -> FrameReport:
        """Publish the next frame and wait for what the tracker says about it."""
        header = self.header(self.show(image))
        return eventually(lambda: self.report_of(header), doing=f'the report of {header}')

    def report_of(self, header: Header) -> FrameReport | None:
        """The report of a processed frame, not those that tell a start."""
        for report in self.reports:
            states = {target.state for target in report.targets}
            if report.header == header and states != {TargetState.INITIALIZED}:
                return report
        return None

    def init(self, *boxes: Box, number: int | None = None, **options: Any) -> InitAnswer:
        """Ask for targets, on a frame of a number or on the newest one."""
        header = Header() if number is None else self.header(number)
        requests = tuple(box if isinstance(box, BoxRequest) else BoxRequest(box) for box in boxes)
        request = InitRequest(requests, header.sec, header.nanosec, **options)
        return init_answer(self._client.call(init_request_message(request), 30))

    def call(self, name: str, type_name: str, **fields: Any) -> Any:
        """Call another service of the tracker."""
        client = self._host.client(f'{self._tracker}/{name}', type_name)
        assert client.wait(30)
        try:
            return client.call(fields, 30)
        finally:
            client.close()

    def start(self, **options: Any) -> int:
        """Show a frame and start a target on its patch; the id."""
        number = self.show()
        eventually(lambda: self.report_of(self.header(number)))
        answer = self.init(self.film.box(number), number=number, **options)
        assert answer.success, answer
        return answer.results[0].id

    def forget(self) -> None:
        """Remove all targets and reports."""
        self.call('remove_target', 'hit_rfgm_ros/srv/RemoveTarget')
        self.reports.clear()

    def _take(self, message: Any) -> None:
        self.reports.append(frame_report(message))
