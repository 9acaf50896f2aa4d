"""What every ROS node has besides: /rosout, the clock, the life cycle."""

from collections.abc import Callable
import logging
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.reports import NodeState
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds.lifecycle import LifecycleServices

LOG = 'rcl_interfaces/msg/Log'
LATCHED = QoS(depth=1000, transient_local=True)

Make = Callable[..., Any]
Until = Callable[..., Any]


def test_what_is_logged_goes_to_rosout(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    make_host('listener').subscription('/rosout', LOG, LATCHED, got.append)
    host = make_host('tracker', namespace='front')
    host.log.warning('the %s stopped', 'camera')
    (record,) = until(lambda: got)
    assert (record.name, record.msg) == ('front.tracker', 'the camera stopped')
    assert record.level == 30
    assert record.function == 'test_what_is_logged_goes_to_rosout'
    assert record.file.endswith('test_dds_node_extras.py')
    assert abs(record.stamp.sec - host.now()) < 60


def test_tracebacks_go_to_rosout(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    make_host('listener').subscription('/rosout', LOG, LATCHED, got.append)
    host = make_host('tracker')

    def fail() -> None:
        raise ZeroDivisionError('of the test')

    host.timer(0.01, fail)
    record = until(lambda: got)[0]
    assert record.level == 40
    assert 'ZeroDivisionError: of the test' in record.msg


def test_logging_after_the_end_does_no_harm(
    make_host: Make, caplog: pytest.LogCaptureFixture
) -> None:
    host = make_host()
    host.close()
    host.log.warning('still heard here')
    assert 'still heard here' in caplog.text


def test_two_nodes_of_one_process_log_apart(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    make_host('listener').subscription('/rosout', LOG, LATCHED, got.append)
    left, right = make_host('tracker', namespace='l'), make_host('tracker', namespace='r')
    left.log.error('left')
    right.log.error('right')
    until(lambda: len(got) == 2)
    assert {(record.name, record.msg) for record in got} == {
        ('l.tracker', 'left'), ('r.tracker', 'right'),
    }  # fmt: skip
    assert left.log is not right.log
    assert isinstance(left.log, logging.Logger)


def test_simulated_time_from_the_start(make_host: Make, until: Until) -> None:
    host = make_host('tracker', use_sim_time=True)
    assert host.now() == 0.0
    clock = make_host('simulator').publisher('/clock', 'rosgraph_msgs/msg/Clock', QoS(1))
    until(clock.subscribers)
    clock.publish({'clock': {'sec': 7}})
    until(lambda: host.now() == 7.0)


class Life:
    """A node that only has a state."""

    def __init__(self) -> None:
        self.state = NodeState.UNCONFIGURED
        self.refuse = False

    def configure(self) -> None:
        self._go(NodeState.INACTIVE)

    def activate(self) -> None:
        self._go(NodeState.ACTIVE)

    def deactivate(self) -> None:
        self._go(NodeState.INACTIVE)

    def cleanup(self) -> None:
        self._go(NodeState.UNCONFIGURED)

    def shutdown(self) -> None:
        self._go(NodeState.FINALIZED)

    def _go(self, goal: NodeState) -> None:
        if self.refuse:
            raise ConfigError('weights: no such file')
        self.state = goal


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def manager(make_host: Make, life: Life) -> Callable[..., Any]:
    """Calls a service of the life of the node /tracker."""
    host = make_host('tracker')
    LifecycleServices(host, lambda: life.state, life)
    other = make_host('manager')

    def call(name: str, type_name: str, **fields: Any) -> Any:
        client = other.client(f'/tracker/{name}', f'lifecycle_msgs/srv/{type_name}')
        try:
            return client.call(fields, 10.0)
        finally:
            client.close()

    return call


def change(manager: Callable[..., Any], number: int = 0, label: str = '') -> bool:
    return bool(
        manager('change_state', 'ChangeState', transition={'id': number, 'label': label}).success
    )


def test_a_manager_leads_a_node_through_its_life(manager: Callable[..., Any], life: Life) -> None:
    for number, label, state in (
        (1, '', NodeState.INACTIVE),
        (0, 'activate', NodeState.ACTIVE),
        (4, '', NodeState.INACTIVE),
        (2, '', NodeState.UNCONFIGURED),
        (5, '', NodeState.FINALIZED),
    ):
        assert change(manager, number, label)
        assert life.state == state
        told = manager('get_state', 'GetState').current_state
        assert told.label == state.value


def test_a_step_that_is_not_possible_is_refused(
    manager: Callable[..., Any], life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    assert not change(manager, 3)
    assert not change(manager, 77)
    assert not change(manager, 0, 'nonsense')
    assert life.state == NodeState.UNCONFIGURED
    assert 'not possible' in caplog.text


def test_a_step_that_fails_is_told(
    manager: Callable[..., Any], life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    life.refuse = True
    assert not change(manager, 1)
    assert 'weights: no such file' in caplog.text


def test_states_and_transitions_are_listed(manager: Callable[..., Any], life: Life) -> None:
    states = manager('get_available_states', 'GetAvailableStates').available_states
    assert [(state.id, state.label) for state in states] == [
        (1, 'unconfigured'), (2, 'inactive'), (3, 'active'), (4, 'finalized'),
    ]  # fmt: skip
    life.state = NodeState.INACTIVE
    possible = manager('get_available_transitions', 'GetAvailableTransitions')
    assert [item.transition.label for item in possible.available_transitions] == [
        'cleanup', 'activate', 'shutdown',
    ]  # fmt: skip
    graph = manager('get_transition_graph', 'GetAvailableTransitions')
    assert len(graph.available_transitions) == 7


def test_changes_are_told_whoever_makes_them(
    manager: Callable[..., Any], life: Life, make_host: Make, until: Until
) -> None:
    events: list[Any] = []
    listener = make_host('listener')
    listener.subscription(
        '/tracker/transition_event', 'lifecycle_msgs/msg/TransitionEvent', QoS(), events.append
    )
    until(lambda: listener.publishers_on('/tracker/transition_event'))
    assert change(manager, 1)
    until(lambda: len(events) == 1)
    life.state = NodeState.UNCONFIGURED  # the node gave up by itself
    until(lambda: len(events) == 2)
    assert [event.transition.label for event in events] == ['configure', 'cleanup']
