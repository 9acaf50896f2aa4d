"""What only the torch engine has: tokens that stay on the device, and the GPU."""

from collections.abc import Callable

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.engines.torch_engine import DeviceTokens, TorchEngine
import numpy as np
import pytest
import torch

Pictures = Callable[..., dict[str, np.ndarray]]
Run = Callable[[BaseEngine, dict[str, np.ndarray]], dict[str, np.ndarray]]

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='torch sees no CUDA GPU')


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_a_handle_of_tokens_stands_for_an_array(
    dtype: torch.dtype, small: HiTConfig, pictures: Pictures
) -> None:
    precision = 'fp32' if dtype == torch.float32 else 'bf16'
    engine = TorchEngine(small, random_weights(small).tensors, precision=precision)
    images = pictures(small, 2)
    tokens = engine.run('template', {'template': images['template']})['template_tokens']
    handle = DeviceTokens(torch.from_numpy(tokens).to(dtype))
    assert np.asarray(handle).dtype == np.float32
    assert np.array_equal(np.asarray(handle), tokens)
    assert np.array_equal(np.concatenate([handle, handle]), np.concatenate([tokens, tokens]))
    assert (handle.shape, len(handle)) == (tokens.shape, 2)
    expected = engine.run('track', {'search': images['search'], 'template_tokens': tokens})
    given = engine.run('track', {'search': images['search'], 'template_tokens': handle})
    np.testing.assert_array_equal(given['boxes'], expected['boxes'])


def test_the_engine_does_not_share_memory_with_the_weights(
    small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    weights = random_weights(small)
    engine = TorchEngine(small, weights.tensors)
    before = run_both(engine, pictures(small, 1))['boxes']
    for array in weights.tensors.values():
        array[...] = 0
    np.testing.assert_array_equal(run_both(engine, pictures(small, 1))['boxes'], before)


@pytest.mark.parametrize(('precision', 'limit'), [('fp16', 0.01), ('bf16', 0.05)])
def test_a_short_type_on_a_cpu_gives_nearly_the_same(
    precision: str, limit: float, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    tensors, images = random_weights(small).tensors, pictures(small, 2)
    expected = run_both(TorchEngine(small, tensors), images)
    given = run_both(TorchEngine(small, tensors, precision=precision), images)
    assert 0 < np.abs(given['boxes'] - expected['boxes']).max() < limit


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(('precision', 'limit'), [('fp32', 1e-4), ('fp16', 0.05), ('bf16', 0.05)])
def test_a_gpu_gives_what_the_cpu_gives(
    precision: str, limit: float, small: HiTConfig, pictures: Pictures, run_both: Run
) -> None:
    images = pictures(small, 2)
    expected = run_both(create_engine(small, None, backend='torch', device='cpu'), images)
    engine = create_engine(small, None, backend='torch', device='cuda', precision=precision)
    assert engine.device == 'cuda:0'
    tokens = engine.run('template', {'template': images['template']})['template_tokens']
    assert isinstance(tokens, DeviceTokens)
    given = engine.run('track', {'search': images['search'], 'template_tokens': tokens})
    assert np.abs(given['boxes'] - expected['boxes']).max() < limit


@pytest.mark.gpu
@needs_gpu
def test_auto_takes_the_gpu_first(small: HiTConfig) -> None:
    assert create_engine(small, None).device == 'cuda:0'
