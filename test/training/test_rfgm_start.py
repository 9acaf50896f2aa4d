"""Start values: attention does what they are made for; waves mean the same at every size."""

from dataclasses import replace

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.relevance import Ranker
from hit_rfgm_ros.models.rfgm.vit import Block
from hit_rfgm_ros.training.rfgm_start import (
    HEAD,
    Layout,
    principal_patches,
    set_ranker_values,
    set_start_values,
    waves,
)
import pytest
import torch
from torch import Tensor

CONFIG = RFGMConfig(
    'rfgm_t256', width=192, heads=3, search_size=128, template_size=64, relevance_stages=0
)


@pytest.fixture(scope='module')
def pictures() -> Tensor:
    """Smooth noise, as photos have it."""
    torch.manual_seed(0)
    small = torch.randn(32, 3, 16, 16)
    return torch.nn.functional.interpolate(small, size=(128, 128), mode='bicubic')


@pytest.fixture(scope='module')
def model(pictures: Tensor) -> RFGM:
    torch.manual_seed(1)
    network = RFGM(CONFIG).eval()
    set_start_values(network, pictures)
    return network


def _weights(model: RFGM, layer: int, head: int, tokens: Tensor) -> Tensor:
    """Attention weights (N, N) of one head for the first sample."""
    block = model.backbone.blocks[layer - 1]
    assert isinstance(block, Block)
    q, k, _ = block.attn.split(block.project(tokens))
    return (q[0, head] @ k[0, head].T / HEAD**0.5).softmax(1)


@torch.no_grad()
def test_one_head_looks_at_its_own_neighbourhood_in_its_own_picture(
    model: RFGM, pictures: Tensor
) -> None:
    memory = model.embed_template(pictures[:1, :, :64, :64])
    tokens = torch.cat([memory, model.embed_search(pictures[:1])], 1)
    weights = _weights(model, 1, 0, tokens)[16:]
    assert weights[:, :16].sum(1).max() < 0.05  # almost none across
    near = weights[:, 16:].view(8, 8, 64)
    hits = [near[y, x].argmax() == 8 * y + x for y in range(1, 7) for x in range(1, 7)]
    assert sum(hits) > 0.7 * len(hits)


@torch.no_grad()
def test_other_heads_look_one_place_aside(model: RFGM, pictures: Tensor) -> None:
    tokens = torch.cat(
        [model.embed_template(pictures[:1, :, :64, :64]), model.embed_search(pictures[:1])], 1
    )
    steps = {(1, 1): (0, 1), (1, 2): (0, -1), (2, 1): (1, 0), (2, 2): (-1, 0)}
    for (layer, head), (dy, dx) in steps.items():
        near = _weights(model, layer, head, tokens)[16:, 16:].view(8, 8, 64)
        inner = [(y, x) for y in range(2, 6) for x in range(2, 6)]
        hits = [near[y, x].argmax() == 8 * (y + dy) + x + dx for y, x in inner]
        assert sum(hits) > 0.7 * len(hits)


@torch.no_grad()
def test_matching_heads_find_the_template_in_the_search_region(
    model: RFGM, pictures: Tensor
) -> None:
    """The template is a part of the search region, so that each of its tokens has a twin."""
    memory = model.embed_template(pictures[:1, :, 32:96, 32:96])
    tokens = torch.cat([memory, model.embed_search(pictures[:1])], 1)
    weights = _weights(model, 3, 1, tokens)
    assert weights[16:, :16].sum(1).mean() > 0.7  # search tokens look across
    twins = weights[16:, :16].view(8, 8, 16)[2:6, 2:6].flatten(0, 1)
    assert (twins.argmax(1) == torch.arange(16)).float().mean() > 0.9


def test_places_mean_the_same_at_every_picture_size() -> None:
    small, large = CONFIG, replace(CONFIG, search_size=256, template_size=128)
    for template in (True, False):
        coarse = waves(small, template=template)
        fine = waves(large, template=template)
        side = round(len(coarse) ** 0.5)
        blocks = fine.view(side, 2, side, 2, -1).mean((1, 3)).flatten(0, 1)
        cosine = torch.nn.functional.cosine_similarity(coarse, blocks, dim=1)
        assert cosine.min() > 0.99
    centre = waves(small, template=False).view(8, 8, -1)[2:6, 2:6].flatten(0, 1)
    torch.testing.assert_close(waves(small, template=True), centre)


def test_principal_patches_are_centred_and_of_the_wanted_power(pictures: Tensor) -> None:
    filters, biases = principal_patches(pictures, 128)
    found = torch.nn.functional.conv2d(pictures, filters, biases, stride=16)
    values = found.permute(0, 2, 3, 1).flatten(0, 2)
    assert values.mean(0).abs().max() < 1e-3
    assert values.square().sum(1).mean().item() == pytest.approx(96, rel=0.01)
    covariance = torch.cov(values.T)
    off = covariance - torch.diag(covariance.diag())
    assert off.abs().max() < 1e-2 * covariance.diag().max()


def test_layout_fits_all_widths() -> None:
    for width in (64, 192, 384, 768):
        assert Layout.of(width).found.stop <= width


@torch.no_grad()
def test_fresh_ranker_prefers_what_is_looked_at_more() -> None:
    for heads, width in ((3, 192), (12, 768)):
        ranker = Ranker(heads, width)
        set_ranker_values(ranker)
        average = 1 / 448
        weights = average * torch.tensor([0.0, 0.3, 1.0, 3.0])[:, None].expand(4, heads)
        kept = ranker.preference(weights[None])[0].sigmoid()
        assert (kept.diff() > 0).all()
        assert kept[0] < 0.3
        assert 0.8 < kept[2] < 0.99
