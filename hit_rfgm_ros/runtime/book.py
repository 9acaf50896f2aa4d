"""The targets as the node sees them: ids, labels, and what was last found out about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.reports import TargetState
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackResult, TrackState

_STATES = {
    TrackState.TRACKING: TargetState.TRACKING,
    TrackState.UNCERTAIN: TargetState.UNCERTAIN,
    TrackState.LOST: TargetState.LOST,
}


class Phase(Enum):
    """How far a target has come."""

    WAITING = 'waiting'  # accepted, the network has not seen it yet
    CATCHING_UP = 'catching up'  # runs through the images kept since the one it was started on
    LIVE = 'live'
    DEAD = 'dead'  # could not be started


@dataclass(eq=False)
class Entry:
    """One target; only the worker changes it, under the lock of the book's owner.

    Attributes:
        id, label: as told to the user.
        box: the last one, image pixels.
        phase: how far it has come.
        frame: that the box belongs to; None while waiting.
        state, reason, confidence, kind: as in the message.
        frames: images processed since its start.
        memory_tokens: size of its memory in the last image.
        memory_update: stamp (seconds, nanoseconds) of the image that its memory was last updated
            with; 0, 0 if it never was.
        processing_time: seconds spent on the last image.
        started: monotonic seconds of the start.
        lost_since: monotonic seconds since when it is LOST.
        failing_since: the trackers' seconds since when the network fails on it.
        note: a reason to be UNCERTAIN in the next report, whatever the network says.
    """

    id: int
    label: str
    box: Box
    phase: Phase = Phase.WAITING
    frame: Frame | None = None
    state: TargetState = TargetState.INITIALIZED
    reason: str = ''
    confidence: float = 0.0
    kind: ConfidenceKind = ConfidenceKind.NONE
    frames: int = 0
    memory_tokens: int = 0
    memory_update: tuple[int, int] = (0, 0)
    processing_time: float = 0.0
    started: float = 0.0
    lost_since: float | None = None
    failing_since: float | None = None
    note: str = ''
    _followed: tuple[float, tuple[int, int]] = (0.0, (0, 0))  # seconds and stamp of the last image

    def start(
        self, frame: Frame, phase: Phase, now: float, seconds: float, memory_tokens: int = 0
    ) -> None:
        """The network has seen its first box."""
        self.frame, self.phase = frame, phase
        self.memory_tokens = memory_tokens
        self.started, self.processing_time = now, seconds

    def die(self, frame: Frame, reason: str, now: float) -> None:
        """It could not be started."""
        self.frame, self.phase = frame, Phase.DEAD
        self._set_state(TargetState.LOST, reason, now)

    def follow(self, result: TrackResult, frame: Frame, now: float, seconds: float) -> None:
        """Take over what the tracker says about an image."""
        self.frame = frame
        self.frames += 1
        self.processing_time = seconds
        self.failing_since = None
        self.box, self.confidence = result.box, result.confidence
        self.kind = result.confidence_kind
        self.memory_tokens = result.memory_tokens
        self._note_memory_update(result.memory_stamp)
        self._followed = frame.seconds, frame.header[:2]
        self._set_state(_STATES[result.state], result.reason, now)

    def fail(self, reason: str, frame: Frame, now: float, lost_after: float) -> None:
        """The network failed on it: UNCERTAIN, and LOST after ``lost_after`` seconds of images."""
        if self.failing_since is None or frame.seconds < self.failing_since:
            self.failing_since = frame.seconds
        self.frame = frame
        self.confidence = 0.0
        lasts = frame.seconds - self.failing_since >= lost_after
        was_lost = self.state is TargetState.LOST
        state = TargetState.LOST if lasts or was_lost else TargetState.UNCERTAIN
        self._set_state(state, reason, now)

    def doubt(self) -> None:
        """Let a note make it UNCERTAIN once."""
        if self.note and self.state is not TargetState.LOST:
            self.state, self.reason = TargetState.UNCERTAIN, self.note
        self.note = ''

    def _note_memory_update(self, seconds: float | None) -> None:
        """Keep the stamp, to the nanosecond, of the image that was taken in at that time."""
        if seconds is None:
            self.memory_update = (0, 0)
        elif seconds == self._followed[0]:  # a memory is updated with the image before
            self.memory_update = self._followed[1]

    def _set_state(self, state: TargetState, reason: str, now: float) -> None:
        self.state, self.reason = state, reason
        if state is not TargetState.LOST:
            self.lost_since = None
        elif self.lost_since is None:
            self.lost_since = now


class Book:
    """All targets; guarded by the lock of its owner. Ids are never used again."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._last_id = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter([self._entries[own] for own in sorted(self._entries)])

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def ids(self) -> tuple[int, ...]:
        """Sorted."""
        return tuple(sorted(self._entries))

    def holds(self, entry: Entry) -> bool:
        """Whether it was neither removed nor started again."""
        return self._entries.get(entry.id) is entry

    def enter(self, target_id: int, label: str, box: Box) -> Entry:
        """Write down an accepted box; id 0 takes a new one, another one starts that one again."""
        if not target_id:
            self._last_id += 1
            target_id = self._last_id
        self._entries[target_id] = Entry(target_id, label, box)
        return self._entries[target_id]

    def remove(self, ids: Iterable[int]) -> None:
        """Forget targets."""
        for own in ids:
            self._entries.pop(own, None)

    def clear(self) -> None:
        """Forget all; the ids stay used."""
        self._entries.clear()

    def of(self, phase: Phase) -> list[Entry]:
        """The targets that have come so far."""
        return [entry for entry in self if entry.phase is phase]

    def states(self) -> Counter[str]:
        """How many targets are in each state."""
        return Counter(state_of(entry).name for entry in self)


def state_of(entry: Entry) -> TargetState:
    """What is published as the target's state."""
    return TargetState.CATCHING_UP if entry.phase is Phase.CATCHING_UP else entry.state
