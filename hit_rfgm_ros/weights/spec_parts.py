"""Keys and shapes of the layers that several networks have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Shape = tuple[int, ...]
Spec = dict[str, Shape]


def prefixed(prefix: str, spec: Spec) -> Spec:
    """The same shapes under longer keys."""
    return {prefix + key: shape for key, shape in spec.items()}


def batch_norm(width: int) -> Spec:
    """A batch normalisation, its counter included."""
    names = ('weight', 'bias', 'running_mean', 'running_var')
    return {**dict.fromkeys(names, (width,)), 'num_batches_tracked': ()}


def affine(*shape: int, outputs: int | None = None) -> Spec:
    """Weight and bias of a linear layer, a convolution (outputs first) or a normalisation."""
    return {'weight': shape, 'bias': (shape[0] if outputs is None else outputs,)}


def towers(widths: Sequence[int], branches: Mapping[str, int]) -> Spec:
    """The branches of a head, see `hit_rfgm_ros.models.heads.Towers`."""
    spec: Spec = {}
    for branch, outputs in branches.items():
        for i in range(4):
            name = f'conv{i + 1}_{branch}.'
            spec |= prefixed(name + '0.', affine(widths[i + 1], widths[i], 3, 3))
            spec |= prefixed(name + '1.', batch_norm(widths[i + 1]))
        spec |= prefixed(f'conv5_{branch}.', affine(outputs, widths[4], 1, 1))
    return spec
