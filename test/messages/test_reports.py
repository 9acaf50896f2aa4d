"""What goes out: round trips, the mapping to vision_msgs, and numbers that never go out."""

import json
import math
from typing import Any

from hit_rfgm_ros.messages import reports
from hit_rfgm_ros.messages.client import (
    frame_report,
    init_answer,
    init_request_message,
    remove_answer,
    remove_request_message,
)
from hit_rfgm_ros.messages.definitions import Definitions, load_definitions
from hit_rfgm_ros.messages.requests import (
    camera_info,
    incoming_compressed,
    incoming_image,
    init_request,
    remove_ids,
)
from hit_rfgm_ros.runtime.images import decode, encode
from hit_rfgm_ros.runtime.reports import (
    Bearing,
    BoxAnswer,
    BoxRequest,
    CameraInfo,
    FrameReport,
    Header,
    InitAnswer,
    InitRequest,
    Level,
    Marker,
    Reason,
    RemoveAnswer,
    Status,
    TargetReport,
    TargetState,
)
from hit_rfgm_ros.types import Box, ConfidenceKind
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

NAN, INF = math.nan, math.inf

texts = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=12)
float32s = st.floats(0, 1e6, width=32)
shares = st.floats(0, 1, width=32)
numbers = st.floats(-1e9, 1e9)
uint32s = st.integers(0, 2**32 - 1)
stamps = st.tuples(st.integers(-(2**31), 2**31 - 1), uint32s)
headers = st.builds(Header, st.integers(-(2**31), 2**31 - 1), uint32s, texts)
boxes = st.builds(Box, numbers, numbers, numbers, numbers)
bearings = st.builds(
    Bearing, st.tuples(*[st.floats(-1, 1)] * 3), float32s, st.floats(0, 3, width=32)
)
targets = st.builds(
    TargetReport,
    header=headers,
    id=uint32s,
    label=texts,
    box=boxes,
    confidence=shares,
    confidence_kind=st.sampled_from([ConfidenceKind.PEAK, ConfidenceKind.CALIBRATED]),
    state=st.sampled_from(TargetState),
    reason=texts,
    bearing=st.none() | bearings,
    processing_time=float32s,
    frames_since_init=uint32s,
    memory_tokens=uint32s,
    last_memory_update=stamps,
)
frames = st.builds(
    FrameReport,
    header=headers,
    image_width=uint32s,
    image_height=uint32s,
    targets=st.lists(targets, max_size=3).map(tuple),
    age=float32s,
    latency=float32s,
    frames_dropped=uint32s,
)
box_requests = st.builds(BoxRequest, boxes, uint32s, texts)
init_requests = st.builds(
    InitRequest,
    st.lists(box_requests, max_size=4).map(tuple),
    st.integers(0, 2**31 - 1),
    uint32s,
    st.booleans(),
)
init_answers = st.builds(
    InitAnswer,
    st.lists(
        st.builds(BoxAnswer, st.sampled_from(Reason), texts, uint32s, box_requests), max_size=4
    ).map(tuple),
    st.integers(0, 2**31 - 1),
    uint32s,
)
ids = st.lists(uint32s, max_size=4).map(tuple)


def definitions() -> Definitions:
    return load_definitions('jazzy')


def passed(type_name: str, fields: dict[str, Any]) -> Any:
    """A message after its way over the wire."""
    return definitions().deserialize(type_name, definitions().serialize(type_name, fields))


def target(**changed: Any) -> TargetReport:
    values: dict[str, Any] = {
        'header': Header(5, 6, 'cam'),
        'id': 7,
        'label': 'dog',
        'box': Box(10.25, 20.5, 30.0, 40.0),
        'confidence': 0.5,
        'confidence_kind': ConfidenceKind.CALIBRATED,
        'state': TargetState.TRACKING,
    }
    return TargetReport(**(values | changed))


def frame(*given: TargetReport, **changed: Any) -> FrameReport:
    values: dict[str, Any] = {
        'header': Header(5, 6, 'cam'),
        'image_width': 640,
        'image_height': 480,
        'targets': given,
        'age': 0.01,
        'latency': 0.02,
        'frames_dropped': 3,
    }
    return FrameReport(**(values | changed))


@given(frames)
@settings(max_examples=150)
def test_a_report_survives_the_wire(report: FrameReport) -> None:
    fields = reports.target_array(report)
    assert frame_report(passed('hit_rfgm_ros/msg/TrackedTargetArray', fields)) == report


