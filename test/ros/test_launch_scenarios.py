"""launch_testing on tracker.launch.py: every scenario, and a clean end."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')
pytest.importorskip('launch_testing', reason='needs launch_testing')

pytestmark = pytest.mark.ros


def test_the_launched_node_does_what_a_tracker_must() -> None:
    command = [sys.executable, '-m', 'launch_testing.launch_test', 'launch_scenarios.py']
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert 'OK' in done.stderr
