"""Fixtures of the tests of the node without ROS; `domain` is in the conftest above."""

from collections.abc import Callable, Iterator
import time
from typing import Any

from hit_rfgm_ros.messages.definitions import Definitions, load_definitions
import pytest


@pytest.fixture(scope='session')
def definitions() -> Definitions:
    return load_definitions('jazzy')


@pytest.fixture
def make_host(new_domain: int) -> Iterator[Callable[..., Any]]:
    """Makes nodes in a domain of their own; they are closed at the end."""
    from hit_rfgm_ros.dds.host import DdsHost

    made = []

    def make(name: str = 'node', **options: Any) -> Any:
        made.append(DdsHost(name, **options))
        return made[-1]

    yield make
    for host in made:
        host.close()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits until something holds, and gives it; fails after some seconds."""

    def wait(condition: Callable[[], Any], timeout: float = 10.0) -> Any:
        end = time.monotonic() + timeout
        while not (held := condition()):
            assert time.monotonic() < end, f'nothing came of it within {timeout} s'
            time.sleep(0.001)
        return held

    return wait
