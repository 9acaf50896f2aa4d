"""What a network saw in one frame, for pictures and for analysis."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.geometry.crop import CropWindow
from hit_rfgm_ros.trackers.network import Reading
from hit_rfgm_ros.trackers.target_memory import TargetMemory
from hit_rfgm_ros.types import Array, Box, FloatArray, ImageU8, TrackResult
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Look:
    """One frame of one target as an RFGM saw it.

    Attributes:
        frame: number of the frame since the start; 0 is that of the first box, in which nothing
            was searched.
        stamp: seconds of the source.
        window: where the search region lies in the image.
        search: (S, S, 3) uint8 RGB, the search region that the box was read in.
        template: (S, S, 3) uint8 RGB that goes into the memory next; None where none does.
        frames, cells: (n,) frame and row-major template cell of each memory token that was used.
        kept: by layer, ascending indices of the memory tokens that stay from there on.
        score: (grid, grid) score map, not weighed by a window; empty at frame 0.
        box: of the result, in image pixels.
    """

    frame: int
    stamp: float
    window: CropWindow
    search: ImageU8
    template: ImageU8 | None
    frames: NDArray[np.int64]
    cells: NDArray[np.int64]
    kept: dict[int, NDArray[np.int64]]
    score: FloatArray
    box: Box


def first_look(
    memory: TargetMemory,
    window: CropWindow,
    search: ImageU8,
    template: ImageU8,
    result: TrackResult,
) -> list[Look]:
    """The frame of the first box; nothing for networks without a memory."""
    return _look(memory, window, search, template, {}, np.zeros((0, 0)), result)


def make_look(
    memory: TargetMemory,
    reading: Reading,
    row: int,
    window: CropWindow,
    search: ImageU8,
    template: ImageU8 | None,
    result: TrackResult,
) -> list[Look]:
    """What was seen in one window; nothing for networks without a memory.

    Args:
        memory: of the target, not yet updated with this frame.
        reading: of all windows of the frame.
        row: the window that the box was read in.
        window, search: that window, and what it shows.
        template: that goes into the memory next.
        result: of the frame.
    """
    if reading.score is None:
        return []
    kept = {layer: _ascending(indices) for layer, indices in reading.kept[row].items()}
    return _look(memory, window, search, template, kept, _square(reading.score[row]), result)


def _look(
    memory: TargetMemory,
    window: CropWindow,
    search: ImageU8,
    template: ImageU8 | None,
    kept: dict[int, NDArray[np.int64]],
    score: FloatArray,
    result: TrackResult,
) -> list[Look]:
    if memory.tokens is None:
        return []
    look = Look(
        frame=memory.frame,
        stamp=result.stamp,
        window=window,
        search=search,
        template=template,
        frames=memory.tokens.frames,
        cells=memory.tokens.cells,
        kept=kept,
        score=score,
        box=result.box,
    )
    return [look]


def _ascending(kept: Array) -> NDArray[np.int64]:
    indices = np.asarray(kept, np.int64)
    return np.sort(indices[indices >= 0])


def _square(cells: Array) -> FloatArray:
    side = round(len(cells) ** 0.5)
    return np.array(cells, np.float64).reshape(side, side)
