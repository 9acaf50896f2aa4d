"""What the node logic calls, and what it is given: outputs, clock, the builder of trackers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import FrameReport, Picture
from hit_rfgm_ros.types import MultiTracker


class Outputs(Protocol):
    """Takes what comes out; must return quickly and never raise."""

    def report(self, report: FrameReport, picture: Picture) -> None:
        """One processed image; called by whoever runs `TrackerLogic.step`."""

    def ready(self, info: Mapping[str, object]) -> None:
        """The network is loaded; ``info`` is what `~/model_info` tells."""

    def failed(self, reason: str) -> None:
        """Loading failed or the back end is gone for good: deactivate and clean up."""


class Clock(Protocol):
    """Time, handed in so that tests can step it."""

    def monotonic(self) -> float:
        """Seconds for durations."""

    def now(self) -> float:
        """Seconds of the node's clock, simulated time included; 0 if that has not begun."""


@dataclass(frozen=True)
class LoadedTracker:
    """A tracker that is ready.

    Attributes:
        tracker: follows the targets.
        info: model, weights sha256, backend, device, precision, input sizes, the choice.
        memory_tokens: size of a target's memory at its start; 0 if the network has none.
    """

    tracker: MultiTracker
    info: Mapping[str, object]
    memory_tokens: int = 0


class Builder(Protocol):
    """Makes trackers from parameters; the real one is `nodes.build_tracker`."""

    def check(self, params: TrackerParams) -> None:
        """Check names, files and hashes in well under two seconds.

        Raises:
            HitRfgmError: with what to do.
        """

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        """Load or build the engine and warm it up; may take minutes and says where it is.

        Raises:
            HitRfgmError: with what to do.
        """
