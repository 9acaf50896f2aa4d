"""Takes the node logic through images by hand, in the bag's time: none is too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import logging

from hit_rfgm_ros.errors import BagError, EngineError, GeometryError
from hit_rfgm_ros.runtime.logic import TrackerLogic
from hit_rfgm_ros.runtime.outputs import Builder
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import (
    NANOSECONDS,
    BoxRequest,
    CameraInfo,
    FrameReport,
    IncomingImage,
    InitRequest,
    Picture,
    Reason,
)

_log = logging.getLogger(__name__)


class BagTime:
    """The time of recording; `runtime.outputs.Clock`.

    Attributes:
        seconds: of the last record; never goes back.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def step(self, stamp: int) -> None:
        """Go on to the time of a record, nanoseconds."""
        self.seconds = max(self.seconds, stamp / NANOSECONDS)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self.seconds

    def now(self) -> float:
        """See `Clock`."""
        return self.seconds


class Collector:
    """Keeps the last report; `runtime.outputs.Outputs`.

    Attributes:
        info: of the tracker that was loaded.
        failure: why the network cannot be used, empty if it can.
    """

    def __init__(self) -> None:
        self.info: Mapping[str, object] = {}
        self.failure = ''
        self._last: tuple[FrameReport, Picture] | None = None

    def report(self, report: FrameReport, picture: Picture) -> None:
        """See `Outputs`. A start gives a report of its own; the one of the image includes it."""
        self._last = report, picture

    def ready(self, info: Mapping[str, object]) -> None:
        """See `Outputs`."""
        self.info = info

    def failed(self, reason: str) -> None:
        """See `Outputs`."""
        self.failure = reason

    def take(self) -> tuple[FrameReport, Picture] | None:
        """The report of an image, once."""
        last, self._last = self._last, None
        return last


class BagTracker:
    """The logic of the tracker node, worked by whoever shows it images."""

    def __init__(self, params: TrackerParams, builder: Builder, topic: str) -> None:
        """Make it; `load` comes next.

        Args:
            params: of the node.
            builder: makes the tracker.
            topic: of the images.
        """
        self._time = BagTime()
        self._outputs = Collector()
        self._logic = TrackerLogic(
            params, self._outputs, builder, clock=self._time, log=_log, topic=topic
        )

    @property
    def info(self) -> Mapping[str, object]:
        """What is known about the tracker."""
        return self._outputs.info

    def load(self) -> None:
        """Load the network and wait for it.

        Raises:
            HitRfgmError: with what to do.
        """
        self._logic.configure()
        self._logic.activate()
        while not self._logic.wait_ready(1.0):
            self._check()

    def step_time(self, stamp: int) -> None:
        """Go on to the time of a record, nanoseconds."""
        self._time.step(stamp)

    @property
    def time(self) -> float:
        """Seconds of the last record."""
        return self._time.seconds

    def take_camera_info(self, info: CameraInfo) -> None:
        """Use a calibration from now on."""
        self._logic.on_camera_info(info)

    def start(
        self, image: IncomingImage, boxes: Sequence[BoxRequest]
    ) -> tuple[FrameReport, Picture]:
        """Show an image and start targets on it.

        Raises:
            GeometryError: if boxes are refused, with the reasons.
            BagError: if the image is not usable.
        """
        self._logic.on_image(image)
        header = image.header
        answer = self._logic.init_targets(InitRequest(tuple(boxes), header.sec, header.nanosec))
        refused = {
            result.message: result.reason for result in answer.results if not result.success
        }
        if refused:
            of_boxes = min(refused.values()) >= Reason.BOX_NOT_FINITE
            raise (GeometryError if of_boxes else BagError)('; '.join(refused))
        found = self._work()
        if found is None or (answer.sec, answer.nanosec) != header[:2]:
            raise BagError(
                f'the image to start on (stamp {header.sec}.{header.nanosec:09d}) could not be '
                f'used; choose another one with --stamp'
            )
        return found

    def show(self, image: IncomingImage) -> tuple[FrameReport, Picture] | None:
        """Show an image; None if it is not usable, doubled or out of order.

        Raises:
            EngineError: if the network cannot be used any more.
        """
        self._logic.on_image(image)
        self._logic.watch()
        return self._work()

    def close(self) -> None:
        """Let go of the network."""
        self._logic.shutdown()

    def _work(self) -> tuple[FrameReport, Picture] | None:
        while self._logic.step():
            pass
        self._check()
        return self._outputs.take()

    def _check(self) -> None:
        if self._outputs.failure:
            raise EngineError(self._outputs.failure)
