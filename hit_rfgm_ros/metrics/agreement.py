"""How well predicted boxes agree with true ones, in the forms that tools compute it in.

The forms are equal on paper. In floating point they differ in the last places, which decides
where a value equals a threshold.
"""

from __future__ import annotations

from collections.abc import Callable

from hit_rfgm_ros.types import FloatArray
import numpy as np

Form = Callable[[FloatArray, FloatArray], FloatArray]


def _corners(predicted: FloatArray, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
    near = np.maximum(predicted[:, :2], truth[:, :2])
    far = np.minimum(predicted[:, :2] + predicted[:, 2:], truth[:, :2] + truth[:, 2:])
    return near, far


def _divided(
    shared: FloatArray, predicted: FloatArray, truth: FloatArray, epsilon: float = 0
) -> FloatArray:
    union = predicted[:, 2] * predicted[:, 3] + truth[:, 2] * truth[:, 3] - shared
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.asarray(shared / (union + epsilon))


def overlap_pixels(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """From first to last pixel, x + w - 1 (pytracking, OTB, LaSOT, TrackingNet).

    Not limited: it may exceed 1 by rounding, and then counts at a threshold of 1.
    """
    near = np.maximum(predicted[:, :2], truth[:, :2])
    last = np.minimum(predicted[:, :2] + predicted[:, 2:] - 1, truth[:, :2] + truth[:, 2:] - 1)
    shared = np.prod(np.clip(last - near + 1, 0, None), axis=1)
    return _divided(shared, predicted, truth)


def overlap_edges(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """From edge to edge, limited to 0 to 1 (pysot)."""
    near, far = _corners(predicted, truth)
    shared = np.prod(np.clip(far - near, 0, None), axis=1)
    return np.clip(_divided(shared, predicted, truth), 0, 1)


def overlap_epsilon(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """From edge to edge, divided by union plus machine epsilon, limited to 0 to 1 (got10k)."""
    near, far = _corners(predicted, truth)
    shared = np.prod(np.clip(far - near, 0, None), axis=1)
    epsilon = float(np.finfo(np.float64).eps)
    return np.clip(_divided(shared, predicted, truth, epsilon), 0, 1)


def centres(boxes: FloatArray) -> FloatArray:
    """(N, 2) centre of the pixels, x + (w - 1) / 2."""
    return np.asarray(boxes[:, :2] + (boxes[:, 2:] - 1) / 2)


def centre_distance(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """(N,) distance of the centres in pixels."""
    return _length(centres(predicted) - centres(truth))


def normalized_centres(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Each centre divided by the true sides, then subtracted (pytracking, LaSOT, pysot)."""
    sides = np.where(truth[:, 2:] == 0, 1e-16, truth[:, 2:])  # pysot's; the others drop these
    return _length(centres(predicted) / sides - centres(truth) / sides)


def normalized_difference(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Difference of the centres divided by the true sides."""
    return _length((centres(predicted) - centres(truth)) / truth[:, 2:])


def normalized_floored(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Likewise, by at least 1 pixel (got10k's git)."""
    return _length((centres(predicted) - centres(truth)) / np.maximum(1, truth[:, 2:]))


def normalized_product(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Root of dx / w * dx / w + dy / h * dy / h, from left to right (TrackingNet)."""
    offset = centres(truth) - centres(predicted)
    with np.errstate(invalid='ignore', divide='ignore'):
        squares = offset / truth[:, 2:] * offset / truth[:, 2:]
    return np.asarray(np.sqrt(squares.sum(axis=1)))


def _length(offset: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt((offset**2).sum(axis=1)))


OVERLAPS: dict[str, Form] = {
    'pixels': overlap_pixels,
    'edges': overlap_edges,
    'epsilon': overlap_epsilon,
}
NORMALIZED: dict[str, Form] = {
    'centres': normalized_centres,
    'difference': normalized_difference,
    'floored': normalized_floored,
    'product': normalized_product,
}
