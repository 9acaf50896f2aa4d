"""All back ends compute the same function, whatever the batch and the memory layout."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hit_rfgm_ros.config.hit import HIT_MODELS, HiTConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.registry import load_state
import numpy as np
import pytest
import torch

BACKENDS = ('torch', 'onnxruntime', 'openvino')
Pictures = Callable[..., dict[str, np.ndarray]]
Run = Callable[[BaseEngine, dict[str, np.ndarray]], dict[str, np.ndarray]]


def plain(config: HiTConfig, images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The plain network on pictures normalised by hand: the function that engines must give."""
    network = HiT(config).eval()
    load_state(network, random_weights(config).tensors)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    tensors = [
        torch.from_numpy((images[name] / 255 - mean) / deviation).permute(0, 3, 1, 2)
        for name in ('search', 'template')
    ]
    with torch.no_grad():
        output = network.double()(*tensors)
    return {
        'boxes': output.boxes.numpy(),
        'score_tl': output.score_tl.flatten(1).softmax(1).numpy(),
        'score_br': output.score_br.flatten(1).softmax(1).numpy(),
        'correlation': output.correlation.numpy(),
    }


@pytest.mark.parametrize('model', list(HIT_MODELS))
def test_every_back_end_gives_what_the_plain_network_gives(
    model: str, small_configs: dict[str, HiTConfig], pictures: Pictures, run_both: Run
) -> None:
    config = small_configs[model]
    images = pictures(config, 3)
    expected = plain(config, images)
    assert np.ptp(expected['boxes'], axis=0).max() > 1e-3  # else any constant would pass
    for backend in BACKENDS:
        given = run_both(create_engine(config, None, backend=backend, threads=1), images)
        assert {name: value.dtype.name for name, value in given.items()} == dict.fromkeys(
            expected, 'float32'
        )
        for name, value in expected.items():
            np.testing.assert_allclose(
                given[name], value, rtol=1e-4, atol=2e-5, err_msg=f'{backend} {name}'
            )


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_batch_is_its_members_one_by_one(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    engine = create_engine(small, None, backend=backend, threads=1)
    images = pictures(small, 3)
    together = run_both(engine, images)
    for i in range(3):
        alone = run_both(engine, {name: value[i : i + 1] for name, value in images.items()})
        for name, value in alone.items():
            np.testing.assert_allclose(together[name][i : i + 1], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('backend', BACKENDS)
def test_memory_layout_does_not_matter_and_results_are_not_overwritten(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    engine = create_engine(small, None, backend=backend, threads=1)
    images = pictures(small, 1)
    first = run_both(engine, images)
    kept = {name: value.copy() for name, value in first.items()}
    strided = {name: np.repeat(value, 2, axis=2)[:, :, ::2] for name, value in images.items()}
    assert not strided['search'].flags.c_contiguous
    second = run_both(engine, strided)
    run_both(engine, pictures(small, 1, seed=1))
    for name, value in kept.items():
        np.testing.assert_array_equal(second[name], value)
        np.testing.assert_array_equal(first[name], value)


@pytest.mark.parametrize('backend', BACKENDS)
def test_calls_from_several_threads_do_not_disturb_each_other(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    engine = create_engine(small, None, backend=backend, threads=1)
    inputs = [pictures(small, 1, seed=seed) for seed in range(4)]
    expected = [run_both(engine, images)['boxes'] for images in inputs]
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda images: run_both(engine, images)['boxes'], inputs * 3))
    np.testing.assert_array_equal(given, expected * 3)


@pytest.mark.parametrize('backend', ['torch', 'openvino'])
def test_bf16_is_near_fp32_and_not_the_same(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    images = pictures(small, 2)
    exact, reduced = (
        run_both(create_engine(small, None, backend=backend, precision=precision), images)
        for precision in ('fp32', 'bf16')
    )
    difference = np.abs(exact['boxes'] - reduced['boxes']).max()
    assert 1e-6 < difference < 0.05


@pytest.mark.parametrize('backend', BACKENDS)
def test_nan_in_the_weights_comes_out_as_nan_without_an_error(
    backend: str, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    # The trackers report such a box (state and reason); an engine passes it on. The doors refuse
    # such weights, so the engine is made by hand.
    weights = random_weights(small)
    weights.tensors['box_head.conv5_tl.bias'][:] = np.nan
    engine = bare_engine(backend, small, weights.tensors)
    given = run_both(engine, pictures(small, 1))
    assert np.isnan(given['boxes']).any()
    assert np.isnan(given['score_tl']).all()
    assert np.isfinite(given['score_br']).all()


def bare_engine(backend: str, config: HiTConfig, tensors: dict[str, Any]) -> BaseEngine:
    from hit_rfgm_ros.engines.graphs import build_graphs
    from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
    from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine
    from hit_rfgm_ros.engines.torch_engine import TorchEngine

    if backend == 'torch':
        return TorchEngine(config, tensors)
    graphs = {
        name: graph.SerializeToString()
        for name, graph in build_graphs(config, tensors, backend=backend).items()
    }
    return {'onnxruntime': OnnxEngine, 'openvino': OpenVinoEngine}[backend](config, graphs)
