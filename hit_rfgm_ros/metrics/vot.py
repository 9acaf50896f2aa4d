"""Overlap in whole pixels, as the VOT toolkit 0.9.0 counts it for boxes."""

from __future__ import annotations

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.types import BoolArray, FloatArray, IntArray
import numpy as np


def vot_overlaps(
    first: FloatArray, second: FloatArray, size: tuple[int, int] | None = None
) -> FloatArray:
    """Overlap of boxes as shares of pixels, row by row.

    x, y, width and height are each rounded to integers, half to even, in float32; a box covers the
    pixels x to x + width - 1. As in the toolkit, an overlap is 1 where both boxes together are one
    pixel wide or high (two empty ones too), and 0 where only one column or row of them is inside
    the image. Without ``size``, boxes that begin left of or above the image lose pixels at the far
    end, which is the toolkit's error, not ours.

    Args:
        first, second: (N, 4) x, y, width, height in pixels; rows with NaN are no region.
        size: width and height of the image; only pixels inside count. None: all pixels count.

    Returns:
        (N,) in [0, 1].

    Raises:
        MismatchedResultError: if the shapes differ.
        MetricError: if a number is infinite.
    """
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 4:
        raise MismatchedResultError(
            f'boxes of shape (N, 4) twice expected, got {first.shape}, {second.shape}'
        )
    if np.isinf(first).any() or np.isinf(second).any():
        raise MetricError('a box holds an infinite number; only NaN may stand for no region')
    spans = [_pixel_spans(first), _pixel_spans(second)]
    low = np.minimum(spans[0][0], spans[1][0])
    high = np.maximum(spans[0][1], spans[1][1])
    thin = (low >= high).any(axis=1)
    if size is not None:
        low = np.maximum(low, 0)
        high = np.minimum(high, np.asarray(size, np.int64) - 1)
    outside = (low >= high).any(axis=1)
    a, b = (_slices(span, low, high, no_region(box)) for span, box in zip(spans, (first, second)))
    shared = _area(np.maximum(a[0], b[0]), np.minimum(a[1], b[1]))
    union = _area(*a) + _area(*b) - shared
    overlaps = np.where(outside | (union == 0), 0.0, shared / np.maximum(union, 1))
    return np.asarray(np.where(thin, 1.0, overlaps))


def no_region(boxes: FloatArray) -> BoolArray:
    """Rows (N,) that hold a NaN."""
    return np.asarray(np.isnan(boxes).any(axis=1))


def _pixel_spans(boxes: FloatArray) -> tuple[IntArray, IntArray]:
    """First and last pixel (N, 2) of each box; 0 and 0 for no region, as in the toolkit."""
    rows = np.where(no_region(boxes)[:, None], (0.0, 0.0, 1.0, 1.0), boxes)
    whole = np.round(rows.astype(np.float32)).astype(np.int64)
    return whole[:, :2], whole[:, :2] + whole[:, 2:] - 1


def _slices(
    span: tuple[IntArray, IntArray], low: IntArray, high: IntArray, nothing: BoolArray
) -> tuple[IntArray, IntArray]:
    """Start and stop (N, 2) of a box's pixels in a window from ``low`` to ``high``."""
    start = np.maximum(span[0] - low, 0)
    # The toolkit takes the window's last pixel in the image for its last pixel in the window, and
    # a negative stop counts from the window's end: both matter left of or above the image only.
    stop = np.minimum(high, span[1] - low) + 1
    stop = np.where(stop < 0, stop + high - low + 1, stop)
    stop = np.clip(stop, 0, high - low + 1)
    missed = ((span[0] > high) | (span[1] < low)).any(axis=1) | nothing
    return np.where(missed[:, None], 0, start), np.where(missed[:, None], 0, stop)


def _area(start: IntArray, stop: IntArray) -> IntArray:
    return np.asarray(np.prod(np.maximum(stop - start, 0), axis=1))


def is_empty(boxes: FloatArray) -> BoolArray:
    """Rows (N,) without area or region."""
    return ~np.asarray((boxes[:, 2:].astype(np.float32) > 0).all(axis=1)) | no_region(boxes)


def without_start(predicted: FloatArray) -> FloatArray:
    """The boxes without the first: there the toolkit keeps a mark, which overlaps with nothing."""
    rows = np.array(predicted, np.float64)
    rows[:1] = np.nan
    return rows
