"""The annotated image: drawn in a thread of its own, and only while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import NamedTuple

import cv2
from hit_rfgm_ros.messages.reports import camera_info_message, compressed_message, image_message
from hit_rfgm_ros.nodes.camera_view import CameraView
from hit_rfgm_ros.nodes.host import Host, Publisher, QoS
from hit_rfgm_ros.runtime.annotate import annotate
from hit_rfgm_ros.runtime.isolation import FAILURES
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, FrameReport, Header, Picture
from hit_rfgm_ros.types import ImageU8
import numpy as np

QOS = QoS(depth=1)
TOPIC = '~/image_annotated'


class _Job(NamedTuple):
    report: FrameReport
    picture: Picture


class Annotator:
    """Draws the newest report that was offered; what comes too fast is left out.

    Attributes:
        caption: small text in the picture; settable.
        drawn: pictures so far.
    """

    def __init__(
        self,
        host: Host,
        params: Callable[[], TrackerParams],
        camera: CameraView,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.caption = ''
        self.drawn = 0
        self._host = host
        self._params = params
        self._camera = camera
        self._clock = clock
        self._notes = Notes(host.log)
        self._due = 0.0
        self._newest = 0  # stamp of the last picture, nanoseconds
        self._job: _Job | None = None
        self._stopped = True
        self._signal = threading.Condition()
        self._thread: threading.Thread | None = None
        self._publishers: list[Publisher] = []

    def open(self) -> None:
        """Make the topics and begin; does nothing while it runs."""
        if self._publishers:
            return
        raw = self._host.publisher(TOPIC, 'sensor_msgs/msg/Image', QOS)
        self._publishers = [
            raw,
            self._host.publisher(
                f'{raw.topic}/compressed', 'sensor_msgs/msg/CompressedImage', QOS
            ),
        ]
        params = self._params()
        if params.publish_markers or params.publish_bearing:
            beside = raw.topic.rpartition('/')[0]
            self._publishers.append(
                self._host.publisher(f'{beside}/camera_info', 'sensor_msgs/msg/CameraInfo', QOS)
            )
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name='annotator', daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End, and give the topics back; a second call does nothing."""
        with self._signal:
            self._stopped = True
            self._job = None
            self._signal.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None
        for publisher in self._publishers:
            publisher.close()
        self._publishers = []

    def offer(self, report: FrameReport, picture: Picture) -> None:
        """Have a report drawn if that is wanted now; returns at once."""
        if not self._wanted(report):
            return
        with self._signal:
            if not self._stopped:
                self._job = _Job(report, picture)
                self._signal.notify_all()

    def _wanted(self, report: FrameReport) -> bool:
        params = self._params()
        now = self._clock()
        if self._stopped or not params.publish_annotated or now < self._due:
            return False
        stamp = report.header.stamp_ns
        if stamp and self._newest - NANOSECONDS <= stamp < self._newest:
            return False  # a target that starts on a past image: the picture must not jump back
        if not any(publisher.subscribers() for publisher in self._publishers[:2]):
            return False
        self._newest = stamp
        if params.annotated_rate:
            self._due = max(self._due + 1 / params.annotated_rate, now)
        return True

    def _run(self) -> None:
        while True:
            with self._signal:
                while self._job is None and not self._stopped:
                    self._signal.wait()
                if self._stopped or self._job is None:
                    return
                job, self._job = self._job, None
            try:
                self._draw(job)
            except FAILURES as error:
                self._notes.seldom('annotated', self._clock(), f'no annotated image: {error}')

    def _draw(self, job: _Job) -> None:
        params = self._params()
        canvas = annotate(
            job.picture, job.report, max_side=params.annotated_max_side, caption=self.caption
        )
        bgr = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR), np.uint8)
        self._publish(job, bgr, params.jpeg_quality)
        self.drawn += 1

    def _publish(self, job: _Job, bgr: ImageU8, quality: int) -> None:
        publishers = self._publishers
        if len(publishers) < 2:
            return  # closed meanwhile
        raw, compressed, *infos = publishers
        header = job.report.header
        camera = self._camera.model(bgr.shape[1], bgr.shape[0])
        if camera is not None:
            for publisher in infos:
                publisher.publish(camera_info_message(camera.info, header))
        if raw.subscribers():
            raw.publish(image_message(header, bgr, 'bgr8'))
        if compressed.subscribers():
            self._publish_jpeg(compressed, header, bgr, quality)

    def _publish_jpeg(
        self, publisher: Publisher, header: Header, bgr: ImageU8, quality: int
    ) -> None:
        done, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            publisher.publish(compressed_message(header, np.asarray(data, np.uint8), 'jpeg'))
