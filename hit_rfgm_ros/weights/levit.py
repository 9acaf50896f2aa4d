"""LeViT's ImageNet weights as the start of a backbone (HiT, section 4.1).

Everything but the attention biases is taken over: the dual-image tables have other offsets. Two
naming schemes are understood, that of the LeViT repository (``patch_embed.0.c.weight``,
``blocks.0.m.qkv...``, one flat list in which a shrink is followed by its MLP, as in HiT) and
timm's (``stem.conv1.linear.weight``, ``stages.1.downsample...``, ``stages.1.blocks.0...``).
"""

from __future__ import annotations

import logging
from pathlib import Path
import re

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.checkpoint import read_state_dict
from hit_rfgm_ros.weights.spec import check_state, is_computed, state_spec
import numpy as np

BODY = 'backbone.body.'
LEVIT_NAMES = {'hit_base': 'LeViT-384', 'hit_small': 'LeViT-128', 'hit_tiny': 'LeViT-128S'}

_log = logging.getLogger(__name__)

# timm's name of a layer inside a block -> (block counted from the attention or shrink, our name)
_TIMM_BLOCK = {
    'attn.qkv': (0, 'm.qkv'),
    'attn.proj.ln': (0, 'm.proj.1'),
    'mlp.ln1': (1, 'm.0'),
    'mlp.ln2': (1, 'm.2'),
}
_TIMM_SHRINK = {
    'attn_downsample.kv': (0, 'kv'),
    'attn_downsample.q.ln': (0, 'q.1'),
    'attn_downsample.proj.ln': (0, 'proj.1'),
    'mlp.ln1': (1, 'm.0'),
    'mlp.ln2': (1, 'm.2'),
}
_TIMM_STEM_KEY = re.compile(r'stem\.conv([1-4])\.(linear|bn)\.(\w+)')
_TIMM_STAGE_KEY = re.compile(
    r'stages\.(\d)\.(downsample|blocks\.(\d+))\.([\w.]+)\.(linear|bn)\.(\w+)'
)


def backbone_from_levit(path: str | Path, config: HiTConfig) -> dict[str, Array]:
    """Read a LeViT checkpoint from a local file; nothing in it is executed.

    Args:
        path: ``.pth``, ``.bin`` or ``.safetensors`` in either scheme, or a file that ``hit-rfgm
            weights import --levit`` has written.
        config: a HiT model with the LeViT of the same size.

    Returns:
        float32 arrays under HiT's ``backbone.body.*`` keys, all but the attention biases.

    Raises:
        WeightsError: if the file cannot be read or is another LeViT; missing, surplus and
            misshapen keys are listed.
    """
    mapped, unused = map_levit(read_state_dict(path), config, source=str(path))
    _log.info('%s: %d tensors taken, %d left: %s', path, len(mapped), len(unused), unused[:10])
    return mapped


def map_levit(
    state: dict[str, Array], config: HiTConfig, *, source: str = 'the state dict'
) -> tuple[dict[str, Array], list[str]]:
    """Rename LeViT's tensors for a HiT backbone.

    Returns:
        What `backbone_from_levit` returns, and the keys that have no use: classifiers, attention
        biases, index tables, counters.

    Raises:
        WeightsError: as `backbone_from_levit`.
    """
    if config.backbone != 'levit' or config.position_encoding == 'absolute':
        raise WeightsError(
            f'{config.name} with the position encoding {config.position_encoding!r} cannot start '
            f'from LeViT; models that can: {", ".join(LEVIT_NAMES)}'
        )
    wanted = {
        key: shape
        for key, shape in state_spec(config).items()
        if key.startswith(BODY) and not key.endswith('attention_biases')
    }
    first_blocks = _first_blocks(config)
    mapped: dict[str, Array] = {}
    unused: list[str] = []
    for key, array in state.items():
        name = _rename(key, first_blocks)
        if name is None:
            unused.append(key)
            continue
        if array.ndim == 4 and array.shape[2:] == (1, 1):  # LeViT made of convolutions
            array = array[:, :, 0, 0]
        mapped[name] = np.asarray(array, np.float32, order='C')
    expected = f'{source}, read as {LEVIT_NAMES.get(config.name, "LeViT")},'
    check_state({key: array.shape for key, array in mapped.items()}, config, expected, wanted)
    return mapped, unused


def _first_blocks(config: HiTConfig) -> list[int]:
    """Number in the flat list of the first block of each stage, its shrink included."""
    first = [0]
    for stage, depth in enumerate(config.depths):
        first.append(first[-1] + 2 * depth + (2 if stage > 0 else 0))
    return first


def _rename(key: str, first_blocks: list[int]) -> str | None:
    """HiT's name of a tensor of LeViT; None if HiT has no use for it."""
    key = key.removeprefix(BODY)
    if is_computed(key) or key.endswith('attention_biases') or key.startswith('head'):
        return None
    if key.startswith(('patch_embed.', 'blocks.')):
        return BODY + key
    if match := _TIMM_STEM_KEY.fullmatch(key):
        number, part, leaf = match.groups()
        return f'{BODY}patch_embed.{2 * int(number) - 2}.{_part(part)}.{leaf}'
    if match := _TIMM_STAGE_KEY.fullmatch(key):
        return _rename_stage(match, first_blocks)
    return key  # unknown: check_state lists it as surplus


def _rename_stage(match: re.Match[str], first_blocks: list[int]) -> str:
    stage, kind, block, layer, part, leaf = match.groups()
    shrink = kind == 'downsample'
    layers = _TIMM_SHRINK if shrink else _TIMM_BLOCK
    if layer not in layers or int(stage) + 1 >= len(first_blocks):
        return match.group()
    number = first_blocks[int(stage)]
    if not shrink:
        number += 2 * int(block) + (2 if int(stage) > 0 else 0)
    step, ours = layers[layer]
    return f'{BODY}blocks.{number + step}.{ours}.{_part(part)}.{leaf}'


def _part(part: str) -> str:
    return 'c' if part == 'linear' else 'bn'
