"""The node without ROS and real ROS 2 on one wire, each in processes of its own.

The two must not share a process. HIT_RFGM_DDS_PYTHON names an interpreter with this package's
extra dds; without it these tests skip.
"""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.reports import Endpoint
from programs import Program, program, ros2
from waiting import eventually

DDS_PYTHON = os.environ.get('HIT_RFGM_DDS_PYTHON', '')

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(not DDS_PYTHON, reason='needs HIT_RFGM_DDS_PYTHON (see docs/testing.md)'),
]

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = 'sensor_msgs/msg/Image'
IMAGE_HASH = 'RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47'
TARGETS = 'hit_rfgm_ros/msg/TrackedTargetArray'
BOOL = 'std_srvs/srv/SetBool'
TEXT = 'std_msgs/msg/String'

# The node on the other side of the wire. It echoes, shows an image, and asks a service of ROS.
PEER = f"""
import logging, threading
import numpy as np
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.dds.lifecycle import LifecycleServices
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.reports import NodeState
logging.basicConfig(level='INFO')
host = DdsHost('peer', namespace='wire', parameters=ParameterStore(TRACKER_TABLE, TrackerParams()))
state = [NodeState.UNCONFIGURED]
class Life:
    def configure(self): state[0] = NodeState.INACTIVE
    def activate(self): state[0] = NodeState.ACTIVE
    def deactivate(self): state[0] = NodeState.INACTIVE
    def cleanup(self): state[0] = NodeState.UNCONFIGURED
    def shutdown(self): state[0] = NodeState.FINALIZED
LifecycleServices(host, lambda: state[0], Life())
images = host.publisher('image_raw', '{IMAGE}', QoS(5))
targets = host.publisher('~/targets', '{TARGETS}', QoS(10))
pixels = np.arange(48 * 65, dtype=np.uint8).reshape(48, 65)
def show():
    images.publish({{'header': {{'stamp': {{'sec': 7, 'nanosec': 8}}, 'frame_id': 'cam'}},
                    'height': 48, 'width': 64, 'encoding': 'mono8', 'step': 65, 'data': pixels}})
    targets.publish({{'image_width': 64, 'targets': [
        {{'id': 5, 'label': 'x', 'x': 1.5, 'confidence': 0.25, 'state': 2}}]}})
host.timer(1 / 30, show)
host.service('~/set', '{BOOL}', lambda request: {{'success': request.data, 'message': 'wheel'}})
echo = host.publisher('echo', '{IMAGE}', QoS(5))
def mirror(image):
    echo.publish({{'header': {{'stamp': {{'sec': image.header.stamp.sec,
                                         'nanosec': image.header.stamp.nanosec}},
                              'frame_id': image.header.frame_id}},
                  'height': image.height, 'width': image.width, 'step': image.step,
                  'encoding': image.encoding, 'data': image.data}})
host.subscription('say', '{IMAGE}', QoS(1, reliable=False), mirror)
asked = host.client('/ros/set', '{BOOL}')
def ask():
    answer = asked.call({{'data': True}}, 60.0)
    print('answered', answer.success, answer.message, flush=True)
threading.Thread(target=ask, daemon=True).start()
host.log.warning('peer speaks')
print('peer is up', flush=True)
try:
    host.spin()
finally:
    host.close()
"""


@pytest.fixture(scope='module')
def peer(outputs: Path) -> Iterator[Program]:
    """The node without ROS."""
    code = f'import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{PEER}'
    # Not ROS's Python packages: their hit_rfgm_ros and numpy belong to another interpreter.
    with program('env', '-u', 'PYTHONPATH', DDS_PYTHON, '-c', code, folder=outputs) as running:
        running.says('peer is up')
        yield running


@pytest.fixture(scope='module', autouse=True)
def _node_seen(peer: Program, host: Any) -> None:
    eventually(lambda: host.publishers_on('/wire/peer/targets'), doing='discovery')


def test_images_come_over_bit_for_bit(host: Any) -> None:
    got: list[Any] = []
    subscription = host.subscription('/wire/image_raw', IMAGE, QoS(1, reliable=False), got.append)
    image = eventually(lambda: got)[0]
    subscription.close()
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (7, 8)
    assert (image.header.frame_id, image.encoding) == ('cam', 'mono8')
    assert (image.height, image.width, image.step) == (48, 64, 65)
    assert np.array_equal(np.frombuffer(image.data, np.uint8), np.arange(48 * 65, dtype=np.uint8))


