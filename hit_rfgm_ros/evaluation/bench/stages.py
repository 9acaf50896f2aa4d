"""Times of the stages of `update()`, taken from outside: nothing in the tracker is changed.

A tracker takes any `types.Engine`. The one here hands everything on and notes when it was called,
which divides an update in three: what comes before the engine (checking the frame, placing and
cutting windows), the engine, and what comes after it (boxes, confidence, states).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
import time
from typing import Any

from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Array, Box, Engine, ImageU8, TrackResult


class TimedEngine:
    """Hands calls on to an engine and notes when they began and ended.

    Attributes:
        calls: seconds of `time.perf_counter` and the size of the batch, oldest first.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.calls: list[tuple[float, float, int]] = []
        self.max_batch = int(getattr(engine, 'max_batch', 8))

    @property
    def backend(self) -> str:
        """See `types.Engine`."""
        return self._engine.backend

    @property
    def device(self) -> str:
        """See `types.Engine`."""
        return self._engine.device

    @property
    def precision(self) -> str:
        """See `types.Engine`."""
        return self._engine.precision

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """See `types.Engine`."""
        begun = time.perf_counter()
        outputs = self._engine.run(graph, inputs)
        ended = time.perf_counter()
        self.calls.append((begun, ended, len(inputs['search']) if 'search' in inputs else 1))
        return outputs

    def prepare(self, graphs: Collection[str]) -> None:
        """See `types.Engine`."""
        self._engine.prepare(graphs)


@dataclass
class Times:
    """Milliseconds, one entry per frame.

    Attributes:
        update: the whole call.
        crop, engine, decode: its stages, which add up to it.
        cpu: processor time of all threads of the process.
        memory: of each memory update that was due, per target; no part of `update`.
        windows: search regions per target that the network looked at.
    """

    update: list[float] = field(default_factory=list)
    crop: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)


class Stopwatch:
    """One target or several, all of them on the same object, and what their updates take.

    Attributes:
        times: of the updates so far.
    """

    def __init__(
        self,
        tracker: SingleTargetTracker | MultiTargetTracker,
        engine: TimedEngine,
        targets: int,
    ) -> None:
        self._tracker = tracker
        self._engine = engine
        self._targets = targets
        self.times = Times()

    def start(self, frame: ImageU8, box: Box) -> None:
        """Start all targets."""
        if isinstance(self._tracker, SingleTargetTracker):
            self._tracker.init(frame, box)
            return
        for _ in range(self._targets):
            self._tracker.add(frame, box)

    def update(self, frame: ImageU8) -> TrackResult:
        """Carry all targets to the next frame; gives the result of the first."""
        self._engine.calls.clear()
        cpu, begun = time.process_time(), time.perf_counter()
        results = self._tracker.update(frame)
        ended, used = time.perf_counter(), time.process_time() - cpu
        self._note(begun, ended, used)
        updates = self._tracker.update_memory()
        if updates:
            self.times.memory.append(1e3 * (time.perf_counter() - ended) / updates)
        return next(iter(results.values())) if isinstance(results, dict) else results

    def _note(self, begun: float, ended: float, cpu: float) -> None:
        calls = self._engine.calls
        crop = calls[0][0] - begun
        engine = sum(end - start for start, end, _ in calls)
        values: dict[str, Any] = {
            'update': ended - begun,
            'crop': crop,
            'engine': engine,
            'decode': ended - begun - crop - engine,
            'cpu': cpu,
        }
        for name, seconds in values.items():
            getattr(self.times, name).append(1e3 * seconds)
        self.times.windows.append(sum(batch for _, _, batch in calls) / self._targets)
