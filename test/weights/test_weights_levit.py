"""LeViT's ImageNet weights land in the right place of a HiT backbone, from either scheme."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import read_weights, write_backbone
from hit_rfgm_ros.weights.levit import BODY, backbone_from_levit, map_levit
from hit_rfgm_ros.weights.spec import state_spec
import numpy as np
import pytest
from safetensors.numpy import save_file

Save = Callable[..., Path]
TINY = get_model_config('hit_tiny')
DEPTHS = (2, 3, 4)  # of LeViT-128S
NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def layer(name: str, linear: str) -> list[str]:
    return [f'{name}.{linear}.weight', *(f'{name}.bn.{leaf}' for leaf in NORM)]


def timm_keys() -> Iterator[str]:
    """The keys of timm's levit_128s in the order of its modules."""
    for i in range(1, 5):
        yield from layer(f'stem.conv{i}', 'linear')
    for stage, depth in enumerate(DEPTHS):
        if stage > 0:
            down = f'stages.{stage}.downsample.'
            yield down + 'attn_downsample.attention_biases'
            for name in ('attn_downsample.kv', 'attn_downsample.q.ln', 'attn_downsample.proj.ln'):
                yield from layer(down + name, 'linear')
            for name in ('mlp.ln1', 'mlp.ln2'):
                yield from layer(down + name, 'linear')
        for j in range(depth):
            block = f'stages.{stage}.blocks.{j}.'
            yield block + 'attn.attention_biases'
            for name in ('attn.qkv', 'attn.proj.ln', 'mlp.ln1', 'mlp.ln2'):
                yield from layer(block + name, 'linear')


def original_keys() -> Iterator[str]:
    """The keys of the LeViT repository's LeViT_128S, likewise; block numbers from the facts.

    A attention, M MLP, S shrink: 0..3 (A M)x2 | 4 S, 5 M, 6..11 (A M)x3 | 12 S, 13 M, 14..21.
    """
    for i in (0, 2, 4, 6):
        yield from layer(f'patch_embed.{i}', 'c')
    for number in range(22):
        block = f'blocks.{number}.'
        if number in (4, 12):
            yield block + 'attention_biases'
            for name in ('kv', 'q.1', 'proj.1'):
                yield from layer(block + name, 'c')
        elif number % 2 == 0:
            yield block + 'm.attention_biases'
            for name in ('m.qkv', 'm.proj.1'):
                yield from layer(block + name, 'c')
        else:
            for name in ('m.0', 'm.2'):
                yield from layer(block + name, 'c')


def make(keys: list[str], conv: bool = False) -> dict[str, Array]:
    """Tensors that tell which place of the network they are for, and two classifiers."""
    shapes = state_spec(TINY)
    state: dict[str, Array] = {}
    for number, (key, ours) in enumerate(zip(keys, original_keys())):
        shape = shapes.get(BODY + ours, ())
        if key.endswith('attention_biases'):
            shape = (4, 196)  # the offsets of a 14x14 grid
        elif conv and len(shape) == 2:
            shape = (*shape, 1, 1)
        state[key] = np.full(shape, number, np.float32)
    for head in ('head', 'head_dist'):
        state |= {f'{head}.bn.weight': np.ones(384, np.float32), f'{head}.l.bias': np.ones(1000)}
    return state


ORIGINAL = make(list(original_keys()))
TIMM = make(list(timm_keys()))


def assert_backbone(found: dict[str, Array]) -> None:
    """Every tensor of the backbone has the value that its place has in `ORIGINAL`."""
    expected = {
        key: shape
        for key, shape in state_spec(TINY).items()
        if key.startswith(BODY) and not key.endswith('attention_biases')
    }
    assert set(found) == set(expected)
    for key, array in found.items():
        assert (array.shape, array.dtype) == (expected[key], np.float32), key
        np.testing.assert_array_equal(array, ORIGINAL[key.removeprefix(BODY)].flat[0])


def test_both_schemes_name_the_same_places_in_the_same_order() -> None:
    assert len(list(timm_keys())) == len(list(original_keys()))