@given(init_requests)
def test_a_request_survives_the_wire(request: InitRequest) -> None:
    fields = init_request_message(request)
    assert init_request(passed('hit_rfgm_ros/srv/InitTarget_Request', fields)) == request


@given(init_answers)
def test_an_answer_survives_the_wire(answer: InitAnswer) -> None:
    message = passed('hit_rfgm_ros/srv/InitTarget_Response', reports.init_response(answer))
    assert init_answer(message) == answer
    assert message.success == answer.success
    assert [result.success for result in message.results] == [
        result.success for result in answer.results
    ]


@given(ids, ids, texts)
def test_removal_survives_the_wire(removed: Any, unknown: Any, text: str) -> None:
    message = passed('hit_rfgm_ros/srv/RemoveTarget_Request', remove_request_message(removed))
    assert remove_ids(message) == removed
    answer = RemoveAnswer(removed, unknown, text)
    message = passed('hit_rfgm_ros/srv/RemoveTarget_Response', reports.remove_response(answer))
    assert remove_answer(message) == answer
    assert message.success == (not unknown)


FILLED = {
    'hit_rfgm_ros/msg/TrackedTargetArray': reports.target_array(frame(target())),
    'hit_rfgm_ros/msg/TargetBox': reports.target_box(BoxRequest(Box(1, 2, 3, 4))),
    'hit_rfgm_ros/srv/InitTarget_Request': init_request_message(InitRequest(())),
    'hit_rfgm_ros/srv/InitTarget_Response': reports.init_response(
        InitAnswer((BoxAnswer(Reason.OK, '', 1, BoxRequest(Box(1, 2, 3, 4))),))
    ),
    'hit_rfgm_ros/srv/RemoveTarget_Request': remove_request_message([1]),
    'hit_rfgm_ros/srv/RemoveTarget_Response': reports.remove_response(RemoveAnswer((), (), '')),
    'std_srvs/srv/Trigger_Response': reports.done_response(True, 'done'),
    'std_srvs/srv/SetBool_Response': reports.done_response(False, 'no'),
    'std_msgs/msg/String': reports.model_info({}),
    'vision_msgs/msg/Detection2DArray': reports.detection_array(frame(target())),
    'sensor_msgs/msg/Image': reports.image_message(
        Header(), np.zeros((2, 3, 3), np.uint8), 'bgr8'
    ),
    'sensor_msgs/msg/CompressedImage': reports.compressed_message(Header(), b'x', 'jpeg'),
    'diagnostic_msgs/msg/DiagnosticArray': reports.diagnostic_array(
        [Status('input', Level.OK, 'fine', {'rate': '30'})], '/tracker', 1.0
    ),
}


@pytest.mark.parametrize('type_name', FILLED)
def test_every_field_of_a_message_is_filled_and_none_is_misspelt(type_name: str) -> None:
    fields = FILLED[type_name]
    assert list(fields) == [name for name, _ in definitions().fields(type_name)]
    definitions().from_fields(type_name, fields)


def test_every_field_of_a_target_and_a_result_is_filled() -> None:
    (one,) = reports.target_array(frame(target()))['targets']
    names = [name for name, _ in definitions().fields('hit_rfgm_ros/msg/TrackedTarget')]
    assert list(one) == names
    (result,) = FILLED['hit_rfgm_ros/srv/InitTarget_Response']['results']
    names = [name for name, _ in definitions().fields('hit_rfgm_ros/msg/InitResult')]
    assert list(result) == names


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
@pytest.mark.parametrize('place', range(4))
def test_a_box_that_is_not_finite_never_goes_out(bad: float, place: int) -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    values[place] = bad
    report = frame(target(box=Box(*values)), target(id=8))
    first, second = passed(
        'hit_rfgm_ros/msg/TrackedTargetArray', reports.target_array(report)
    ).targets
    assert (first.x, first.y, first.width, first.height) == (0, 0, 0, 0)
    assert first.state == TargetState.LOST
    assert first.confidence == 0
    assert first.reason == 'the box is not finite'
    assert (second.id, second.state) == (8, TargetState.TRACKING)
    (detection,) = reports.detection_array(report)['detections']
    assert detection['id'] == '8'


@pytest.mark.parametrize(
    ('given', 'sent'), [(NAN, 0.0), (INF, 1.0), (-INF, 0.0), (1.5, 1.0), (-0.1, 0.0), (0.25, 0.25)]
)
def test_confidence_is_a_number_between_0_and_1(given: float, sent: float) -> None:
    report = frame(target(confidence=given))
    (one,) = reports.target_array(report)['targets']
    assert one['confidence'] == sent
    (detection,) = reports.detection_array(report)['detections']
    assert detection['results'][0]['hypothesis']['score'] == sent


