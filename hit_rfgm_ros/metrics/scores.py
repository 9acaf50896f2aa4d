"""What scoring gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hit_rfgm_ros.types import FloatArray
from numpy.typing import NDArray

KEYS = ('auc', 'precision', 'normalized_precision', 'op50', 'op75', 'ao', 'sr50', 'sr75')
Curve = tuple[FloatArray, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class SequenceScores:
    """Scores of one sequence, by the same rules as those of the data set.

    Attributes:
        name: of the sequence.
        frames: frames that it has.
        scored_frames: frames that were divided by.
        values: percent under `KEYS`; None where the tool has no such number.
        curves: ``success``, ``precision``, ``normalized_precision`` where the tool has them:
            thresholds, and values in percent.
    """

    name: str
    frames: int
    scored_frames: int
    values: Mapping[str, float | None]
    curves: Mapping[str, Curve]


@dataclass(frozen=True, eq=False)
class DatasetScores:
    """Scores of a tracker on a data set.

    Attributes:
        profile: whose rules were followed.
        form: ``float`` or ``truncated`` boxes.
        kind: of data set.
        sequences: scores of each.
        frames: of all these sequences.
        values, curves: see `SequenceScores`.
        printed: the numbers as the tool prints them, with what else it prints.
        notes: what a reader of the numbers must know, such as incomplete results.
    """

    profile: str
    form: str
    kind: str
    sequences: tuple[SequenceScores, ...]
    frames: int
    values: Mapping[str, float | None]
    printed: Mapping[str, str]
    curves: Mapping[str, Curve]
    notes: tuple[str, ...]
