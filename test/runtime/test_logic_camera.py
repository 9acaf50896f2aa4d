"""A camera that stops, that comes back, and publishers that do not match."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.runtime.camera_watch import explain, mismatch
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import Endpoint, Level
import pytest

MakeRig = Callable[..., Any]
IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
TOPIC = '/camera/image_raw'


def test_a_camera_that_stops_is_told_of_at_once_and_recovers_by_itself(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level('INFO')
    rig.send()
    rig.started()
    changed = rig.watch(1.0)
    assert not any(changed)
    assert rig.status('input').level is Level.OK
    changed = rig.watch(0.2)
    assert changed.count(True) == 1
    status = rig.status('input')
    assert status.level is Level.ERROR
    assert 'no image for 1.2 s' in status.message
    assert not any(rig.watch(30))
    assert sum('no image for' in r.message for r in caplog.records) == 1
    reports = len(rig.out.reports)
    rig.work()
    assert len(rig.out.reports) == reports  # an old box is not told of as a new one
    rig.play(1)
    assert rig.logic.watch()
    assert rig.status('input').level is Level.OK
    assert any('arrive on /camera/image_raw again' in r.message for r in caplog.records)
    assert [target.state.name for target in rig.last.targets] == ['TRACKING']
    rig.watch(2)
    assert sum('no image for' in r.message for r in caplog.records) == 2


def test_a_camera_that_never_began_counts_from_the_activation(rig: Any) -> None:
    rig.watch(0.9)
    assert rig.status('input').message == 'waiting for the first image'
    rig.watch(0.3)
    assert rig.status('input').level is Level.ERROR


def test_a_node_that_is_not_active_expects_no_images(make_rig: MakeRig) -> None:
    rig = make_rig()
    assert not any(rig.watch(5))
    rig.up()
    rig.play(1)
    rig.logic.deactivate()
    assert not any(rig.watch(5))
    assert rig.status('input').level is Level.OK


def test_a_time_out_of_zero_is_none(make_rig: MakeRig) -> None:
    rig = make_rig(image_timeout=0.0).up()
    assert not any(rig.watch(50))
    rig.logic.set_params(TrackerParams(image_timeout=2.0))
    assert rig.watch(0.1) == [True]


def test_images_that_cannot_be_used_are_images(rig: Any) -> None:
    for _ in range(20):
        rig.watch(0.5)
        rig.send(encoding='pink8')
    assert rig.status('input').level is Level.WARN


def test_the_log_names_the_publishers_and_what_does_not_match(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(image_reliability='reliable').up()
    rig.logic.publishers = lambda: [
        Endpoint('/cam', TOPIC, IMAGE, reliable=False),
        Endpoint('/other', TOPIC, COMPRESSED, reliable=True),
        Endpoint('', TOPIC, IMAGE, reliable=True, transient_local=True),
    ]
    rig.watch(2)
    (text,) = [r.message for r in caplog.records if 'no image for' in r.message]
    assert text in ('no image for 1.1 s; ' + _list(), 'no image for 1.0 s; ' + _list())
    status = rig.status('input')
    assert status.values['publishers'] == '3'
    assert status.values['publishers that do not match'].startswith('/cam: best effort')
    assert 'image_reliability' in status.message
    rig.play(1)
    assert rig.status('input').level is Level.WARN  # one works, the others are still wrong


def _list() -> str:
    return (
        'on /camera/image_raw: '
        '/cam (sensor_msgs/msg/Image, best effort): best effort does not match a reliable '
        'subscription: set image_reliability to best_effort; '
        '/other (sensor_msgs/msg/CompressedImage, reliable): wrong type, this node takes '
        'sensor_msgs/msg/Image (image_transport is raw); '
        'an unnamed node (sensor_msgs/msg/Image, reliable, transient local): matches'
    )


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
@pytest.mark.parametrize('asked', ['best_effort', 'reliable'])
@pytest.mark.parametrize('reliable', [True, False])
@pytest.mark.parametrize('type_name', [IMAGE, COMPRESSED])
def test_what_matches(transport: str, asked: str, reliable: bool, type_name: str) -> None:
    params = TrackerParams(image_transport=transport, image_reliability=asked)
    text = mismatch(Endpoint('/cam', TOPIC, type_name, reliable), params)
    right_type = type_name == (IMAGE if transport == 'raw' else COMPRESSED)
    matches = right_type and (reliable or asked == 'best_effort')
    assert (text == '') is matches
    assert ('wrong type' in text) is not right_type


def test_a_topic_without_publishers() -> None:
    text = explain([], TOPIC, TrackerParams())
    assert 'nothing publishes on /camera/image_raw' in text
    assert 'ROS_DOMAIN_ID' in text