def test_without_a_confidence_the_number_is_0() -> None:
    report = frame(target(confidence=0.7, confidence_kind=ConfidenceKind.NONE))
    (one,) = reports.target_array(report)['targets']
    assert (one['confidence'], one['confidence_kind']) == (0.0, 0)


def test_numbers_too_large_for_their_field_are_the_largest() -> None:
    report = frame(
        target(processing_time=1e300, frames_since_init=2**40, memory_tokens=-1),
        age=1e300,
        frames_dropped=2**50,
    )
    message = passed('hit_rfgm_ros/msg/TrackedTargetArray', reports.target_array(report))
    assert message.frames_dropped == 2**32 - 1
    assert math.isfinite(message.age)
    (one,) = message.targets
    assert math.isfinite(one.processing_time)
    assert (one.frames_since_init, one.memory_tokens) == (2**32 - 1, 0)


@pytest.mark.parametrize('latency', [NAN, INF, -INF])
def test_an_unknown_latency_is_nan(latency: float) -> None:
    message = passed(
        'hit_rfgm_ros/msg/TrackedTargetArray', reports.target_array(frame(latency=latency))
    )
    assert math.isnan(message.latency)


def test_a_bearing_that_is_not_finite_is_none() -> None:
    report = frame(target(bearing=Bearing((NAN, 0.0, 1.0), 0.1, 0.1)))
    (one,) = reports.target_array(report)['targets']
    assert not one['has_bearing']
    assert (one['bearing'], one['angular_width']) == ({'x': 0.0, 'y': 0.0, 'z': 0.0}, 0.0)


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ('a\0b', 'ab'),
        ('dog \ud800', 'dog ?'),
        ('größe', 'größe'),
        ('x' * 5000, 'x' * 4093 + '...'),
    ],
)
def test_texts_that_no_wire_takes_are_made_sendable(given: str, sent: str) -> None:
    message = passed(
        'hit_rfgm_ros/msg/TrackedTargetArray',
        reports.target_array(frame(target(label=given, reason=given))),
    )
    assert message.targets[0].label == sent
    assert message.targets[0].reason == sent


def test_the_mapping_to_detections_is_the_documented_one() -> None:
    report = frame(target(), target(id=12, label=''))
    message = passed('vision_msgs/msg/Detection2DArray', reports.detection_array(report))
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 6)
    assert message.header.frame_id == 'cam'
    first, second = message.detections
    assert first.header == message.header
    assert first.id == '7'
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (25.25, 40.5)
    assert (first.bbox.center.theta, first.bbox.size_x, first.bbox.size_y) == (0.0, 30.0, 40.0)
    (result,) = first.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ('dog', 0.5)
    position, turn = result.pose.pose.position, result.pose.pose.orientation
    assert (position.x, position.y, position.z) == (0, 0, 0)
    assert (turn.x, turn.y, turn.z, turn.w) == (0, 0, 0, 1)
    assert not result.pose.covariance.any()
    assert second.results[0].hypothesis.class_id == 'target'


@pytest.mark.parametrize('state', TargetState)
def test_only_targets_that_are_seen_are_detections(state: TargetState) -> None:
    seen = {TargetState.INITIALIZED, TargetState.TRACKING, TargetState.UNCERTAIN}
    detections = reports.detection_array(frame(target(state=state)))['detections']
    assert len(detections) == (state in seen)


def test_codes_of_a_newer_node_are_read_as_the_nearest_known() -> None:
    fields = reports.init_response(
        InitAnswer((BoxAnswer(Reason.OK, '', 1, BoxRequest(Box(1, 2, 3, 4))),))
    )
    fields['results'][0]['reason'] = 99
    answer = init_answer(passed('hit_rfgm_ros/srv/InitTarget_Response', fields))
    assert answer.results[0].reason is Reason.INTERNAL_ERROR
    assert not answer.success
    fields = reports.target_array(frame(target()))
    fields['targets'][0]['state'] = 77
    report = frame_report(passed('hit_rfgm_ros/msg/TrackedTargetArray', fields))
    assert report.targets[0].state is TargetState.UNCERTAIN


