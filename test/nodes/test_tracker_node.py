"""The tracker node on the wire: what it follows, and what it publishes."""

from collections.abc import Callable
import time
from typing import Any

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.messages.reports import compressed_message, image_message
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import TargetState
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.types import Box, TrackResult
import numpy as np
import pytest

FIRST = golden_frame(0).box
IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'
MARKERS = 'visualization_msgs/msg/MarkerArray'
# Of the golden frames' size, without distortion.
PINHOLE = {
    'width': 320, 'height': 240, 'distortion_model': 'plumb_bob', 'd': [0.0] * 5,
    'k': [300.0, 0, 160, 0, 300, 120, 0, 0, 1], 'r': [1.0, 0, 0, 0, 1, 0, 0, 0, 1],
    'p': [300.0, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0],
}  # fmt: skip


@pytest.fixture
def offline(loaded: Any, bench_module: Any) -> MultiTargetTracker:
    """The library's tracker on the same network, without a node."""
    made = TrackerBuilder().build(TrackerParams.from_values(bench_module.FAST), lambda text: None)
    assert isinstance(made.tracker, MultiTargetTracker)
    assert made.tracker.engine is loaded.tracker.engine
    return made.tracker


def check_alike(target: Any, expected: TrackResult) -> None:
    found = [target.x, target.y, target.width, target.height]
    np.testing.assert_allclose(found, list(expected.box), atol=1e-4)
    assert target.confidence == pytest.approx(expected.confidence, abs=1e-5)
    assert TargetState(target.state).name == expected.state.name


def test_boxes_are_those_of_the_library(bench: Any, offline: MultiTargetTracker) -> None:
    """Followed, hidden behind a post, found again."""
    bench.show(0)
    assert bench.init(FIRST).success
    offline.add(golden_frame(0).image, FIRST, stamp=0.0)
    for number in range(1, 60):
        expected = offline.update(golden_frame(number).image, stamp=bench.seconds(number))[1]
        (target,) = bench.show(number).targets
        check_alike(target, expected)
        assert target.frames_since_init == number


def test_a_late_start_catches_up_with_the_library(bench: Any, offline: MultiTargetTracker) -> None:
    assert bench.set('catch_up_budget', 'double', 10.0).successful  # the machine may be busy
    for number in range(12):
        bench.show(number)
    box = golden_frame(3).box
    answer = bench.init(box, at=3)
    assert answer.success
    assert (answer.stamp_used.sec, answer.stamp_used.nanosec) == bench.header(3)[:2]
    offline.add(golden_frame(3).image, box, stamp=bench.seconds(3))
    caught_up = 0
    for number in range(4, 40):
        expected = offline.update(golden_frame(number).image, stamp=bench.seconds(number))[1]
        if number < 12:
            continue
        (target,) = bench.show(number).targets
        if target.state != TargetState.CATCHING_UP:
            check_alike(target, expected)
            caught_up += 1
    assert caught_up >= 20


def test_every_output_bears_the_header_of_its_image(bench: Any) -> None:
    detections = bench.listen('~/detections', DETECTIONS)
    annotated = bench.listen('~/image_annotated', IMAGE)
    jpegs = bench.listen('~/image_annotated/compressed', COMPRESSED)
    assert bench.set('annotated_rate', 'double', 0.0).successful
    bench.wait(
        lambda: bench.other.publishers_on(f'{bench.name}/image_annotated/compressed'), 'topics'
    )
    time.sleep(0.2)
    bench.show(0)
    bench.init(FIRST)
    for number in range(1, 6):
        report = bench.show(number)
        assert bench.key(report) == tuple(bench.header(number))
        assert bench.key(report.targets[0]) == bench.key(report)
        assert (report.image_width, report.image_height) == (320, 240)
        assert 0 < report.age < 5
    own = tuple(bench.header(5))
    for messages in (detections, annotated, jpegs):
        bench.wait(lambda m=messages: own in map(bench.key, m), 'all outputs')
    last = next(array for array in detections if bench.key(array) == own)
    assert bench.key(last.detections[0]) == own
    assert last.detections[0].id == '1'
    assert last.detections[0].results[0].hypothesis.class_id == 'target'
    picture = next(image for image in annotated if bench.key(image) == own)
    assert (picture.encoding, picture.width, picture.height) == ('bgr8', 320, 240)
    jpeg = next(image for image in jpegs if bench.key(image) == own)
    assert jpeg.format == 'jpeg'
    decoded = cv2.imdecode(np.asarray(jpeg.data, np.uint8), cv2.IMREAD_COLOR)
    drawn = np.asarray(picture.data, np.uint8).reshape(240, 320, 3)
    assert np.abs(decoded.astype(int) - drawn).mean() < 6
    # The target's surroundings are marked, the far corner is the camera's.
    plain = golden_frame(5).image[..., ::-1]
    assert (drawn[:20, 300:] == plain[:20, 300:]).all()
    assert (drawn != plain).any()


