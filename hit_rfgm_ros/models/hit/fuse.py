"""Batch normalisation folded into the layer before it, for inference."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

from hit_rfgm_ros.models.layers import ConvBN, LinearBN
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Network = TypeVar('Network', bound=nn.Module)


def fold_batch_norm(model: Network) -> Network:
    """A copy of a network in evaluation mode without the batch normalisations that can be folded.

    The network itself is left as it is; after a change of its weights fold again. A normalisation
    that follows a sum (the bridge of stages max and mid) stays.
    """
    copy = deepcopy(model).eval()
    _fold_children(copy)
    return copy


def _fold_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, LinearBN):
            setattr(module, name, fuse_linear_bn_eval(child.c, child.bn))
        elif isinstance(child, ConvBN):
            setattr(module, name, fuse_conv_bn_eval(child.c, child.bn))
        elif isinstance(child, nn.Sequential):
            setattr(module, name, _fold_sequence(child))
        else:
            _fold_children(child)


def _fold_sequence(sequence: nn.Sequential) -> nn.Sequential:
    """The same sequence with each convolution and the normalisation behind it made one."""
    _fold_children(sequence)
    kept: list[nn.Module] = []
    for layer in sequence:
        before = kept[-1] if kept else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            kept[-1] = fuse_conv_bn_eval(before, layer)
        elif isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.ConvTranspose2d):
            kept[-1] = fuse_conv_bn_eval(before, layer, transpose=True)
        else:
            kept.append(layer)
    return nn.Sequential(*kept)
