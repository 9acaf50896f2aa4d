"""What the worker, the callbacks and the diagnostics share, and the lock that guards it."""

from __future__ import annotations

from collections import deque
import threading

from hit_rfgm_ros.runtime.book import Book, Phase
from hit_rfgm_ros.runtime.camera_watch import CameraWatch
from hit_rfgm_ros.runtime.frame import Frame, SourceTime
from hit_rfgm_ros.runtime.image_error import ImageError
from hit_rfgm_ros.runtime.intake import Intake
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.orders import Order
from hit_rfgm_ros.runtime.outputs import Clock
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NodeState
from hit_rfgm_ros.runtime.stats import MemoryUpdates, Rate, Stages, Window


class Desk:
    """The state of a tracker node.

    The lock is held for moments only, never while the network runs, an image is decoded, a
    message goes out or a line is logged.

    Attributes:
        lock: guards all the rest; notified when there may be work and when loading ends.
        clock, notes, topic: as given.
        params: in force.
        state: of the node's life.
        paused: whether images are ignored.
        failure: why the network cannot be used, empty if it can.
        book: the targets.
        orders: for the worker, first in, first out.
        intake: images since the node became active.
        camera: whether images come.
        time: that the trackers go by.
        calibration: what became of camera_info, empty before it comes.
        front: number of the newest image processed, None before the first one.
        stages: seconds of each stage of the work.
        memory: updates of the targets' memories.
        outputs: rate of the reports.
        ages: seconds from the arrival of an image to its report.
        arrival_ages: seconds from an image's stamp to its arrival.
        refusal: when and why the last image was refused (monotonic seconds).
    """

    def __init__(self, params: TrackerParams, clock: Clock, notes: Notes, topic: str) -> None:
        self.lock = threading.Condition()
        self.clock = clock
        self.notes = notes
        self.topic = topic
        self.params = params
        self.state = NodeState.UNCONFIGURED
        self.paused = False
        self.failure = ''
        self.book = Book()
        self.orders: deque[Order] = deque()
        self.calibration = ''
        self.time = SourceTime()
        self.intake = Intake(params, self.time, 0)
        self.camera = CameraWatch(clock.monotonic())
        self.begin()

    def begin(self) -> None:
        """Count and measure anew; the ids and the numbers of the images go on."""
        self.intake = Intake(self.params, self.time, self.intake.last_number)
        self.camera = CameraWatch(self.clock.monotonic())
        self.paused = False
        self.front: int | None = None
        self.stages = Stages(self.clock)
        self.memory = MemoryUpdates()
        self.outputs = Rate()
        self.ages = Window()
        self.arrival_ages = Window()
        self.refusal: tuple[float, str] | None = None

    @property
    def active(self) -> bool:
        """Whether images are taken."""
        return self.state is NodeState.ACTIVE

    @property
    def working(self) -> bool:
        """Whether images are processed."""
        return self.active and not self.paused and not self.failure

    @property
    def has_work(self) -> bool:
        """Whether the worker may find something to do, once the network is there."""
        if self.orders:
            return True
        behind = self.front is not None and self.book.of(Phase.CATCHING_UP)
        return self.working and bool(self.intake.mailbox or behind)

    def unusable(self, error: ImageError, frame: Frame | None = None) -> None:
        """Count an image that cannot be used, and name it once per topic and kind."""
        with self.lock:
            self.intake.refuse(error.kind)
            self.refusal = self.clock.monotonic(), str(error)
            if frame is not None:
                self.intake.history.discard(frame)
        self.notes.once(f'image {error.kind}', f'images on {self.topic} are refused: {error}')
