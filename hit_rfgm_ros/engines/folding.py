"""Exact rewrites of weights, in float64: normalisations and scales folded into linear maps."""

from __future__ import annotations

from collections.abc import Mapping

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
BN_EPS = 1e-5
MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


class Params:
    """Read-only view of a state dict that returns float64 arrays and folds on the way."""

    def __init__(self, tensors: Mapping[str, Array], prefix: str = '') -> None:
        self.tensors, self.prefix = tensors, prefix

    def at(self, prefix: str) -> Params:
        """The same state dict below ``prefix``."""
        return Params(self.tensors, f'{self.prefix}{prefix}.')

    def __getitem__(self, key: str) -> Float64:
        try:
            return np.asarray(self.tensors[self.prefix + key], np.float64)
        except KeyError:
            raise WeightsError(
                f'the weights lack {self.prefix + key!r}: they were made for another model or '
                f'another configuration; import them again for this one'
            ) from None

    def label(self, name: str) -> str:
        """Full name of a layer, by which its activation range is known."""
        return self.prefix + name

    def norm(self, name: str) -> tuple[Float64, Float64]:
        """Scale and shift that a batch normalisation applies to each channel."""
        scale = self[f'{name}.weight'] / np.sqrt(self[f'{name}.running_var'] + BN_EPS)
        return scale, self[f'{name}.bias'] - self[f'{name}.running_mean'] * scale

    def linear_bn(self, name: str) -> tuple[Float64, Float64]:
        """``<name>.c`` and ``<name>.bn`` as one map: weight (in, out) and bias (out,)."""
        scale, shift = self.norm(f'{name}.bn')
        return self[f'{name}.c.weight'].T * scale, shift

    def conv_bn(self, name: str) -> tuple[Float64, Float64]:
        """``<name>.c`` and ``<name>.bn`` as one convolution: weight (out, in, k, k), bias."""
        scale, shift = self.norm(f'{name}.bn')
        return self[f'{name}.c.weight'] * scale[:, None, None, None], shift

    def biased_conv_bn(self, name: str) -> tuple[Float64, Float64]:
        """``<name>.0`` (convolution with bias) and ``<name>.1`` (BN) as one convolution."""
        scale, shift = self.norm(f'{name}.1')
        weight = self[f'{name}.0.weight'] * scale[:, None, None, None]
        return weight, self[f'{name}.0.bias'] * scale + shift

    def linear(self, name: str) -> tuple[Float64, Float64]:
        """A plain linear layer: weight (in, out) and bias (out,)."""
        return self[f'{name}.weight'].T, self[f'{name}.bias']

    def upsample(self, name: str) -> tuple[Float64, Float64]:
        """A 2x2 transposed convolution with stride 2: weight (in, 2, 2, out) and bias (out,)."""
        return self[f'{name}.weight'].transpose(0, 2, 3, 1), self[f'{name}.bias']


def by_head(columns: Array, heads: int, sizes: tuple[int, ...]) -> list[Array]:
    """Separate interleaved columns: (..., heads*sum(sizes)) -> one (..., heads*size) per size.

    The official layout groups by head and inside a head by q, k, v.
    """
    cut = np.split(
        columns.reshape(*columns.shape[:-1], heads, sum(sizes)), np.cumsum(sizes)[:-1], axis=-1
    )
    return [part.reshape(*columns.shape[:-1], -1) for part in cut]
