"""What the tracker node subscribes to while it is active."""

from __future__ import annotations

import time
from typing import Any

from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.messages.requests import (
    camera_info,
    incoming_compressed,
    incoming_image,
    init_request_from_detections,
)
from hit_rfgm_ros.nodes.camera_view import CameraView
from hit_rfgm_ros.nodes.host import Closable, Host, QoS
from hit_rfgm_ros.nodes.init_log import InitLog
from hit_rfgm_ros.runtime.camera import is_rectified
from hit_rfgm_ros.runtime.logic import TrackerLogic
from hit_rfgm_ros.runtime.params import TrackerParams

CAMERA_INFO = QoS(depth=1, reliable=False)
DETECTIONS = QoS(depth=1)
IMAGE = 'image_raw'


def image_topic(host: Host, params: TrackerParams) -> str:
    """Full name of the topic that images come from.

    The suffix of the transport comes after remapping, as image_transport has it.
    """
    base = host.resolve(IMAGE)
    return f'{base}/compressed' if params.image_transport == 'compressed' else base


def camera_info_topic(host: Host, params: TrackerParams) -> str:
    """Full name of the topic of the calibration: as given, or beside the images."""
    if params.camera_info_topic:
        return host.resolve(params.camera_info_topic)
    return f'{host.resolve(IMAGE).rpartition("/")[0]}/camera_info'


class TrackerInputs:
    """Subscriptions of one node, open while it is active."""

    def __init__(
        self, host: Host, logic: TrackerLogic, camera: CameraView, init_log: InitLog
    ) -> None:
        self._host = host
        self._logic = logic
        self._camera = camera
        self._log = init_log
        self._rectified = False
        self._open: list[Closable] = []

    def open(self, params: TrackerParams) -> None:
        """Subscribe; does nothing where that is done."""
        if self._open:
            return
        host = self._host
        if params.publish_markers or params.publish_bearing:
            self._rectified = is_rectified(host.resolve(IMAGE))
            self._open.append(
                host.subscription(
                    camera_info_topic(host, params),
                    'sensor_msgs/msg/CameraInfo',
                    CAMERA_INFO,
                    self._on_camera_info,
                )
            )
        if params.init_from_detections:
            self._open.append(
                host.subscription(
                    'init_detections',
                    'vision_msgs/msg/Detection2DArray',
                    DETECTIONS,
                    self._on_detections,
                )
            )
        compressed = params.image_transport == 'compressed'
        self._open.append(
            host.subscription(
                image_topic(host, params),
                f'sensor_msgs/msg/{"CompressedImage" if compressed else "Image"}',
                QoS(params.image_queue, reliable=params.image_reliability == 'reliable'),
                self._on_compressed if compressed else self._on_image,
            )
        )

    def close(self) -> None:
        """Unsubscribe; a second call does nothing."""
        for subscription in self._open:
            subscription.close()
        self._open = []

    def _on_image(self, message: Any) -> None:
        self._logic.on_image(incoming_image(message, time.monotonic()))

    def _on_compressed(self, message: Any) -> None:
        self._logic.on_image(incoming_compressed(message, time.monotonic()))

    def _on_camera_info(self, message: Any) -> None:
        info = camera_info(message)
        self._logic.on_camera_info(info)
        self._camera.take(info, rectified=self._rectified)

    def _on_detections(self, message: Any) -> None:
        """Start targets, but only while there are none: a detector speaks ten times a second."""
        if self._logic.targets:
            return
        try:
            request = init_request_from_detections(message)
        except FrameError as error:
            self._log.unusable(str(error))
            return
        if request.boxes:
            self._log.answered(self._logic.init_targets(request), 'init_detections')
