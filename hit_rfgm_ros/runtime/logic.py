"""What a tracker node decides: images and requests in, reports out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import threading

from hit_rfgm_ros.errors import ConfigError, HitRfgmError, TrackerError
from hit_rfgm_ros.runtime.agenda import Agenda
from hit_rfgm_ros.runtime.arrival import Arrivals
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.diagnosis import backend_status, input_status, tracker_status
from hit_rfgm_ros.runtime.follow import Follower
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.guard import Guard
from hit_rfgm_ros.runtime.loading import Loading
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.orders import Tune
from hit_rfgm_ros.runtime.outputs import Builder, Clock, LoadedTracker, Outputs
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.publishing import Publishing
from hit_rfgm_ros.runtime.reports import (
    CameraInfo,
    Endpoint,
    IncomingImage,
    InitAnswer,
    InitRequest,
    NodeState,
    Picture,
    RemoveAnswer,
    Status,
    TargetReport,
)
from hit_rfgm_ros.runtime.services import Services

TRACKER_OPTIONS = (  # live parameters that are options of the tracker
    'uncertain_below',
    'lost_below',
    'lost_after',
    'max_scale_change',
    'widen_search',
    'freeze_when_lost',
    'min_box_size',
    'min_visible',
)
MEMORY = ('memory_min_confidence', 'memory_size', 'update_interval')


class TrackerLogic:
    """A tracker node without its middleware; every method may be called from any thread.

    Nothing here waits for the network except `step`, which the worker calls.

    Attributes:
        publishers: tells which publishers the network shows on the image topic; settable.
        log: of the node.
    """

    def __init__(
        self,
        params: TrackerParams,
        outputs: Outputs,
        builder: Builder,
        *,
        clock: Clock,
        log: logging.Logger,
        topic: str = 'image_raw',
    ) -> None:
        """Make an unconfigured node.

        Args:
            params: to begin with.
            outputs: takes reports and news.
            builder: makes trackers.
            clock: tells the time.
            log: of the node.
            topic: of the images, resolved; for messages, and whether they are rectified.
        """
        self.publishers: Callable[[], Sequence[Endpoint]] = tuple
        self._outputs = outputs
        self._builder = builder
        self.log = log
        self._desk = desk = Desk(params, clock, Notes(log), topic)
        self._agenda = Agenda(desk)
        self._arrivals = Arrivals(desk, self._is_ready)
        self._services = Services(desk, self._why_not_ready)
        self._publishing = Publishing(desk, outputs)
        self._guard = Guard(desk)
        self._working = threading.Lock()  # one step at a time
        self._loading: Loading | None = None
        self._follower: Follower | None = None

    @property
    def state(self) -> NodeState:
        """Where the node is in its life."""
        return self._desk.state

    @property
    def params(self) -> TrackerParams:
        """The parameters in force."""
        return self._desk.params

    @property
    def targets(self) -> tuple[int, ...]:
        """Ids of the targets, sorted."""
        with self._desk.lock:
            return self._desk.book.ids

    # --- life ---

    def configure(self) -> None:
        """Check names, files and hashes, and begin to load in a thread; takes under two seconds.

        Raises:
            HitRfgmError: with what to do; the node stays unconfigured.
        """
        desk = self._desk
        self._require(NodeState.UNCONFIGURED, 'configure')
        try:
            self._builder.check(desk.params)
        except HitRfgmError as error:
            self.refused(str(error))
            raise
        with desk.lock:
            if desk.state is not NodeState.UNCONFIGURED:
                raise TrackerError(f'configure: the node is {desk.state.value} by now')
            loading = Loading(
                self._builder, desk.params, self._loaded, clock=desk.clock, log=self.log
            )
            self._loading = loading
            desk.failure = ''
            desk.state = NodeState.INACTIVE
        loading.start()

    def refused(self, reason: str) -> None:
        """Keep in the diagnostics why the node could not be configured."""
        with self._desk.lock:
            self._desk.failure = reason

    def activate(self) -> None:
        """Take images from now on, loaded or not; does nothing while active.

        Raises:
            TrackerError: if the node is not configured.
        """
        desk = self._desk
        with desk.lock:
            if desk.active:
                return
            if desk.state is not NodeState.INACTIVE:
                raise TrackerError(f'activate: the node is {desk.state.value}; configure it first')
            desk.begin()
            desk.state = NodeState.ACTIVE

    def deactivate(self) -> None:
        """Take no more images; targets are kept. Does nothing where the node is not active."""
        desk = self._desk
        with desk.lock:
            if desk.active:
                desk.state = NodeState.INACTIVE
                desk.paused = False
                desk.intake.mailbox.take()
                desk.intake.history.clear()
                desk.lock.notify_all()

    def cleanup(self) -> None:
        """Forget the network and the targets, and what is still being loaded.

        Deactivates first; does nothing where the node is not configured.
        """
        self.deactivate()
        desk = self._desk
        with desk.lock:
            if desk.state is NodeState.INACTIVE:
                desk.state = NodeState.UNCONFIGURED
                if self._follower is not None:
                    self._follower.over = True
                self._loading = self._follower = None
                desk.book.clear()
                desk.orders.clear()
                desk.lock.notify_all()

    def shutdown(self) -> None:
        """End for good, from any state."""
        self.cleanup()
        with self._desk.lock:
            self._desk.state = NodeState.FINALIZED
            self._desk.lock.notify_all()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the network is loaded; False if it is not by then, or has failed."""
        desk = self._desk
        with desk.lock:
            desk.lock.wait_for(lambda: self._is_ready() or not self._is_loading(), timeout)
            return self._is_ready()

    def set_params(self, params: TrackerParams) -> None:
        """Take over parameters; live ones act on the next image.

        Raises:
            ConfigError: if one changes that must not any more; then nothing is taken over.
        """
        desk = self._desk
        with desk.lock:
            old, new = desk.params.values(), params.values()
            changed = {name: new[name] for name in new if new[name] != old[name]}
            fixed = [name for name in changed if not TRACKER_TABLE[name].live]
            if fixed and desk.state is not NodeState.UNCONFIGURED:
                raise ConfigError(
                    f'{", ".join(fixed)} can only be changed while the node is unconfigured; '
                    f'it is {desk.state.value}'
                )
            desk.params = params
            options = {name: changed[name] for name in TRACKER_OPTIONS if name in changed}
            if options and desk.state is not NodeState.UNCONFIGURED:
                desk.orders.append(Tune(options))
                desk.lock.notify_all()
        idle = [name for name in MEMORY if name in changed]
        if idle and not params.model.startswith('rfgm'):
            self._desk.notes.once(
                'memory', f'{", ".join(idle)} has no effect: {params.model} keeps no memory'
            )

    # --- images and requests ---

    def on_image(self, image: IncomingImage) -> None:
        """Take an image; quick, and never an error."""
        self._arrivals.take(image)

    def on_camera_info(self, info: CameraInfo) -> None:
        """Take a calibration; used if `publish_bearing` is on."""
        self._publishing.take_camera_info(info)

    def init_targets(self, request: InitRequest) -> InitAnswer:
        """Answer at once; the network follows in the worker."""
        return self._services.init_targets(request)

    def remove_targets(self, ids: Sequence[int]) -> RemoveAnswer:
        """Forget targets; no ids stands for all."""
        return self._services.remove_targets(ids)

    def pause(self, paused: bool) -> tuple[bool, str]:
        """Ignore images, or go on; the targets are kept. Gives success and a sentence."""
        return self._services.pause(paused)

    def reset_memory(self) -> tuple[bool, str]:
        """Bring every target back to its first template. Gives success and a sentence."""
        return self._services.reset_memory()

    # --- work ---

    def step(self) -> bool:
        """Do one piece of work in the calling thread; False if there was nothing to do."""
        with self._working:
            with self._desk.lock:
                follower = self._follower
                task = None if follower is None else self._agenda.next(follower)
            if task is None:
                return False
            task()
            return True

    def wait(self, timeout: float, unless: Callable[[], bool] | None = None) -> bool:
        """Wait until there may be work; False if there is none after ``timeout`` seconds.

        Args:
            timeout: seconds.
            unless: a reason to give up waiting, looked at again after `wake`.
        """
        desk = self._desk

        def has_work() -> bool:
            return self._follower is not None and desk.has_work

        with desk.lock:
            desk.lock.wait_for(lambda: has_work() or bool(unless and unless()), timeout)
            return has_work()

    def wake(self) -> None:
        """Let whoever waits look at its reasons again."""
        with self._desk.lock:
            self._desk.lock.notify_all()

    def watch(self) -> bool:
        """Look after the camera and lost targets, some ten times a second.

        Returns:
            Whether the diagnostics should go out at once.
        """
        loading = self._loading
        if loading is not None and not self._is_ready():
            loading.beat()
        return self._guard.look(self.publishers)

    def diagnostics(self) -> list[Status]:
        """The parts `input`, `tracker` and `backend`."""
        publishers = tuple(self.publishers())
        desk = self._desk
        with desk.lock:
            info = None if self._follower is None else self._follower.info
            return [
                input_status(desk, publishers),
                tracker_status(desk),
                backend_status(desk, self._loading, info),
            ]

    def give_up(self, reason: str) -> None:
        """The network cannot be used any more: stop working and let the node know."""
        desk = self._desk
        with desk.lock:
            if desk.failure:
                return
            desk.failure = reason
            desk.lock.notify_all()
        self.log.error('%s', reason)
        self._outputs.failed(reason)

    # --- loading ---

    def _loaded(self, loading: Loading, loaded: LoadedTracker | None, reason: str) -> None:
        desk = self._desk
        with desk.lock:
            if self._loading is not loading:
                return  # cleaned up meanwhile: nobody wants it any more
            if loaded is not None:
                self._follower = Follower(loaded, desk, self._publish, self._gone)
            desk.lock.notify_all()
        if loaded is None:
            self.give_up(reason)
        else:
            self.log.info('%s is ready', loading.params.model)
            self._outputs.ready(loaded.info)

    def _gone(self, follower: Follower, reason: str) -> None:
        if not follower.over:
            self.give_up(reason)

    def _is_ready(self) -> bool:
        return self._follower is not None and not self._desk.failure

    def _is_loading(self) -> bool:
        return self._loading is not None and not self._desk.failure

    def _why_not_ready(self) -> str:
        desk = self._desk
        if desk.failure:
            return desk.failure
        if self._loading is None:
            return f'the node is {desk.state.value}'
        if self._follower is None:
            return f'{desk.params.model} is being loaded ({self._loading}): call again later'
        return ''

    def _publish(
        self, follower: Follower, frame: Frame, picture: Picture, targets: list[TargetReport]
    ) -> None:
        if not follower.over and self._desk.active:  # else it is no longer wanted
            self._publishing.send(frame, picture, targets)

    def _require(self, state: NodeState, what: str) -> None:
        if self.state is not state:
            raise TrackerError(f'{what}: the node is {self.state.value}, not {state.value}')
