"""What is scored: the predicted boxes of one sequence beside its ground truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hit_rfgm_ros.errors import (
    MetricError,
    MismatchedResultError,
    MissingResultError,
    SurplusResultError,
)
from hit_rfgm_ros.types import BoolArray, FloatArray, IntArray
import numpy as np

NAMED = 5  # names that a message lists before it stops


@dataclass(frozen=True, eq=False)
class Judged:
    """One sequence: boxes x, y, width, height in image pixels, top left corner.

    Attributes:
        name: of the sequence.
        truth: float64 (L, 4), as annotated; rows with a NaN have no ground truth.
        predicted: float64 (M, 4); M = 0 where there is no result at all.
        visible: (L,) False where the data set flags the target as hidden; None: no flags.
        cover: (L,) labels 0 to 8 of GOT-10k, 0 for absent; None: no labels.
        size: width and height of the pictures; None: not known.
        seconds: (M,) time per frame; None: not measured.

    Raises:
        MismatchedResultError: if shapes do not belong together.
        MetricError: if there is no frame, or the ground truth holds an infinite number.
    """

    name: str
    truth: FloatArray
    predicted: FloatArray
    visible: BoolArray | None = None
    cover: IntArray | None = None
    size: tuple[int, int] | None = None
    seconds: FloatArray | None = None

    def __post_init__(self) -> None:
        for field in ('truth', 'predicted'):
            boxes = np.array(getattr(self, field), np.float64)
            if boxes.size == 0:
                boxes = boxes.reshape(-1, 4)
            if boxes.ndim != 2 or boxes.shape[1] != 4:
                raise MismatchedResultError(
                    f'{self.name}: {field} has shape {boxes.shape}; expected one row x, y, '
                    f'width, height per frame'
                )
            object.__setattr__(self, field, boxes)
        self._check_lengths()
        self._check_truth()

    def _check_lengths(self) -> None:
        for field, boxes in (('visible', 'truth'), ('cover', 'truth'), ('seconds', 'predicted')):
            values = getattr(self, field)
            if values is not None and np.shape(values) != (len(getattr(self, boxes)),):
                raise MismatchedResultError(
                    f'{self.name}: {field} has shape {np.shape(values)}, but {boxes} has '
                    f'{len(getattr(self, boxes))} rows; expected one value per row'
                )

    def _check_truth(self) -> None:
        if len(self.truth) == 0:
            raise MetricError(f'{self.name}: no frame, so nothing to score')
        if np.isinf(self.truth).any():
            raise MetricError(f'{self.name}: the ground truth holds an infinite number')

    @property
    def known(self) -> BoolArray:
        """(L,) which frames have ground truth: four numbers, no NaN."""
        return np.asarray(np.isfinite(self.truth).all(axis=1))


def check_names(expected: Iterable[str], found: Iterable[str]) -> None:
    """Refuse results that are not of exactly the sequences of a data set.

    Raises:
        MissingResultError: with the sequences that have no result.
        SurplusResultError: with the results that belong to no sequence.
    """
    wanted, there = set(expected), set(found)
    if missing := sorted(wanted - there):
        raise MissingResultError(
            f'{len(missing)} of {len(wanted)} sequences have no result ({_some(missing)}); run '
            f'them, or leave them out by name'
        )
    if surplus := sorted(there - wanted):
        raise SurplusResultError(
            f'{len(surplus)} of {len(there)} results belong to no sequence of the data set '
            f'({_some(surplus)}); '
            f'remove them, or score them with the data set they were made on'
        )


def check_unique(judged: Iterable[Judged]) -> None:
    """Refuse a sequence that comes twice.

    Raises:
        MetricError: with its name.
    """
    seen = set()
    for one in judged:
        if one.name in seen:
            raise MetricError(f'{one.name}: comes twice; each sequence is scored once')
        seen.add(one.name)


def _some(names: list[str]) -> str:
    return ', '.join(names[:NAMED]) + (', ...' if len(names) > NAMED else '')