def test_model_info_is_json_in_the_order_given() -> None:
    text = reports.model_info({'model': 'hit_tiny', 'backend': 'openvino'})['data']
    assert list(json.loads(text)) == ['model', 'backend']


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'mono8', 'rgb16', 'mono16'])
def test_an_image_survives_the_wire(encoding: str) -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (15, 17, 3), np.uint8)
    fields = reports.image_message(Header(1, 2, 'cam'), encode(picture, 'rgb', encoding), encoding)
    incoming = incoming_image(passed('sensor_msgs/msg/Image', fields), 9.5)
    assert (incoming.width, incoming.height, incoming.header) == (17, 15, Header(1, 2, 'cam'))
    assert incoming.arrival == 9.5
    pixels, color = decode(incoming)
    if pixels.ndim == 3:
        assert np.array_equal(pixels[..., ::-1] if color == 'bgr' else pixels, picture)


def test_a_picture_of_pixels_needs_no_encoding_step() -> None:
    picture = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    fields = reports.image_message(Header(), picture, 'bgr8')
    assert (fields['width'], fields['height'], fields['step']) == (5, 2, 15)
    assert np.shares_memory(fields['data'], picture)


def test_a_compressed_image_survives_the_wire() -> None:
    fields = reports.compressed_message(Header(1, 2, 'cam'), np.arange(9, dtype=np.uint8), 'png')
    incoming = incoming_compressed(passed('sensor_msgs/msg/CompressedImage', fields), 1.0)
    assert incoming.compressed
    assert incoming.encoding == 'png'
    assert incoming.data.tolist() == list(range(9))


def test_camera_info_survives_the_wire_under_its_new_header() -> None:
    info = CameraInfo(
        Header(1, 2, 'old'),
        640,
        480,
        'plumb_bob',
        (0.1, -0.2, 0.0, 0.0, 0.0),
        np.arange(9.0).reshape(3, 3),
        np.eye(3),
        np.arange(12.0).reshape(3, 4),
        (2, 1),
        (8, 16, 320, 240),
    )
    fields = reports.camera_info_message(info, Header(3, 4, 'new'))
    back = camera_info(passed('sensor_msgs/msg/CameraInfo', fields))
    assert back.header == Header(3, 4, 'new')
    assert (back.width, back.height, back.model, back.d) == (640, 480, 'plumb_bob', info.d)
    assert (back.binning, back.roi) == (info.binning, info.roi)
    for name in 'krp':
        assert np.array_equal(getattr(back, name), getattr(info, name))


def test_markers_are_what_rviz_expects() -> None:
    corners = ((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (NAN, 0.0, 1.0))
    strip = Marker(
        Header(1, 2, 'cam'), '/tracker', 3, 'LINE_STRIP', corners, (1, 0.5, 0, NAN), 0.02
    )
    text = Marker(
        Header(1, 2, 'cam'), '/t', 3, 'TEXT_VIEW_FACING', corners[:1], scale=0.1, text='dog'
    )
    gone = Marker(Header(1, 2, 'cam'), '/tracker', 3, 'DELETE')
    message = passed(
        'visualization_msgs/msg/MarkerArray', reports.marker_array([strip, text, gone])
    )
    first, second, third = message.markers
    assert (first.type, first.action, first.ns, first.id) == (first.LINE_STRIP, 0, '/tracker', 3)
    assert (first.scale.x, first.pose.orientation.w) == (0.02, 1.0)
    assert [(point.x, point.z) for point in first.points] == [(0, 1), (1, 1), (0, 1)]
    assert (first.color.g, first.color.a) == (0.5, 0.0)
    assert (first.lifetime.sec, first.lifetime.nanosec) == (0, 500_000_000)
    assert (second.type, second.text, second.scale.z) == (second.TEXT_VIEW_FACING, 'dog', 0.1)
    assert (second.pose.position.x, second.pose.position.z) == (0.0, 1.0)
    assert (third.action, third.ns, third.id) == (third.DELETE, '/tracker', 3)
    assert third.header.frame_id == 'cam'


def test_diagnostics_bear_the_name_of_the_node_and_the_time() -> None:
    status = Status('input', Level.ERROR, 'no image', {'rate': '0'}, hardware_id='/image_raw')
    fields = reports.diagnostic_array([status], '/ns/tracker', 12.25)
    message = passed('diagnostic_msgs/msg/DiagnosticArray', fields)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (12, 250_000_000)
    (one,) = message.status
    assert (one.name, one.level, one.message) == ('/ns/tracker: input', 2, 'no image')
    assert one.hardware_id == '/image_raw'
    assert [(item.key, item.value) for item in one.values] == [('rate', '0')]


@pytest.mark.parametrize('seconds', [NAN, -1.0, 0.0])
def test_a_clock_that_has_not_begun_shows_0(seconds: float) -> None:
    fields = reports.diagnostic_array([], '/t', seconds)
    assert fields['header']['stamp'] == {'sec': 0, 'nanosec': 0}
