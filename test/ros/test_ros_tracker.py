"""The tracker as users meet it: a process, services, topics."""

from __future__ import annotations

from collections.abc import Iterator
import math
from pathlib import Path
import re
import subprocess
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import BoxRequest, Level, Reason, TargetState
from hit_rfgm_ros.types import Box
from programs import READY, Program, program
from stage import Stage
from waiting import eventually

pytestmark = pytest.mark.ros

PARAMETERS = {'num_threads': 1, 'lost_after': 0.5, 'image_queue': 10, 'frame_history': 5.0}


@pytest.fixture(scope='module')
def tracker(host: RosHost, outputs: Path) -> Iterator[Program]:
    pairs = [word for name, value in PARAMETERS.items() for word in ('-p', f'{name}:={value}')]
    command = ('ros2', 'run', 'hit_rfgm_ros', 'tracker', '--ros-args', *pairs)
    with program(*command, folder=outputs) as running:
        running.says(READY)
        yield running


@pytest.fixture
def stage(host: RosHost, tracker: Program) -> Iterator[Stage]:
    made = Stage(host)
    made.connected()
    made.forget()
    yield made
    made.close()


def test_the_line_of_the_readme_starts_a_target(stage: Stage, repository: Path) -> None:
    readme = (repository / 'README.md').read_text(encoding='utf-8')
    line = re.search(r'^ros2 service call /tracker/init_target .*$', readme, re.MULTILINE)
    assert line is not None
    stage.track()
    done = subprocess.run(
        ['bash', '-c', line.group()], capture_output=True, text=True, timeout=60, check=True
    )
    assert 'success=True' in done.stdout
    assert "label='cup'" in done.stdout
    (target,) = stage.track().targets
    assert target.label == 'cup'


def test_a_target_is_followed(stage: Stage) -> None:
    target_id = stage.start()
    for _ in range(10):
        report = stage.track()
    (target,) = report.targets
    truth = stage.film.box(stage.number)
    assert target.id == target_id
    assert target.state is TargetState.TRACKING
    assert abs(target.box.x - truth.x) < 8
    assert abs(target.box.y - truth.y) < 8
    assert (report.image_width, report.image_height) == (320, 240)
    assert report.age > 0
    assert math.isfinite(report.latency)


def test_an_array_comes_for_each_frame_also_without_targets(stage: Stage) -> None:
    assert stage.track().targets == ()


def test_boxes_are_those_of_the_offline_tracker(stage: Stage) -> None:
    number = stage.show()
    eventually(lambda: stage.report_of(stage.header(number)))
    first = stage.film.box(number)
    assert stage.init(first, number=number).success
    reports = [stage.track() for _ in range(15)]

    params = TrackerParams.from_values(PARAMETERS)
    offline = TrackerBuilder().build(params, lambda text: None).tracker
    offline.add(stage.film.frame(number), first, stamp=stage.header(number).seconds)
    for step, report in enumerate(reports, number + 1):
        (expected,) = offline.update(
            stage.film.frame(step), stamp=stage.header(step).seconds
        ).values()
        (target,) = report.targets
        assert report.header == stage.header(step)
        np.testing.assert_allclose(tuple(target.box), tuple(expected.box), rtol=0, atol=1e-9)
        assert target.confidence == pytest.approx(expected.confidence, abs=1e-6)


def test_a_target_starts_on_the_frame_that_its_stamp_names(stage: Stage) -> None:
    number = stage.show()
    eventually(lambda: stage.report_of(stage.header(number)))
    for _ in range(12):
        stage.track()
    answer = stage.init(stage.film.box(number), number=number)
    assert answer.success
    assert (answer.sec, answer.nanosec) == stage.header(number)[:2]
    report = stage.track()
    for _ in range(20):
        if report.targets and report.targets[0].state is TargetState.TRACKING:
            break
        report = stage.track()
    started = [r for r in stage.reports if r.header == stage.header(number)][-1]
    assert started.targets[0].state is TargetState.INITIALIZED
    assert started.targets[0].box == stage.film.box(number)
    (target,) = report.targets
    assert target.header == report.header
    assert target.state is TargetState.TRACKING


def test_a_stamp_that_is_not_kept_is_refused(stage: Stage) -> None:
    stage.track()
    early, late = (
        stage.init(Box(1, 1, 50, 50), number=-2000),
        stage.init(Box(1, 1, 50, 50), number=2000),
    )
    assert early.results[0].reason is Reason.STAMP_NOT_IN_HISTORY
    assert late.results[0].reason is Reason.STAMP_IN_FUTURE


