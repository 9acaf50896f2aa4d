"""Real ROS 2: a domain of its own on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import sys

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope='session', autouse=True)
def _own_domain() -> Iterator[None]:
    """Nodes of these tests meet each other and nobody else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(20 + os.getpid() % 80))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('PYTHONUNBUFFERED', '1')
        yield
