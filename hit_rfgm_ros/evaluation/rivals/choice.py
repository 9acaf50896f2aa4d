"""Which of the cells is believed, and how much of its size.

What the SiamRPN family does: cells far from the last place and boxes that change a lot are held
back, and the size follows slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hit_rfgm_ros.evaluation.rivals.adapter_settings import Choice
from hit_rfgm_ros.evaluation.rivals.outputs import Candidates
from hit_rfgm_ros.geometry.centre import hann
from hit_rfgm_ros.types import FloatArray
import numpy as np


@dataclass(frozen=True)
class Chosen:
    """One of the candidates.

    Attributes:
        index: of its cell.
        trust: in [0, 1], penalty times score; how much of a change of size is believed.
    """

    index: int
    trust: float


def choose(candidates: Candidates, last: tuple[float, float], settings: Choice) -> Chosen:
    """Take the best of the cells.

    Args:
        candidates: with scores.
        last: width and height of the last box in pixels of the search picture.
        settings: the window is ``added`` (Hann window with zeros at the edge, mixed by its weight)
            or ``multiplied`` (without zeros, OSTrack's); the penalty is
            ``exp(-(r * s - 1) * penalty)`` with r and s the changes of shape and size.
    """
    if candidates.scores is None:
        return Chosen(0, 1.0)
    penalty = np.ones(len(candidates.scores))
    if settings.penalty:
        penalty = _penalty(candidates.boxes[:, 2:], np.array(last), settings.penalty)
    rank = penalty * candidates.scores
    if settings.window == 'added':
        weight = settings.window_weight
        rank = rank * (1 - weight) + _hanning(candidates.side) * weight
    elif settings.window == 'multiplied':
        rank = rank * hann(candidates.side)
    index = int(rank.argmax())
    return Chosen(index, float(penalty[index] * candidates.scores[index]))


def _penalty(sizes: FloatArray, last: FloatArray, strength: float) -> FloatArray:
    """(N,) penalties; sizes below a pixel count as one."""
    sizes = np.maximum(sizes, 1.0)
    shape = _change((sizes[:, 0] / sizes[:, 1]) / (last[0] / last[1]))
    size = _change(_padded_size(sizes) / _padded_size(last[None]))
    return np.asarray(np.exp(-(shape * size - 1) * strength))


def _change(ratio: FloatArray) -> FloatArray:
    return np.maximum(ratio, 1 / ratio)


def _padded_size(sizes: FloatArray) -> FloatArray:
    more = 0.5 * sizes.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.prod(sizes + more, axis=1)))


@lru_cache(maxsize=8)
def _hanning(side: int) -> FloatArray:
    line = np.hanning(side)
    return np.outer(line, line).ravel()
