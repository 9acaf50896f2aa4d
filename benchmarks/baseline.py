"""The network as its authors export it, rebuilt from this package's own torch modules.

Backbone's batch normalisations folded, batch 1, both pictures as float inputs, opset 11: the
reference that every speed-up is quoted against.
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch
import warnings

from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.layers import ConvBN, LinearBN
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.types import Array
import torch
from torch import Tensor, nn


class BoxOnly(nn.Module):
    """(search, template) -> boxes (B, 1, 4), the official export's signature."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, search: Tensor, template: Tensor) -> Tensor:
        """Normalised float pictures in."""
        return self.network(search, template).boxes[:, None]


def folded(module: nn.Module) -> nn.Module:
    """Replace every `LinearBN` and `ConvBN` below ``module`` by one layer, in place."""
    for name, child in module.named_children():
        if isinstance(child, (LinearBN, ConvBN)):
            setattr(module, name, _fold(child))
        else:
            folded(child)
    return module


def _fold(pair: LinearBN | ConvBN) -> nn.Module:
    norm, inner = pair.bn, pair.c
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = nn.Parameter(norm.bias - norm.running_mean * scale)
    if isinstance(inner, nn.Linear):
        layer: nn.Module = nn.Linear(inner.in_features, inner.out_features)
        layer.weight = nn.Parameter(inner.weight * scale[:, None])
    else:
        layer = nn.Conv2d(inner.in_channels, inner.out_channels, 3, stride=2, padding=1)
        layer.weight = nn.Parameter(inner.weight * scale[:, None, None, None])
    layer.bias = bias
    return layer


def _unflatten(x: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """`Tensor.unflatten` as a view: opset 11 has no other way."""
    shape = [int(n) for n in x.shape]
    return x.view(*shape[:dim], *sizes, *shape[dim + 1 :])


def export_baseline(name: str, state: dict[str, Array], path: Path) -> None:
    """Write the official-style ONNX file of a model with the given weights."""
    model = create_model(name)
    load_state(model, state)
    model.eval()
    with torch.no_grad():
        for module in model.modules():  # the official code gathers its biases once
            if hasattr(module, 'attention_biases'):
                gathered = module._bias().clone()
                module._bias = lambda gathered=gathered: gathered  # type: ignore[method-assign]
        folded(model)
        pictures = (torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 128, 128))
        with warnings.catch_warnings(), patch.object(Tensor, 'unflatten', _unflatten):
            warnings.simplefilter('ignore')  # the tracer's notes on constant shapes
            torch.onnx.export(
                BoxOnly(model).eval(),
                pictures,
                str(path),
                input_names=['search', 'template'],
                output_names=['outputs_coord_new'],
                opset_version=11,
                do_constant_folding=True,
                dynamo=False,
            )
