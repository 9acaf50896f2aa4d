"""Real ROS 2: a domain of its own on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope='session', autouse=True)
def _own_domain() -> Iterator[None]:
    """Nodes of these tests meet each other and nobody else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(20 + os.getpid() % 80))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('PYTHONUNBUFFERED', '1')
        # Programs run the checkout that is tested, not what was installed when it was built.
        paths = [str(REPOSITORY), os.environ.get('PYTHONPATH', '')]
        patch.setenv('PYTHONPATH', os.pathsep.join(filter(None, paths)))
        yield
        if shutil.which('ros2'):  # its commands leave a daemon behind, one per domain
            subprocess.run(
                ['ros2', 'daemon', 'stop'], capture_output=True, timeout=60, check=False
            )


@pytest.fixture(scope='module')
def host() -> Iterator[object]:
    """A node of the test itself."""
    pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
    from hit_rfgm_ros.ros.host import RosHost
    from hit_rfgm_ros.ros.session import session
    from hit_rfgm_ros.ros.spin import Spinner
    from rclpy.node import Node

    with session(['test']):
        node = Node('probe')
        with Spinner([node], lambda: None):
            yield RosHost(node)
        node.destroy_node()


@pytest.fixture(scope='module')
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what the programs of a test print."""
    return tmp_path_factory.mktemp('outputs')
