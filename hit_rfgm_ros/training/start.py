"""Where training starts when there is no pretrained backbone (ours; the function stays official).

Random attention biases let the network settle on "box what is salient": the template is averaged
away before it is compared. These start values make half of the heads look from one image to the
other and let the shrinks pool locally, so that matching is what is learnt first. They are only
initial values: the file format and the computed function are the official ones.
"""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.geometry.token_grid import offset_table
from hit_rfgm_ros.models.hit.levit import Attention, Shrink
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.layers import LinearBN, Residual
import torch
from torch import nn

CROSS_IMAGE = 2.5  # added to biases between search and template, half of the heads
LOCAL_SLOPE, LOCAL_REACH = 0.5, 20.0  # -slope * min(distance^2, reach), the other half


def _sides(config: HiTConfig) -> tuple[int, int]:
    return config.search_size // 16, config.template_size // 16


def _attention_modules(model: HiT) -> list[tuple[Attention | Shrink, tuple[int, int]]]:
    """Every attention, with the sides of the grids of its keys; none in a PVT."""
    found: list[tuple[Attention | Shrink, tuple[int, int]]] = []
    sides = _sides(model.config)
    for module in model.modules():
        if isinstance(module, Attention):
            found.append((module, sides))
        elif isinstance(module, Shrink):
            found.append((module, sides))
            sides = sides[0] // 2, sides[1] // 2
    return found


@torch.no_grad()
def set_start_values(model: HiT, *, residual_weight: float = 0.3) -> None:
    """Give a fresh network the start values, in place.

    Args:
        model: a LeViT network gets them as far as its position encoding has a place for them: the
            absolute one has no biases, the separate one none between the images. A PVT keeps the
            authors' start values.
        residual_weight: weight of the normalisation that ends each residual branch (official: 0).
    """
    for module, sides in _attention_modules(model):
        if not module.absolute:
            _set_biases(module, sides, model.config.position_encoding)
        if isinstance(module, Attention):
            _copy_queries_to_keys(module)
    for part in model.modules():
        if isinstance(part, Residual):
            last = [layer for layer in part.modules() if isinstance(layer, LinearBN)][-1]
            nn.init.constant_(last.bn.weight, residual_weight)


def _set_biases(module: Attention | Shrink, sides: tuple[int, int], layout: str) -> None:
    search_side, template_side = sides
    stride = 2 if isinstance(module, Shrink) else 1
    table = offset_table(search_side, template_side, layout, stride)[1]
    offsets = torch.from_numpy(table.copy()).float()
    # Offsets this large occur between search and template only.
    cross = (offsets.amax(1) >= search_side).float() * CROSS_IMAGE
    scale = 8.0 / search_side if search_side > 8 else 1.0  # distances in cells of a 128 crop
    local = -LOCAL_SLOPE * (offsets * scale).square().sum(1).clamp(max=LOCAL_REACH)
    half = module.heads // 2
    module.attention_biases[:half] = cross
    module.attention_biases[half:] = local
    if isinstance(module, Shrink):
        module.attention_biases[:half] += local


def _copy_queries_to_keys(module: Attention) -> None:
    """Start with keys equal to queries: like tokens attend to each other."""
    if module.absolute:
        module.k.c.weight.copy_(module.q.c.weight)
        return
    rows = module.qkv.c.weight.view(module.heads, 2 * module.key + module.value, -1)
    rows[:, module.key : 2 * module.key] = rows[:, : module.key]


@torch.no_grad()
def transfer(source: HiT, target: HiT) -> None:
    """Copy weights between networks that differ in picture size only, in place.

    A network is trained on small pictures first, which is four times as fast. All tensors are the
    same but the bias tables: a cell covers a smaller part of the scene in the larger picture, so
    a table is read at the offsets scaled by the ratio of the grids, bilinearly.

    Raises:
        ConfigError: for a PVT of another picture size: it has learnt one position per token.
    """
    if source.config.backbone == 'pvt':
        if source.config.search_size != target.config.search_size:
            raise ConfigError(
                f'{source.config.name} was trained at {source.config.search_size} pixels and '
                f'cannot go on at {target.config.search_size}: begin it at that size'
            )
        target.load_state_dict(source.state_dict())
        return
    state = {
        key: value
        for key, value in source.state_dict().items()
        if not key.endswith(('attention_biases', 'attention_bias_idxs'))
    }
    target.load_state_dict(state, strict=False)
    pairs = zip(_attention_modules(source), _attention_modules(target))
    for (old, old_sides), (new, new_sides) in pairs:
        if old.absolute:
            continue
        stride = 2 if isinstance(old, Shrink) else 1
        layout = source.config.position_encoding
        old_offsets = offset_table(*old_sides, layout, stride)[1]
        new_offsets = offset_table(*new_sides, layout, stride)[1]
        ratio = old_sides[0] / new_sides[0]
        weights = _interpolation(
            torch.from_numpy(old_offsets.copy()).float(),
            torch.from_numpy(new_offsets.copy()).float() * ratio,
        )
        new.attention_biases.copy_(old.attention_biases @ weights.T)


def _interpolation(known: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Bilinear weights (wanted, known); an offset that no neighbour covers takes the nearest."""
    distance = (wanted.unsqueeze(1) - known).abs()  # (wanted, known, 2)
    weights = (1 - distance).clamp(min=0).prod(2)
    total = weights.sum(1, keepdim=True)
    nearest = nn.functional.one_hot(distance.square().sum(2).argmin(1), len(known)).float()
    return torch.where(total > 0.25, weights / total.clamp(min=1e-6), nearest)
