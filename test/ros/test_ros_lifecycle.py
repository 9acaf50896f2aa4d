"""The life of the rclpy node: transitions, signals, rounds without growth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
import signal
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.optional import is_installed
from hit_rfgm_ros.ros.host import RosHost
from lifecycle_msgs.msg import Transition
from programs import READY, Program, interrupt, program
import psutil
from waiting import eventually

pytestmark = pytest.mark.ros

CONFIGURE = Transition.TRANSITION_CONFIGURE
ACTIVATE = Transition.TRANSITION_ACTIVATE
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
CLEANUP = Transition.TRANSITION_CLEANUP
SHUTDOWN = Transition.TRANSITION_ACTIVE_SHUTDOWN


class Life:
    """A tracker that starts itself only when told, and its transitions."""

    def __init__(self, host: RosHost, running: Program) -> None:
        self.running = running
        self._change = host.client('/tracker/change_state', 'lifecycle_msgs/srv/ChangeState')
        self._get = host.client('/tracker/get_state', 'lifecycle_msgs/srv/GetState')
        for client in (self._change, self._get):
            eventually(lambda client=client: self._is_there(client), timeout=60)

    def _is_there(self, client: Any) -> bool:
        assert self.running.status is None, self.running.output
        return bool(client.wait(0.2))

    def go(self, transition: int, timeout: float = 60.0) -> bool:
        answer = self._change.call({'transition': {'id': transition}}, timeout)
        return bool(answer.success)

    @property
    def state(self) -> str:
        return str(self._get.call({}, 60).current_state.label)

    def close(self) -> None:
        self._change.close()
        self._get.close()


@pytest.fixture
def start(host: RosHost, outputs: Path) -> Any:
    """Start a tracker with more parameters."""
    opened = []

    def make(*pairs: str) -> Life:
        words = [word for pair in (*pairs, 'num_threads:=1') for word in ('-p', pair)]
        command = ('ros2', 'run', 'hit_rfgm_ros', 'tracker', '--ros-args', *words)
        running = program(*command, folder=outputs)
        opened.append(running)
        life = Life(host, running.__enter__())
        opened.append(life)
        return life

    yield make
    for item in reversed(opened):
        if isinstance(item, Life):
            item.close()
        else:
            item.__exit__(None, None, None)


def test_a_round_through_the_states(start: Callable[..., Life]) -> None:
    life = start('autostart:=false')
    assert life.state == 'unconfigured'
    assert life.go(CONFIGURE, timeout=2.0)
    assert life.state == 'inactive'
    assert life.go(ACTIVATE)
    assert life.state == 'active'
    assert life.go(DEACTIVATE)
    assert life.go(CLEANUP)
    assert life.state == 'unconfigured'
    assert life.go(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert life.state == 'finalized'


def test_a_transition_that_is_not_possible_is_answered(start: Callable[..., Life]) -> None:
    life = start('autostart:=false')
    assert not life.go(ACTIVATE)
    assert not life.go(CLEANUP)
    assert not life.go(200)
    assert life.state == 'unconfigured'
    assert life.go(CONFIGURE)


def test_a_model_without_weights_is_refused_with_the_way_to_get_them(
    start: Callable[..., Life],
) -> None:
    life = start('model:=rfgm_b256')
    life.running.says('no weights for rfgm_b256.*hit-rfgm weights import')
    assert life.state == 'unconfigured'
    assert not life.go(CONFIGURE)


def test_missing_weights_are_refused_with_what_to_do(start: Callable[..., Life]) -> None:
    life = start('weights:=/no/such/file.safetensors')
    life.running.says('/no/such/file.safetensors')
    assert life.state == 'unconfigured'
    assert 'Traceback' not in life.running.output


@pytest.mark.skipif(is_installed('torch'), reason='torch is installed: it would load')
def test_a_failure_while_loading_leads_back_to_unconfigured(start: Callable[..., Life]) -> None:
    life = start('backend:=torch')
    life.running.says('pip install .*torch')
    eventually(lambda: life.state == 'unconfigured')
    assert 'Traceback' not in life.running.output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['SIGINT', 'SIGTERM'])
@pytest.mark.parametrize('state', ['unconfigured', 'loading', 'inactive', 'active', 'finalized'])
def test_a_signal_ends_it_in_every_state_in_two_seconds(
    start: Callable[..., Life], state: str, number: signal.Signals
) -> None:
    life = start('autostart:=false')
    if state != 'unconfigured':
        life.go(CONFIGURE)
    if state in ('inactive', 'active', 'finalized'):
        life.running.says(READY)
    if state in ('active', 'finalized'):
        life.go(ACTIVATE)
    if state == 'finalized':
        life.go(SHUTDOWN)
    assert interrupt(life.running.leaf, number) < 2.0
    assert life.running.ends() == 0
    assert 'Traceback' not in life.running.output


def test_twenty_rounds_do_not_grow(start: Callable[..., Life]) -> None:
    life = start('autostart:=false', 'warm_up:=1')
    process = life.running.leaf
    sizes = []
    for number in range(20):
        assert life.go(CONFIGURE)
        assert life.go(ACTIVATE)
        eventually(partial(_is_ready, life, number + 1), timeout=60)
        assert life.go(DEACTIVATE)
        assert life.go(CLEANUP)
        sizes.append(_size(process))
    early, late = (list(zip(*part)) for part in (sizes[5:10], sizes[15:]))
    # A network may still be on its way out when it is measured: the smallest of five counts. The
    # allocator swings by 15 MiB either way; one network kept per round would be 400.
    assert min(late[0]) <= min(early[0]), sizes
    assert min(late[1]) <= min(early[1]), sizes
    assert min(late[2]) - min(early[2]) < 20, sizes


def _is_ready(life: Life, times: int) -> bool:
    return life.running.output.count(READY) >= times


def _size(process: psutil.Process) -> tuple[int, int, float]:
    """Threads, open files, MiB."""
    return process.num_threads(), process.num_fds(), process.memory_info().rss / 2**20
