"""For launch_test: tracker.launch.py and the scenarios of test/tools on real ROS 2.

launch_testing leaves event loops and sockets open, which our pytest takes for errors; so
test_launch_scenarios.py runs this file in a process of its own: launch_test launch_scenarios.py
"""

from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import Any, ClassVar
import unittest

from ament_index_python.packages import get_package_share_directory
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.ros.spin import Spinner
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing
from launch_testing.actions import ReadyToTest
import launch_testing.asserts
import launch_testing.markers
from rclpy.node import Node

from launch import LaunchDescription

TOOLS = Path(__file__).resolve().parent.parent / 'tools'
DOMAIN = str(120 + os.getpid() % 80)  # beside those of the other tests


@launch_testing.markers.keep_alive
def generate_test_description() -> LaunchDescription:
    """The launch file as users start it, under another name, on a domain of its own."""
    os.environ['ROS_DOMAIN_ID'] = DOMAIN
    file = Path(get_package_share_directory('hit_rfgm_ros')) / 'launch' / 'tracker.launch.py'
    arguments = {'name': 'launched', 'backend': 'onnxruntime', 'image_topic': '/image_raw'}
    return LaunchDescription(
        [
            SetEnvironmentVariable('ROS_DOMAIN_ID', DOMAIN),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(file)), launch_arguments=arguments.items()
            ),
            ReadyToTest(),
        ]
    )


class TestScenarios(unittest.TestCase):
    """One node for all; each scenario begins without targets."""

    operator: ClassVar[Any]

    @classmethod
    def setUpClass(cls) -> None:
        """Join as a camera and an operator."""
        sys.path.insert(0, str(TOOLS))
        import operator_client

        cls._session = session(['operator'])
        cls._session.__enter__()
        cls._node = Node('operator')
        cls._spinner = Spinner([cls._node], lambda: None)
        cls._spinner.__enter__()
        cls.operator = operator_client.Operator(
            RosHost(cls._node), operator_client.Film(), node='/launched'
        )
        cls.operator.ready()

    @classmethod
    def tearDownClass(cls) -> None:
        """Leave."""
        cls._spinner.__exit__(None, None, None)
        cls._node.destroy_node()
        cls._session.__exit__(None, None, None)

    def test_scenarios(self) -> None:
        """Each of them, named when it fails."""
        from scenarios import SCENARIOS

        for scenario in SCENARIOS:
            with self.subTest(scenario.__name__):
                self.operator.fresh()
                scenario(self.operator)


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    """After the launch was ended."""

    def test_the_node_ended_with_status_0(self, proc_info: Any) -> None:
        """No traceback, no kill."""
        launch_testing.asserts.assertExitCodes(proc_info)
