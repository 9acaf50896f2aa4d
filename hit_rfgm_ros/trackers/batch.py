"""Shows the windows of all targets of a frame to the network, in as few calls as possible."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from hit_rfgm_ros.geometry.crop import CropWindow, cut
from hit_rfgm_ros.trackers.network import Network, Reading, join
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import BoolArray, ImageU8
import numpy as np
from numpy.typing import NDArray


class Batch:
    """Cuts windows into one buffer and runs the network on it."""

    def __init__(self, network: Network, limit: int) -> None:
        """Make one.

        Args:
            network: what looks at the windows.
            limit: most windows per call.
        """
        self._network = network
        self._limit = limit
        self._searches: NDArray[np.uint8] = self._buffer(1)

    def look(
        self,
        frame: ImageU8,
        windows: Sequence[CropWindow],
        memories: Sequence[TargetMemory],
        near: BoolArray,
        *,
        color: str = 'rgb',
    ) -> Reading:
        """Look at all windows, each with its target's memory.

        Args:
            frame: (H, W, 3) or (H, W) uint8.
            windows: N search regions.
            memories: N, of their targets.
            near: (N,) whether a window lies around the last place of its target.
            color: order of the frame's channels, ``rgb`` or ``bgr``.
        """
        count = len(windows)
        if count > len(self._searches):
            self._searches = self._buffer(count)
        for place, window in zip(self._searches, windows):
            cut_rgb(frame, window, color, out=place)
        return join(
            [
                self._network.look(
                    self._searches[start : start + self._limit][: count - start],
                    memories[start : start + self._limit],
                    near[start : start + self._limit],
                )
                for start in range(0, count, self._limit)
            ]
        )

    def search(self, row: int) -> ImageU8:
        """A copy of the search region in this row of the last call, (S, S, 3) RGB."""
        copy: ImageU8 = self._searches[row].copy()
        return copy

    def _buffer(self, count: int) -> NDArray[np.uint8]:
        side = self._network.config.search_size
        return np.empty((count, side, side, 3), np.uint8)


def cut_rgb(frame: ImageU8, window: CropWindow, color: str, out: ImageU8 | None = None) -> ImageU8:
    """Cut a window as RGB; the colour order is changed there, never in the whole frame."""
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
