"""What the nodes rely on in their middleware, on real rclpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.ros.spin import Spinner
from hit_rfgm_ros.runtime.reports import Endpoint
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from waiting import eventually

pytestmark = pytest.mark.ros

IMAGE = 'sensor_msgs/msg/Image'
BOOL = 'std_srvs/srv/SetBool'


@pytest.fixture
def hosts() -> Iterator[tuple[RosHost, RosHost]]:
    """Two nodes, spun."""
    with session(['test', '--ros-args', '-r', 'image_raw:=camera/image', '-r', 'a:b:=c']):
        nodes = [Node('front', namespace='/robot'), Node('back')]
        with Spinner(nodes, lambda: None):
            yield RosHost(nodes[0]), RosHost(nodes[1])
        for node in nodes:
            node.destroy_node()


@pytest.fixture
def front(hosts: tuple[RosHost, RosHost]) -> RosHost:
    return hosts[0]


@pytest.fixture
def back(hosts: tuple[RosHost, RosHost]) -> RosHost:
    return hosts[1]


def test_names_follow_namespace_and_remappings(front: RosHost, back: RosHost) -> None:
    assert front.name == '/robot/front'
    assert back.name == '/back'
    assert front.resolve('image_raw') == '/robot/camera/image'
    assert front.resolve('~/targets') == '/robot/front/targets'
    assert back.resolve('/diagnostics') == '/diagnostics'


def test_an_image_arrives_as_it_was_sent(front: RosHost, back: RosHost) -> None:
    got: list[Any] = []
    back.subscription('/pictures', IMAGE, QoS(depth=1, reliable=False), got.append)
    publisher = front.publisher('/pictures', IMAGE, QoS())
    eventually(lambda: publisher.subscribers() == 1)
    pixels = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    publisher.publish({'data': pixels, 'height': 720, 'width': 1280, 'step': 3840})
    eventually(lambda: got)
    np.testing.assert_array_equal(np.frombuffer(got[0].data, np.uint8), pixels.ravel())


def test_an_error_in_a_callback_is_logged_and_the_node_goes_on(
    front: RosHost, back: RosHost
) -> None:
    logged: list[Any] = []
    back.subscription('/rosout', 'rcl_interfaces/msg/Log', QoS(depth=100), logged.append)
    publisher = back.publisher('/numbers', 'std_msgs/msg/String', QoS())
    got: list[str] = []

    def take(message: Any) -> None:
        got.append(message.data)
        raise ValueError(f'no {message.data}')

    front.subscription('/numbers', 'std_msgs/msg/String', QoS(), take)
    eventually(lambda: publisher.subscribers() == 1)
    publisher.publish({'data': 'one'})
    publisher.publish({'data': 'two'})
    eventually(lambda: got == ['one', 'two'])
    eventually(lambda: any('no two' in message.msg for message in logged))
    record = next(message for message in logged if 'no two' in message.msg)
    assert record.name == 'robot.front'
    assert record.level == 40


def test_each_level_reaches_rosout(front: RosHost, back: RosHost) -> None:
    logged: list[Any] = []
    back.subscription('/rosout', 'rcl_interfaces/msg/Log', QoS(depth=100), logged.append)
    eventually(lambda: back.publishers_on('/rosout'))

    def seen() -> bool:
        for level in (20, 30, 40, 50):
            front.log.log(level, 'level %d', level)
        return {m.level for m in logged if m.msg.startswith('level')} == {20, 30, 40, 50}

    eventually(seen)


def test_a_service_answers_and_a_late_one_times_out(front: RosHost, back: RosHost) -> None:
    release = threading.Event()

    def answer(request: Any) -> dict[str, Any]:
        if not request.data:
            release.wait(10)
        return {'success': request.data, 'message': 'so be it'}

    service = front.service('~/switch', BOOL, answer)
    client = back.client('/robot/front/switch', BOOL)
    assert client.wait(10)
    response = client.call({'data': True}, 10)
    assert (response.success, response.message) == (True, 'so be it')
    with pytest.raises(TimeoutError, match='switch'):
        client.call({'data': False}, 0.2)
    release.set()
    assert client.call({'data': True}, 10).success
    service.close()
    service.close()
    client.close()


def test_a_service_that_fails_still_answers(front: RosHost, back: RosHost) -> None:
    front.service('~/switch', BOOL, lambda request: {'no such field': 1})
    client = back.client('/robot/front/switch', BOOL)
    assert client.wait(10)
    assert not client.call({}, 10).success


def test_a_timer_runs_until_it_is_closed(front: RosHost) -> None:
    times: list[float] = []
    timer = front.timer(0.02, lambda: times.append(time.monotonic()))
    eventually(lambda: len(times) >= 5)
    timer.close()
    time.sleep(0.1)
    count = len(times)
    time.sleep(0.2)
    assert len(times) == count


def test_publishers_are_seen_with_type_and_qos(front: RosHost, back: RosHost) -> None:
    front.publisher('/pictures', IMAGE, QoS(reliable=False))
    back.publisher('/pictures', 'std_msgs/msg/String', QoS(transient_local=True))
    expected = {
        Endpoint('/robot/front', '/pictures', IMAGE, reliable=False),
        Endpoint('/back', '/pictures', 'std_msgs/msg/String', reliable=True, transient_local=True),
    }
    eventually(lambda: set(front.publishers_on('/pictures')) == expected)
    assert front.subscribers_on('/pictures') == []


def test_ends_that_do_not_match_are_named_with_the_policy(front: RosHost, back: RosHost) -> None:
    logged: list[Any] = []
    back.subscription('/rosout', 'rcl_interfaces/msg/Log', QoS(depth=100), logged.append)
    eventually(lambda: back.publishers_on('/rosout'))
    front.subscription('camera', IMAGE, QoS(depth=1), lambda message: None)
    back.publisher('/robot/camera', IMAGE, QoS(reliable=False))
    for name, other in (('robot.front', 'publisher'), ('back', 'subscriber')):
        expected = f'A {other} on /robot/camera does not match in RELIABILITY'
        eventually(partial(_was_logged, logged, name, expected))


def test_publishing_after_the_end_does_nothing(front: RosHost) -> None:
    publisher = front.publisher('~/text', 'std_msgs/msg/String', QoS())
    publisher.close()
    publisher.publish({'data': 'late'})
    assert publisher.subscribers() == 0


def test_publishing_while_another_thread_closes_is_safe(front: RosHost) -> None:
    for _ in range(20):
        publisher = front.publisher('~/text', 'std_msgs/msg/String', QoS())
        thread = threading.Thread(target=_publish_many, args=(publisher.publish,))
        thread.start()
        publisher.close()
        thread.join()


def test_the_clock_tells_seconds(front: RosHost) -> None:
    assert abs(front.now() - time.time()) < 5


def test_a_malformed_parameter_request_does_not_end_the_node(
    front: RosHost, back: RosHost
) -> None:
    client = back.client('/robot/front/set_parameters', 'rcl_interfaces/srv/SetParameters')
    assert client.wait(10)
    bad = {'name': 'x', 'value': {'type': 99}}
    with pytest.raises(TimeoutError):
        client.call({'parameters': [bad]}, 0.5)
    good = {'name': 'use_sim_time', 'value': {'type': ParameterType.PARAMETER_BOOL}}
    answer: SetParameters.Response = client.call({'parameters': [good]}, 10)
    assert answer.results[0].successful


def _was_logged(logged: list[Any], name: str, text: str) -> bool:
    return any(message.name == name and text in message.msg for message in logged)


def _publish_many(publish: Callable[[dict[str, str]], None]) -> None:
    for _ in range(50):
        publish({'data': 'x'})
