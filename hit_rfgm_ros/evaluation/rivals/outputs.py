"""From what a rival's network gives to boxes in the search picture, one per cell.

Forms, with n cells on a side:

- ``boxes``: the box itself, four numbers.
- ``distances``: (1, 4, n, n) left, top, right and bottom of the box from each cell's point, which
  is ``stride * (column - n // 2), stride * (row - n // 2)`` from the middle of the picture, all in
  its pixels. FEAR, NanoTrack, most of the SiamBAN and LightTrack family.
- ``centre``: size (1, 2, n, n) and offset (1, 2, n, n) of the centre from its cell's corner in
  cells. OSTrack and its descendants.

The score has one value per cell, or two per cell under softmax, of which the second counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.evaluation.rivals.adapter_settings import Outputs
from hit_rfgm_ros.types import Array, FloatArray
import numpy as np


@dataclass(frozen=True, eq=False)
class Candidates:
    """What the network offers.

    Attributes:
        boxes: (N, 4) cx, cy, w, h in pixels of the search picture, row-major over the cells.
        scores: (N,), or None where the network gives none.
        side: cells on a side; 0 where there are none.
    """

    boxes: FloatArray
    scores: FloatArray | None
    side: int = 0


def decode(outputs: Mapping[str, Array], settings: Outputs, size: int) -> Candidates:
    """Read the outputs of the network `track`.

    Args:
        outputs: by name.
        settings: which is what.
        size: side of the search picture in pixels.

    Raises:
        RivalError: if a shape does not fit, or a number is not finite.
    """
    used = (settings.box, settings.score, settings.size, settings.offset)
    values = {name: np.asarray(outputs[name], np.float64) for name in used if name}
    for name, array in values.items():
        if not np.isfinite(array).all():
            raise RivalError(f'the output {name!r} holds numbers that are not finite')
    if settings.form == 'boxes':
        return _read_box(values, settings, size)
    scores = _scores(values[settings.score], settings)
    side = round(scores.size**0.5)
    if side * side != scores.size:
        raise RivalError(
            f'the output {settings.score!r} must be a square of cells, got the shape '
            f'{values[settings.score].shape}'
        )
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    cells = np.stack([columns.ravel(), rows.ravel()])  # (2, N)
    if settings.form == 'distances':
        ltrb = _map(values, settings.box, 4, side)
        points = settings.stride * (cells - side // 2) + 0.5 * size
        first, last = points - ltrb[:2], points + ltrb[2:]
        boxes = np.concatenate([0.5 * (first + last), last - first])
    else:
        offset, sizes = (_map(values, name, 2, side) for name in (settings.offset, settings.size))
        unit = size if settings.unit == 'fraction' else 1.0
        boxes = np.concatenate([(cells + offset) * size / side, sizes * unit])
    return Candidates(boxes.T, scores, side)


def _read_box(values: Mapping[str, FloatArray], settings: Outputs, size: int) -> Candidates:
    box = values[settings.box].reshape(-1)
    if len(box) != 4:
        raise RivalError(
            f'the output {settings.box!r} must be one box of four numbers, got the shape '
            f'{values[settings.box].shape}'
        )
    if settings.order == 'xyxy':
        box = np.concatenate([0.5 * (box[:2] + box[2:]), box[2:] - box[:2]])
    if settings.unit == 'fraction':
        box = box * size
    scores = None
    if settings.score:
        scores = _scores(values[settings.score], settings).max(keepdims=True)
    return Candidates(box[None], scores)


def _scores(score: FloatArray, settings: Outputs) -> FloatArray:
    """(N,) scores after the activation."""
    if settings.activation == 'softmax':
        if score.size % 2:
            raise RivalError(
                f'softmax needs two values per cell in the output {settings.score!r}, got the '
                f'shape {score.shape}'
            )
        off, on = score.reshape(2, -1)
        return _sigmoid(on - off)
    return _sigmoid(score.ravel()) if settings.activation == 'sigmoid' else score.ravel()


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


def _map(values: Mapping[str, FloatArray], name: str, channels: int, side: int) -> FloatArray:
    """(channels, N) values of one output."""
    if values[name].size != channels * side * side:
        raise RivalError(
            f'the output {name!r} must be (1, {channels}, {side}, {side}) as the score has '
            f'{side} x {side} cells, got {values[name].shape}'
        )
    return values[name].reshape(channels, -1)
