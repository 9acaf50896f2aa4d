"""Makes the tracker of a bag from the same options as ``hit-rfgm track``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hit_rfgm_ros.config.models import first_memory, get_model_config
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.trackers.multi import MultiTargetTracker


class OptionsBuilder:
    """`runtime.outputs.Builder` for given arguments of `MultiTargetTracker`.

    The table of the node's parameters holds only some of the tracker's options; here all count.
    """

    def __init__(self, model: str, arguments: Mapping[str, Any]) -> None:
        self._model = model
        self._arguments = dict(arguments)

    def check(self, params: TrackerParams) -> None:
        """Nothing to do: nobody waits for an early answer."""

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        """Build the engine and warm it up.

        Raises:
            HitRfgmError: as `create_tracker`.
        """
        several = params.max_targets > 1
        tracker = MultiTargetTracker(self._model, several=several, **self._arguments)
        engine = tracker.engine
        info = {
            'model': self._model,
            'backend': engine.backend,
            'device': engine.device,
            'precision': engine.precision,
            'choice': getattr(engine, 'choice', ''),
        }
        return LoadedTracker(tracker, info, first_memory(get_model_config(self._model)))
