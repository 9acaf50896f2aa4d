"""The generated interfaces: those of the page, with the type hashes that are read without ROS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')
pytest.importorskip('rosbags', reason='reads the definitions without ROS')

from ament_index_python.packages import get_package_share_directory
from hit_rfgm_ros.messages.definitions import load_definitions
import hit_rfgm_ros.msg
import hit_rfgm_ros.srv

pytestmark = pytest.mark.ros

OWN = ('InitResult', 'TargetBox', 'TrackedTarget', 'TrackedTargetArray')
SERVICES = ('InitTarget', 'RemoveTarget')
ENDS = ('Request', 'Response')
STANDARD = (
    'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/CameraInfo',
    'vision_msgs/msg/Detection2DArray', 'visualization_msgs/msg/MarkerArray',
    'diagnostic_msgs/msg/DiagnosticArray', 'std_msgs/msg/String', 'std_srvs/srv/SetBool_Request',
    'std_srvs/srv/Trigger_Response', 'rcl_interfaces/srv/SetParameters_Request',
    'rcl_interfaces/msg/Log',
)  # fmt: skip


def generated(type_name: str) -> str | None:
    """Hash that the generator wrote beside the interface."""
    package, kind, end = type_name.split('/')
    name = end.removesuffix('_Request').removesuffix('_Response')
    file = Path(get_package_share_directory(package)) / kind / f'{name}.json'
    table = json.loads(file.read_text(encoding='utf-8'))
    hashes = {entry['type_name']: entry['hash_string'] for entry in table['type_hashes']}
    return hashes.get(f'{package}/{kind}/{end}')


@pytest.mark.parametrize(
    'type_name',
    [
        *(f'hit_rfgm_ros/msg/{name}' for name in OWN),
        *(f'hit_rfgm_ros/srv/{name}_{end}' for name in SERVICES for end in ENDS),
        *STANDARD,
    ],
)
def test_type_hashes_equal_those_of_the_generator(type_name: str) -> None:
    assert load_definitions().hash(type_name) == generated(type_name)


def test_all_interfaces_are_generated() -> None:
    assert all(hasattr(hit_rfgm_ros.msg, name) for name in OWN)
    assert all(hasattr(hit_rfgm_ros.srv, name) for name in SERVICES)
