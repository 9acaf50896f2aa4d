"""Lens distortion, undone: from where a point was seen to the direction that it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
from hit_rfgm_ros.errors import HitRfgmError
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS = 30
_CLOSE = 1e-9  # of a focal length


class CameraError(HitRfgmError):
    """A calibration is missing, damaged, or belongs to other images."""


class Lens:
    """A lens without distortion."""

    def directions(self, seen: Floats) -> Floats:
        """Unit vectors to points.

        Args:
            seen: (N, 2) where they were seen: pixels without the principal point, over the focal
                lengths.

        Returns:
            (N, 3); NaN where the lens can have seen nothing.
        """
        return _unit(seen)


class Polynomial(Lens):
    """plumb_bob and rational_polynomial, with thin prism and tilt where they are given."""

    def __init__(self, coefficients: Sequence[float]) -> None:
        self._coefficients = np.array(coefficients, np.float64)

    def directions(self, seen: Floats) -> Floats:
        """See `Lens.directions`."""
        flat = np.array(seen, np.float64)
        for _ in range(_ROUNDS):
            image, slope = self._show(flat)
            error = seen - image
            if not np.isfinite(slope).all() or (np.linalg.det(slope) == 0).any():
                break
            if (abs(error) < _CLOSE).all():
                if self._is_upright(flat):
                    return _unit(flat)
                break
            flat += np.linalg.solve(slope, error[..., None])[..., 0]
        return np.full((len(seen), 3), np.nan)

    def _show(self, flat: Floats) -> tuple[Floats, Floats]:
        """Where (N, 2) points at depth 1 are seen, and (N, 2, 2) by how much that moves."""
        points = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
        zero = np.zeros(3)
        image, slopes = cv2.projectPoints(points, zero, zero, np.eye(3), self._coefficients)
        return np.asarray(image.reshape(-1, 2)), np.asarray(slopes[:, 3:5].reshape(-1, 2, 2))

    def _is_upright(self, flat: Floats) -> bool:
        """Whether the way from the middle to these points crosses no bend of the polynomial.

        Beyond a bend a pixel has a second, false origin.
        """
        way = (flat * np.linspace(0, 1, 33)[:, None, None]).reshape(-1, 2)
        _, slope = self._show(way)
        return bool((np.linalg.det(slope) > 0).all() and (np.trace(slope.T) > 0).all())


class Fisheye(Lens):
    """The equidistant model of ROS, `cv2.fisheye`; sees more than half the sphere if it has to."""

    def __init__(self, coefficients: Sequence[float] = (0.0, 0.0, 0.0, 0.0)) -> None:
        self._even = np.array([1.0, *coefficients])

    def directions(self, seen: Floats) -> Floats:
        """See `Lens.directions`."""
        radius = np.hypot(seen[:, 0], seen[:, 1])
        angle = self._angles(radius)
        side = seen / np.maximum(radius, np.finfo(float).tiny)[:, None]
        return np.column_stack([side * np.sin(angle)[:, None], np.cos(angle)])

    def _angles(self, radius: Floats) -> Floats:
        """Solve radius = angle * (1 + k1 angle^2 + k2 angle^4 + ...); NaN where there is none."""
        powers = np.arange(5)
        angle = np.minimum(radius, np.pi / 2)
        for _ in range(_ROUNDS):
            terms = self._even * angle[:, None] ** (2 * powers)
            error = radius - angle * terms.sum(axis=1)
            slope = (terms * (2 * powers + 1)).sum(axis=1)
            if not (slope > 0).all():
                break
            if (abs(error) < _CLOSE).all():
                return np.where(angle <= np.pi, angle, np.nan)
            angle = np.clip(angle + error / slope, 0, 2 * np.pi)
        return np.full(len(radius), np.nan)


_LENSES: dict[str, tuple[type[Polynomial | Fisheye], tuple[int, ...]]] = {
    'plumb_bob': (Polynomial, (4, 5, 8, 12, 14)),
    'rational_polynomial': (Polynomial, (4, 5, 8, 12, 14)),
    'equidistant': (Fisheye, (4,)),
    'fisheye': (Fisheye, (4,)),
}


def lens_of(model: str, coefficients: Sequence[float]) -> Lens:
    """The lens of a `sensor_msgs/CameraInfo`.

    Args:
        model: ``distortion_model``; empty means plumb_bob.
        coefficients: ``d``; none or all zero is a lens without distortion, whatever the model,
            but for a fisheye.

    Raises:
        CameraError: if model and coefficients are not known, do not match or are not finite.
    """
    name = model or 'plumb_bob'
    if not np.isfinite(np.array(coefficients, np.float64)).all():
        raise CameraError('D of the camera_info is not finite: calibrate the camera again')
    make, counts = _LENSES.get(name, (None, ()))
    if not any(coefficients) and make is not Fisheye:
        return Lens()
    if make is None:
        raise CameraError(
            f'the distortion model {model[:40]!r} is unknown, known are {", ".join(_LENSES)}: '
            'take the topic of the rectified image'
        )
    if not len(coefficients):
        return Fisheye()
    if len(coefficients) not in counts:
        raise CameraError(
            f'D of the camera_info has {len(coefficients)} values, {name} has '
            f'{" or ".join(map(str, counts))}: calibrate the camera again'
        )
    return make(coefficients)


def _unit(flat: Floats) -> Floats:
    rays = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), np.float64)
