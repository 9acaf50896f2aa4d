"""RFGM while it is trained: decisions, their gradients, dropped branches, first values."""

from typing import Any

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.vit import Block
import pytest
import torch
from torch import Tensor

SIZES: dict[str, Any] = {'width': 64, 'heads': 1, 'search_size': 128, 'template_size': 64}


def network(**options: Any) -> RFGM:
    torch.manual_seed(4)
    return RFGM(RFGMConfig('small', **SIZES, **options)).train()


def pictures(batch: int = 2, templates: int = 3) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, 128, 128), torch.randn(batch, templates, 3, 64, 64)


def test_decisions_are_cumulative_and_hard() -> None:
    model = network()
    with torch.no_grad():
        for ranker in model.rankers.values():
            ranker.fc3.bias.zero_()  # so that many are dropped
    output = model(*pictures())
    assert not output.kept
    assert [decision.shape for decision in output.decisions] == [(2, 48)] * 3
    first, second, third = (decision.detach().round() for decision in output.decisions)
    for decision, hard in zip(output.decisions, (first, second, third)):
        torch.testing.assert_close(decision.detach(), hard, rtol=0, atol=1e-6)
        assert set(hard.flatten().tolist()) == {0.0, 1.0}
    assert (second <= first).all()
    assert (third <= second).all()


@pytest.mark.parametrize('stages', [1, 2, 3])
def test_gradients_of_maps_and_of_shares_reach_every_ranker(stages: int) -> None:
    shares = ('maps', 'shares')
    for wanted in shares:
        model = network(relevance_stages=stages, drop_path=0.0)
        output = model(*pictures())
        if wanted == 'maps':
            output.score_map.square().sum().backward()
        else:
            sum(decision.mean() for decision in output.decisions).backward()
        for name, parameter in model.rankers.named_parameters():
            assert parameter.grad is not None, (wanted, name)
            assert parameter.grad.isfinite().all(), (wanted, name)
            assert parameter.grad.abs().sum() > 0, (wanted, name)


def test_every_parameter_takes_part() -> None:
    model = network()
    output = model(*pictures())
    maps = (output.score_map, output.size_map, output.offset_map)
    sum(each.square().mean() for each in maps).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_bfloat16_autocast_gives_finite_numbers() -> None:
    model = network()
    with torch.autocast('cpu', torch.bfloat16):
        output = model(*pictures())
    assert output.score_map.dtype == torch.float32
    assert output.boxes.dtype == torch.float32
    (output.score_map.sum() + output.boxes.sum()).backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name


def test_without_stages_training_differs_by_dropped_branches_and_batch_statistics_only() -> None:
    model = network(relevance_stages=0, drop_path=0.0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    search, templates = pictures()
    with torch.no_grad():
        trained, evaluated = model(search, templates), model.eval()(search, templates)
    torch.testing.assert_close(trained.tokens, evaluated.tokens, rtol=1e-4, atol=1e-5)
    assert trained.decisions == []


def test_branches_are_dropped_more_often_in_later_layers_and_never_in_evaluation() -> None:
    model = network(drop_path=0.3)
    shares = [block.drop_path for block in model.backbone.blocks]
    assert shares == pytest.approx([0.3 * i / 11 for i in range(12)])
    block = Block(64, 1, 0.999).eval()
    x = torch.randn(3, 5, 64)
    with torch.no_grad():
        assert not torch.equal(block(x), x)
        torch.manual_seed(0)
        assert torch.equal(block.train()(x), x)


def test_first_values() -> None:
    model = create_model('rfgm_t256')
    for ranker in model.rankers.values():
        assert ranker.fc3.bias.tolist() == [2.0, -2.0]
    for positions in (model.backbone.pos_embed_z, model.backbone.pos_embed_x):
        assert positions.std().item() == pytest.approx(0.02, rel=0.05)
        assert abs(positions.mean().item()) < 1e-3


def test_padding_is_refused() -> None:
    model = network()
    memory, search = torch.zeros(1, 32, 64), torch.zeros(1, 64, 64)
    with pytest.raises(ConfigError, match='training mode takes no memory_mask'):
        model.track(search, memory, torch.ones(1, 32, dtype=torch.bool))


def test_one_template_may_come_without_its_own_axis() -> None:
    model = network().eval()
    search, templates = pictures(templates=1)
    with torch.no_grad():
        one, other = model(search, templates), model(search, templates[:, 0])
    assert torch.equal(one.boxes, other.boxes)
