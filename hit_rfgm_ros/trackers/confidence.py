"""How sure a box is: a probability fitted to features of the network's maps.

The features are those of the network's family: `corner_features` of HiT, `centre_features` of
RFGM. Without a fit there is a raw score of each family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
import json
from typing import Any

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.trackers import centre_features, corner_features
from hit_rfgm_ros.types import Array, BoolArray, FloatArray
import numpy as np


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
        memory_min_confidence: no memory update below this confidence; 0 is off.
        features: names of the features that `weights` belongs to.
    """

    weights: tuple[float, ...] = ()
    bias: float = 0.0
    uncertain_below: float = 0.5
    lost_below: float = 0.25
    found_above: float = 0.5
    size_damping: float = 1.0
    size_factor: float = 1.0
    memory_min_confidence: float = 0.5
    features: tuple[str, ...] = corner_features.FEATURES

    def __post_init__(self) -> None:
        known = (corner_features.FEATURES, centre_features.FEATURES)
        if self.features not in known or len(self.weights) not in (0, len(self.features)):
            raise WeightsError(
                f'the calibration is for {len(self.weights)} weights of the features '
                f'{self.features}; this version knows {known}: fit it again'
            )
        numbers = (*self.weights, self.bias, self.size_damping, self.size_factor)
        if not np.isfinite(numbers).all() or self.size_factor <= 0:
            raise WeightsError(f'the calibration holds unusable numbers: {self}')
        if not 0 < self.size_damping <= 1:
            raise WeightsError(f'size_damping must be in (0, 1], got {self.size_damping!r}')
        for name in ('uncertain_below', 'lost_below', 'found_above', 'memory_min_confidence'):
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


def usable(calibration: Calibration | None, features: tuple[str, ...]) -> Calibration:
    """The calibration, or guesses where there is none.

    Args:
        calibration: of the weights.
        features: those of the network's family.

    Raises:
        WeightsError: if it was fitted to other features.
    """
    if calibration is None:
        return UNCALIBRATED
    if calibration.fitted and calibration.features != features:
        raise WeightsError(
            f'the calibration is for the features {", ".join(calibration.features)}, but this '
            f'network has {", ".join(features)}: fit it again'
        )
    return calibration


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
        values: (N, features) of the network's family.
        good: (N,) whether the overlap exceeded 0.5.
        ridge: weight of the squared weights (of standardised features), per sample.
        balanced: let both classes count alike; then the number is no probability in the data's
            own mixture.
        **options: other fields of `Calibration`: ``features`` where they are not HiT's, and
            thresholds for one.

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
