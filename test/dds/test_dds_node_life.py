"""The tracker node without ROS, led through its life as `ros2 lifecycle` does it."""

from collections.abc import Callable
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')


def test_the_node_is_led_through_its_life(
    make_host: Callable[..., Any], until: Callable[..., Any]
) -> None:
    host = make_host('manager')
    arguments = ('node', '--log-level', 'error', '--param', 'autostart=false',
                 '--param', 'backend=onnxruntime', '--param', 'warm_up=0')  # fmt: skip
    node = subprocess.Popen([sys.executable, '-m', 'hit_rfgm_ros.cli.main', *arguments])
    try:
        change = host.client('/tracker/change_state', 'lifecycle_msgs/srv/ChangeState')
        state = host.client('/tracker/get_state', 'lifecycle_msgs/srv/GetState')
        for label, reached in (
            ('configure', 'inactive'),
            ('activate', 'active'),
            ('deactivate', 'inactive'),
            ('cleanup', 'unconfigured'),
            ('shutdown', 'finalized'),
        ):
            answer = change.call({'transition': {'label': label}}, 30.0)
            assert answer.success, label
            assert state.call({}, 10.0).current_state.label == reached
            if reached == 'active':
                assert until(lambda: host.subscribers_on('image_raw'))
    finally:
        node.terminate()
        assert node.wait(10) == 0
