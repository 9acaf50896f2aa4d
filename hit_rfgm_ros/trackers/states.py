"""TRACKING, UNCERTAIN, LOST: what the confidence over time says, with hysteresis in seconds."""

from __future__ import annotations

from hit_rfgm_ros.types import TrackState


class StateMachine:
    """Turns stamped confidences into a state.

    TRACKING becomes UNCERTAIN at once below ``uncertain_below`` and comes back at once above it.
    Either becomes LOST after ``lost_after`` seconds below ``lost_below`` without a break.
    LOST becomes TRACKING after ``found_after`` seconds at or above ``found_above`` without a
    break. Time is the stamps' alone; where they stand still or go back, spells start anew.

    Attributes:
        state: the present state.
        reason: why it is not TRACKING, empty otherwise.
    """

    def __init__(
        self,
        *,
        uncertain_below: float,
        lost_below: float,
        found_above: float,
        lost_after: float,
        found_after: float,
    ) -> None:
        self._since: float | None = None  # start of the spell that would change LOST or not LOST
        self._last = 0.0
        self.state = TrackState.TRACKING
        self.reason = ''
        self.set_limits(
            uncertain_below=uncertain_below,
            lost_below=lost_below,
            found_above=found_above,
            lost_after=lost_after,
            found_after=found_after,
        )

    def set_limits(
        self,
        *,
        uncertain_below: float,
        lost_below: float,
        found_above: float,
        lost_after: float,
        found_after: float,
    ) -> None:
        """Judge by other limits from the next frame on; the state and its spell go on."""
        self._uncertain_below = uncertain_below
        self._lost_below = lost_below
        self._found_above = found_above
        self._lost_after = lost_after
        self._found_after = found_after

    def reset(self) -> None:
        """Begin anew with TRACKING."""
        self._since = None
        self.state = TrackState.TRACKING
        self.reason = ''

    def update(self, stamp: float, confidence: float) -> TrackState:
        """Judge the confidence of one frame.

        Args:
            stamp: seconds of the source.
            confidence: in [0, 1].
        """
        if self.state is TrackState.LOST:
            self._seek(stamp, confidence)
        else:
            self._watch(stamp, confidence)
        self._last = stamp
        return self.state

    def lose(self, reason: str) -> None:
        """Go to LOST at once, for a cause that the confidence cannot know."""
        self.state = TrackState.LOST
        self.reason = reason
        self._since = None

    def fail(self, stamp: float, reason: str) -> None:
        """Count a frame that could not be judged: at best UNCERTAIN, LOST if it lasts."""
        if self.update(stamp, 0.0) is not TrackState.LOST:
            self.state = TrackState.UNCERTAIN
            self.reason = reason

    def _watch(self, stamp: float, confidence: float) -> None:
        spell = self._spell(stamp, confidence < self._lost_below)
        if spell is not None and spell >= self._lost_after:
            self.lose(f'confidence below {self._lost_below:.2f} for {spell:.2f} s')
        elif confidence < self._uncertain_below:
            self.state = TrackState.UNCERTAIN
            self.reason = f'confidence {confidence:.2f} is below {self._uncertain_below:.2f}'
        else:
            self.state = TrackState.TRACKING
            self.reason = ''

    def _seek(self, stamp: float, confidence: float) -> None:
        spell = self._spell(stamp, confidence >= self._found_above)
        if spell is not None and spell >= self._found_after:
            self.state = TrackState.TRACKING
            self.reason = ''
            self._since = None

    def _spell(self, stamp: float, lasts: bool) -> float | None:
        """Seconds that a condition has lasted; None where it does not hold."""
        if not lasts:
            self._since = None
            return None
        if self._since is None or stamp < self._last:
            self._since = stamp
        return stamp - self._since
