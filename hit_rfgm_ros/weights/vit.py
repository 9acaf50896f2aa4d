"""A plain ViT's weights as the start of RFGM's encoder.

MAE's, DeiT's and timm's files share one naming scheme, which is RFGM's without ``backbone.``;
positions are interpolated from the pictures that the ViT was trained on. An OSTrack checkpoint
is taken as well: its encoder has search and template positions of its own.
"""

from __future__ import annotations

import logging
from pathlib import Path

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.checkpoint import read_state_dict
from hit_rfgm_ros.weights.positions import resize_positions
from hit_rfgm_ros.weights.rfgm_spec import vit_spec
from hit_rfgm_ros.weights.spec import check_state
import numpy as np

PREFIX = 'backbone.'
# A key that we do not know is left alone, but not within these: there it changes the function.
_KNOWN_PARTS = ('blocks.', 'patch_embed.')

_log = logging.getLogger(__name__)


def encoder_from_vit(path: str | Path, config: RFGMConfig) -> dict[str, Array]:
    """Read a ViT checkpoint from a local file; nothing in it is executed.

    Args:
        path: ``.pth``, ``.bin`` or ``.safetensors``, keys at the top or under ``model``; or a file
            that ``hit-rfgm weights import --encoder`` has written.
        config: an RFGM with a ViT of the same width.

    Returns:
        float32 arrays under RFGM's ``backbone.*`` keys, the whole encoder.

    Raises:
        WeightsError: if the file cannot be read or is another network; missing, surplus and
            misshapen keys are listed.
    """
    mapped, unused = map_vit(read_state_dict(path), config, source=str(path))
    _log.info('%s: %d tensors taken, %d left: %s', path, len(mapped), len(unused), unused[:10])
    return mapped


def map_vit(
    state: dict[str, Array], config: RFGMConfig, *, source: str = 'the state dict'
) -> tuple[dict[str, Array], list[str]]:
    """Choose and rename a ViT's tensors for RFGM's encoder.

    Returns:
        What `encoder_from_vit` returns, and the keys that have no use: classifiers, decoders,
        class tokens, heads.

    Raises:
        WeightsError: as `encoder_from_vit`.
    """
    wanted = vit_spec(config)
    given = {key.removeprefix(PREFIX): array for key, array in state.items()}
    taken = {
        key: np.asarray(array, np.float32, order='C')
        for key, array in given.items()
        if key in wanted or key.startswith(_KNOWN_PARTS)
    }
    unused = [key for key in state if key.removeprefix(PREFIX) not in taken]
    if 'pos_embed' in given:
        for name, side in (('pos_embed_z', config.template_grid), ('pos_embed_x', config.grid)):
            taken.setdefault(name, _resized(given['pos_embed'], side, source))
    shapes = {key: array.shape for key, array in taken.items()}
    try:
        check_state(shapes, config, f'{source}, read as a ViT/16,', wanted)
    except WeightsError as error:
        hint = '' if 'pos_embed' in given else '; positions come from pos_embed, which is missing'
        raise WeightsError(f'{error}{hint}') from error
    return {PREFIX + key: array for key, array in taken.items()}, unused


def _resized(positions: Array, side: int, source: str) -> Array:
    try:
        return resize_positions(positions, side)
    except WeightsError as error:
        raise WeightsError(f'{source}: pos_embed: {error}') from error
