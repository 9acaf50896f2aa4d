"""What goes out: reports, answers, pictures and diagnostics as mappings of field values.

The mappings are those of the messages named; see `nodes.host.Publisher`. NaN and infinite numbers
do not go out, but for the one place where the interface means something by NaN: ``latency``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
import math
from typing import Any

from hit_rfgm_ros.messages.values import (
    clean_text,
    finite,
    float32,
    header_fields,
    seconds_fields,
    share,
    time_fields,
    uint32,
)
from hit_rfgm_ros.runtime.encodings import ENCODINGS
from hit_rfgm_ros.runtime.reports import (
    BoxAnswer,
    BoxRequest,
    CameraInfo,
    FrameReport,
    Header,
    InitAnswer,
    Marker,
    RemoveAnswer,
    Status,
    TargetReport,
    TargetState,
)
from hit_rfgm_ros.types import Box, ConfidenceKind
import numpy as np
from numpy.typing import NDArray

Fields = dict[str, Any]

CONFIDENCE_KINDS = {
    ConfidenceKind.NONE: 0,
    ConfidenceKind.PEAK: 1,
    ConfidenceKind.CALIBRATED: 2,
}
UNNAMED = 'target'  # class of a target without a label
SEEN = (TargetState.INITIALIZED, TargetState.TRACKING, TargetState.UNCERTAIN)

_MARKER_TYPES = {'LINE_STRIP': 4, 'TEXT_VIEW_FACING': 9, 'DELETE': 0}
_MARKER_ADD, _MARKER_DELETE = 0, 2
_UPRIGHT = {'x': 0.0, 'y': 0.0, 'z': 0.0, 'w': 1.0}
_NOT_FINITE = 'the box is not finite'


def target_array(report: FrameReport) -> Fields:
    """`hit_rfgm_ros/TrackedTargetArray`."""
    latency = float(report.latency)
    return {
        'header': header_fields(report.header),
        'image_width': uint32(report.image_width),
        'image_height': uint32(report.image_height),
        'targets': [_target(target) for target in report.targets],
        'age': float32(report.age),
        'latency': float32(latency) if math.isfinite(latency) else math.nan,
        'frames_dropped': uint32(report.frames_dropped),
    }


def detection_array(report: FrameReport) -> Fields:
    """`vision_msgs/Detection2DArray` of the targets that are seen."""
    seen = [target for target in report.targets if target.state in SEEN and _is_finite(target.box)]
    return {
        'header': header_fields(report.header),
        'detections': [_detection(target) for target in seen],
    }


def init_response(answer: InitAnswer) -> Fields:
    """`hit_rfgm_ros/InitTarget`, response."""
    return {
        'success': answer.success,
        'stamp_used': time_fields(answer.sec, answer.nanosec),
        'results': [_init_result(result) for result in answer.results],
    }


def remove_response(answer: RemoveAnswer) -> Fields:
    """`hit_rfgm_ros/RemoveTarget`, response."""
    return {
        'success': answer.success,
        'removed': [uint32(target) for target in answer.removed],
        'unknown': [uint32(target) for target in answer.unknown],
        'message': clean_text(answer.message),
    }


def done_response(success: bool, message: str) -> Fields:
    """`std_srvs/SetBool` and `std_srvs/Trigger`, response."""
    return {'success': bool(success), 'message': clean_text(message)}


def model_info(info: Mapping[str, object]) -> Fields:
    """`std_msgs/String` with JSON, keys in the order given."""
    return {'data': json.dumps(dict(info), default=str)}


def target_box(request: BoxRequest) -> Fields:
    """`hit_rfgm_ros/TargetBox`, as it was given."""
    return {'id': uint32(request.id), **_box(request.box), 'label': clean_text(request.label)}


def marker_array(markers: Sequence[Marker]) -> Fields:
    """`visualization_msgs/MarkerArray`."""
    return {'markers': [_marker(marker) for marker in markers]}


def diagnostic_array(statuses: Sequence[Status], node: str, stamp: float) -> Fields:
    """`diagnostic_msgs/DiagnosticArray`.

    Args:
        statuses: of the parts of a node.
        node: its full name, put before the name of each part.
        stamp: seconds of the node's clock.
    """
    return {
        'header': {'stamp': seconds_fields(stamp), 'frame_id': ''},
        'status': [_status(status, node) for status in statuses],
    }


def image_message(header: Header, pixels: NDArray[np.uint8], encoding: str) -> Fields:
    """`sensor_msgs/Image` without padding; the pixels are not copied where they are contiguous.

    Args:
        header: of the image.
        pixels: (H, W, C) uint8, or (H, bytes of a row) as `runtime.images.encode` gives it.
        encoding: as in sensor_msgs.
    """
    rows = pixels.reshape(pixels.shape[0], -1)
    width = pixels.shape[1]
    if pixels.ndim == 2 and encoding in ENCODINGS:
        width //= ENCODINGS[encoding].min_step(1)
    return {
        'header': header_fields(header),
        'height': pixels.shape[0],
        'width': width,
        'encoding': encoding,
        'is_bigendian': 0,
        'step': rows.shape[1],
        'data': np.ascontiguousarray(rows).reshape(-1),
    }


def compressed_message(
    header: Header, data: NDArray[np.uint8] | bytes, file_format: str
) -> Fields:
    """`sensor_msgs/CompressedImage`.

    Args:
        header: of the image.
        data: (N,) uint8 or bytes of a JPEG or PNG file.
        file_format: ``jpeg`` or ``png``, or longer as image_transport writes it.
    """
    return {'header': header_fields(header), 'format': file_format, 'data': data}


def camera_info_message(info: CameraInfo, header: Header) -> Fields:
    """`sensor_msgs/CameraInfo` under another header."""
    return {
        'header': header_fields(header),
        'height': uint32(info.height),
        'width': uint32(info.width),
        'distortion_model': info.model,
        'd': [float(value) for value in info.d],
        'k': np.asarray(info.k, np.float64).reshape(-1),
        'r': np.asarray(info.r, np.float64).reshape(-1),
        'p': np.asarray(info.p, np.float64).reshape(-1),
        'binning_x': uint32(info.binning[0]),
        'binning_y': uint32(info.binning[1]),
        'roi': dict(zip(('x_offset', 'y_offset', 'width', 'height'), map(uint32, info.roi))),
    }


def _target(target: TargetReport) -> Fields:
    usable = _is_finite(target.box)
    bearing = target.bearing
    if bearing is not None and not all(math.isfinite(value) for value in bearing.direction):
        bearing = None
    x, y, z = (0.0, 0.0, 0.0) if bearing is None else bearing.direction
    none = target.confidence_kind is ConfidenceKind.NONE
    return {
        'header': header_fields(target.header),
        'id': uint32(target.id),
        'label': clean_text(target.label),
        # The node logic lets no such box pass; should one get here, it must not steer anything.
        **_box(target.box if usable else Box(0.0, 0.0, 0.0, 0.0)),
        'confidence': 0.0 if none or not usable else share(target.confidence),
        'confidence_kind': CONFIDENCE_KINDS[target.confidence_kind],
        'state': int(target.state if usable else TargetState.LOST),
        'reason': clean_text(target.reason if usable else _NOT_FINITE),
        'has_bearing': bearing is not None,
        'bearing': {'x': float(x), 'y': float(y), 'z': float(z)},
        'angular_width': 0.0 if bearing is None else float32(bearing.angular_width),
        'angular_height': 0.0 if bearing is None else float32(bearing.angular_height),
        'processing_time': float32(target.processing_time),
        'frames_since_init': uint32(target.frames_since_init),
        'memory_tokens': uint32(target.memory_tokens),
        'last_memory_update': time_fields(*target.last_memory_update),
    }


def _detection(target: TargetReport) -> Fields:
    x, y = target.box.center
    hypothesis = {
        'class_id': clean_text(target.label) or UNNAMED,
        'score': share(target.confidence),
    }
    return {
        'header': header_fields(target.header),
        'results': [{'hypothesis': hypothesis, 'pose': {'pose': {'orientation': _UPRIGHT}}}],
        'bbox': {
            'center': {'position': {'x': float(x), 'y': float(y)}, 'theta': 0.0},
            'size_x': float(target.box.width),
            'size_y': float(target.box.height),
        },
        'id': str(target.id),
    }


def _init_result(result: BoxAnswer) -> Fields:
    used = result.box_used
    if not _is_finite(used.box):
        used = BoxRequest(Box(0.0, 0.0, 0.0, 0.0), used.id, used.label)
    return {
        'success': result.success,
        'reason': int(result.reason),
        'message': clean_text(result.message),
        'id': uint32(result.id),
        'box_used': target_box(used),
    }


def _marker(marker: Marker) -> Fields:
    shown = {
        'header': header_fields(marker.header),
        'ns': clean_text(marker.ns),
        'id': int(marker.id),
        'type': _MARKER_TYPES[marker.kind],
        'action': _MARKER_DELETE if marker.kind == 'DELETE' else _MARKER_ADD,
        'pose': {'orientation': _UPRIGHT},
    }
    if marker.kind == 'DELETE':
        return shown
    red, green, blue, alpha = (share(value) for value in marker.color)
    shown |= {
        'color': {'r': red, 'g': green, 'b': blue, 'a': alpha},
        'lifetime': seconds_fields(marker.lifetime),
    }
    points = [_point(point) for point in marker.points]
    size = finite(marker.scale)
    if marker.kind == 'LINE_STRIP':
        return {**shown, 'points': points, 'scale': {'x': size}}
    place = {'position': points[0], 'orientation': _UPRIGHT}
    return {**shown, 'pose': place, 'text': clean_text(marker.text), 'scale': {'z': size}}


def _status(status: Status, node: str) -> Fields:
    return {
        'level': int(status.level),
        'name': f'{node}: {status.part}',
        'message': clean_text(status.message),
        'hardware_id': clean_text(status.hardware_id),
        'values': [
            {'key': clean_text(key), 'value': clean_text(str(value))}
            for key, value in status.values.items()
        ],
    }


def _box(box: Box) -> dict[str, float]:
    x, y, width, height = (float(value) for value in box)
    return {'x': x, 'y': y, 'width': width, 'height': height}


def _is_finite(box: Box) -> bool:
    return all(math.isfinite(value) for value in box)


def _point(point: tuple[float, float, float]) -> dict[str, float]:
    x, y, z = (finite(value) for value in point)
    return {'x': x, 'y': y, 'z': z}
