"""What differs between training and evaluation, and that everything can be learnt."""

from collections.abc import Callable

from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.layers import Residual
import pytest
import torch
from torch import Tensor, nn


def pictures(batch: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(batch, 3, 256, 256, generator=generator),
        torch.randn(batch, 3, 128, 128, generator=generator),
    )


@pytest.mark.parametrize('name', ['hit_tiny', 'hit_pvt'])
def test_gradients_reach_every_parameter(
    name: str, golden_model: Callable[[str], nn.Module]
) -> None:
    # In evaluation mode: batch statistics would cancel the biases before a normalisation.
    model = golden_model(name)
    model(*pictures(1)).boxes.square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key


def test_gradients_reach_both_pictures(golden_model: Callable[[str], nn.Module]) -> None:
    search, template = (picture.requires_grad_() for picture in pictures(1))
    golden_model('hit_tiny')(search, template).boxes.sum().backward()
    for picture in (search, template):
        assert picture.grad is not None
        assert picture.grad.abs().max() > 0


def test_evaluation_changes_nothing_and_repeats_itself(
    golden_model: Callable[[str], nn.Module],
) -> None:
    model = golden_model('hit_tiny')
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.no_grad():
        first, second = model(*pictures()).boxes, model(*pictures()).boxes
    assert torch.equal(first, second)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_training_uses_and_updates_batch_statistics() -> None:
    model = create_model('hit_tiny')
    with torch.no_grad():
        evaluated = model(*pictures()).boxes
        trained = model.train()(*pictures()).boxes
    assert not torch.allclose(evaluated, trained)
    state = model.state_dict()
    # The stem sees the search region, then the template: two updates per step.
    assert state['backbone.body.patch_embed.0.bn.num_batches_tracked'] == 2
    assert state['backbone.body.blocks.0.m.qkv.bn.num_batches_tracked'] == 1


def test_the_stem_sees_the_search_region_first() -> None:
    search, template = pictures()
    model = create_model('hit_tiny').train()
    model(search, template)
    twin = create_model('hit_tiny')
    twin.load_state_dict(model.state_dict())
    norm = twin.backbone.body.patch_embed[0].bn
    norm.reset_running_stats()
    twin.train()
    for picture in (search, template):
        twin.embed(picture)
    expected = model.backbone.body.patch_embed[0].bn.running_mean
    assert torch.equal(norm.running_mean, expected)


class Constant(nn.Module):
    """A branch that gives ones."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


def test_a_dropped_branch_is_dropped_for_a_whole_sample() -> None:
    torch.manual_seed(3)
    block = Residual(Constant(), drop_path=0.25).train()
    added = block(torch.zeros(4000, 5, 2)).flatten(1)
    assert torch.all(added == added[:, :1])
    assert sorted(set(added[:, 0].tolist())) == pytest.approx([0, 1 / 0.75])
    assert added.mean().item() == pytest.approx(1, abs=0.05)  # the expectation is kept
    assert (added[:, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)


def test_evaluation_keeps_every_branch() -> None:
    block = Residual(Constant(), drop_path=0.9).eval()
    assert torch.all(block(torch.zeros(50, 5, 2)) == 1)
