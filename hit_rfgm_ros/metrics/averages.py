"""Means over sequences and thresholds, in the order and precision of each tool.

`numpy` and `whole` are float64 in numpy's order, `plain` float64 one after the other, `torch`
float32 as torch adds on a CPU. They differ in the last places, `torch` at times in the second
decimal of a percentage.
"""

from __future__ import annotations

from typing import Any

from hit_rfgm_ros.types import IntArray
import numpy as np
from numpy.typing import NDArray

Curves = NDArray[Any]  # float64, or float32 for torch
LANES = 8  # float32 numbers that torch's sum treats at a time
BLOCK = 16  # numbers that it adds before it carries the sum up a level
WIDE = 4  # of either: columns at a time, or partial sums where there are not so many columns


def share(count: IntArray, frames: int, arithmetic: str) -> Curves:
    """``count / frames``, in float32 for torch."""
    if arithmetic == 'torch':
        return np.asarray(count.astype(np.float32) / np.float32(frames))
    return np.asarray(count / frames)


def mean_curve(curves: Curves, arithmetic: str) -> Curves:
    """Mean over sequences: (sequences, thresholds) to (thresholds,); percent for torch."""
    if arithmetic == 'torch':
        return np.asarray(_torch_column_sums(curves) / np.float32(len(curves)) * np.float32(100))
    return np.asarray(curves.mean(axis=0))


def mean_value(curves: Curves, arithmetic: str) -> float:
    """Mean over sequences and thresholds; percent for torch."""
    curve = mean_curve(curves, arithmetic)
    if arithmetic == 'whole':
        return float(curves.mean())
    if arithmetic == 'plain':
        return float(sum(curve.tolist()) / len(curve))
    if arithmetic == 'torch':
        return float(_torch_row_sum(curve) / np.float32(len(curve)))
    return float(curve.mean())


def area(curve: Curves) -> float:
    """Area under a curve by trapezoids, its thresholds stretched to 0 to 1."""
    steps = np.diff(np.linspace(0, 1, len(curve)))
    return float((steps * (curve[1:] + curve[:-1]) / 2).sum())


def _in_turn(rows: Curves) -> Curves:
    """Sum of rows, one after the other."""
    if len(rows) == 0:
        return np.zeros(rows.shape[1:], rows.dtype)
    return np.asarray(np.cumsum(rows, axis=0)[-1])


def _cascade(rows: Curves) -> Curves:
    """Sum of rows in blocks, then of the blocks' sums in blocks, and so on."""
    levels = []
    while len(rows):
        whole = len(rows) // BLOCK * BLOCK
        levels.append(_in_turn(rows[whole:]))
        blocks = [_in_turn(rows[start : start + BLOCK]) for start in range(0, whole, BLOCK)]
        rows = np.array(blocks, rows.dtype)
    return _in_turn(np.array(levels))


def _interleaved(rows: Curves) -> Curves:
    """Sum of rows as sums of every fourth; what is over goes to the first of these."""
    whole = len(rows) // WIDE * WIDE
    parts = [_cascade(rows[start:whole:WIDE]) for start in range(WIDE)] if whole else []
    first = _in_turn(np.array([*parts[:1], *rows[whole:]]))
    return _in_turn(np.array([first, *parts[1:]]))


def _torch_column_sums(rows: Curves) -> Curves:
    """``torch.tensor(rows).sum(0)`` in float32."""
    wide = rows.shape[1] // (WIDE * LANES) * WIDE * LANES
    sums = [_cascade(rows[:, :wide])] if wide else []
    return np.concatenate([*sums, _interleaved(rows[:, wide:])])


def _torch_row_sum(row: Curves) -> Curves:
    """``torch.tensor(row).sum()`` in float32, for fewer than ``WIDE * LANES`` numbers."""
    whole = len(row) // LANES * LANES
    lanes = _in_turn(row[:whole].reshape(-1, LANES))
    return _in_turn(np.concatenate([row[whole:], lanes]))
