"""Folded weights, gathered biases and template tokens are never older than what they came from."""

from collections.abc import Callable

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.models.hit.fuse import fold_batch_norm
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.registry import load_state
import numpy as np
import pytest
import torch
from torch import Tensor

BACKENDS = ('torch', 'onnxruntime', 'openvino')
Pictures = Callable[..., dict[str, np.ndarray]]
Run = Callable[[BaseEngine, dict[str, np.ndarray]], dict[str, np.ndarray]]


@pytest.mark.parametrize('backend', BACKENDS)
def test_other_weights_make_another_engine_although_the_first_is_cached(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    images = pictures(small, 1)
    boxes = {}
    for seed in (0, 1):
        weights = random_weights(small, seed)
        engine = create_engine(small, weights, backend=backend, threads=1)
        boxes[seed] = run_both(engine, images)['boxes']
        fresh = create_engine(small, weights, backend='torch')
        np.testing.assert_allclose(boxes[seed], run_both(fresh, images)['boxes'], atol=2e-5)
    assert np.abs(boxes[0] - boxes[1]).max() > 1e-3


def test_one_changed_number_in_the_weights_changes_the_engine(
    small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    images = pictures(small, 1)
    weights = random_weights(small)
    before = run_both(create_engine(small, weights, backend='onnxruntime'), images)
    weights.tensors['box_head.conv5_tl.bias'] += 1  # shifts a whole map: the softmax is the same
    weights.tensors['bottleneck.proj2.bias'][0] += 1
    after = run_both(create_engine(small, weights, backend='onnxruntime'), images)
    assert np.abs(after['correlation'] - before['correlation']).max() > 1e-2


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_new_template_takes_effect_at_once(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    engine = create_engine(small, None, backend=backend, threads=1)
    first, second = pictures(small, 1, seed=0), pictures(small, 1, seed=1)
    mixed = {'search': first['search'], 'template': second['template']}
    before = run_both(engine, first)['correlation']
    after = run_both(engine, mixed)['correlation']
    assert np.abs(after - before).max() > 1e-3
    fresh = create_engine(small, None, backend=backend, threads=1)
    np.testing.assert_array_equal(after, run_both(fresh, mixed)['correlation'])
    np.testing.assert_array_equal(before, run_both(engine, first)['correlation'])


@pytest.fixture
def network(small: HiTConfig) -> HiT:
    network = HiT(small).eval()
    load_state(network, random_weights(small).tensors)
    return network


def boxes(network: HiT, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    search = torch.randn(1, 3, 128, 128, generator=generator).to(dtype)
    template = torch.randn(1, 3, 64, 64, generator=generator).to(dtype)
    with torch.no_grad():
        given: Tensor = network(search, template).boxes
    return given


def test_a_network_that_has_run_follows_new_weights(network: HiT, small: HiTConfig) -> None:
    before = boxes(network)
    other = random_weights(small, seed=1).tensors
    load_state(network, other)
    fresh = HiT(small).eval()
    load_state(fresh, other)
    assert torch.equal(boxes(network), boxes(fresh))
    assert torch.equal(boxes(fold_batch_norm(network)), boxes(fold_batch_norm(fresh)))
    assert not torch.allclose(boxes(network), before, atol=1e-3)


def test_a_changed_bias_and_a_changed_norm_take_effect_at_once(network: HiT) -> None:
    before = boxes(network)
    attention = network.backbone.body.blocks[0].m
    with torch.no_grad():
        attention.attention_biases.add_(torch.linspace(-3, 3, attention.attention_biases.shape[1]))
    biased = boxes(network)
    assert not torch.allclose(biased, before, atol=1e-5)
    with torch.no_grad():
        attention.qkv.bn.running_var.mul_(3)
    assert not torch.allclose(boxes(network), biased, atol=1e-5)


def test_moving_a_network_that_has_run_takes_all_of_it_along(network: HiT) -> None:
    before = boxes(network)
    moved = boxes(network.double(), torch.float64)  # another type moves like another device
    assert moved.dtype == torch.float64
    assert torch.allclose(moved.float(), before, atol=1e-5)
    assert torch.equal(boxes(network.float()), before)
    on_meta = network.to('meta')(
        torch.empty(1, 3, 128, 128, device='meta'), torch.empty(1, 3, 64, 64, device='meta')
    )
    assert on_meta.boxes.device.type == 'meta'
