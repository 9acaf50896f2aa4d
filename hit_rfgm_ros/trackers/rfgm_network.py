"""RFGM as the trackers see it: a memory of tokens, a score map, boxes read at its peak."""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.geometry.centre import decode, hann
from hit_rfgm_ros.memory.tokens import TokenMemory
from hit_rfgm_ros.trackers.centre_features import FEATURES, features
from hit_rfgm_ros.trackers.confidence import Calibration, is_finite, usable
from hit_rfgm_ros.trackers.network import Reading
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import (
    Array,
    ConfidenceKind,
    Engine,
    FloatArray,
    ImageU8,
)
import numpy as np


class RFGMNetwork:
    """An RFGM on an engine; implements `trackers.network.Network`."""

    def __init__(
        self,
        engine: Engine,
        config: RFGMConfig,
        options: TrackerConfig,
        calibration: Calibration | None,
    ) -> None:
        self.config = config
        self.calibration = usable(calibration, FEATURES)
        self._engine = engine
        self.set_options(options)

    @property
    def kind(self) -> ConfidenceKind:
        """What its confidence means; without a fit it is the score at the box's cell."""
        fitted = self.calibration.fitted and not self._options.paper_mode
        return ConfidenceKind.CALIBRATED if fitted else ConfidenceKind.PEAK

    def set_options(self, options: TrackerConfig) -> None:
        """Go by other options from the next frame on."""
        self._options = options

    def begin(self, template: ImageU8) -> TargetMemory:
        """See `trackers.network.Network`."""
        tokens = self._embed(template)
        options = self._options
        memory = TokenMemory(options.memory_kind, options.memory_size, tokens)
        return TargetMemory(tokens[None], memory)

    def look(self, searches: ImageU8, memories: Sequence[TargetMemory], near: Array) -> Reading:
        """See `trackers.network.Network`."""
        outputs = self._run(searches, [memory.input for memory in memories])
        score = outputs['score']
        centres = decode(score, outputs['size'], outputs['offset'], self._window(near))
        finite = np.isfinite(centres.boxes).all(1) & np.isfinite(centres.score)
        values = None
        if not self._options.paper_mode:
            values = features(score, centres.boxes, centres.cell)
            finite &= is_finite(values)
        kept = [
            {layer: outputs[f'kept_{layer}'][row] for layer, _ in self.config.stages}
            for row in range(len(score))
        ]
        fitted = values if self.calibration.fitted else None
        return Reading(centres.boxes, finite, centres.score, fitted, score, kept)

    def _run(self, searches: ImageU8, memory: Sequence[Array]) -> dict[str, Array]:
        """Run the network, padding the memories where they differ in length."""
        counts = [tokens.shape[1] for tokens in memory]
        if len(set(counts)) == 1:
            joined = memory[0] if len(memory) == 1 else np.concatenate(memory)
            return self._engine.run('track', {'search': searches, 'memory': joined})
        padded = np.zeros((len(counts), max(counts), memory[0].shape[2]), np.float32)
        for row, tokens in zip(padded, memory):
            row[: tokens.shape[1]] = tokens[0]
        return self._engine.run(
            'track_padded',
            {'search': searches, 'memory': padded, 'memory_count': np.array(counts, np.int64)},
        )

    def _window(self, near: Array) -> FloatArray | None:
        """Weights of the cells; none where the target may be anywhere in the window."""
        if self._options.windowing == 'none' or not near.any():
            return None
        window = hann(self.config.grid)
        return window if near.all() else np.where(near[:, None], window, 1.0)

    def remember(self, memory: TargetMemory) -> bool:
        """See `trackers.network.Network`: embed the new template, filter, keep what stays."""
        update, tokens = memory.take_waiting(), memory.tokens
        if update is None or tokens is None:
            return False
        new = self._embed(update.template)
        relevance = self._relevance(tokens, new, update.search) if tokens.needs_filter else None
        tokens.add(new, update.frame, update.confidence, relevance)
        memory.stamp = update.stamp
        return True

    def _embed(self, template: ImageU8) -> Array:
        outputs = self._engine.run('template', {'template': template[None]})
        tokens: Array = np.asarray(outputs['template_tokens'])[0]
        return tokens

    def _relevance(self, tokens: TokenMemory, new: Array, search: ImageU8) -> Array:
        inputs = {
            'memory': tokens.tokens[None],
            'template_tokens': new[None],
            'search': search[None],
        }
        relevance: Array = np.asarray(self._engine.run('filter', inputs)['relevance'])[0]
        return relevance

    def prepare(self) -> None:
        """See `trackers.network.Network`; memories that never grow are all of one length."""
        if self._options.memory_kind != 'none':
            self._engine.prepare(['track_padded'])

    def warm_up(self, sizes: Sequence[int], *, several: bool = False) -> None:
        """See `trackers.network.Network`.

        A memory grows in one window mostly, so larger batches are run with the full one alone,
        and for several targets with that and the first template.
        """
        side = self.config.template_size
        template = np.zeros((side, side, 3), np.uint8)
        side = self.config.search_size
        searches = np.zeros((max(sizes), side, side, 3), np.uint8)
        first, memory = self.begin(template), self.begin(template)
        tokens, before = memory.tokens, 0
        while tokens is not None and memory.count != before:
            before = memory.count
            self.look(searches[:1], [memory], np.ones(1, bool))
            new, relevance = self._embed(template), None
            if tokens.needs_filter:
                relevance = self._relevance(tokens, new, searches[0])
            tokens.add(new, 0, 0.0, relevance)
        for size in sizes:
            near = np.ones(size, bool)
            self.look(searches[:size], [memory] * size, near)
            if several and size > 1 and first.count != memory.count:
                self.look(searches[:size], [first, *[memory] * (size - 1)], near)
