"""Making networks by name, loading weights into them, and refusing what does not fit."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import list_models
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.weights.files import write_weights
import numpy as np
import pytest
import torch
from torch import Tensor, nn


@pytest.fixture
def tiny(golden_model: Callable[[str], nn.Module]) -> nn.Module:
    return golden_model('hit_tiny')


@pytest.fixture(scope='module')
def tensors(fill: ModuleType) -> dict[str, Any]:
    """Other weights than those of `tiny`, under official keys."""
    state: dict[str, Any] = fill.fill(fill.load_shapes('hit_tiny'), 1)
    return state


@pytest.fixture(scope='module')
def pictures(fill: ModuleType) -> tuple[Tensor, Tensor]:
    return tuple(
        torch.from_numpy(fill.normalise(fill.image(1204, side, side)))[None] for side in (256, 128)
    )


def boxes(model: nn.Module, pictures: tuple[Tensor, Tensor]) -> Tensor:
    with torch.no_grad():
        return model(*pictures).boxes


@pytest.mark.parametrize('name', list_models())
def test_every_listed_model_gives_boxes_in_evaluation_mode(name: str) -> None:
    model = create_model(name)
    assert not model.training
    found = boxes(model, (torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 128, 128)))
    assert found.shape == (1, 4)
    assert found.dtype == torch.float32


def test_unknown_model_names_the_nearest_and_all() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'hit_tiny'.*hit_base, hit_small") as info:
        create_model('hit_tinny')
    assert 'hit_tinny' in str(info.value)


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        pytest.param('hit_tiny', {'bridge': 1}, 'bridge_stages', id='unknown'),
        pytest.param('hit_tiny', {'bridge_stages': ('low',)}, 'bridge_stages', id='stages'),
        pytest.param('hit_tiny', {'position_encoding': 'x'}, 'diagonal', id='position'),
        pytest.param('hit_tiny', {'search_size': 250}, 'multiple of 64', id='size'),
        pytest.param('hit_pvt', {'bridge_stages': ('max',)}, 'hit_pvt', id='pvt-bridge'),
        pytest.param('hit_pvt', {'position_encoding': 'absolute'}, 'hit_pvt', id='pvt-position'),
    ],
)
def test_unusable_option_is_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_model(name, **options)


def test_the_stages_of_an_embedded_and_a_kept_template_agree(
    tiny: nn.Module, pictures: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        kept = tiny.embed(pictures[1])
        assert torch.equal(tiny.track(tiny.embed(pictures[0]), kept).boxes, boxes(tiny, pictures))


def test_a_weights_file_gives_the_same_network(
    tmp_path: Path, tiny: nn.Module, tensors: dict[str, Any], pictures: tuple[Tensor, Tensor]
) -> None:
    kept = {key: value for key, value in tensors.items() if 'num_batches' not in key}
    write_weights(tmp_path / 'w.safetensors', 'hit_tiny', kept, {})
    load_state(tiny, tensors)
    model = create_model('hit_tiny', weights=str(tmp_path / 'w.safetensors'))
    assert torch.equal(boxes(model, pictures), boxes(tiny, pictures))


def changed(tensors: dict[str, Any], change: str) -> dict[str, Any]:
    key = 'box_head.conv5_tl.weight'
    if change == 'missing':
        return {name: value for name, value in tensors.items() if name != key}
    if change == 'surplus':
        return {**tensors, 'box_head.conv6_tl.weight': np.zeros(3, np.float32)}
    return {**tensors, key: np.zeros((2, 32, 1, 1), np.float32)}


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ('missing', 'box_head.conv5_tl.weight'),
        ('surplus', 'box_head.conv6_tl.weight'),
        ('misshapen', 'box_head.conv5_tl.weight'),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_key(
    change: str, named: str, tiny: nn.Module, tensors: dict[str, Any]
) -> None:
    with pytest.raises(WeightsError, match=named):
        load_state(tiny, changed(tensors, change))


def test_other_weights_take_effect_at_once(
    tiny: nn.Module, tensors: dict[str, Any], pictures: tuple[Tensor, Tensor]
) -> None:
    before = boxes(tiny, pictures)
    load_state(tiny, tensors)
    after = boxes(tiny, pictures)
    fresh = create_model('hit_tiny')
    load_state(fresh, tensors)
    assert not torch.allclose(before, after)
    assert torch.equal(after, boxes(fresh, pictures))


@pytest.mark.parametrize(
    'key',
    [
        'backbone.body.blocks.0.m.attention_biases',
        'backbone.body.blocks.4.attention_biases',
        'backbone.body.blocks.0.m.qkv.bn.running_var',
        'bottleneck.layers.0.1.running_mean',
        'backbone.body.patch_embed.0.c.weight',
    ],
)
def test_a_changed_tensor_is_never_hidden_by_a_kept_one(
    key: str, tiny: nn.Module, pictures: tuple[Tensor, Tensor]
) -> None:
    before = boxes(tiny, pictures)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        tensor = tiny.state_dict()[key]
        tensor.add_(torch.rand(tensor.shape, generator=generator))
    assert (boxes(tiny, pictures) - before).abs().max() > 1e-4


def test_a_new_template_takes_effect_at_once(
    tiny: nn.Module, pictures: tuple[Tensor, Tensor]
) -> None:
    search, template = pictures
    before = boxes(tiny, pictures)
    assert (boxes(tiny, (search, template.flip(3))) - before).abs().max() > 1e-3


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_another_precision_takes_effect_at_once(
    dtype: torch.dtype, tiny: nn.Module, pictures: tuple[Tensor, Tensor]
) -> None:
    before = boxes(tiny, pictures)
    after = boxes(tiny.to(dtype), tuple(picture.to(dtype) for picture in pictures))
    # The corners' expectation is never taken in less than float32.
    assert after.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (after - before).abs().max() < (1e-5 if dtype == torch.float64 else 0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA GPU')
def test_another_device_takes_effect_at_once(
    tiny: nn.Module, pictures: tuple[Tensor, Tensor]
) -> None:
    before = boxes(tiny, pictures)
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        after = boxes(tiny.to('cuda'), tuple(picture.to('cuda') for picture in pictures))
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
    assert after.device.type == 'cuda'
    assert (after.cpu() - before).abs().max() < 1e-4
    assert torch.equal(boxes(tiny.to('cpu'), pictures), before)
