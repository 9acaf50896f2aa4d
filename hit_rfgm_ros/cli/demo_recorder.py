"""The viewer's side of the demo: images and boxes of a running tracker, put together again."""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.cli.tracking import Output, Step
from hit_rfgm_ros.data.scene import Scene
from hit_rfgm_ros.runtime.reports import NANOSECONDS, FrameReport, TargetReport, TargetState
from hit_rfgm_ros.types import ImageU8, TrackResult, TrackState
import numpy as np

_STATES = {
    TargetState.UNCERTAIN: TrackState.UNCERTAIN,
    TargetState.LOST: TrackState.LOST,
}


class Recorder:
    """Writes each frame of a scene with the newest result that there is for it.

    A frame that the tracker did not process is held: it is shown with the result before it, as a
    display would, and has no line of its own in the CSV.

    Attributes:
        steps: of the frames that were processed.
        timeline: one step per frame up to now, held ones as well.
        ages: seconds from an image's arrival at the node to its boxes, one per processed frame.
        delays: seconds from an image's stamp to its boxes here, likewise.
    """

    def __init__(self, scene: Scene, outputs: Sequence[Output]) -> None:
        """Begin before the first frame."""
        self.steps: list[Step] = []
        self.timeline: list[Step] = []
        self.ages: list[float] = []
        self.delays: list[float] = []
        self._scene = scene
        self._outputs = outputs
        self._images: dict[int, ImageU8] = {}
        self._base_ns = 0

    def number_of(self, stamp_ns: int) -> int:
        """The number of a frame: the camera begins at a whole second."""
        if not self._base_ns:
            self._base_ns = stamp_ns // NANOSECONDS * NANOSECONDS
        return round((stamp_ns - self._base_ns) * self._scene.fps / NANOSECONDS)

    def take_image(self, number: int, image: ImageU8) -> None:
        """Keep an image, (H, W, 3) uint8 RGB, until its boxes are known."""
        if number >= len(self.timeline):
            self._images[number] = image

    def take_report(self, report: FrameReport, target: int, arrival: float) -> None:
        """Take what the tracker says about one target; other targets do not matter.

        Args:
            report: of the tracker.
            target: its id.
            arrival: seconds of the system's clock when the report came in.
        """
        for found in report.targets:
            number = self.number_of(found.header.stamp_ns)
            if found.id == target and len(self.timeline) <= number < len(self._scene):
                self._hold_until(number)
                self._write(_step(found, number, self._scene.fps))
                self.ages.append(report.age)
                self.delays.append(arrival - found.header.seconds)

    def finish(self) -> None:
        """Write the frames after the last report."""
        if self.steps:
            self._hold_until(len(self._scene))

    def _hold_until(self, number: int) -> None:
        for missing in range(len(self.timeline), number):
            stamp = missing / self._scene.fps
            last = self.steps[-1]
            self._write(Step(missing, stamp, last.result, last.latency_ms, held=True))

    def _write(self, step: Step) -> None:
        self.timeline.append(step)
        if not step.held:
            self.steps.append(step)
        image = self._images.pop(step.number, None)
        if image is None:
            # It did not arrive here, or not yet; a scene draws the same frame again.
            image = self._scene.frame(step.number)
        for number in [number for number in self._images if number < step.number]:
            del self._images[number]
        for output in self._outputs:
            output.write(image, step)


def _step(target: TargetReport, number: int, fps: float) -> Step:
    result = TrackResult(
        box=target.box,
        confidence=target.confidence,
        state=_STATES.get(target.state, TrackState.TRACKING),
        confidence_kind=target.confidence_kind,
        reason=target.reason,
        stamp=number / fps,
    )
    return Step(number, number / fps, result, 1000 * target.processing_time)


def percentiles(seconds: Sequence[float]) -> str:
    """The middle and the slow end of durations, in milliseconds."""
    middle, slow = 1000 * np.percentile(list(seconds), [50, 99])
    return f'p50 {middle:.1f} ms, p99 {slow:.1f} ms'
