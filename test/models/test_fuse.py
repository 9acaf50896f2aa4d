"""Folding batch normalisation away changes neither the boxes nor the network it was asked of."""

from collections.abc import Callable

from hit_rfgm_ros.models.hit.fuse import fold_batch_norm
import pytest
import torch
from torch import Tensor, nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def pictures(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return (
        torch.randn(1, 3, 256, 256, generator=generator).to(dtype),
        torch.randn(1, 3, 128, 128, generator=generator).to(dtype),
    )


def boxes(model: nn.Module, dtype: torch.dtype = torch.float64) -> Tensor:
    with torch.no_grad():
        return model(*pictures(dtype)).boxes


@pytest.mark.parametrize(
    'name',
    [
        'hit_small',
        'hit_tiny',
        'hit_pvt',
        'hit_tiny+bridge=max,mid',
        'hit_tiny+bridge=min',
        'hit_tiny+position=absolute',
    ],
)
def test_folded_network_gives_the_same_boxes(
    name: str, golden_model: Callable[[str], nn.Module]
) -> None:
    model = golden_model(name).double()
    folded = fold_batch_norm(model)
    kept = [module for module in folded.modules() if isinstance(module, NORMS)]
    # Only a normalisation that follows a sum stays: it belongs to no single layer.
    assert len(kept) == (1 if name in ('hit_pvt', 'hit_tiny+bridge=max,mid') else 0)
    assert (boxes(folded) - boxes(model)).abs().max() < 1e-9


def test_folded_float32_stays_within_the_official_deviation(
    golden_model: Callable[[str], nn.Module],
) -> None:
    model = golden_model('hit_tiny')
    difference = boxes(fold_batch_norm(model), torch.float32) - boxes(model, torch.float32)
    assert difference.abs().max() < 6e-6


def test_folding_leaves_the_network_as_it_was(golden_model: Callable[[str], nn.Module]) -> None:
    model = golden_model('hit_tiny').double()
    before = boxes(model)
    folded = fold_batch_norm(model.train())
    assert model.training
    assert not folded.training
    assert torch.equal(boxes(model.eval()), before)


def test_folding_again_takes_changed_weights(golden_model: Callable[[str], nn.Module]) -> None:
    model = golden_model('hit_tiny').double()
    before = boxes(fold_batch_norm(model))
    with torch.no_grad():
        model.backbone.body.patch_embed[0].bn.running_var.mul_(4)
    after = boxes(fold_batch_norm(model))
    assert (after - boxes(model)).abs().max() < 1e-9
    assert (after - before).abs().max() > 1e-3
