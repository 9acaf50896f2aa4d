"""Random weights for benchmarks and tests: the same on every machine, made without torch."""

from __future__ import annotations

from math import prod, sqrt

from hit_rfgm_ros.config.models import MODELS, ModelConfig
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import Weights
from hit_rfgm_ros.weights.options import options_text
from hit_rfgm_ros.weights.spec import state_spec
import numpy as np

SOURCE = 'random'  # in the metadata
# Spread of a weight's outcome over that of its input, by a part of the key; the first that fits.
_GAINS = {
    'conv5_ctr': 9.0,
    'conv5_offset': 1.0,
    'conv5_size': 2.0,
    'conv5': 6.0,
    'box_head': sqrt(2),  # the loss of a ReLU
    'attn.qkv': 2.0,
    'rankers.4.fc1': 300.0,  # attention weights are of the order of 1 / 448
    'rankers.7.fc1': 300.0,
    'rankers.10.fc1': 300.0,
}


def random_weights(config: ModelConfig, seed: int = 0) -> Weights:
    """Weights that exercise every part of a network: no term is zero, the maps have peaks.

    They track nothing. Batch statistics and attention biases are random as well, so that a
    folding error shows; rankers tell tokens apart, so that a wrong choice shows.
    """
    generator = np.random.default_rng(seed)
    tensors = {
        key: _draw(key, shape, generator).astype(np.float32)
        for key, shape in state_spec(config).items()
    }
    options = options_text(config) if config.name in MODELS else {}
    return Weights(config.name, tensors, {'model': config.name, 'source': SOURCE, **options})


def _draw(key: str, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    if key.endswith('running_var'):
        return generator.uniform(0.5, 1.5, shape)
    if len(shape) == 1 and key.endswith('weight'):  # of a normalisation
        return generator.uniform(0.5, 1.0, shape)
    noise = generator.standard_normal(shape)
    if key == 'box_head.conv5_ctr.bias':
        return noise - 3.0  # a few cells of the score map are high
    if len(shape) == 1 or 'pos_embed' in key:
        return 0.1 * noise
    if key.endswith('attention_biases'):
        return 0.5 * noise
    # A transposed convolution has its inputs first and meets each output once.
    transposed = 'bottleneck.layers' in key
    fan_in = shape[0] if transposed else prod(shape[1:])
    return _gain(key) * noise / sqrt(fan_in)


def _gain(key: str) -> float:
    for part, gain in _GAINS.items():
        if part in key:
            return gain
    return 1.0
