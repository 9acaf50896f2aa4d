"""A node logic on a stepped clock, with a tracker that says what the test sets."""

from collections.abc import Callable, Mapping, Sequence
import logging
import threading
from typing import Any

import cv2
from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.errors import EngineError, HitRfgmError
from hit_rfgm_ros.runtime.logic import TrackerLogic
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import (
    BoxRequest,
    FrameReport,
    Header,
    IncomingImage,
    InitAnswer,
    InitRequest,
    Picture,
    Status,
    TargetReport,
)
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackResult, TrackState
import numpy as np

WIDTH, HEIGHT = 64, 48
BOX = Box(10.0, 8.0, 20.0, 16.0)
EPOCH = 1_700_000_000  # the first stamp, seconds


class SteppedClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.offset = float(EPOCH)  # of the node's clock; None of it if the clock has not begun

    def monotonic(self) -> float:
        return 100.0 + self.passed

    def now(self) -> float:
        return self.offset + self.passed if self.offset else 0.0

    def advance(self, seconds: float) -> None:
        self.passed += seconds


class ScriptedTracker:
    """Moves every box one pixel right per image, unless told otherwise.

    Attributes:
        calls: what was asked of it: ('add', id, box, stamp), ('update', ids, stamp)...
        results: id to a function that changes its result.
        failing: ids that raise `error`; `failing_starts` likewise in `add`.
        cost: seconds of the stepped clock that an update takes.
        gate: where an update waits until it is set.
        every: images between two memory updates of a target, 0 for a network without a memory.
        memory_cost: seconds of the stepped clock that a memory update takes.
        failing_memories: ids whose memory updates raise `error`, and are left out.
    """

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.calls: list[tuple[Any, ...]] = []
        self.boxes: dict[int, Box] = {}
        self.results: dict[int, Callable[[TrackResult], TrackResult]] = {}
        self.failing: set[int] = set()
        self.failing_starts: set[int] = set()
        self.error: Exception = EngineError('the device is gone')
        self.cost = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()
        self.users = 0
        self.pixels: list[int] = []  # the first value of each image that was updated with
        self.every = 0
        self.memory_cost = 0.0
        self.failing_memories: set[int] = set()
        self.frames: dict[int, int] = {}
        self.memories: dict[int, tuple[int, float | None]] = {}  # tokens, last stamp
        self.due: dict[int, float] = {}

    def add(
        self,
        frame: np.ndarray,
        box: Box,
        *,
        stamp: float | None = None,
        color: str | None = None,
        target_id: int | None = None,
    ) -> int:
        assert target_id is not None
        self.calls.append(('add', target_id, box, stamp))
        if target_id in self.failing_starts:
            raise self.error
        self.boxes[target_id] = box
        self.frames[target_id] = 0
        self.memories[target_id] = (64 if self.every else 0, None)
        self.due.pop(target_id, None)
        return target_id

    def remove(self, target_id: int) -> None:
        self.calls.append(('remove', target_id))
        del self.boxes[target_id]
        self.due.pop(target_id, None)

    def update(
        self,
        frame: np.ndarray,
        *,
        stamp: float | None = None,
        color: str | None = None,
        ids: Sequence[int] | None = None,
    ) -> dict[int, TrackResult]:
        self.users += 1
        assert self.users == 1, 'two threads use the tracker'
        ids = tuple(self.boxes) if ids is None else tuple(ids)
        self.calls.append(('update', ids, stamp))
        self.inside.set()
        assert self.gate.wait(20)
        self.clock.advance(self.cost)
        self.users -= 1
        if self.failing & set(ids):
            raise self.error
        for own in ids:
            self._remember(own)  # where nobody called `update_memory`
        self.pixels.append(int(frame[0, 0, 0]))
        return {own: self._follow(own, stamp or 0.0) for own in ids}

    def update_memory(self) -> int:
        due = tuple(self.due)
        if due:
            self.calls.append(('update_memory', due))
            self.clock.advance(self.memory_cost)
        failed = [own for own in due if not self._remember(own)]
        if failed:
            raise self.error
        return len(due)

    def _remember(self, own: int) -> bool:
        """Take in what is due, or leave it out."""
        stamp = self.due.pop(own, None)
        if stamp is None or own in self.failing_memories:
            return stamp is None
        self.memories[own] = (min(self.memories[own][0] + 64, 192), stamp)
        return True

    def change_options(self, **options: Any) -> None:
        self.calls.append(('change_options', options))

    def reset_memory(self) -> None:
        self.calls.append(('reset_memory',))

    def _follow(self, own: int, stamp: float) -> TrackResult:
        old = self.boxes[own]
        box = Box(old.x + 1, old.y, old.width, old.height)
        self.boxes[own] = box
        result = TrackResult(
            *(box, 0.9, TrackState.TRACKING, ConfidenceKind.CALIBRATED, '', stamp),
            *self.memories[own],
        )
        self.frames[own] += 1
        if self.every and self.frames[own] % self.every == 0:
            self.due[own] = stamp
        return self.results[own](result) if own in self.results else result

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The calls of one method."""
        return [call for call in self.calls if call[0] == name]


class ScriptedBuilder:
    """Gives the scripted tracker, or the error that the test sets, when the gate is open."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.trackers: list[ScriptedTracker] = []
        self.refusal: HitRfgmError | None = None
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()

    def check(self, params: TrackerParams) -> None:
        if self.refusal is not None:
            raise self.refusal

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        progress('building the engine')
        self.inside.set()
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        self.trackers.append(ScriptedTracker(self.clock))
        info = {'backend': 'scripted', 'device': 'cpu', 'precision': 'fp32', 'choice': 'it is all'}
        if keeps_memory(params.model):
            self.trackers[-1].every = params.update_interval or 5
        return LoadedTracker(self.trackers[-1], info, 64 if self.trackers[-1].every else 0)


