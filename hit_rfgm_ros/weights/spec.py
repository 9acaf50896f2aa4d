"""Keys and shapes of a network's weights, computed from its configuration without torch.

The names are those of the official checkpoints, so imported and own weights are alike. Tables that
follow from the configuration (bias indices) and batch counters are listed apart: they are neither
stored nor needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.geometry.token_grid import offset_table
import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Spec = dict[str, Shape]

COMPUTED = ('attention_bias_idxs', 'num_batches_tracked')
_STATISTICS = ('running_mean', 'running_var')
_SHOWN = 10  # keys listed in full in an error
_PVT_REDUCTIONS = (8, 4, 2, 1)


def is_computed(key: str) -> bool:
    """Tell whether a key names a table or counter that weights files leave out."""
    return key.endswith(COMPUTED)


def state_spec(config: HiTConfig) -> Spec:
    """Shape of every stored tensor by its official key."""
    return {key: shape for key, shape in _full_spec(config).items() if not is_computed(key)}


def computed_keys(config: HiTConfig) -> Spec:
    """Shape of every index table and batch counter that an official checkpoint also holds."""
    return {key: shape for key, shape in _full_spec(config).items() if is_computed(key)}


def index_tables(config: HiTConfig) -> dict[str, NDArray[np.int64]]:
    """The table of bias indices of every attention block and shrink, by its official key."""
    by_shape = {}
    if config.backbone == 'levit' and config.position_encoding != 'absolute':
        sides = (config.search_size // 16, config.template_size // 16)
        for _ in config.widths:
            for query_stride in (1, 2):
                index, _offsets = offset_table(*sides, config.position_encoding, query_stride)
                by_shape[index.shape] = index
            sides = (sides[0] // 2, sides[1] // 2)
    tables = computed_keys(config).items()
    return {key: by_shape[shape] for key, shape in tables if key.endswith('attention_bias_idxs')}


def parameter_count(config: HiTConfig) -> int:
    """Trainable numbers of a network: everything stored but the batch statistics."""
    spec = state_spec(config)
    return sum(prod(shape) for key, shape in spec.items() if not key.endswith(_STATISTICS))


def check_state(
    shapes: Mapping[str, Shape], config: HiTConfig, source: str, spec: Spec | None = None
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


def _full_spec(config: HiTConfig) -> Spec:
    body = _levit(config) if config.backbone == 'levit' else _pvt(config)
    spec = _prefixed('backbone.body.', body)
    spec |= _prefixed('bottleneck.', _bridge(config))
    return spec | _prefixed('box_head.', _corner_head(config.hidden_dim))


def _prefixed(prefix: str, spec: Spec) -> Spec:
    return {prefix + key: shape for key, shape in spec.items()}


def _batch_norm(width: int) -> Spec:
    names = ('weight', 'bias', 'running_mean', 'running_var')
    return {**dict.fromkeys(names, (width,)), 'num_batches_tracked': ()}


def _affine(*shape: int, outputs: int | None = None) -> Spec:
    """Weight and bias of a linear layer, a convolution (outputs first) or a normalisation."""
    return {'weight': shape, 'bias': (shape[0] if outputs is None else outputs,)}


def _with_bn(*shape: int) -> Spec:
    """A layer without bias, ``c``, and the batch normalisation after it, ``bn``."""
    return {'c.weight': shape, **_prefixed('bn.', _batch_norm(shape[0]))}


def _levit(config: HiTConfig) -> Spec:
    first = config.widths[0]
    widths = (3, first // 8, first // 4, first // 2, first)
    spec: Spec = {}
    for i in range(4):
        spec |= _prefixed(f'patch_embed.{2 * i}.', _with_bn(widths[i + 1], widths[i], 3, 3))
    sides = (config.search_size // 16, config.template_size // 16)
    blocks: list[Spec] = []
    for stage, width in enumerate(config.widths):
        mlp = _mlp(width, width * config.mlp_ratios[stage])
        if stage > 0:
            blocks += [_shrink(config, stage, sides), mlp]
            sides = (sides[0] // 2, sides[1] // 2)
        blocks += [_attention(config, stage, sides), mlp] * config.depths[stage]
    for i, block in enumerate(blocks):
        spec |= _prefixed(f'blocks.{i}.', block)
    return spec


def _mlp(width: int, hidden: int) -> Spec:
    return {
        **_prefixed('m.0.', _with_bn(hidden, width)),
        **_prefixed('m.2.', _with_bn(width, hidden)),
    }


def _biases(heads: int, sides: tuple[int, int], layout: str, query_stride: int = 1) -> Spec:
    index, offsets = offset_table(*sides, layout, query_stride)
    return {'attention_biases': (heads, len(offsets)), 'attention_bias_idxs': index.shape}


def _attention(config: HiTConfig, stage: int, sides: tuple[int, int]) -> Spec:
    width, heads = config.widths[stage], config.heads[stage]
    key, value = heads * config.key_dim, heads * config.value_dim
    if config.position_encoding == 'absolute':
        spec = {
            **_prefixed('q.', _with_bn(key, width)),
            **_prefixed('k.', _with_bn(key, width)),
            **_prefixed('v.', _with_bn(value, width)),
        }
    else:
        spec = {
            **_biases(heads, sides, config.position_encoding),
            **_prefixed('qkv.', _with_bn(2 * key + value, width)),
        }
    spec |= _prefixed('proj.1.', _with_bn(width, value))
    return _prefixed('m.', spec)


def _shrink(config: HiTConfig, stage: int, sides: tuple[int, int]) -> Spec:
    """``sides`` are those of the input grids."""
    before, width = config.widths[stage - 1], config.widths[stage]
    heads = config.shrink_heads[stage - 1]
    key, value = heads * config.key_dim, heads * config.shrink_value_dim
    if config.position_encoding == 'absolute':
        spec = {
            **_prefixed('k.', _with_bn(key, before)),
            **_prefixed('v.', _with_bn(value, before)),
        }
    else:
        spec = {
            **_biases(heads, sides, config.position_encoding, query_stride=2),
            **_prefixed('kv.', _with_bn(key + value, before)),
        }
    spec |= _prefixed('q.1.', _with_bn(key, before))
    return spec | _prefixed('proj.1.', _with_bn(width, value))


def _pvt(config: HiTConfig) -> Spec:
    spec: Spec = {}
    for i, width in enumerate(config.widths):
        stride = 4 * 2**i
        tokens = (config.search_size // stride) ** 2 + (config.template_size // stride) ** 2
        before, patch = (3, 4) if i == 0 else (config.widths[i - 1], 2)
        spec[f'pos_embed{i + 1}'] = (1, tokens, width)
        name = f'patch_embed{i + 1}.'
        spec |= _prefixed(name + 'proj.', _affine(width, before, patch, patch))
        spec |= _prefixed(name + 'norm.', _affine(width))
        block = _pvt_block(width, width * config.mlp_ratios[i], _PVT_REDUCTIONS[i])
        for j in range(config.depths[i]):
            spec |= _prefixed(f'block{i + 1}.{j}.', block)
    return spec | _prefixed('norm.', _affine(config.widths[-1]))


def _pvt_block(width: int, hidden: int, reduction: int) -> Spec:
    reducing = {
        **_prefixed('attn.sr.', _affine(width, width, reduction, reduction)),
        **_prefixed('attn.norm.', _affine(width)),
    }
    return {
        **_prefixed('norm1.', _affine(width)),
        **_prefixed('attn.q.', _affine(width, width)),
        **_prefixed('attn.kv.', _affine(2 * width, width)),
        **_prefixed('attn.proj.', _affine(width, width)),
        **(reducing if reduction > 1 else {}),
        **_prefixed('norm2.', _affine(width)),
        **_prefixed('mlp.fc1.', _affine(hidden, width)),
        **_prefixed('mlp.fc2.', _affine(width, hidden)),
    }


def _bridge(config: HiTConfig) -> Spec:
    pvt = config.backbone == 'pvt'
    stages = ('max', 'mid') if pvt else config.bridge_stages
    widths = config.widths[-2:] if pvt else config.widths
    c1, c2, c3 = widths[0], widths[1], widths[-1]
    hidden = config.hidden_dim
    spec: Spec = {}
    if stages == ('min',):
        spec |= _prefixed('layers.0.', _upsample_bn(c3, c3))
        spec |= _prefixed('layers.1.', _upsample_bn(c3, c3))
        return spec | _prefixed('proj.', _affine(hidden, c3))
    if 'min' in stages:
        spec |= _prefixed('layers.0.', _upsample_bn(c3, c2))
        spec |= _prefixed('layers.1.', _upsample_bn(c2, c1))
    elif 'mid' in stages:  # a flat list: the sum may come between the two layers
        spec |= _prefixed('layers.0.', _affine(c2, c1, 2, 2, outputs=c1))
        spec |= _prefixed('layers.1.', _batch_norm(c1))
    spec |= _prefixed('proj1.', _affine(hidden, c1))
    return spec | _prefixed('proj2.', _affine(hidden, c3))


def _upsample_bn(inputs: int, outputs: int) -> Spec:
    """A transposed convolution (inputs first) and its batch normalisation."""
    return {
        **_prefixed('0.', _affine(inputs, outputs, 2, 2, outputs=outputs)),
        **_prefixed('1.', _batch_norm(outputs)),
    }


def _corner_head(channels: int) -> Spec:
    widths = (channels, channels, channels // 2, channels // 4, channels // 8)
    spec: Spec = {}
    for corner in ('tl', 'br'):
        for i in range(4):
            name = f'conv{i + 1}_{corner}.'
            spec |= _prefixed(name + '0.', _affine(widths[i + 1], widths[i], 3, 3))
            spec |= _prefixed(name + '1.', _batch_norm(widths[i + 1]))
        spec |= _prefixed(f'conv5_{corner}.', _affine(1, widths[4], 1, 1))
    return spec