def test_our_own_messages_come_over(host: Any) -> None:
    got: list[Any] = []
    subscription = host.subscription('/wire/peer/targets', TARGETS, QoS(10), got.append)
    (target,) = eventually(lambda: got)[0].targets
    subscription.close()
    assert (target.id, target.label, target.x, target.confidence) == (5, 'x', 1.5, 0.25)


@pytest.mark.parametrize(('height', 'width', 'padding'), [(480, 640, 0), (33, 65, 3)])
def test_images_go_there_and_back(host: Any, height: int, width: int, padding: int) -> None:
    got: list[Any] = []
    subscription = host.subscription('/wire/echo', IMAGE, QoS(5), got.append)
    publisher = host.publisher('/wire/say', IMAGE, QoS(1))
    step = 3 * width + padding
    pixels = np.random.default_rng(5).integers(0, 256, (height, step), np.uint8)
    fields = {
        'header': {'stamp': {'sec': 2**31 - 1, 'nanosec': 999_999_999}, 'frame_id': 'a/b'},
        'height': height, 'width': width, 'encoding': 'rgb8', 'step': step, 'data': pixels,
    }  # fmt: skip

    def through() -> Any:
        publisher.publish(fields)
        # An echo of the image before may still be under way.
        return next((image for image in got if image.height == height), None)

    image = eventually(through)
    subscription.close()
    publisher.close()
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (2**31 - 1, 999_999_999)
    assert (image.height, image.width, image.step) == (height, width, step)
    assert np.array_equal(np.frombuffer(image.data, np.uint8).reshape(height, step), pixels)


def test_a_service_is_called_from_ros(host: Any) -> None:
    client = host.client('/wire/peer/set', BOOL)
    assert client.wait(10.0)
    for value in (True, False) * 20:
        answer = client.call({'data': value}, 10.0)
        assert (answer.success, answer.message) == (value, 'wheel')
    client.close()


def test_fresh_clients_of_ros_lose_no_answer(host: Any) -> None:
    for number in range(10):
        client = host.client('/wire/peer/set', BOOL)
        assert client.wait(10.0)
        assert client.call({'data': number % 2 == 0}, 10.0).success == (number % 2 == 0)
        client.close()


def test_a_service_of_ros_is_called(host: Any, peer: Program) -> None:
    service = host.service(
        '/ros/set', BOOL, lambda request: {'success': request.data, 'message': 'rclpy'}
    )
    peer.says('answered True rclpy')
    service.close()


