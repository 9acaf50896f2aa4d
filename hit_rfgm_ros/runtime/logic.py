"""What a tracker node decides: images and requests in, reports out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import threading

from hit_rfgm_ros.runtime.agenda import Agenda
from hit_rfgm_ros.runtime.arrival import Arrivals
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.diagnosis import backend_status, input_status, tracker_status
from hit_rfgm_ros.runtime.follow import Follower
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.guard import Guard
from hit_rfgm_ros.runtime.life import Life
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.outputs import Builder, Clock, LoadedTracker, Outputs
from hit_rfgm_ros.runtime.params import TrackerParams
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
from hit_rfgm_ros.runtime.settings import change_params


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
        self.log = log
        self._desk = desk = Desk(params, clock, Notes(log), topic)
        self._publishing = Publishing(desk, outputs)
        self._life = life = Life(desk, outputs, builder, self._make_follower)
        self._services = Services(desk, life.why_not_ready)
        self._arrivals = Arrivals(desk, lambda: life.ready)
        self._agenda = Agenda(desk)
        self._guard = Guard(desk)
        self._working = threading.Lock()  # one step at a time

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

    def configure(self) -> None:
        """Check names, files and hashes, and begin to load in a thread; takes under two seconds.

        Raises:
            HitRfgmError: with what to do; the node stays unconfigured.
        """
        self._life.configure()

    def refused(self, reason: str) -> None:
        """Keep in the diagnostics why the node could not be configured."""
        self._life.refuse(reason)

    def activate(self) -> None:
        """Take images from now on, loaded or not; does nothing while active.

        Raises:
            TrackerError: if the node is not configured.
        """
        self._life.activate()

    def deactivate(self) -> None:
        """Take no more images; targets are kept. Does nothing where the node is not active."""
        self._life.deactivate()

    def cleanup(self) -> None:
        """Forget the network and the targets, and what is still being loaded.

        Deactivates first; does nothing where the node is not configured.
        """
        self._life.cleanup()

    def shutdown(self) -> None:
        """End for good, from any state."""
        self._life.shutdown()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the network is loaded; False if it is not by then, or has failed."""
        return self._life.wait_ready(timeout)

    def give_up(self, reason: str) -> None:
        """The network cannot be used any more: stop working and let the node know."""
        self._life.give_up(reason)

    def set_params(self, params: TrackerParams) -> None:
        """Take over parameters; live ones act on the next image.

        Raises:
            ConfigError: if one changes that must not any more; then nothing is taken over.
        """
        change_params(self._desk, params)

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

    def step(self) -> bool:
        """Do one piece of work in the calling thread; False if there was nothing to do."""
        with self._working:
            with self._desk.lock:
                follower = self._life.follower
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
            return self._life.follower is not None and desk.has_work

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
        loading = self._life.loading
        if loading is not None and not self._life.ready:
            loading.beat()
        return self._guard.look(self.publishers)

    def diagnostics(self) -> list[Status]:
        """The parts `input`, `tracker` and `backend`."""
        publishers = tuple(self.publishers())
        desk = self._desk
        with desk.lock:
            follower = self._life.follower
            info = None if follower is None else follower.info
            return [
                input_status(desk, publishers),
                tracker_status(desk),
                backend_status(desk, self._life.loading, info),
            ]

    def _make_follower(self, loaded: LoadedTracker) -> Follower:
        return Follower(loaded, self._desk, self._publish, self._gone)

    def _gone(self, follower: Follower, reason: str) -> None:
        if not follower.over:
            self.give_up(reason)

    def _publish(
        self, follower: Follower, frame: Frame, picture: Picture, targets: list[TargetReport]
    ) -> None:
        if not follower.over and self._desk.active:  # else it is no longer wanted
            self._publishing.send(frame, picture, targets)
