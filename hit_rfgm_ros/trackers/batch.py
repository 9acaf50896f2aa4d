"""Runs the windows of all targets of one frame through the engine, in as few calls as possible."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.geometry.crop import CropWindow, cut
from hit_rfgm_ros.types import Array, Engine, ImageU8
import numpy as np
from numpy.typing import NDArray

OUTPUTS = ('boxes', 'score_tl', 'score_br', 'correlation')


class Batch:
    """Cuts windows into one buffer and runs the engine on it.

    The colour order is changed in the cut windows, never in the whole frame.
    """

    def __init__(self, engine: Engine, config: HiTConfig) -> None:
        self.engine = engine
        self.config = config
        self._limit = int(getattr(engine, 'max_batch', 8))
        self._searches: NDArray[np.uint8] = self._buffer(1)

    def template(self, frame: ImageU8, window: CropWindow, *, color: str = 'rgb') -> Array:
        """What the network needs to know of a template, (1, tokens, channels)."""
        picture = self._cut(frame, window, color)[None]
        return self.engine.run('template', {'template': picture})['template_tokens']

    def track(
        self,
        frame: ImageU8,
        windows: Sequence[CropWindow],
        tokens: Sequence[Array],
        *,
        color: str = 'rgb',
    ) -> dict[str, Array]:
        """Run all windows, each with its target's template.

        Args:
            frame: (H, W, 3) or (H, W) uint8.
            windows: N search regions.
            tokens: N results of `template`.
            color: order of the frame's channels, ``rgb`` or ``bgr``.

        Returns:
            The network's outputs by name, each (N, ...).
        """
        count = len(windows)
        if count > len(self._searches):
            self._searches = self._buffer(count)
        for place, window in zip(self._searches, windows):
            self._cut(frame, window, color, out=place)
        if count <= self._limit:
            return self._run(self._searches[:count], tokens)
        parts = [
            self._run(
                self._searches[start : start + self._limit][: count - start],
                tokens[start : start + self._limit],
            )
            for start in range(0, count, self._limit)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in OUTPUTS}

    def _run(self, searches: ImageU8, tokens: Sequence[Array]) -> dict[str, Array]:
        joined = tokens[0] if len(tokens) == 1 else np.concatenate([*map(np.asarray, tokens)])
        return self.engine.run('track', {'search': searches, 'template_tokens': joined})

    def _cut(
        self, frame: ImageU8, window: CropWindow, color: str, out: ImageU8 | None = None
    ) -> ImageU8:
        if frame.ndim == 2:
            grey = np.broadcast_to(cut(frame, window)[:, :, None], (window.size, window.size, 3))
            if out is None:
                return np.ascontiguousarray(grey)
            out[:] = grey
            return out
        picture = cut(frame, window, out=out)
        if color == 'bgr':
            cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture)
        return picture

    def _buffer(self, count: int) -> NDArray[np.uint8]:
        side = self.config.search_size
        return np.empty((count, side, side, 3), np.uint8)
