"""What comes in: message objects made into the values of the node logic.

An object has attributes named as the fields: those of rclpy, or of `messages.definitions`. Nothing
is judged here; the node logic does that.
"""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import Any

from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.messages.values import read_header
from hit_rfgm_ros.runtime.reports import (
    BoxRequest,
    CameraInfo,
    IncomingImage,
    InitRequest,
)
from hit_rfgm_ros.types import Box
import numpy as np
from numpy.typing import NDArray


def incoming_image(message: Any, arrival: float) -> IncomingImage:
    """Read a `sensor_msgs/Image`.

    Args:
        message: the object; its bytes are not copied.
        arrival: monotonic seconds.
    """
    return IncomingImage(
        header=read_header(message.header),
        arrival=arrival,
        encoding=str(message.encoding),
        data=_bytes(message.data),
        width=int(message.width),
        height=int(message.height),
        step=int(message.step),
        big_endian=bool(message.is_bigendian),
    )


def incoming_compressed(message: Any, arrival: float) -> IncomingImage:
    """Read a `sensor_msgs/CompressedImage`; as `incoming_image`."""
    return IncomingImage(
        header=read_header(message.header),
        arrival=arrival,
        encoding=str(message.format),
        data=_bytes(message.data),
        compressed=True,
    )


def camera_info(message: Any) -> CameraInfo:
    """Read a `sensor_msgs/CameraInfo`."""
    return CameraInfo(
        header=read_header(message.header),
        width=int(message.width),
        height=int(message.height),
        model=str(message.distortion_model),
        d=tuple(float(value) for value in message.d),
        k=_matrix(message.k, 3, 3),
        r=_matrix(message.r, 3, 3),
        p=_matrix(message.p, 3, 4),
        binning=(int(message.binning_x), int(message.binning_y)),
        roi=(
            int(message.roi.x_offset),
            int(message.roi.y_offset),
            int(message.roi.width),
            int(message.roi.height),
        ),
    )


def init_request(message: Any) -> InitRequest:
    """Read the request of `hit_rfgm_ros/InitTarget`."""
    return InitRequest(
        boxes=tuple(box_request(box) for box in message.boxes),
        sec=int(message.stamp.sec),
        nanosec=int(message.stamp.nanosec),
        replace_all=bool(message.replace_all),
    )


def box_request(message: Any) -> BoxRequest:
    """Read a `hit_rfgm_ros/TargetBox`."""
    box = Box(float(message.x), float(message.y), float(message.width), float(message.height))
    return BoxRequest(box, int(message.id), str(message.label))


def init_request_from_detections(message: Any) -> InitRequest:
    """Read a `vision_msgs/Detection2DArray` as a request for new targets.

    The stamp is that of the detections' headers, or of the array's where they have none. A
    rotated box becomes its upright hull, the label is the class with the best score. The ids are
    the detector's own and name no target of ours.

    Raises:
        FrameError: if the detections belong to different images.
    """
    headers = [read_header(detection.header) for detection in message.detections]
    stamps = {header[:2] for header in headers if header.stamp_ns}
    if len(stamps) > 1:
        raise FrameError(
            f'the detections of one Detection2DArray bear {len(stamps)} different stamps; a '
            f'request is for one image: send one array per image'
        )
    whole = read_header(message.header)
    sec, nanosec = stamps.pop() if stamps else whole[:2]
    boxes = tuple(
        BoxRequest(_upright_hull(detection.bbox), label=_best_class(detection.results))
        for detection in message.detections
    )
    return InitRequest(boxes, sec, nanosec)


def remove_ids(message: Any) -> tuple[int, ...]:
    """Read the request of `hit_rfgm_ros/RemoveTarget`."""
    return tuple(int(target) for target in message.ids)


def _upright_hull(box: Any) -> Box:
    width, height, theta = float(box.size_x), float(box.size_y), float(box.center.theta)
    if theta != 0:
        # NaN where theta is not finite: such a box is refused by whoever checks it.
        c, s = (
            (abs(math.cos(theta)), abs(math.sin(theta)))
            if math.isfinite(theta)
            else (math.nan, math.nan)
        )
        width, height = width * c + height * s, width * s + height * c
    x, y = float(box.center.position.x), float(box.center.position.y)
    return Box(x - width / 2, y - height / 2, width, height)


def _best_class(results: Sequence[Any]) -> str:
    if not len(results):
        return ''
    best = max(results, key=lambda result: _score(result.hypothesis.score))
    return str(best.hypothesis.class_id)


def _score(value: float) -> float:
    return -math.inf if math.isnan(value) else float(value)


def _bytes(data: Any) -> NDArray[np.uint8]:
    """A view of a message's bytes: bytes, array.array, numpy array; a list is copied."""
    if isinstance(data, np.ndarray):
        return data.reshape(-1)
    if isinstance(data, (list, tuple)):
        return np.array(data, np.uint8)
    return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)


def _matrix(values: Any, rows: int, columns: int) -> NDArray[np.float64]:
    return np.array(values, np.float64).reshape(rows, columns)
