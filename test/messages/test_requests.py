"""What comes in: images without a copy, requests as they were sent, detections as requests."""

from array import array
import math
from types import SimpleNamespace
from typing import Any

from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.messages.definitions import load_definitions
from hit_rfgm_ros.messages.reports import detection_array
from hit_rfgm_ros.messages.requests import incoming_image, init_request_from_detections
from hit_rfgm_ros.runtime.reports import FrameReport, Header, TargetReport, TargetState
from hit_rfgm_ros.types import Box, ConfidenceKind
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


def image(data: Any) -> Any:
    stamp = SimpleNamespace(sec=3, nanosec=4)
    header = SimpleNamespace(stamp=stamp, frame_id='cam')
    return SimpleNamespace(
        header=header, encoding='mono8', data=data, width=2, height=2, step=2, is_bigendian=1
    )


@pytest.mark.parametrize(
    'data', [b'abcd', bytearray(b'abcd'), array('B', b'abcd'), np.frombuffer(b'abcd', np.uint8)]
)
def test_the_bytes_of_an_image_are_not_copied(data: Any) -> None:
    incoming = incoming_image(image(data), 1.5)
    assert np.shares_memory(incoming.data, np.frombuffer(data, np.uint8))
    assert incoming.data.tobytes() == b'abcd'
    assert incoming.header == Header(3, 4, 'cam')
    assert incoming.big_endian
    assert not incoming.compressed


@pytest.mark.parametrize('data', [b'', array('B'), [], [1, 2]])
def test_no_bytes_and_lists_are_taken_too(data: Any) -> None:
    incoming = incoming_image(image(data), 0.0)
    assert incoming.data.dtype == np.uint8
    assert incoming.data.tolist() == list(data)


def detection(**fields: Any) -> dict[str, Any]:
    center = {'position': {'x': 50.0, 'y': 40.0}, 'theta': fields.pop('theta', 0.0)}
    size = {'size_x': fields.pop('width', 20.0), 'size_y': fields.pop('height', 10.0)}
    return {'bbox': {'center': center, **size}, **fields}


def stamped(sec: int) -> dict[str, Any]:
    return {'stamp': {'sec': sec, 'nanosec': 7}}


def request(*detections: dict[str, Any], header: dict[str, Any] | None = None) -> Any:
    fields = {'header': header or {}, 'detections': list(detections)}
    message = load_definitions('jazzy').from_fields('vision_msgs/msg/Detection2DArray', fields)
    return init_request_from_detections(message)


def test_a_detection_becomes_a_new_target() -> None:
    results = [
        {'hypothesis': {'class_id': 'cat', 'score': 0.2}},
        {'hypothesis': {'class_id': 'dog', 'score': 0.7}},
        {'hypothesis': {'class_id': 'eel', 'score': math.nan}},
    ]
    made = request(detection(results=results, id='5', header=stamped(9)))
    (box,) = made.boxes
    assert box.box == Box(40.0, 35.0, 20.0, 10.0)
    assert box.label == 'dog'
    assert box.id == 0
    assert (made.sec, made.nanosec, made.replace_all) == (9, 7, False)


def test_the_stamp_of_the_array_counts_where_the_detections_have_none() -> None:
    assert request(detection(), header=stamped(4)).sec == 4
    assert request(detection(header=stamped(9)), detection(), header=stamped(4)).sec == 9
    assert request(detection()).sec == 0
    assert request(header=stamped(4)).boxes == ()


def test_detections_of_different_images_are_refused() -> None:
    with pytest.raises(FrameError, match='2 different stamps'):
        request(detection(header=stamped(1)), detection(header=stamped(2)))


@given(st.floats(-10, 10), st.floats(0.1, 500), st.floats(0.1, 500))
def test_a_rotated_box_becomes_its_upright_hull(theta: float, width: float, height: float) -> None:
    (box,) = request(detection(theta=theta, width=width, height=height)).boxes
    c, s = math.cos(theta), math.sin(theta)
    corners = [
        (50 + c * dx - s * dy, 40 + s * dx + c * dy)
        for dx in (-width / 2, width / 2)
        for dy in (-height / 2, height / 2)
    ]
    xs, ys = zip(*corners)
    expected = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    assert tuple(box.box) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('theta', [math.nan, math.inf])
def test_a_turn_that_is_no_number_leaves_no_usable_box(theta: float) -> None:
    (box,) = request(detection(theta=theta)).boxes
    assert math.isnan(box.box.width)


def test_our_own_detections_are_new_targets_with_the_same_boxes() -> None:
    target = TargetReport(
        Header(3, 4, 'cam'),
        11,
        'dog',
        Box(10.125, 20.25, 30.5, 40.75),
        0.5,
        ConfidenceKind.CALIBRATED,
        TargetState.TRACKING,
    )
    report = FrameReport(Header(3, 4, 'cam'), 640, 480, (target,), 0.0, 0.0, 0)
    message = load_definitions('jazzy').from_fields(
        'vision_msgs/msg/Detection2DArray', detection_array(report)
    )
    made = init_request_from_detections(message)
    assert [(box.box, box.label, box.id) for box in made.boxes] == [(target.box, 'dog', 0)]
    assert (made.sec, made.nanosec) == (3, 4)
