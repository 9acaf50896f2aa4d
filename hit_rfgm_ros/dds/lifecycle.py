"""The services by which ROS tools lead a node through its life, and `~/transition_event`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.reports import NodeState

if TYPE_CHECKING:
    from hit_rfgm_ros.dds.host import DdsHost

_PERIOD = 0.1  # s between two looks for a change that the node made by itself

# `lifecycle_msgs/msg/State`
_STATES = {
    NodeState.UNCONFIGURED: 1, NodeState.INACTIVE: 2, NodeState.ACTIVE: 3, NodeState.FINALIZED: 4,
}  # fmt: skip


class _Transition(NamedTuple):
    """One row of `lifecycle_msgs/msg/Transition`."""

    id: int
    label: str
    start: NodeState
    goal: NodeState


_TRANSITIONS = (
    _Transition(1, 'configure', NodeState.UNCONFIGURED, NodeState.INACTIVE),
    _Transition(2, 'cleanup', NodeState.INACTIVE, NodeState.UNCONFIGURED),
    _Transition(3, 'activate', NodeState.INACTIVE, NodeState.ACTIVE),
    _Transition(4, 'deactivate', NodeState.ACTIVE, NodeState.INACTIVE),
    _Transition(5, 'shutdown', NodeState.UNCONFIGURED, NodeState.FINALIZED),
    _Transition(6, 'shutdown', NodeState.INACTIVE, NodeState.FINALIZED),
    _Transition(7, 'shutdown', NodeState.ACTIVE, NodeState.FINALIZED),
)


class Living(Protocol):
    """What can be led through the life of a node; a `HitRfgmError` refuses a step."""

    def configure(self) -> None:
        """Check and load."""

    def activate(self) -> None:
        """Begin."""

    def deactivate(self) -> None:
        """Pause."""

    def cleanup(self) -> None:
        """Unload."""

    def shutdown(self) -> None:
        """End."""


class LifecycleServices:
    """Offers the life of a node to `ros2 lifecycle` and to managers of nodes."""

    def __init__(self, host: DdsHost, state: Callable[[], NodeState], node: Living) -> None:
        """Offer it.

        Args:
            host: of the node.
            state: tells the present state.
            node: that is led.
        """
        self._log = host.log
        self._state = state
        self._steps: dict[str, Callable[[], None]] = {
            'configure': node.configure,
            'activate': node.activate,
            'deactivate': node.deactivate,
            'cleanup': node.cleanup,
            'shutdown': node.shutdown,
        }
        self._told = state()
        self._events = host.publisher(
            '~/transition_event', 'lifecycle_msgs/msg/TransitionEvent', QoS(10)
        )
        answers: dict[str, tuple[str, Callable[[Any], Mapping[str, Any]]]] = {
            'change_state': ('ChangeState', self._change),
            'get_state': ('GetState', lambda _: {'current_state': _as_state(self._state())}),
            'get_available_states': ('GetAvailableStates', _all_states),
            'get_available_transitions': ('GetAvailableTransitions', self._available),
            'get_transition_graph': ('GetAvailableTransitions', _all_transitions),
        }
        for name, (service, answer) in answers.items():
            host.service(f'~/{name}', f'lifecycle_msgs/srv/{service}', answer)
        host.timer(_PERIOD, self._look)

    def _change(self, request: Any) -> Mapping[str, Any]:
        wanted = request.transition
        now = self._state()
        for step in _TRANSITIONS:
            fits = step.label == wanted.label if wanted.label else step.id == wanted.id
            if fits and step.start == now:
                return {'success': self._do(step)}
        self._log.warning(
            'transition %r (id %d) is not possible in state %s',
            wanted.label, wanted.id, now.value,
        )  # fmt: skip
        return {'success': False}

    def _do(self, step: _Transition) -> bool:
        try:
            self._steps[step.label]()
        except HitRfgmError as error:
            self._log.error('%s: %s', step.label, error)
            return False
        finally:
            self._look()
        return True

    def _available(self, _request: Any) -> Mapping[str, Any]:
        now = self._state()
        return {
            'available_transitions': [
                _description(step) for step in _TRANSITIONS if step.start == now
            ]
        }

    def _look(self) -> None:
        """Tell of a change, whoever made it."""
        start, goal = self._told, self._state()
        self._told = goal
        for step in _TRANSITIONS:
            if (step.start, step.goal) == (start, goal):
                self._events.publish({'timestamp': time.time_ns(), **_description(step)})


def _all_states(_request: Any) -> Mapping[str, Any]:
    return {'available_states': [_as_state(state) for state in _STATES]}


def _all_transitions(_request: Any) -> Mapping[str, Any]:
    return {'available_transitions': [_description(step) for step in _TRANSITIONS]}


def _as_state(state: NodeState) -> dict[str, Any]:
    return {'id': _STATES[state], 'label': state.value}


def _description(step: _Transition) -> dict[str, Any]:
    return {
        'transition': {'id': step.id, 'label': step.label},
        'start_state': _as_state(step.start),
        'goal_state': _as_state(step.goal),
    }
