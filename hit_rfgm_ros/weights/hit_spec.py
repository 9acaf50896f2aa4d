"""Keys and shapes of HiT's weights."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.geometry.token_grid import offset_table
from hit_rfgm_ros.weights.spec_parts import Spec, affine, batch_norm, prefixed, towers
import numpy as np
from numpy.typing import NDArray

TABLE = 'attention_bias_idxs'
_PVT_REDUCTIONS = (8, 4, 2, 1)


def hit_spec(config: HiTConfig) -> Spec:
    """Shape of every tensor by its official key, index tables and batch counters included."""
    body = _levit(config) if config.backbone == 'levit' else _pvt(config)
    spec = prefixed('backbone.body.', body)
    spec |= prefixed('bottleneck.', _bridge(config))
    return spec | prefixed('box_head.', _corner_head(config.hidden_dim))


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
    tables = hit_spec(config).items()
    return {key: by_shape[shape] for key, shape in tables if key.endswith(TABLE)}


def _with_bn(*shape: int) -> Spec:
    """A layer without bias, ``c``, and the batch normalisation after it, ``bn``."""
    return {'c.weight': shape, **prefixed('bn.', batch_norm(shape[0]))}


def _levit(config: HiTConfig) -> Spec:
    first = config.widths[0]
    widths = (3, first // 8, first // 4, first // 2, first)
    spec: Spec = {}
    for i in range(4):
        spec |= prefixed(f'patch_embed.{2 * i}.', _with_bn(widths[i + 1], widths[i], 3, 3))
    sides = (config.search_size // 16, config.template_size // 16)
    blocks: list[Spec] = []
    for stage, width in enumerate(config.widths):
        mlp = _mlp(width, width * config.mlp_ratios[stage])
        if stage > 0:
            blocks += [_shrink(config, stage, sides), mlp]
            sides = (sides[0] // 2, sides[1] // 2)
        blocks += [_attention(config, stage, sides), mlp] * config.depths[stage]
    for i, block in enumerate(blocks):
        spec |= prefixed(f'blocks.{i}.', block)
    return spec


def _mlp(width: int, hidden: int) -> Spec:
    return {
        **prefixed('m.0.', _with_bn(hidden, width)),
        **prefixed('m.2.', _with_bn(width, hidden)),
    }


def _biases(heads: int, sides: tuple[int, int], layout: str, query_stride: int = 1) -> Spec:
    index, offsets = offset_table(*sides, layout, query_stride)
    return {'attention_biases': (heads, len(offsets)), 'attention_bias_idxs': index.shape}


def _attention(config: HiTConfig, stage: int, sides: tuple[int, int]) -> Spec:
    width, heads = config.widths[stage], config.heads[stage]
    key, value = heads * config.key_dim, heads * config.value_dim
    if config.position_encoding == 'absolute':
        spec = {
            **prefixed('q.', _with_bn(key, width)),
            **prefixed('k.', _with_bn(key, width)),
            **prefixed('v.', _with_bn(value, width)),
        }
    else:
        spec = {
            **_biases(heads, sides, config.position_encoding),
            **prefixed('qkv.', _with_bn(2 * key + value, width)),
        }
    spec |= prefixed('proj.1.', _with_bn(width, value))
    return prefixed('m.', spec)


def _shrink(config: HiTConfig, stage: int, sides: tuple[int, int]) -> Spec:
    """``sides`` are those of the input grids."""
    before, width = config.widths[stage - 1], config.widths[stage]
    heads = config.shrink_heads[stage - 1]
    key, value = heads * config.key_dim, heads * config.shrink_value_dim
    if config.position_encoding == 'absolute':
        spec = {
            **prefixed('k.', _with_bn(key, before)),
            **prefixed('v.', _with_bn(value, before)),
        }
    else:
        spec = {
            **_biases(heads, sides, config.position_encoding, query_stride=2),
            **prefixed('kv.', _with_bn(key + value, before)),
        }
    spec |= prefixed('q.1.', _with_bn(key, before))
    return spec | prefixed('proj.1.', _with_bn(width, value))


def _pvt(config: HiTConfig) -> Spec:
    spec: Spec = {}
    for i, width in enumerate(config.widths):
        stride = 4 * 2**i
        tokens = (config.search_size // stride) ** 2 + (config.template_size // stride) ** 2
        before, patch = (3, 4) if i == 0 else (config.widths[i - 1], 2)
        spec[f'pos_embed{i + 1}'] = (1, tokens, width)
        name = f'patch_embed{i + 1}.'
        spec |= prefixed(name + 'proj.', affine(width, before, patch, patch))
        spec |= prefixed(name + 'norm.', affine(width))
        block = _pvt_block(width, width * config.mlp_ratios[i], _PVT_REDUCTIONS[i])
        for j in range(config.depths[i]):
            spec |= prefixed(f'block{i + 1}.{j}.', block)
    return spec | prefixed('norm.', affine(config.widths[-1]))


def _pvt_block(width: int, hidden: int, reduction: int) -> Spec:
    reducing = {
        **prefixed('attn.sr.', affine(width, width, reduction, reduction)),
        **prefixed('attn.norm.', affine(width)),
    }
    return {
        **prefixed('norm1.', affine(width)),
        **prefixed('attn.q.', affine(width, width)),
        **prefixed('attn.kv.', affine(2 * width, width)),
        **prefixed('attn.proj.', affine(width, width)),
        **(reducing if reduction > 1 else {}),
        **prefixed('norm2.', affine(width)),
        **prefixed('mlp.fc1.', affine(hidden, width)),
        **prefixed('mlp.fc2.', affine(width, hidden)),
    }


def _bridge(config: HiTConfig) -> Spec:
    pvt = config.backbone == 'pvt'
    stages = ('max', 'mid') if pvt else config.bridge_stages
    widths = config.widths[-2:] if pvt else config.widths
    c1, c2, c3 = widths[0], widths[1], widths[-1]
    hidden = config.hidden_dim
    spec: Spec = {}
    if stages == ('min',):
        spec |= prefixed('layers.0.', _upsample_bn(c3, c3))
        spec |= prefixed('layers.1.', _upsample_bn(c3, c3))
        return spec | prefixed('proj.', affine(hidden, c3))
    if 'min' in stages:
        spec |= prefixed('layers.0.', _upsample_bn(c3, c2))
        spec |= prefixed('layers.1.', _upsample_bn(c2, c1))
    elif 'mid' in stages:  # a flat list: the sum may come between the two layers
        spec |= prefixed('layers.0.', affine(c2, c1, 2, 2, outputs=c1))
        spec |= prefixed('layers.1.', batch_norm(c1))
    spec |= prefixed('proj1.', affine(hidden, c1))
    return spec | prefixed('proj2.', affine(hidden, c3))


def _upsample_bn(inputs: int, outputs: int) -> Spec:
    """A transposed convolution (inputs first) and its batch normalisation."""
    return {
        **prefixed('0.', affine(inputs, outputs, 2, 2, outputs=outputs)),
        **prefixed('1.', batch_norm(outputs)),
    }


def _corner_head(channels: int) -> Spec:
    widths = (channels, channels, channels // 2, channels // 4, channels // 8)
    return towers(widths, {'tl': 1, 'br': 1})
