"""Small networks of every kind, and a cache of the test's own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import ModelConfig, get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines.base import BaseEngine
import numpy as np
import pytest

_LEVIT = {
    'widths': (32, 48, 64),
    'depths': (1, 1, 1),
    'key_dim': 8,
    'search_size': 128,
    'template_size': 64,
    'hidden_dim': 32,
}
# The four models with few channels: the same code paths in milliseconds.
SMALL = {
    'hit_base': replace(get_model_config('hit_base'), **{**_LEVIT, 'heads': (3, 4, 5)}),
    'hit_small': replace(get_model_config('hit_small'), **{**_LEVIT, 'heads': (2, 4, 6)}),
    'hit_tiny': replace(get_model_config('hit_tiny'), **{**_LEVIT, 'heads': (2, 3, 4)}),
    'hit_pvt': replace(
        get_model_config('hit_pvt'),
        widths=(16, 32, 40, 64),
        depths=(1, 1, 1, 1),
        mlp_ratios=(2, 2, 2, 2),
        search_size=128,
        template_size=64,
        hidden_dim=32,
    ),
}
TINY_RFGM = RFGMConfig('rfgm_t256', width=64, heads=1, search_size=128, template_size=64)


@pytest.fixture(scope='session')
def tiny_rfgm() -> RFGMConfig:
    """An RFGM with few channels and small pictures: 16 tokens a template, 64 cells."""
    return TINY_RFGM


@pytest.fixture
def small_configs() -> dict[str, HiTConfig]:
    """The four models with few channels, by name."""
    return dict(SMALL)


@pytest.fixture
def small() -> HiTConfig:
    """HiT-Tiny with few channels."""
    return SMALL['hit_tiny']


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder; empty at the start of every test."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'hit_rfgm_ros'


@pytest.fixture
def pictures() -> Callable[..., dict[str, np.ndarray]]:
    """Make random search regions and templates; the former with black padding on two sides."""

    def make(config: ModelConfig, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(seed)
        sizes = {'search': config.search_size, 'template': config.template_size}
        made = {
            name: generator.integers(0, 256, (batch, size, size, 3), np.uint8)
            for name, size in sizes.items()
        }
        made['search'][:, :20] = 0
        made['search'][:, :, -30:] = 0
        return made

    return make


@pytest.fixture
def run_both() -> Callable[[BaseEngine, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Run the two graphs one after the other."""

    def run(engine: BaseEngine, images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tokens = engine.run('template', {'template': images['template']})['template_tokens']
        return engine.run('track', {'search': images['search'], 'template_tokens': tokens})

    return run
