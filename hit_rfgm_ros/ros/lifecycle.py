"""The tracker node as a lifecycle node of rclpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.tracker import TrackerNode
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.parameters import IntegersForDoubles, bind, take_given
from hit_rfgm_ros.ros.session import RCLError
from hit_rfgm_ros.runtime.outputs import Builder
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NodeState
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn


class TrackerLifecycle(IntegersForDoubles, LifecycleNode):  # type: ignore[misc]  # rclpy is untyped
    """Transitions of rclpy on a `TrackerNode`, which does the work.

    Args:
        name: of the node.
        namespace: of the node; None leaves it to the arguments.
        builder: of trackers, shared by the nodes of a process; None makes one.

    Attributes:
        core: the node itself.
        soon: how to have something done by the spinning thread; set before spinning.
    """

    def __init__(
        self, name: str, *, namespace: str | None = None, builder: Builder | None = None
    ) -> None:
        super().__init__(
            name, namespace=namespace, automatically_declare_parameters_from_overrides=True
        )
        self.soon: Callable[[Callable[[], Any]], None] = lambda task: task()
        self.host = RosHost(self)
        self._starts_itself = False
        given = take_given(self)
        self.core = TrackerNode(self.host, TrackerParams(), builder=builder)
        for warning in self.core.store.load(given):
            self.host.log.warning(warning)
        bind(self, self.core.store, self._on_change)
        self.core.on_failed = lambda reason: self.soon(self._go_back)
        self._answer_wrong_transitions()

    def autostart(self) -> None:
        """Configure and activate if the parameter says so; in the spinning thread.

        What fails is tried again when a parameter has been set.
        """
        if not self.core.store.get('autostart'):
            return
        self._starts_itself = True
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: Any) -> Any:
        """Check parameters and files, begin to load."""
        return self._result(self.core.configure)

    def on_activate(self, state: Any) -> Any:
        """Take images."""
        return self._result(self.core.activate)

    def on_deactivate(self, state: Any) -> Any:
        """Take no more images."""
        return self._result(self.core.deactivate)

    def on_cleanup(self, state: Any) -> Any:
        """Give the network back."""
        return self._result(self.core.cleanup)

    def on_shutdown(self, state: Any) -> Any:
        """End for good."""
        return self._result(self.core.shutdown)

    def on_error(self, state: Any) -> Any:
        """A transition raised what it should not: begin again from unconfigured."""
        return self._result(self.core.cleanup)

    def end(self) -> None:
        """Shut down and destroy the node; nothing may spin it any more."""
        if self.core.logic.state is not NodeState.FINALIZED:
            self.trigger_shutdown()
        self.destroy_node()
        # rclpy forgets this one, which keeps the services of the life cycle on the network.
        self._state_machine.destroy_when_not_in_use()

    def _result(self, transition: Callable[[], None]) -> Any:
        try:
            transition()
        except HitRfgmError as error:
            self.host.log.error(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self.host.log.exception('Failed in %s', transition.__name__)
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _on_change(self) -> None:
        """A parameter was set; the one that kept the node from starting perhaps."""
        if self._starts_itself and self.core.logic.state is NodeState.UNCONFIGURED:
            self.soon(self._try_again)

    def _try_again(self) -> None:
        if self.core.logic.state is NodeState.UNCONFIGURED:
            self.autostart()

    def _go_back(self) -> None:
        """Loading failed: the way back that a manager would go."""
        if self.core.logic.state is NodeState.ACTIVE:
            self.trigger_deactivate()
        if self.core.logic.state is NodeState.INACTIVE:
            self.trigger_cleanup()

    def _answer_wrong_transitions(self) -> None:
        """Answer a transition that is not possible now with ``success: false``.

        rclpy raises instead, in its callback: the caller would wait for ever.
        """
        for service in self.services:
            if service.srv_name.endswith('/change_state'):
                service.callback = self._answering(service.callback)

    def _answering(self, change_state: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def answer(request: Any, response: Any) -> Any:
            try:
                return change_state(request, response)
            except RCLError as error:
                wanted = request.transition.label or request.transition.id
                self.host.log.warning(
                    'There is no transition %s from %s', wanted, self.core.logic.state.value
                )
                self.host.log.debug(str(error))
                response.success = False
                return response

        return answer
