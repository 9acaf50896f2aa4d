"""The node's life: unconfigured, inactive, active, and the network that is loaded on the way."""

from __future__ import annotations

from collections.abc import Callable

from hit_rfgm_ros.errors import HitRfgmError, TrackerError
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.follow import Follower
from hit_rfgm_ros.runtime.loading import Loading
from hit_rfgm_ros.runtime.outputs import Builder, LoadedTracker, Outputs
from hit_rfgm_ros.runtime.reports import NodeState


class Life:
    """Goes from state to state; every method may be called from any thread.

    Attributes:
        follower: drives the loaded tracker; None before and after.
        loading: under way or done; None while the node is not configured.
    """

    def __init__(
        self,
        desk: Desk,
        outputs: Outputs,
        builder: Builder,
        make_follower: Callable[[LoadedTracker], Follower],
    ) -> None:
        self.follower: Follower | None = None
        self.loading: Loading | None = None
        self._desk = desk
        self._outputs = outputs
        self._builder = builder
        self._make_follower = make_follower

    @property
    def ready(self) -> bool:
        """Whether the network can be used."""
        return self.follower is not None and not self._desk.failure

    def why_not_ready(self) -> str:
        """Why the network cannot be used, empty if it can; called with the lock held."""
        desk = self._desk
        if desk.failure:
            return desk.failure
        if self.loading is None:
            return f'the node is {desk.state.value}'
        if self.follower is None:
            return f'{desk.params.model} is being loaded ({self.loading}): call again later'
        return ''

    def wait_ready(self, timeout: float) -> bool:
        """See `TrackerLogic.wait_ready`."""
        desk = self._desk

        def over() -> bool:
            return self.ready or self.loading is None or bool(desk.failure)

        with desk.lock:
            desk.lock.wait_for(over, timeout)
            return self.ready

    def configure(self) -> None:
        """See `TrackerLogic.configure`."""
        desk = self._desk
        self._check_unconfigured()
        try:
            self._builder.check(desk.params)
        except HitRfgmError as error:
            self.refuse(str(error))
            raise
        with desk.lock:
            self._check_unconfigured()  # another thread may have been faster
            self.loading = loading = Loading(
                self._builder, desk.params, self._loaded, clock=desk.clock, log=desk.notes.log
            )
            desk.failure = ''
            desk.state = NodeState.INACTIVE
        loading.start()

    def refuse(self, reason: str) -> None:
        """See `TrackerLogic.refused`."""
        with self._desk.lock:
            self._desk.failure = reason

    def activate(self) -> None:
        """See `TrackerLogic.activate`."""
        desk = self._desk
        with desk.lock:
            if desk.active:
                return
            if desk.state is not NodeState.INACTIVE:
                raise TrackerError(f'activate: the node is {desk.state.value}; configure it first')
            desk.begin()
            desk.state = NodeState.ACTIVE

    def deactivate(self) -> None:
        """See `TrackerLogic.deactivate`."""
        desk = self._desk
        with desk.lock:
            if desk.active:
                desk.state = NodeState.INACTIVE
                desk.paused = False
                desk.intake.mailbox.take()
                desk.intake.history.clear()
                desk.lock.notify_all()

    def cleanup(self) -> None:
        """See `TrackerLogic.cleanup`."""
        desk = self._desk
        with desk.lock:
            self.deactivate()
            if desk.state is NodeState.INACTIVE:
                desk.state = NodeState.UNCONFIGURED
                if self.follower is not None:
                    self.follower.over = True
                self.loading = self.follower = None
                desk.book.clear()
                desk.orders.clear()
                desk.lock.notify_all()

    def shutdown(self) -> None:
        """See `TrackerLogic.shutdown`."""
        with self._desk.lock:
            self.cleanup()
            self._desk.state = NodeState.FINALIZED

    def give_up(self, reason: str) -> None:
        """See `TrackerLogic.give_up`."""
        desk = self._desk
        with desk.lock:
            if desk.failure:
                return
            desk.failure = reason
            desk.lock.notify_all()
        desk.notes.log.error('%s', reason)
        self._outputs.failed(reason)

    def _loaded(self, loading: Loading, loaded: LoadedTracker | None, reason: str) -> None:
        """The loading has ended, with a tracker or a reason."""
        desk = self._desk
        with desk.lock:
            if self.loading is not loading:
                return  # cleaned up meanwhile: nobody wants it any more
            if loaded is not None:
                self.follower = self._make_follower(loaded)
            desk.lock.notify_all()
        if loaded is None:
            self.give_up(reason)
        else:
            desk.notes.log.info('%s is ready', loading.params.model)
            self._outputs.ready(loaded.info)

    def _check_unconfigured(self) -> None:
        state = self._desk.state
        if state is not NodeState.UNCONFIGURED:
            raise TrackerError(f'configure: the node is {state.value}, not unconfigured')
