"""One target: where to look for it in a frame, and what the network's answer makes of it."""

from __future__ import annotations

from collections.abc import Sequence
import math

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.boxes import check_box, clip_box, format_box, visible_share
from hit_rfgm_ros.geometry.crop import CropWindow, crop_window
from hit_rfgm_ros.trackers.network import Network, Reading
from hit_rfgm_ros.trackers.search_region import SearchPolicy
from hit_rfgm_ros.trackers.size_rule import SizeRule
from hit_rfgm_ros.trackers.states import StateMachine
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import Box, ConfidenceKind, FloatArray, TrackResult, TrackState
import numpy as np

LARGE = 4  # window sides over the search size from which padding is worth skipping
BAD_NUMBERS = 'the network gave numbers that are not finite'


class Target:
    """What is remembered about one target, and the rules that change it.

    A frame goes: `propose` windows, let the network look at them, `absorb` what it read, and ask
    `wants_update`.

    Attributes:
        box: last box believed, in image pixels.
        memory: what the network knows of the target.
        picked: which of the last windows the box was read in.
        stamp: of the last frame in seconds of the source.
        confidence: of the last frame; 0 where its numbers were not finite.
    """

    def __init__(
        self,
        box: Box,
        memory: TargetMemory,
        image_size: tuple[int, int],
        network: Network,
        options: TrackerConfig,
    ) -> None:
        self.box = box
        self.memory = memory
        self.picked = 0
        self._image_size = image_size
        self._search_size = network.config.search_size
        self._kind = network.kind
        self._calibration = network.calibration
        self._policy = SearchPolicy(options)
        self._places: list[Box] = []  # that the windows of this frame were cut around
        self._candidate: Box | None = None  # seen while LOST, not yet believed
        self._size = SizeRule(box, options, self._calibration)
        self.stamp = 0.0
        self.confidence = 0.0
        self._machine = StateMachine(**self._limits(options))

    def _limits(self, options: TrackerConfig) -> dict[str, float]:
        """Take over options, and the weights' own limits where they give none."""
        weights = self._calibration
        self._options = options
        self._lost_below = _own(options.lost_below, weights.lost_below)
        self._uncertain_below = _own(options.uncertain_below, weights.uncertain_below)
        self._found_above = max(
            self._uncertain_below, _own(options.found_above, weights.found_above)
        )
        self._remember_above = _own(options.memory_min_confidence, weights.memory_min_confidence)
        return {
            'uncertain_below': self._uncertain_below,
            'lost_below': self._lost_below,
            'found_above': self._found_above,
            'lost_after': options.lost_after,
            'found_after': options.found_after,
        }

    def set_options(self, options: TrackerConfig) -> None:
        """Go by other options from the next frame on; box, state and template stay."""
        self._machine.set_limits(**self._limits(options))
        self._size.set_options(options, self._calibration)
        self._policy.set_options(options)

    def reset(self) -> None:
        """Believe in the box again, know the first template alone: the state begins anew."""
        self.memory.reset()
        self._machine.reset()
        self._policy.set_options(self._options)
        self._candidate = None

    @property
    def state(self) -> TrackState:
        """What is believed about the target."""
        return self._machine.state

    def started(self, stamp: float) -> TrackResult:
        """The result of the first frame: the given box."""
        return self._result(stamp, 0.0 if self._kind is ConfidenceKind.NONE else 1.0)

    def propose(self, width: int, height: int) -> list[CropWindow]:
        """Search regions for the next frame, the most likely one first.

        Args:
            width, height: of the frame in pixels.
        """
        if (width, height) != self._image_size:
            self._rescale(width, height)
        if self._candidate is not None:
            self._places = [self._candidate]
        else:
            self._places = self._policy.places(self._anchor, self.state, width, height)
        return [self._window(place, width, height) for place in self._places]

    def _window(self, place: Box, width: int, height: int) -> CropWindow:
        factor, size = self._options.search_factor, self._search_size
        large = factor * math.sqrt(place.area) > LARGE * size
        # A target that fills the frame has a window that is mostly padding. A side that is a
        # multiple of 32 (at most 3 % longer) lets `cut` pass over it.
        multiple = 32 if large and not self._options.paper_mode else 1
        return crop_window(place, factor, size, width, height, multiple=multiple)

    @property
    def is_near(self) -> bool:
        """Whether the first window of `propose` lies where the target was in the last frame."""
        return self.state is not TrackState.LOST

    def absorb(self, windows: Sequence[CropWindow], reading: Reading, stamp: float) -> TrackResult:
        """Take over what the network saw in the windows of `propose`.

        Args:
            windows: N search regions.
            reading: of them.
            stamp: seconds of the source.
        """
        self.memory.next_frame()
        if self._options.paper_mode:
            return self._follow_paper(windows[0], reading, stamp)
        scores = self._judge(reading)
        self.picked = self._pick(scores)
        if not reading.finite[self.picked]:
            self._candidate = None
            self._machine.fail(stamp, BAD_NUMBERS)
            return self._result(stamp, 0.0)
        confidence = float(scores[self.picked])
        found = windows[self.picked].to_image(reading.boxes[self.picked])
        found = self._moved(self._places[self.picked], found, confidence)
        if self.state is TrackState.LOST:
            return self._seek(found, confidence, stamp)
        self._machine.update(stamp, confidence)
        if self.state is TrackState.TRACKING:
            self._size.learn(found, confidence, stamp - self.stamp)
        if confidence >= self._lost_below or not self._options.freeze_when_lost:
            self.box = found
        return self._result(stamp, confidence)

    def wants_update(self) -> bool:
        """Whether the memory is to be updated with the frame that was absorbed last."""
        if not self.memory.is_due(self._options):
            return False
        if self._options.paper_mode:
            return self.confidence > 0  # 0 stands for numbers that are not finite
        return self.state is TrackState.TRACKING and self.confidence >= self._remember_above

    def _judge(self, reading: Reading) -> FloatArray:
        """Confidence of each window, 0 where there is no box."""
        if reading.features is None:
            scores = reading.raw
        else:
            scores = self._calibration.probability(reading.features)
        is_box = (reading.boxes[:, 2] > 0) & (reading.boxes[:, 3] > 0)
        return np.where(reading.finite & is_box, scores, 0.0)

    def _pick(self, scores: FloatArray) -> int:
        """The window to believe: the first, unless it shows nothing and another one does."""
        best = int(scores.argmax())
        if self.state is TrackState.LOST:
            return best
        return best if scores[0] < self._lost_below and scores[best] >= self._found_above else 0

    def _seek(self, found: Box, confidence: float, stamp: float) -> TrackResult:
        """A LOST target: what is seen must last before it is believed."""
        state = self._machine.update(stamp, confidence)
        reason = ''
        if state is TrackState.TRACKING or not self._options.freeze_when_lost:
            self.box = found
            self._candidate = None
        elif confidence >= self._found_above:
            self._candidate = found
            reason = (
                f'{self._machine.reason}; seen again, not yet for {self._options.found_after:g} s'
            )
        else:
            self._candidate = None
        return self._result(stamp, confidence, reason)

    def _moved(self, old: Box, found: Box, confidence: float) -> Box:
        """The found box with our limits on its place, and on its size against ``old``."""
        width, height = old.width, old.height
        if confidence >= self._uncertain_below or not self._options.freeze_when_lost:
            width, height = self._size.step(old, found, confidence, self._image_size)
        cx, cy = found.center
        cx = min(max(cx, 0.0), self._image_size[0] - 2.0)
        cy = min(max(cy, 0.0), self._image_size[1] - 2.0)
        return _around((cx, cy), width, height)

    @property
    def _anchor(self) -> Box:
        """Where to look first: the box, with the steady size while it is in doubt."""
        if self._options.paper_mode or self.state is TrackState.TRACKING:
            return self.box
        return _around(self.box.center, *self._size.steady)

    def _follow_paper(self, window: CropWindow, reading: Reading, stamp: float) -> TrackResult:
        if not reading.finite[0]:
            return self._result(stamp, 0.0, BAD_NUMBERS)
        self.box = clip_box(window.to_image(reading.boxes[0], paper_mode=True), *self._image_size)
        return self._result(stamp, float(reading.raw[0]))

    def _rescale(self, width: int, height: int) -> None:
        """The camera changed its picture size: scale the box along, or doubt it."""
        old_width, old_height = self._image_size
        sx, sy = width / old_width, height / old_height
        self._image_size = (width, height)
        self._candidate = None
        box = self.box
        if abs(math.log(sx / sy)) > 0.05:  # not the same view: only the place can be carried over
            scale = math.sqrt(sx * sy)
            cx, cy = box.center
            self.box = _around((cx * sx, cy * sy), box.width * scale, box.height * scale)
            self._size.rescale(scale, scale)
            if not self._options.paper_mode:
                self._machine.lose(
                    f'the frame changed from {old_width}x{old_height} to {width}x{height}'
                )
        else:
            self.box = Box(box.x * sx, box.y * sy, box.width * sx, box.height * sy)
            self._size.rescale(sx, sy)

    def _result(self, stamp: float, confidence: float, reason: str = '') -> TrackResult:
        self.stamp = stamp
        self.confidence = confidence
        paper = self._options.paper_mode
        return TrackResult(
            box=self.box,
            confidence=confidence,
            state=TrackState.TRACKING if paper else self.state,
            confidence_kind=self._kind,
            reason=reason or self._machine.reason,
            stamp=stamp,
            memory_tokens=self.memory.count,
            memory_stamp=self.memory.stamp,
        )


def check_start(box: Box, width: int, height: int, options: TrackerConfig) -> None:
    """Refuse a box that no track can start on.

    Raises:
        GeometryError: if the box is not finite, has no area, or, outside paper mode, is smaller
            than `min_box_size` or less than `min_visible` of it lies in the image.
    """
    check_box(box)
    if options.paper_mode:
        return
    if min(box.width, box.height) < options.min_box_size:
        raise GeometryError(
            f'the box {format_box(box)} is too small: both sides need at least '
            f'{options.min_box_size:g} pixels (min_box_size)'
        )
    share = visible_share(box, width, height)
    if share <= 0 or share < options.min_visible:
        raise GeometryError(
            f'{share:.0%} of the box {format_box(box)} lies in the {width}x{height} image, at '
            f'least {options.min_visible:.0%} is needed (min_visible): give a box on the target'
        )


def _around(center: tuple[float, float], width: float, height: float) -> Box:
    return Box(center[0] - 0.5 * width, center[1] - 0.5 * height, width, height)


def _own(option: float, weights: float) -> float:
    """An option where it is given, else what the weights say (-1 stands for that)."""
    return weights if option == -1 else option