def test_nothing_is_drawn_while_nobody_looks(bench: Any) -> None:
    for number in range(5):
        bench.show(number)
    annotator = bench.node._outputs.annotator
    time.sleep(0.1)
    assert annotator.drawn == 0
    annotated = bench.listen('~/image_annotated', IMAGE)
    bench.wait(
        lambda: bench.host.subscribers_on(f'{bench.name}/image_annotated'), 'the subscription'
    )
    time.sleep(0.2)
    bench.show(5)
    bench.wait(lambda: annotated, 'an annotated image')
    assert bench.set('publish_annotated', 'bool', False).successful
    before = annotator.drawn
    for number in range(6, 10):
        bench.show(number)
        time.sleep(0.07)
    assert annotator.drawn == before


def test_the_annotated_image_is_small_and_rare(bench: Any) -> None:
    annotated = bench.listen('~/image_annotated', IMAGE, QoS(50))
    assert bench.set('annotated_max_side', 'integer', 160).successful
    assert bench.set('annotated_rate', 'double', 5.0).successful
    time.sleep(0.3)
    began = time.monotonic()
    for number in range(30):
        bench.show(number)
        time.sleep(0.03)
    passed = time.monotonic() - began
    time.sleep(0.2)
    assert 2 <= len(annotated) <= 5 * passed + 2
    assert {(image.width, image.height) for image in annotated} == {(160, 120)}


def test_detections_can_be_switched_off_while_running(bench: Any) -> None:
    detections = bench.listen('~/detections', DETECTIONS)
    time.sleep(0.3)
    bench.show(0)
    bench.wait(lambda: detections, 'detections')
    assert bench.set('publish_detections', 'bool', False).successful
    count = len(detections)
    bench.show(1)
    time.sleep(0.2)
    assert len(detections) == count