def test_each_box_gets_its_own_answer(stage: Stage) -> None:
    stage.track()
    boxes = {
        Box(10, 10, 40, 40): Reason.OK,
        Box(-10, 10, 40, 40): Reason.OK_CLIPPED,
        Box(math.nan, 10, 40, 40): Reason.BOX_NOT_FINITE,
        Box(10, 10, 0, 40): Reason.BOX_EMPTY,
        Box(500, 10, 40, 40): Reason.BOX_OUTSIDE,
        Box(10, 10, 2, 40): Reason.BOX_TOO_SMALL,
    }
    unknown = BoxRequest(Box(1, 1, 40, 40), id=99999)
    answer = stage.init(*boxes, unknown)
    assert [result.reason for result in answer.results] == [*boxes.values(), Reason.UNKNOWN_ID]
    assert not answer.success
    assert all(result.message for result in answer.results)
    assert answer.results[1].box_used.box == Box(0, 10, 30, 40)
    ids = [result.id for result in answer.results if result.success]
    assert [target.id for target in stage.track().targets] == ids


@pytest.mark.parametrize('count', [0, 50])
def test_any_number_of_boxes_is_answered(stage: Stage, count: int) -> None:
    stage.track()
    answer = stage.init(*[Box(10, 10, 40, 40)] * count)
    reasons = [result.reason for result in answer.results]
    assert reasons == [Reason.OK] * min(count, 8) + [Reason.TOO_MANY_TARGETS] * max(count - 8, 0)


def test_a_target_starts_again_under_its_id_and_can_be_removed(stage: Stage) -> None:
    target_id = stage.start()
    stage.track()
    again = stage.init(BoxRequest(Box(100, 50, 60, 60), id=target_id, label='again'))
    assert again.results[0].id == target_id
    (target,) = stage.track().targets
    assert (target.id, target.label) == (target_id, 'again')
    answer = stage.call('remove_target', 'hit_rfgm_ros/srv/RemoveTarget', ids=[target_id, 77777])
    assert (list(answer.removed), list(answer.unknown)) == ([target_id], [77777])
    assert stage.track().targets == ()
    assert stage.start() > target_id


def test_a_target_that_is_gone_is_lost(stage: Stage) -> None:
    stage.start()
    stage.track()
    black = np.zeros((240, 320, 3), np.uint8)
    states = []
    for _ in range(30):
        (target,) = stage.track(black).targets
        states.append(target.state)
        if target.state is TargetState.LOST:
            break
    assert states[-1] is TargetState.LOST
    assert target.reason


def test_pause_and_reset_answer(stage: Stage) -> None:
    stage.start()
    assert stage.call('reset_memory', 'std_srvs/srv/Trigger').success
    assert stage.call('pause', 'std_srvs/srv/SetBool', data=True).success
    count = len(stage.reports)
    stage.show()
    time.sleep(0.5)
    assert len(stage.reports) == count
    assert stage.call('pause', 'std_srvs/srv/SetBool', data=False).success
    assert stage.track().targets


def test_a_camera_that_stops_is_told_and_comes_back(stage: Stage, host: RosHost) -> None:
    target_id = stage.start()
    statuses: list[Any] = []
    listening = host.subscription(
        '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', _qos(), statuses.append
    )

    def levels() -> list[int]:
        return [
            int.from_bytes(status.level, 'little')
            for message in statuses
            for status in message.status
            if status.name == '/tracker: input'
        ]

    eventually(lambda: Level.ERROR in levels())
    statuses.clear()

    def recovered() -> bool:
        stage.track()
        return Level.OK in levels()

    eventually(recovered)
    listening.close()
    assert [target.id for target in stage.track().targets] == [target_id]


def test_every_output_carries_the_header_of_its_image(stage: Stage) -> None:
    stage.start()
    got: dict[str, list[Any]] = {}
    for name, type_name in {
        'targets': 'hit_rfgm_ros/msg/TrackedTargetArray',
        'detections': 'vision_msgs/msg/Detection2DArray',
        'image_annotated': 'sensor_msgs/msg/Image',
        'image_annotated/compressed': 'sensor_msgs/msg/CompressedImage',
    }.items():
        got[name] = []
        stage.listen(name, type_name, got[name].append)
    stage.call('set_parameters', 'rcl_interfaces/srv/SetParameters', parameters=[
        {'name': 'annotated_rate', 'value': {'type': 2, 'integer_value': 0}}
    ])  # fmt: skip

    def all_came() -> bool:
        stage.track()
        return all(got.values())

    eventually(all_came)
    sent = {stage.header(number)[:2] for number in range(stage.number + 1)}
    for messages in got.values():
        for message in messages:
            stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
            assert stamp in sent
            assert message.header.frame_id == 'camera_optical_frame'
    for message in got['detections']:
        for detection in message.detections:
            assert detection.header == message.header
            assert detection.results[0].hypothesis.class_id == 'target'
            assert 0 <= detection.results[0].hypothesis.score <= 1
    image = got['image_annotated'][0]
    assert (image.encoding, image.width, image.height) == ('bgr8', 320, 240)


def _qos() -> Any:
    from hit_rfgm_ros.nodes.host import QoS

    return QoS(depth=10)