def test_each_sees_the_other(host: Any) -> None:
    expected = Endpoint('/wire/peer', '/wire/image_raw', IMAGE, True)
    eventually(lambda: list(host.publishers_on('/wire/image_raw')) == [expected])
    look = (
        f'import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n'
        'from hit_rfgm_ros.dds.graph import observe\n'
        'print(*observe(2.0).nodes)'
    )
    found = subprocess.run(
        ['env', '-u', 'PYTHONPATH', DDS_PYTHON, '-c', look],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout.split()  # fmt: skip
    assert {host.name, '/wire/peer'} <= set(found)


def test_ros2_topic(host: Any) -> None:
    listed = ros2('topic', 'list', '-t', '--no-daemon')
    assert f'/wire/image_raw [{IMAGE}]' in listed
    assert f'/wire/peer/targets [{TARGETS}]' in listed
    info = ros2('topic', 'info', '-v', '--no-daemon', '/wire/image_raw')
    for text in ('Node name: peer', 'Node namespace: /wire', IMAGE_HASH, 'Reliability: RELIABLE',
                 'Durability: VOLATILE', 'KEEP_LAST (5)'):  # fmt: skip
        assert text in info
    echoed = ros2('topic', 'echo', '--once', '/wire/peer/targets', TARGETS)
    assert 'label: x' in echoed


def test_ros2_topic_hz(outputs: Path) -> None:
    with program('ros2', 'topic', 'hz', '/wire/image_raw', folder=outputs) as hz:
        rate = float(hz.says(r'average rate: [\d.]+').split()[-1])
    assert rate == pytest.approx(30, rel=0.3)


def test_ros2_node() -> None:
    assert '/wire/peer' in ros2('node', 'list', '--no-daemon').split()
    info = ros2('node', 'info', '--no-daemon', '/wire/peer')
    for text in ('/wire/say: sensor_msgs/msg/Image', '/wire/peer/set: std_srvs/srv/SetBool',
                 '/wire/peer/set_parameters: rcl_interfaces/srv/SetParameters',
                 '/rosout: rcl_interfaces/msg/Log', '/ros/set: std_srvs/srv/SetBool'):  # fmt: skip
        assert text in info


def test_ros2_service() -> None:
    assert f'/wire/peer/set [{BOOL}]' in ros2('service', 'list', '-t', '--no-daemon')
    answer = ros2('service', 'call', '/wire/peer/set', BOOL, '{data: true}')
    assert "success=True, message='wheel'" in answer


def test_ros2_param() -> None:
    node = ('/wire/peer', '--no-daemon')
    assert {'lost_after', 'model', 'use_sim_time'} <= set(ros2('param', 'list', *node).split())
    assert 'hit_tiny' in ros2('param', 'get', *node, 'model')
    assert 'successful' in ros2('param', 'set', *node, 'lost_after', '3')
    assert '3.0' in ros2('param', 'get', *node, 'lost_after')
    refused = subprocess.run(
        ('ros2', 'param', 'set', *node, 'lost_after', '--', '-3.0'),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert '0 to 60' in refused.stdout + refused.stderr
    described = ros2('param', 'describe', *node, 'lost_after')
    for text in ('Type: double', 'Min value: 0.0', 'Max value: 60.0', 'LOST'):
        assert text in described
    assert 'jpeg_quality: 80' in ros2('param', 'dump', *node)


def test_ros2_lifecycle() -> None:
    node = ('/wire/peer', '--no-daemon')
    assert 'unconfigured' in ros2('lifecycle', 'get', *node)
    assert 'configure' in ros2('lifecycle', 'list', *node)
    assert 'successful' in ros2('lifecycle', 'set', *node, 'configure')
    assert 'inactive' in ros2('lifecycle', 'get', *node)
    assert 'successful' in ros2('lifecycle', 'set', *node, 'cleanup')
    assert '/wire/peer' in ros2('lifecycle', 'nodes', '--no-daemon').split()


def test_rosout_reaches_ros(host: Any) -> None:
    # The peer said something as it began, which ROS keeps for late comers for ten seconds only:
    # refused parameters are logged nowhere, a life that cannot be is.
    got: list[str] = []
    subscription = host.subscription(
        '/rosout', 'rcl_interfaces/msg/Log', QoS(100), lambda record: got.append(record.msg)
    )
    eventually(lambda: len(host.publishers_on('/rosout')) >= 2)
    client = host.client('/wire/peer/change_state', 'lifecycle_msgs/srv/ChangeState')
    assert client.wait(10.0)

    def told() -> bool:
        client.call({'transition': {'id': 99}}, 10.0)
        return any('not possible' in text for text in got)

    eventually(told)
    client.close()
    subscription.close()


def test_parameter_events_reach_ros(host: Any) -> None:
    events: list[Any] = []
    subscription = host.subscription(
        '/parameter_events', 'rcl_interfaces/msg/ParameterEvent', QoS(100), events.append
    )
    client = host.client('/wire/peer/set_parameters', 'rcl_interfaces/srv/SetParameters')
    assert client.wait(10.0)
    value = {'type': 2, 'integer_value': 55}

    def heard() -> bool:
        client.call({'parameters': [{'name': 'jpeg_quality', 'value': value}]}, 10.0)
        return any(
            event.node == '/wire/peer' and event.changed_parameters[0].name == 'jpeg_quality'
            for event in events
            if event.changed_parameters
        )

    eventually(heard)
    client.close()
    subscription.close()


def test_simulated_time_of_ros_is_taken(host: Any) -> None:
    assert 'successful' in ros2(
        'param', 'set', '/wire/peer', '--no-daemon', 'use_sim_time', 'true'
    )
    clock = host.publisher('/clock', 'rosgraph_msgs/msg/Clock', QoS(1))
    eventually(clock.subscribers)
    clock.close()
    assert 'successful' in ros2(
        'param', 'set', '/wire/peer', '--no-daemon', 'use_sim_time', 'false'
    )


def test_calls_in_parallel_from_ros(host: Any) -> None:
    wrong: list[bool] = []

    def use(value: bool) -> None:
        client = host.client('/wire/peer/set', BOOL)
        if client.wait(10.0):
            wrong.extend(
                value for _ in range(20) if client.call({'data': value}, 10.0).success is not value
            )
        else:
            wrong.append(value)
        client.close()

    threads = [threading.Thread(target=use, args=(value,)) for value in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_two_share_no_process() -> None:
    assert not [name for name in sys.modules if name.split('.')[0] == 'cyclonedds']
