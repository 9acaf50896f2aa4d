"""The rclpy node in a process of its own: its boxes, and peers that die."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.ros.spin import Spinner
from programs import Program, program
from rclpy.node import Node

pytestmark = pytest.mark.ros

TOOLS = Path(__file__).resolve().parent.parent / 'tools'
NODE = ('ros2', 'run', 'hit_rfgm_ros', 'tracker', '--ros-args')
FAST = ('-p', 'backend:=onnxruntime', '-p', 'num_threads:=1', '-p', 'warm_up:=0')


@pytest.fixture(scope='module')
def tools() -> Iterator[SimpleNamespace]:
    """The modules of test/tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import operator_client
        import scenarios

        yield SimpleNamespace(client=operator_client, scenarios=scenarios)


@pytest.fixture(scope='module')
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with program(*NODE, *FAST, folder=tmp_path_factory.mktemp('node')) as tracker:
        yield tracker


@pytest.fixture(scope='module')
def shared(tools: SimpleNamespace, node: Program) -> Iterator[Any]:
    with session(['operator']):
        ros_node = Node('operator')
        with Spinner([ros_node], lambda: None):
            operator = tools.client.Operator(RosHost(ros_node), tools.client.Film())
            operator.ready()
            yield operator
        ros_node.destroy_node()


@pytest.fixture
def operator(shared: Any) -> Any:
    shared.fresh()
    return shared


def test_the_boxes_of_rclpy_equal_the_offline_tracker(
    operator: Any, tools: SimpleNamespace
) -> None:
    tools.scenarios.boxes_equal_the_offline_tracker(operator)


def test_killed_rclpy_clients_and_cameras_do_no_harm(operator: Any, node: Program) -> None:
    code = (
        f'import sys; sys.path.insert(0, {str(TOOLS)!r})\n'
        'from operator_client import Film, Operator\n'
        'from hit_rfgm_ros.ros.host import RosHost\n'
        'from hit_rfgm_ros.ros.session import session\n'
        'from hit_rfgm_ros.ros.spin import Spinner\n'
        'from rclpy.node import Node\n'
        'with session(["victim"]):\n'
        '    node = Node("victim")\n'
        '    with Spinner([node], lambda: None):\n'
        '        victim = Operator(RosHost(node), Film(3))\n'
        '        victim.number = 1_000_000\n'
        '        while True:\n'
        '            victim.show()\n'
        '            victim.init()\n'
        '            if victim.arrays:\n'
        '                print("up", flush=True)\n'
        '                victim.arrays.clear()\n'
    )
    for _ in range(2):
        victim = subprocess.Popen(
            [sys.executable, '-c', code], stdout=subprocess.PIPE, env=dict(os.environ)
        )
        assert victim.stdout is not None
        assert victim.stdout.readline() == b'up\n'
        time.sleep(0.3)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
    assert node.status is None
    operator.call('remove_target', {'ids': []})
    operator.step()
    assert operator.init().success
    (message,) = operator.step()
    assert message.targets
