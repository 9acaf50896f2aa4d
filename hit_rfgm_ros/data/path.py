"""Smooth motion through waypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Waypoint(NamedTuple):
    """Where something is at one time.

    Attributes:
        time: seconds.
        x, y: centre in pixels.
        size: square root of the area of the unturned box in pixels.
        angle: turn in degrees, clockwise in the picture.
    """

    time: float
    x: float
    y: float
    size: float
    angle: float = 0.0


def follow_path(path: Sequence[Waypoint], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions along a path: a cubic spline through its waypoints, at rest before and after.

    Args:
        path: waypoints in order of time, at least one.
        times: (N,) seconds.

    Returns:
        (N, 4) float64 x, y, size, angle.
    """
    points = np.asarray(path, np.float64)
    if len(points) == 1:
        return np.repeat(points[:, 1:], len(times), axis=0)
    knots, values = points[:, 0], points[:, 1:]
    steps = np.diff(knots)[:, None]
    slopes = np.diff(values, axis=0) / steps
    # Tangents that neither overshoot nor stop at a waypoint passed in one direction.
    inner = 2 * slopes[:-1] * slopes[1:] / (slopes[:-1] + slopes[1:] + 1e-12)
    inner = np.where(slopes[:-1] * slopes[1:] > 0, inner, 0.0)
    tangents = np.concatenate([slopes[:1], inner, slopes[-1:]])
    at = np.clip(times, knots[0], knots[-1])
    k = np.clip(np.searchsorted(knots, at, side='right') - 1, 0, len(steps) - 1)
    h = steps[k]
    u = (at[:, None] - knots[k, None]) / h
    start, end = values[k], values[k + 1]
    rise = u * u * (3 - 2 * u)
    bend = u * (1 - u) ** 2 * tangents[k] - u * u * (1 - u) * tangents[k + 1]
    return np.asarray(start + (end - start) * rise + h * bend)
