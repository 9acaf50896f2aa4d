"""The values that pass between the rooms: boxes, results, states and the two protocols."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

ImageU8 = NDArray[np.uint8]
Array = NDArray[Any]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Box:
    """A box in image pixels: x right, y down, origin at the top left corner of the image.

    ``(x, y)`` is the box's top left corner; the box of a whole W x H image is (0, 0, W, H).
    Not rounded, and not checked here: `geometry.boxes.check_box` does that where a box comes in.
    """

    x: float
    y: float
    width: float
    height: float

    def __iter__(self) -> Iterator[float]:
        return iter((self.x, self.y, self.width, self.height))

    @property
    def center(self) -> tuple[float, float]:
        """Centre (x, y) in pixels."""
        return self.x + 0.5 * self.width, self.y + 0.5 * self.height

    @property
    def area(self) -> float:
        """Width times height in square pixels."""
        return self.width * self.height


class TrackState(str, Enum):
    """What the tracker believes about the target."""

    TRACKING = 'TRACKING'
    UNCERTAIN = 'UNCERTAIN'
    LOST = 'LOST'


class ConfidenceKind(str, Enum):
    """What the number in `TrackResult.confidence` means."""

    NONE = 'NONE'  # no number: confidence is 0
    PEAK = 'PEAK'  # from the peaks of the network's maps, in [0, 1], no probability
    CALIBRATED = 'CALIBRATED'  # probability that the overlap with the target exceeds 0.5


@dataclass(frozen=True)
class TrackResult:
    """What a tracker says about one frame.

    Attributes:
        box: the target in image pixels; while LOST the last box that was believed.
        confidence: in [0, 1], see `confidence_kind`.
        state: TRACKING, UNCERTAIN or LOST.
        confidence_kind: what `confidence` means.
        reason: why the state is not TRACKING, empty otherwise.
        stamp: time of the frame in seconds of the source.
        memory_tokens: size of the memory that the target was looked for with; 0 for networks
            without one.
        memory_stamp: time of the frame that the memory was last updated with; None if it never
            was.
    """

    box: Box
    confidence: float
    state: TrackState
    confidence_kind: ConfidenceKind
    reason: str
    stamp: float
    memory_tokens: int = 0
    memory_stamp: float | None = None


class Engine(Protocol):
    """Runs the named graphs of one network on one back end: arrays in, arrays out."""

    @property
    def backend(self) -> str:
        """Name of the back end: onnxruntime, openvino, torch or tensorrt."""

    @property
    def device(self) -> str:
        """Where it runs, ``cpu`` or ``cuda:0``."""

    @property
    def precision(self) -> str:
        """Arithmetic of the graph: fp32, fp16, bf16 or int8."""

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one graph on a batch.

        Raises:
            EngineError: if the graph or an input is unknown, misshapen, or the back end fails.
        """

    def prepare(self, graphs: Collection[str]) -> None:
        """Load graphs now that would else be loaded when they are first run.

        Raises:
            EngineError: if a graph is unknown, or cannot be loaded.
        """


class Tracker(Protocol):
    """Turns frames into boxes for one target."""

    def init(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> TrackResult:
        """Start on ``box`` in ``frame``."""

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> TrackResult:
        """Find the target in the next frame."""

    def update_memory(self) -> int:
        """Carry out the memory update that the last frame made due, once its box is out.

        `update` does it itself where nobody called this; the results are the same. Networks
        without a memory have nothing to do.

        Returns:
            Updates carried out, 0 where none was due.

        Raises:
            EngineError: if the network cannot be run; that update is left out.
        """

    def reset(self) -> None:
        """Forget the target."""


class MultiTracker(Protocol):
    """Turns frames into boxes for many targets; what the node logic drives."""

    def add(
        self,
        frame: ImageU8,
        box: Box,
        *,
        stamp: float | None = None,
        color: str | None = None,
        target_id: int | None = None,
    ) -> int:
        """Start a target, or start the one of that id again."""

    def remove(self, target_id: int) -> None:
        """Forget a target."""

    def update(
        self,
        frame: ImageU8,
        *,
        stamp: float | None = None,
        color: str | None = None,
        ids: Sequence[int] | None = None,
    ) -> dict[int, TrackResult]:
        """Find all targets, or those of ``ids``, in the next frame."""

    def update_memory(self) -> int:
        """Carry out the memory updates that the last frame made due; see `Tracker`."""

    def change_options(self, **options: Any) -> None:
        """Take over options for the frames to come."""

    def reset_memory(self) -> None:
        """Bring every target back to its first template."""
