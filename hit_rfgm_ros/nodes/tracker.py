"""The node `tracker`: joins the node logic to the topics and services of a host."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time

from hit_rfgm_ros.errors import ConfigError, HitRfgmError
from hit_rfgm_ros.messages.reports import diagnostic_array
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.nodes.free_memory import release_free_memory
from hit_rfgm_ros.nodes.host import Closable, Host, QoS
from hit_rfgm_ros.nodes.init_log import InitLog
from hit_rfgm_ros.nodes.tracker_inputs import IMAGE, TrackerInputs, image_topic
from hit_rfgm_ros.nodes.tracker_outputs import TrackerOutputs
from hit_rfgm_ros.nodes.tracker_services import offer_services
from hit_rfgm_ros.runtime.logic import TrackerLogic
from hit_rfgm_ros.runtime.outputs import Builder
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.reports import NodeState
from hit_rfgm_ros.runtime.worker import Worker

WATCH = 0.1  # seconds between two looks at camera, targets and failures
PATIENCE = 0.8  # seconds for the worker to end its image


class TrackerNode:
    """One tracker on one host; every method may be called from any thread but the worker's.

    Attributes:
        host: the node of the middleware.
        store: the parameters.
        logic: decides.
        on_failed: told when the network cannot be used, in the thread of the host's timers; it
            must deactivate and clean up. Without it the node does so itself.
    """

    def __init__(
        self,
        host: Host,
        params: TrackerParams | ParameterStore[TrackerParams],
        *,
        builder: Builder | None = None,
    ) -> None:
        """Make an unconfigured node: services and diagnostics are there, nothing else.

        Args:
            host: the node of the middleware.
            params: to begin with, or the store that keeps them.
            builder: of trackers; one may serve several nodes.
        """
        if isinstance(params, TrackerParams):
            params = ParameterStore(TRACKER_TABLE, params)
        self.host = host
        self.store = store = params
        self.on_failed: Callable[[str], None] | None = None
        self._outputs = TrackerOutputs(host, lambda: store.params)
        self.logic = TrackerLogic(
            store.params,
            self._outputs,
            builder or TrackerBuilder(),
            clock=_HostClock(host),
            log=host.log,
            topic=host.resolve(IMAGE),
        )
        self.logic.publishers = lambda: host.publishers_on(image_topic(host, store.params))
        self._outputs.known = lambda: self.logic.targets
        init_log = InitLog(host.log)
        self._inputs = TrackerInputs(host, self.logic, self._outputs.camera, init_log)
        self._worker = Worker(self.logic)
        self._moving = threading.RLock()  # held during a transition
        self._start_again = threading.Event()
        self._starts_itself = False  # and not by somebody's transitions
        store.connect(self._change, lambda: self.logic.state is not NodeState.UNCONFIGURED)
        self._diagnostics = host.publisher(
            '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', QoS(depth=10)
        )
        self._services = offer_services(host, self.logic, init_log)
        self._watch_timer = host.timer(WATCH, self._watch)
        self._diagnostics_timer: Closable = self._make_diagnostics_timer()

    def start(self) -> None:
        """Configure and activate if `autostart` says so.

        A failure is logged and shown in the diagnostics; the node tries again when a parameter
        has been set.
        """
        if not self.store.params.autostart:
            return
        self._starts_itself = True
        try:
            self.configure()
            self.activate()
        except HitRfgmError as error:
            self.host.log.error('%s', error)

    def check_start_values(self) -> None:
        """Refuse to go on with a start value that was bad.

        Raises:
            ConfigError: naming all of them.
        """
        if self.store.refused:
            raise ConfigError('; '.join(dict.fromkeys(self.store.refused.values())))

    def configure(self) -> None:
        """Check parameters, files and hashes in under two seconds; loading follows by itself.

        Raises:
            HitRfgmError: with what to do; the node stays unconfigured.
        """
        with self._moving:
            try:
                self.check_start_values()
            except ConfigError as error:
                self.logic.refused(str(error))
                self.publish_diagnostics()
                raise
            self._outputs.failure = ''
            self._outputs.open()
            try:
                self.logic.configure()
            finally:
                if self.logic.state in (NodeState.UNCONFIGURED, NodeState.FINALIZED):
                    self._outputs.close()
                self.publish_diagnostics()

    def activate(self) -> None:
        """Subscribe, and begin to process images as soon as the network is loaded.

        Raises:
            TrackerError: if the node is not configured.
        """
        with self._moving:
            self.logic.activate()
            self._worker.start()
            self._inputs.open(self.store.params)

    def deactivate(self) -> None:
        """Unsubscribe; the targets are kept."""
        with self._moving:
            self._inputs.close()
            self.logic.deactivate()
            if not self._worker.stop(PATIENCE):
                self.host.log.warning('an image is still being processed')

    def cleanup(self) -> None:
        """Give back the network, the targets and the topics."""
        with self._moving:
            self._starts_itself = False
            self.deactivate()
            self.logic.cleanup()
            self._outputs.close()
            release_free_memory()
            self.publish_diagnostics()

    def shutdown(self) -> None:
        """End for good, from any state; a second call does nothing."""
        with self._moving:
            self._starts_itself = False
            self.deactivate()
            self.logic.shutdown()
            self._outputs.close()
            for part in (self._watch_timer, self._diagnostics_timer, *self._services):
                part.close()
            self._diagnostics.close()

    def publish_diagnostics(self) -> None:
        """Send the diagnostics now, whatever their period."""
        if self.logic.state is not NodeState.FINALIZED:
            self._diagnostics.publish(
                diagnostic_array(self.logic.diagnostics(), self.host.name, self.host.now())
            )

    def _change(self, params: TrackerParams) -> None:
        """Take over parameters; called by the store, which refuses what this refuses."""
        period = self.logic.params.diagnostics_period
        self.logic.set_params(params)
        if params.diagnostics_period != period:
            self._diagnostics_timer.close()
            self._diagnostics_timer = self._make_diagnostics_timer(params)
        if self._starts_itself and self.logic.state is NodeState.UNCONFIGURED:
            self._start_again.set()

    def _make_diagnostics_timer(self, params: TrackerParams | None = None) -> Closable:
        period = (params or self.store.params).diagnostics_period
        return self.host.timer(period, self.publish_diagnostics)

    def _watch(self) -> None:
        """Look after camera, targets and failures; called by the host ten times a second."""
        if not self._moving.acquire(blocking=False):
            return  # a transition is under way
        try:
            if self.logic.state is NodeState.FINALIZED:
                return
            urgent = self.logic.watch()
            if self._outputs.failure:
                self._go_back(self._outputs.failure)
            elif self._start_again.is_set():
                self._start_again.clear()
                self.start()
            elif urgent:
                self.publish_diagnostics()
        finally:
            self._moving.release()

    def _go_back(self, reason: str) -> None:
        self._outputs.failure = ''
        self.publish_diagnostics()
        if self.on_failed is not None:
            self.on_failed(reason)
        else:
            starts_itself = self._starts_itself
            self.cleanup()
            self._starts_itself = starts_itself  # a parameter that is set may cure it


class _HostClock:
    """`runtime.Clock` of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def monotonic(self) -> float:
        """Seconds for durations."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds of the node's clock."""
        return self._host.now()