def test_compressed_images_come_by_the_suffix_after_remapping(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(
        image_transport='compressed', remappings={'image_raw': '/front/camera/image'}
    )
    camera = bench.other.publisher('/front/camera/image/compressed', COMPRESSED, QoS(5))
    bench.start(camera)
    done, data = cv2.imencode('.png', golden_frame(0).image[..., ::-1])
    assert done
    camera.publish(compressed_message(bench.header(0), np.asarray(data), 'png'))
    report = bench.wait(lambda: bench.report_of(bench.header(0)), 'a report')
    assert (report.image_width, report.image_height) == (320, 240)


def test_a_calibrated_camera_gives_bearings_and_markers(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(
        publish_bearing=True, publish_markers=True, marker_depth=2.0, annotated_max_side=160
    )
    markers = bench.listen('~/markers', MARKERS)
    bench.listen('~/image_annotated', IMAGE)
    infos = bench.listen('~/camera_info', CAMERA_INFO)
    camera_info = bench.other.publisher('camera_info', CAMERA_INFO, QoS(5))
    bench.start()
    bench.wait(camera_info.subscribers, 'the node to subscribe to camera_info')
    bench.show(0)
    bench.init(FIRST)
    report = bench.show(1)
    assert not report.targets[0].has_bearing
    assert all(not array.markers for array in markers)

    def calibrated() -> Any:
        camera_info.publish(PINHOLE)
        bench.number += 1
        report = bench.show(bench.number)
        return report.targets[0].has_bearing and report

    bench.number = 1
    (target,) = bench.wait(calibrated, 'a bearing').targets
    ray = np.array([target.x + target.width / 2 - 160, target.y + target.height / 2 - 120, 300])
    found = [target.bearing.x, target.bearing.y, target.bearing.z]
    np.testing.assert_allclose(found, ray / np.linalg.norm(ray), atol=1e-6)
    marked = bench.wait(lambda: markers and markers[-1].markers, 'markers')
    assert {marker.header.frame_id for marker in marked} == {'camera_optical_frame'}
    strip = next(marker for marker in marked if len(marker.points) >= 4)
    assert {point.z for point in strip.points} == {2.0}
    assert {marker.id for marker in marked} == {1}
    count = len(markers)
    bench.init((200, 100, 30, 30))  # told in an array of its own, without the first one
    bench.show(bench.number + 1)
    bench.wait(lambda: {mark.id for mark in markers[-1].markers} == {1, 2}, 'both')
    assert not [mark for array in markers[count:] for mark in array.markers if mark.action == 2]
    marked = markers[-1].markers
    info = bench.wait(lambda: infos and infos[-1], 'camera_info of the annotated image')
    assert (info.width, info.height) == (160, 120)
    assert info.k[0] == pytest.approx(150.0)

    bench.call('~/remove_target', {'ids': []}, 'hit_rfgm_ros/srv/RemoveTarget')
    bench.show(bench.number + 2)
    ended = bench.wait(
        lambda: markers[-1].markers and markers[-1].markers[0].action == 2 and markers[-1],
        'the markers to be deleted',
    )
    assert {(marker.ns, marker.id) for marker in ended.markers} == {
        (marker.ns, marker.id) for marker in marked
    }


def detection(box: Box, label: str) -> dict[str, Any]:
    x, y = box.center
    return {
        'results': [{'hypothesis': {'class_id': label, 'score': 0.9}}],
        'bbox': {
            'center': {'position': {'x': x, 'y': y}}, 'size_x': box.width, 'size_y': box.height,
        },
        'id': '7',
    }  # fmt: skip


def test_a_detector_starts_targets_while_there_are_none(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(init_from_detections=True)
    detector = bench.other.publisher('init_detections', DETECTIONS, QoS(1))
    bench.start()
    bench.wait(detector.subscribers, 'the node to subscribe')
    bench.show(0)
    bench.show(1)
    fields = {'detections': [detection(golden_frame(1).box, 'ball')]}
    for _ in range(3):  # ten times a second, and only the first one counts
        detector.publish({'header': bench.header_fields(1), **fields})
        time.sleep(0.1)
    (target,) = bench.show(2).targets
    assert (target.id, target.label) == (1, 'ball')
    detector.publish({'header': bench.header_fields(2), 'detections': []})
    bench.call('~/remove_target', {'ids': [1]}, 'hit_rfgm_ros/srv/RemoveTarget')
    assert bench.show(3).targets == []
    detector.publish({'header': bench.header_fields(3), **fields})
    bench.wait(lambda: bench.node.logic.targets, 'a target')
    (target,) = bench.show(4).targets
    assert (target.id, target.label) == (2, 'ball')


def test_a_detectors_bad_boxes_are_named_seldom(
    make_bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(init_from_detections=True)
    detector = bench.other.publisher('init_detections', DETECTIONS, QoS(1))
    bench.start()
    bench.wait(detector.subscribers, 'the node to subscribe')
    bench.show(0)
    for _ in range(5):
        detector.publish({'detections': [detection(Box(900, 900, 20, 20), '')]})
        time.sleep(0.05)
    bench.wait(lambda: 'BOX_OUTSIDE' in caplog.text, 'the refusal in the log')
    time.sleep(0.2)
    assert caplog.text.count('init_detections: BOX_OUTSIDE') == 1


def test_image_messages_that_cannot_be_used_end_nothing(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench.show(0)
    bench.init(FIRST)
    good = image_message(bench.header(1), golden_frame(1).image, 'rgb8')
    for bad in ({'step': 5}, {'data': good['data'][:1000]}, {'encoding': 'rgb7'}) * 2:
        bench.images.publish({**good, **bad})
        time.sleep(0.05)  # the subscription keeps only the last one
    (target,) = bench.show(1).targets
    assert target.state == TargetState.TRACKING
    for kind in ('step is 5 bytes', 'it was cut off', "'rgb7'"):
        assert caplog.text.count(kind) == 1, caplog.text
