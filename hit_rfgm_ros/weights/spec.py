"""Keys and shapes of a network's weights, computed from its configuration without torch.

The names are those of the official checkpoints, so imported and own weights are alike. Tables that
follow from the configuration (bias indices) and batch counters are listed apart: they are neither
stored nor needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.weights.hit_spec import TABLE, hit_spec
from hit_rfgm_ros.weights.rfgm_spec import rfgm_spec
from hit_rfgm_ros.weights.spec_parts import Shape, Spec

COMPUTED = (TABLE, 'num_batches_tracked')
_STATISTICS = ('running_mean', 'running_var')
_SHOWN = 10  # keys listed in full in an error


def is_computed(key: str) -> bool:
    """Tell whether a key names a table or counter that weights files leave out."""
    return key.endswith(COMPUTED)


def state_spec(config: ModelConfig) -> Spec:
    """Shape of every stored tensor by its official key."""
    return {key: shape for key, shape in _full_spec(config).items() if not is_computed(key)}


def computed_keys(config: ModelConfig) -> Spec:
    """Shape of every index table and batch counter that an official checkpoint also holds."""
    return {key: shape for key, shape in _full_spec(config).items() if is_computed(key)}


def parameter_count(config: ModelConfig) -> int:
    """Trainable numbers of a network: everything stored but the batch statistics."""
    spec = state_spec(config)
    return sum(prod(shape) for key, shape in spec.items() if not key.endswith(_STATISTICS))


def check_state(
    shapes: Mapping[str, Shape], config: ModelConfig, source: str, spec: Spec | None = None
) -> None:
    """Compare the shapes of a state dict with what the configuration needs.

    Args:
        shapes: shape by key; index tables and counters are not looked at.
        config: the network that the state dict should fit.
        source: what the state dict came from, begins the error message.
        spec: the part of the network that is wanted; None is all of it.

    Raises:
        WeightsError: with the number of missing, surplus and misshapen keys and the first of each.
    """
    spec = state_spec(config) if spec is None else spec
    given = {key: tuple(shape) for key, shape in shapes.items() if not is_computed(key)}
    wrong = [
        f'{key} {given[key]} instead of {shape}'
        for key, shape in spec.items()
        if key in given and given[key] != shape
    ]
    findings = [
        _listed('missing', [key for key in spec if key not in given]),
        _listed('surplus', [key for key in given if key not in spec]),
        _listed('misshapen', wrong),
    ]
    problems = [finding for finding in findings if finding]
    if problems:
        raise WeightsError(f'{source} does not fit {config.name}: {"; ".join(problems)}')


def _listed(kind: str, keys: Iterable[str]) -> str:
    keys = list(keys)
    if not keys:
        return ''
    noun = 'key' if len(keys) == 1 else 'keys'
    more = f', and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else ''
    return f'{len(keys)} {kind} {noun} ({", ".join(keys[:_SHOWN])}{more})'


def _full_spec(config: ModelConfig) -> Spec:
    return rfgm_spec(config) if isinstance(config, RFGMConfig) else hit_spec(config)
