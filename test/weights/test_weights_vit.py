"""A ViT's weights become RFGM's encoder, positions interpolated as torch does it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import read_weights, write_backbone
from hit_rfgm_ros.weights.positions import resize_positions
from hit_rfgm_ros.weights.rfgm_spec import vit_spec
from hit_rfgm_ros.weights.vit import encoder_from_vit, map_vit
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

CONFIG = get_model_config('rfgm_t256')
assert isinstance(CONFIG, RFGMConfig)


def vit(*, extra: int = 1, side: int = 14) -> dict[str, Array]:
    """A ViT-Ti/16 under the names of MAE, DeiT and timm."""
    generator = np.random.default_rng(3)
    shapes: dict[str, Any] = {
        key: shape for key, shape in vit_spec(CONFIG).items() if 'pos_embed' not in key
    }
    shapes |= {'cls_token': (1, 1, 192), 'pos_embed': (1, extra + side**2, 192)}
    return {key: generator.standard_normal(shape, 'f4') for key, shape in shapes.items()}


def by_torch(positions: Array, side: int, extra: int = 1) -> Array:
    grid = torch.from_numpy(positions[:, extra:]).double()
    old = round(grid.shape[1] ** 0.5)
    grid = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    resized = interpolate(grid, (side, side), mode='bicubic', align_corners=False, antialias=False)
    return resized.flatten(2).transpose(1, 2).numpy()


@pytest.mark.parametrize('side', [8, 12, 14, 16, 24])
@pytest.mark.parametrize(('old', 'extra'), [(14, 1), (14, 2), (14, 0), (24, 1)])
def test_positions_are_interpolated_as_torch_does(side: int, old: int, extra: int) -> None:
    positions = np.random.default_rng(side).standard_normal((1, extra + old**2, 5))
    found = resize_positions(positions.astype(np.float32), side)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, by_torch(positions.astype(np.float32), side, extra), rtol=0, atol=2e-6
    )


def test_positions_of_the_same_grid_are_unchanged() -> None:
    positions = np.random.default_rng(0).standard_normal((1, 197, 4)).astype(np.float32)
    np.testing.assert_allclose(resize_positions(positions, 14), positions[:, 1:], atol=1e-6)


@pytest.mark.parametrize('shape', [(197, 4), (2, 197, 4), (1, 199, 4), (1, 0, 4)])
def test_positions_of_no_square_grid_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match='not those of a square grid'):
        resize_positions(np.zeros(shape, np.float32), 8)


@pytest.mark.parametrize('wrapper', ['model', 'state_dict', ''])
@pytest.mark.parametrize('extra', [0, 1, 2], ids=['no-token', 'class', 'class-and-distillation'])
def test_encoder_of_a_vit(wrapper: str, extra: int, save: Callable[..., Path]) -> None:
    source = vit(extra=extra)
    others = {
        'head.weight': np.ones((10, 192), 'f4'),
        'mask_token': np.ones((1, 1, 64), 'f4'),
        'decoder_blocks.0.norm1.weight': np.ones(64, 'f4'),
        'decoder_pos_embed': np.ones((1, 197, 64), 'f4'),
    }
    found = encoder_from_vit(save({**source, **others}, wrapper=wrapper), CONFIG)
    assert {key: array.shape for key, array in found.items()} == {
        f'backbone.{key}': shape for key, shape in vit_spec(CONFIG).items()
    }
    for key, array in found.items():
        assert array.dtype == np.float32
        if 'pos_embed' not in key:
            np.testing.assert_array_equal(array, source[key.removeprefix('backbone.')])
    for name, side in (('pos_embed_z', 8), ('pos_embed_x', 16)):
        expected = by_torch(source['pos_embed'], side, extra)
        np.testing.assert_allclose(found[f'backbone.{name}'], expected, rtol=0, atol=2e-6)


def test_keys_without_use_are_named() -> None:
    others = {'head.bias': np.ones(3, 'f4'), 'norm_pre.weight': np.ones(192, 'f4')}
    _, unused = map_vit({**vit(), **others}, CONFIG)
    assert unused == ['cls_token', 'pos_embed', *others]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        pytest.param(
            lambda s: {k: v for k, v in s.items() if not k.startswith('norm.')},
            r'2 missing keys \(norm\.weight, norm\.bias\)',
            id='no-last-norm',
        ),
        pytest.param(
            lambda s: {k: v for k, v in s.items() if k != 'pos_embed'},
            r'2 missing keys \(pos_embed_z, pos_embed_x\); positions come from pos_embed',
            id='no-positions',
        ),
        pytest.param(
            lambda s: {**s, 'blocks.0.ls1.gamma': np.ones(192, 'f4')},
            r'1 surplus key \(blocks\.0\.ls1\.gamma\)',
            id='other-function',
        ),
        pytest.param(
            lambda s: {**s, 'patch_embed.proj.weight': np.ones((192, 3, 14, 14), 'f4')},
            r'1 misshapen key \(patch_embed\.proj\.weight \(192, 3, 14, 14\) instead',
            id='other-patch',
        ),
        pytest.param(
            lambda s: {**s, 'pos_embed': np.ones((1, 205, 192), 'f4')},
            r'pos_embed: positions of shape \(1, 205, 192\)',
            id='odd-positions',
        ),
    ],
)
def test_another_network_is_refused_by_name(
    change: Callable[[dict[str, Array]], dict[str, Array]], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        map_vit(change(vit()), CONFIG)


def test_a_written_encoder_is_read_again_but_not_as_a_whole_network(
    save: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = save(vit(), wrapper='model'), tmp_path / 'encoder.safetensors'
    expected = encoder_from_vit(path, CONFIG)
    assert write_backbone(out, CONFIG.name, expected, path) == len(expected)
    found = encoder_from_vit(out, CONFIG)
    assert set(found) == set(expected)
    for key, array in found.items():
        np.testing.assert_array_equal(array, expected[key])
    with pytest.raises(WeightsError, match='a backbone only'):
        read_weights(out)
