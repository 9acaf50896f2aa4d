"""A fresh network starts as the official one does."""

from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.hit.levit import Attention, Shrink
from hit_rfgm_ros.models.layers import LinearBN, Residual
import pytest
import torch
from torch import nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def last_norm(branch: nn.Module) -> nn.BatchNorm1d:
    """The normalisation right before a residual sum."""
    last = branch.proj[-1] if isinstance(branch, Attention) else branch[-1]
    assert isinstance(last, LinearBN)
    return last.bn


@pytest.mark.parametrize('name', ['hit_base', 'hit_small', 'hit_tiny'])
def test_residual_branches_start_at_zero(name: str) -> None:
    model = create_model(name)
    branches = [m.m for m in model.modules() if isinstance(m, Residual)]
    assert branches
    for branch in branches:
        assert torch.all(last_norm(branch).weight == 0)


def test_every_other_normalisation_starts_as_the_identity() -> None:
    model = create_model('hit_tiny')
    zeroed = {last_norm(m.m) for m in model.modules() if isinstance(m, Residual)}
    for module in model.modules():
        if isinstance(module, NORMS):
            assert torch.all(module.bias == 0)
            assert module in zeroed or torch.all(module.weight == 1)


def test_a_shrink_is_no_residual_branch_and_starts_open() -> None:
    shrinks = [m for m in create_model('hit_tiny').modules() if isinstance(m, Shrink)]
    assert len(shrinks) == 2
    for shrink in shrinks:
        assert torch.all(shrink.proj[-1].bn.weight == 1)


def test_attention_biases_start_at_zero() -> None:
    for key, parameter in create_model('hit_tiny').named_parameters():
        if key.endswith('attention_biases'):
            assert torch.all(parameter == 0)


def test_pvt_starts_with_narrow_linears_and_positions() -> None:
    body = create_model('hit_pvt').backbone.body
    linears = [m for m in body.modules() if isinstance(m, nn.Linear)]
    positions = [body.get_parameter(f'pos_embed{i}') for i in range(1, 5)]
    for weight in [*(linear.weight for linear in linears), *positions]:
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    for linear in linears:
        assert torch.all(linear.bias == 0)


def test_only_the_base_model_drops_paths() -> None:
    shares = {
        name: {m.drop_path for m in create_model(name).modules() if isinstance(m, Residual)}
        for name in ('hit_base', 'hit_small', 'hit_tiny')
    }
    assert shares == {'hit_base': {0.1}, 'hit_small': {0.0}, 'hit_tiny': {0.0}}