@pytest.mark.parametrize('state', [ORIGINAL, TIMM], ids=['original', 'timm'])
def test_backbone_is_filled_and_the_rest_is_listed(state: dict[str, Array]) -> None:
    mapped, unused = map_levit(state, TINY)
    assert_backbone(mapped)
    assert len(mapped) + len(unused) == len(state)
    assert all(
        key.startswith('head') or key.endswith(('attention_biases', 'num_batches_tracked'))
        for key in unused
    )


def test_mlp_after_each_shrink_is_the_one_of_the_downsampling() -> None:
    mapped, _ = map_levit(TIMM, TINY)
    for number, stage in ((5, 1), (13, 2)):
        key = f'{BODY}blocks.{number}.m.0.c.weight'
        expected = TIMM[f'stages.{stage}.downsample.mlp.ln1.linear.weight']
        np.testing.assert_array_equal(mapped[key], expected)


@pytest.mark.parametrize('keys', [original_keys, timm_keys], ids=['original', 'timm'])
def test_levit_made_of_convolutions_is_taken(keys: Callable[[], Iterator[str]]) -> None:
    mapped, _ = map_levit(make(list(keys()), conv=True), TINY)
    assert_backbone(mapped)


@pytest.mark.parametrize('wrapper', ['', 'model'])
def test_torch_and_safetensors_files_are_read(wrapper: str, save: Save, tmp_path: Path) -> None:
    assert_backbone(backbone_from_levit(save(ORIGINAL, wrapper=wrapper), TINY))
    save_file(TIMM, tmp_path / 'model.safetensors')
    assert_backbone(backbone_from_levit(tmp_path / 'model.safetensors', TINY))


def test_written_backbone_is_read_again_but_not_taken_for_a_model(
    save: Save, tmp_path: Path
) -> None:
    out = tmp_path / 'backbone.safetensors'
    tensors = backbone_from_levit(save(ORIGINAL), TINY)
    count = write_backbone(out, TINY.name, tensors, save(ORIGINAL))
    assert count == len(map_levit(ORIGINAL, TINY)[0])
    assert_backbone(backbone_from_levit(out, TINY))
    with pytest.raises(WeightsError, match='holds a backbone only'):
        read_weights(out)


def test_missing_surplus_and_misshapen_keys_are_listed() -> None:
    state = dict(TIMM)
    del state['stages.1.downsample.mlp.ln1.linear.weight']
    state['stages.2.blocks.9.attn.qkv.linear.weight'] = np.ones((1, 1))
    state['stem.conv1.bn.bias'] = np.ones(5)
    with pytest.raises(WeightsError) as caught:
        map_levit(state, TINY, source='levit.pth')
    message = str(caught.value)
    assert message.startswith('levit.pth, read as LeViT-128S, does not fit hit_tiny')
    assert f'1 missing key ({BODY}blocks.5.m.0.c.weight)' in message
    assert f'1 surplus key ({BODY}blocks.32.m.qkv.c.weight)' in message
    assert f'1 misshapen key ({BODY}patch_embed.0.bn.bias (5,) instead of (16,))' in message


@pytest.mark.parametrize('state', [ORIGINAL, TIMM], ids=['original', 'timm'])
@pytest.mark.parametrize('model', ['hit_small', 'hit_base'])
def test_levit_of_another_size_is_refused(model: str, state: dict[str, Array]) -> None:
    with pytest.raises(WeightsError, match=f'does not fit {model}'):
        map_levit(state, get_model_config(model))


def test_other_network_is_refused() -> None:
    with pytest.raises(WeightsError, match='missing keys'):
        map_levit({'conv1.weight': np.ones((64, 3, 7, 7)), 'stages.9.x': np.ones(1)}, TINY)


@pytest.mark.parametrize(
    'config', [get_model_config('hit_pvt'), replace(TINY, position_encoding='absolute')]
)
def test_models_without_a_levit_backbone_say_so(config: object) -> None:
    with pytest.raises(WeightsError, match='cannot start from LeViT'):
        map_levit(ORIGINAL, config)  # type: ignore[arg-type]
