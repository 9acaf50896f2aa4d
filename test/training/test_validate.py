"""Validation: the overlap, the exchanged templates, and the stem's statistics."""

from pathlib import Path

from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.training.batches import collect
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.hit_family import HiTFamily
from hit_rfgm_ros.training.pairs import PairConfig, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.validate import batch_statistics, validate_pairs
import pytest
import torch


@pytest.fixture(scope='module')
def model() -> HiT:
    torch.manual_seed(0)
    return HiT(HiTFamily().sized(TrainConfig(), 128))


def test_scores_of_a_fresh_network(model: HiT, photo_tree: Path) -> None:
    pairs = PairConfig(search_size=128, template_size=64, shares={'photo': 1.0})
    sampler = PairSampler(PhotoSet.load(photo_tree, part='all'), pairs, seed=0)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    scores = validate_pairs(model, [collect(sampler, 4) for _ in range(2)])
    assert 0 <= scores.iou <= 1
    assert 0 <= scores.batch_stem <= 1
    assert scores.iou == pytest.approx(scores.exchanged, abs=0.05)  # nothing learnt: no gap
    assert f'{scores.iou:.3f}' in str(scores)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_batch_statistics_are_used_and_not_learnt(model: HiT) -> None:
    model.eval()
    images = 5 + 3 * torch.randn(4, 3, 128, 128)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.no_grad():
        usual = model.embed(images)
        with batch_statistics(model.backbone):
            own = model.embed(images)
        after = model.embed(images)
    assert not torch.allclose(own, usual, atol=0.1)
    assert own.flatten(0, 1).std(0).mean().item() == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(after, usual)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
