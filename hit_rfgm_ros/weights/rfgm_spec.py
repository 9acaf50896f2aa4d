"""Keys and shapes of RFGM's weights: OSTrack's names, and ``rankers``."""

from __future__ import annotations

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.weights.spec_parts import Spec, affine, prefixed, towers

# OSTrack's checkpoints hold these, but its function does not read them: they are left out.
UNUSED = ('backbone.cls_token', 'backbone.pos_embed')


def rfgm_spec(config: RFGMConfig) -> Spec:
    """Shape of every tensor by its key, batch counters included."""
    spec = prefixed('backbone.', vit_spec(config))
    branches = {'ctr': 1, 'offset': 2, 'size': 2}
    spec |= prefixed('box_head.', towers((config.width, 256, 128, 64, 32), branches))
    for layer in config.ranked_layers:
        spec |= prefixed(f'rankers.{layer}.', _ranker(config))
    return spec


def vit_spec(config: RFGMConfig) -> Spec:
    """The encoder without the prefix ``backbone.``."""
    width = config.width
    spec: Spec = {
        'pos_embed_z': (1, config.template_tokens, width),
        'pos_embed_x': (1, config.search_tokens, width),
        **prefixed('patch_embed.proj.', affine(width, 3, config.stride, config.stride)),
    }
    for i in range(config.depth):
        spec |= prefixed(f'blocks.{i}.', _block(width))
    return spec | prefixed('norm.', affine(width))


def _block(width: int) -> Spec:
    return {
        **prefixed('norm1.', affine(width)),
        **prefixed('attn.qkv.', affine(3 * width, width)),
        **prefixed('attn.proj.', affine(width, width)),
        **prefixed('norm2.', affine(width)),
        **prefixed('mlp.fc1.', affine(4 * width, width)),
        **prefixed('mlp.fc2.', affine(width, 4 * width)),
    }


def _ranker(config: RFGMConfig) -> Spec:
    widths = (config.heads, config.width // 2, config.width // 4, 2)
    spec: Spec = {}
    for i in range(3):
        spec |= prefixed(f'fc{i + 1}.', affine(widths[i + 1], widths[i]))
    return spec
