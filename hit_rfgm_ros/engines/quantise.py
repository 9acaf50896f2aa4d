"""Eight-bit layers: quantise and dequantise nodes around weights and activations (QDQ).

Weights are symmetric with one scale per output channel, activations have one range per tensor.
The back ends turn a product between two dequantised values into an integer product.
"""

from __future__ import annotations

from collections.abc import Mapping

from hit_rfgm_ros.engines.folding import Float64
from hit_rfgm_ros.errors import EngineError
import numpy as np
from numpy.typing import NDArray

Ranges = Mapping[str, tuple[float, float]]


def activation_grid(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of the 256 levels that cover [low, high]; zero is one of them."""
    low, high = min(low, 0.0), max(high, 0.0)
    if not np.isfinite([low, high]).all() or low == high:
        raise EngineError(
            f'an activation range of [{low}, {high}] cannot be quantised: measure the ranges '
            'again on real crops'
        )
    scale = (high - low) / 255
    return scale, round(-low / scale)


def quantised_weight(weight: Float64, axis: int) -> tuple[NDArray[np.int8], Float64]:
    """int8 weights and their scales, one per entry of ``axis`` (the output channels)."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scales = np.maximum(np.abs(weight).max(axis=others), 1e-12) / 127
    shape = [1] * weight.ndim
    shape[axis] = -1
    levels = np.clip(np.round(weight / scales.reshape(shape)), -127, 127)
    return levels.astype(np.int8), scales
