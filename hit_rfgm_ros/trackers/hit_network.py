"""HiT as the trackers see it: one template for ever, corner maps, no score of its own."""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.confidence import Calibration, is_finite, usable
from hit_rfgm_ros.trackers.corner_features import FEATURES, features, raw_score
from hit_rfgm_ros.trackers.network import Reading
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import Array, ConfidenceKind, Engine, ImageU8
import numpy as np


class HiTNetwork:
    """A HiT on an engine; implements `trackers.network.Network`."""

    def __init__(
        self,
        engine: Engine,
        config: HiTConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
    ) -> None:
        self.config = config
        self.calibration = usable(calibration, FEATURES)
        self._engine = engine
        self._paper = options.paper_mode

    @property
    def kind(self) -> ConfidenceKind:
        """What its confidence means; the official algorithm has none."""
        if self._paper:
            return ConfidenceKind.NONE
        return ConfidenceKind.CALIBRATED if self.calibration.fitted else ConfidenceKind.PEAK

    def set_options(self, options: TrackerConfig) -> None:
        """Nothing in the network depends on options that change."""

    def begin(self, template: ImageU8) -> TargetMemory:
        """See `trackers.network.Network`."""
        outputs = self._engine.run('template', {'template': template[None]})
        return TargetMemory(outputs['template_tokens'])

    def look(self, searches: ImageU8, memories: Sequence[TargetMemory], near: Array) -> Reading:
        """See `trackers.network.Network`; HiT treats all windows alike."""
        tokens = [memory.input for memory in memories]
        joined = tokens[0] if len(tokens) == 1 else np.concatenate([*map(np.asarray, tokens)])
        outputs = self._engine.run('track', {'search': searches, 'template_tokens': joined})
        boxes = np.asarray(outputs['boxes'], np.float64)
        if self._paper:
            return Reading(boxes, np.asarray(np.isfinite(boxes).all(1)), np.zeros(len(boxes)))
        values = features(
            outputs['score_tl'], outputs['score_br'], outputs['correlation'], outputs['boxes']
        )
        fitted = self.calibration.fitted
        raw = np.zeros(len(boxes)) if fitted else raw_score(values)
        return Reading(boxes, is_finite(values), raw, values if fitted else None)

    def remember(self, memory: TargetMemory) -> bool:
        """HiT keeps the first template: there is never an update."""
        return False

    def prepare(self) -> None:
        """HiT's targets all run in the same graph, which is there."""

    def warm_up(self, sizes: Sequence[int], *, several: bool = False) -> None:
        """See `trackers.network.Network`."""
        side = self.config.template_size
        memory = self.begin(np.zeros((side, side, 3), np.uint8))
        side = self.config.search_size
        for size in sizes:
            searches = np.zeros((size, side, side, 3), np.uint8)
            self.look(searches, [memory] * size, np.ones(size, bool))