class Recorder:
    """Keeps what comes out."""

    def __init__(self) -> None:
        self.reports: list[FrameReport] = []
        self.pictures: list[Picture] = []
        self.infos: list[Mapping[str, object]] = []
        self.failures: list[str] = []

    def report(self, report: FrameReport, picture: Picture) -> None:
        self.reports.append(report)
        self.pictures[:] = [picture]

    def ready(self, info: Mapping[str, object]) -> None:
        self.infos.append(info)

    def failed(self, reason: str) -> None:
        self.failures.append(reason)


class Rig:
    """A node logic with all that is around it; stepped by hand."""

    def __init__(self, **params: Any) -> None:
        self.clock = SteppedClock()
        self.builder = ScriptedBuilder(self.clock)
        self.out = Recorder()
        self.log = logging.getLogger('tracker under test')
        self.logic = TrackerLogic(
            TrackerParams.from_values(params),
            self.out,
            self.builder,
            clock=self.clock,
            log=self.log,
            topic='/camera/image_raw',
        )

    @property
    def tracker(self) -> ScriptedTracker:
        return self.builder.trackers[-1]

    @property
    def last(self) -> FrameReport:
        return self.out.reports[-1]

    def up(self) -> 'Rig':
        """Configured, loaded and active."""
        self.logic.configure()
        assert self.logic.wait_ready(20)
        self.logic.activate()
        return self

    def send(self, stamp: float | None = None, **changes: Any) -> IncomingImage:
        """An image arrives now; its stamp counts from the epoch, by default it is now."""
        image = make_image(self.clock, stamp, **changes)
        self.logic.on_image(image)
        return image

    def work(self) -> int:
        """Step until there is nothing to do; how many steps did something."""
        count = 0
        while self.logic.step():
            count += 1
        return count

    def play(self, count: int, period: float = 0.1, **changes: Any) -> None:
        """Images at a pace, each worked on at once."""
        for _ in range(count):
            self.clock.advance(period)
            self.send(**changes)
            self.work()

    def init(
        self, *boxes: Box | BoxRequest, stamp: float | None = None, replace_all: bool = False
    ) -> InitAnswer:
        """Ask for targets; a stamp counts from the epoch, None means the newest image."""
        requests = tuple(b if isinstance(b, BoxRequest) else BoxRequest(b) for b in boxes)
        sec, nanosec = (0, 0) if stamp is None else stamp_of(stamp)
        return self.logic.init_targets(InitRequest(requests, sec, nanosec, replace_all))

    def started(self, *boxes: Box | BoxRequest, **options: Any) -> tuple[int, ...]:
        """Targets that run; their ids."""
        answer = self.init(*(boxes or (BOX,)), **options)
        assert answer.success, answer
        self.work()
        return tuple(result.id for result in answer.results)

    def target(self, own: int) -> TargetReport:
        """What the last report says about a target."""
        return next(target for target in self.last.targets if target.id == own)

    def status(self, part: str) -> Status:
        """One part of the diagnostics."""
        return next(status for status in self.logic.diagnostics() if status.part == part)

    def watch(self, seconds: float) -> list[bool]:
        """Let time pass as the timer of the node does."""
        changed = []
        for _ in range(round(seconds / 0.1)):
            self.clock.advance(0.1)
            changed.append(self.logic.watch())
        return changed


def cut_jpeg() -> dict[str, Any]:
    """Changes that make an image a JPEG file of which half is missing."""
    picture = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    done, data = cv2.imencode('.jpg', picture)
    assert done
    half = data.ravel()[: data.size // 2]
    changes = {'compressed': True, 'encoding': 'jpeg', 'data': half}
    return changes | {'width': 0, 'height': 0, 'step': 0}


def stamp_of(seconds: float) -> tuple[int, int]:
    """Seconds since the epoch of the tests as a stamp."""
    nanoseconds = EPOCH * 10**9 + round(seconds * 1e9)
    return nanoseconds // 10**9, nanoseconds % 10**9


def make_image(
    clock: SteppedClock,
    stamp: float | None = None,
    *,
    zero_stamp: bool = False,
    frame_id: str = 'camera_optical_frame',
    value: int = 0,
    **changes: Any,
) -> IncomingImage:
    """A grey image that arrives now."""
    sec, nanosec = stamp_of(clock.passed if stamp is None else stamp)
    header = Header(0, 0, frame_id) if zero_stamp else Header(sec, nanosec, frame_id)
    width, height = changes.get('width', WIDTH), changes.get('height', HEIGHT)
    values: dict[str, Any] = {
        'encoding': 'rgb8',
        'data': np.full(min(width * height, 1_000_000) * 3, value, np.uint8),
        'width': width,
        'height': height,
        'step': width * 3,
        **changes,
    }
    return IncomingImage(header, clock.monotonic(), **values)
