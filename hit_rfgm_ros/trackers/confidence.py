"""How sure a box is: features of the network's maps, a raw score, and a fitted probability.

HiT gives no score; everything here is ours. A corner map that is sure has all its mass around one
cell; one that is torn between two places, or knows nothing, spreads. The correlation map tells the
target's place from its surroundings where the network has learnt to match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
import json
import math
from typing import Any

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
import numpy as np
from numpy.typing import NDArray

FEATURES = (
    'mass_mean',  # mass of a corner map within one cell around its expectation, mean of both
    'mass_min',  # the same, the less sure corner
    'offset',  # cells from a map's peak to its expectation, the worse corner
    'entropy',  # of the corner maps over log(cells), mean
    'contrast',  # correlation at the box centre above its mean, in standard deviations
    'prominence',  # highest correlation above its mean, in standard deviations
    'level',  # log(1 + highest correlation above its mean)
    'distance',  # cells from the highest correlation to the box centre
    'size',  # |log of the box side over a quarter of the search region|
    'aspect',  # |log(width / height)|
)
VALID_SIDE = 1 / 64  # of the search region; a smaller or negative side is no box

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@np.errstate(invalid='ignore', over='ignore')  # NaN and infinity are judged by the caller
def features(score_tl: Array, score_br: Array, correlation: Array, boxes: Array) -> FloatArray:
    """Numbers that tell a good box from a bad one, for `Calibration` and `raw_score`.

    Args:
        score_tl, score_br: (B, cells) probabilities of the corners, row-major.
        correlation: (B, cells) correlation of each cell with the global token.
        boxes: (B, 4) cx, cy, w, h as fractions of the search region.

    Returns:
        float64 (B, `len(FEATURES)`), in the order of `FEATURES`; NaN where the input is NaN.
    """
    box = np.asarray(boxes, np.float64)
    batch, cells = np.shape(score_tl)
    side = math.isqrt(cells)
    maps = np.empty((batch, 2, cells))
    maps[:, 0], maps[:, 1] = score_tl, score_br
    place = box[:, :2] * side  # of the centre, in cells
    half = box[:, 2:] * (0.5 * side)
    corners = np.empty((batch, 2, 2))  # xy in cells
    corners[:, 0], corners[:, 1] = place - half, place + half
    lengths = np.log(np.maximum(box[:, 2:], VALID_SIDE))
    values = np.empty((batch, len(FEATURES)))
    mass, offset = _concentration(maps, corners, side)
    values[:, 0] = 0.5 * (mass[:, 0] + mass[:, 1])
    values[:, 1] = mass.min(1)
    values[:, 2] = offset.max(1)
    log = np.log(np.maximum(maps, 1e-12))
    values[:, 3] = np.einsum('bkc,bkc->b', maps, log) * (-0.5 / math.log(cells))
    _correlation(np.asarray(correlation, np.float64), place, side, values[:, 4:8])
    values[:, 8] = np.abs(0.5 * (lengths[:, 0] + lengths[:, 1]) - math.log(0.25))
    values[:, 9] = np.abs(lengths[:, 0] - lengths[:, 1])
    return values


def _concentration(
    maps: FloatArray, corners: FloatArray, side: int
) -> tuple[FloatArray, FloatArray]:
    """Mass within 1.5 cells around the expectation, and distance of the peak from it, (B, 2)."""
    near = np.abs(np.arange(side) - corners[..., None]) <= 1.5  # (B, 2, xy, side)
    squares = maps.reshape(len(maps), 2, side, side)
    mass = np.einsum('bkrc,bkr,bkc->bk', squares, near[:, :, 1], near[:, :, 0])
    row, column = np.divmod(maps.argmax(2), side)
    return mass, np.hypot(column - corners[:, :, 0], row - corners[:, :, 1])


def _correlation(correlation: FloatArray, place: FloatArray, side: int, out: FloatArray) -> None:
    """Contrast, prominence, level and distance into ``out`` (B, 4)."""
    rows = np.arange(len(correlation))
    cells = side * side
    above = correlation - correlation.sum(1, keepdims=True) / cells
    spread = np.sqrt(np.einsum('bc,bc->b', above, above) / cells) + 1e-6
    # NaN fails the comparison and so never becomes an index
    inside = np.minimum(np.where(place > 0, place + 0.5, 0.0), side - 1).astype(np.int64)
    peak = above.argmax(1)
    row, column = np.divmod(peak, side)
    highest = above[rows, peak]
    out[:, 0] = above[rows, inside[:, 1] * side + inside[:, 0]] / spread
    out[:, 1] = highest / spread
    out[:, 2] = np.log1p(highest)
    out[:, 3] = np.hypot(column - place[:, 0], row - place[:, 1])


def raw_score(values: FloatArray) -> FloatArray:
    """Score in [0, 1] of weights without a calibration: ``mass_min * exp(-offset / 4)``.

    Not a probability: 1 where both corner maps lie within one cell, 0 where they are spread.

    Args:
        values: (B, features) from `features`.

    Returns:
        (B,); 0 where a feature is not finite.
    """
    score = values[:, 1] * np.exp(-0.25 * values[:, 2])
    return np.where(is_finite(values), np.minimum(score, 1.0), 0.0)


def is_finite(values: FloatArray) -> BoolArray:
    """Whether all features of a row are finite, (B,)."""
    return np.asarray(np.isfinite(values.sum(1)))


@dataclass(frozen=True)
class Calibration:
    """What turns features into a probability, and what a tracker should do with these weights.

    The probability that the box overlaps the target by more than 0.5 is
    ``1 / (1 + exp(-(bias + weights . features)))``.

    Attributes:
        weights: one number per name in `features`; empty means no probability is known and the
            raw score is used.
        bias: of the logistic function.
        uncertain_below, lost_below: thresholds of the states.
        found_above: confidence that a LOST target must reach to be found again.
        size_damping: share of the way towards the network's size in a frame; 1 is all the way.
        size_factor: what the network's widths and heights are multiplied by, against a bias.
        features: names of the features that `weights` belongs to.
    """

    weights: tuple[float, ...] = ()
    bias: float = 0.0
    uncertain_below: float = 0.5
    lost_below: float = 0.25
    found_above: float = 0.5
    size_damping: float = 1.0
    size_factor: float = 1.0
    features: tuple[str, ...] = FEATURES

    def __post_init__(self) -> None:
        if self.features != FEATURES or len(self.weights) not in (0, len(FEATURES)):
            raise WeightsError(
                f'the calibration is for {len(self.weights)} weights of the features '
                f'{self.features}; this version knows {FEATURES}: fit it again'
            )
        numbers = (*self.weights, self.bias, self.size_damping, self.size_factor)
        if not np.isfinite(numbers).all() or self.size_factor <= 0:
            raise WeightsError(f'the calibration holds unusable numbers: {self}')
        if not 0 < self.size_damping <= 1:
            raise WeightsError(f'size_damping must be in (0, 1], got {self.size_damping!r}')
        for name in ('uncertain_below', 'lost_below', 'found_above'):
            if not 0 <= getattr(self, name) <= 1:
                raise WeightsError(f'{name} must be in [0, 1], got {getattr(self, name)!r}')

    @property
    def fitted(self) -> bool:
        """Whether `probability` means something."""
        return bool(self.weights)

    def probability(self, values: FloatArray) -> FloatArray:
        """Probability of an overlap above 0.5, (B,) in [0, 1]; 0 where a feature is not finite."""
        score = values @ np.asarray(self.weights) + self.bias
        chance = 0.5 * (1 + np.tanh(0.5 * score))  # cannot overflow, unlike exp
        return np.where(is_finite(values), chance, 0.0)

    def to_json(self) -> str:
        """Text for the metadata of a weights file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            WeightsError: if it is not such a text or its numbers are unusable.
        """
        try:
            values: Mapping[str, Any] = json.loads(text)
            known = {field.name for field in fields(cls)}
            if not set(values) <= known:
                raise WeightsError(f'unknown names in the calibration: {set(values) - known}')
            arguments: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else float(value)
                for name, value in values.items()
            }
            return cls(**arguments)
        except (ValueError, TypeError, AttributeError) as error:
            raise WeightsError(f'no usable calibration ({error}): {text[:80]!r}') from error


# Weights without a calibration: thresholds of the raw score.
UNCALIBRATED = Calibration(uncertain_below=0.3, lost_below=0.15, found_above=0.4)


def fit_calibration(
    values: FloatArray,
    good: Array,
    *,
    ridge: float = 1e-3,
    balanced: bool = False,
    **options: Any,
) -> Calibration:
    """Fit the logistic function by Newton's method.

    Args:
        values: (N, features) from `features`.
        good: (N,) whether the overlap exceeded 0.5.
        ridge: weight of the squared weights (of standardised features), per sample.
        balanced: let both classes count alike; then the number is no probability in the data's
            own mixture.
        **options: other fields of `Calibration`, thresholds for one.

    Raises:
        WeightsError: if a class is missing or a number is not finite.
    """
    labels = np.asarray(good, np.float64)
    if not np.isfinite(values).all() or not 0 < labels.sum() < len(labels):
        raise WeightsError('a calibration needs finite features of good and of bad boxes')
    mean, spread = values.mean(0), values.std(0) + 1e-9
    x = np.concatenate([(values - mean) / spread, np.ones((len(values), 1))], axis=1)
    share = labels.mean()
    weight = np.where(labels > 0, 0.5 / share, 0.5 / (1 - share)) if balanced else 1.0
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 1e-9
    theta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 0.5 * (1 + np.tanh(0.5 * (x @ theta)))
        gradient = x.T @ (weight * (p - labels)) / len(x) + penalty * theta
        curvature = (x.T * (weight * p * (1 - p))) @ x / len(x) + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        theta -= step * min(1.0, 5.0 / (np.abs(step).max() + 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    slopes = theta[:-1] / spread
    return Calibration(
        weights=tuple(slopes.tolist()), bias=float(theta[-1] - slopes @ mean), **options
    )


def auroc(score: Array, good: Array) -> float:
    """Probability that a good sample scores above a bad one; ties count half.

    Raises:
        ValueError: if a class is missing.
    """
    score, good = np.asarray(score, np.float64), np.asarray(good, bool)
    positives, negatives = int(good.sum()), int((~good).sum())
    if not positives or not negatives:
        raise ValueError('AUROC needs good and bad samples')
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - 0.5 * (counts - 1)  # mean rank of equal scores
    total = ranks[inverse.ravel()][good].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))
