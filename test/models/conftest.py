"""One run of a network over its golden inputs, shared by all questions that are asked of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
import warnings

from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.hit.levit import Shrink
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.types import Box
from hit_rfgm_ros.weights.importing import import_checkpoint
import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor, nn

CROPS = {'search': (4, 256), 'template': (2, 128)}  # factor and size in pixels


@dataclass
class Run:
    """What a network gave for one golden input, beside what is expected.

    Attributes:
        expected: the entry of hit_dev.json.
        exact: the pictures are byte for byte those of the reference.
        tensors: intermediate results by the names of hit_dev.json.
        blocks: (name, mean, std) after every block.
    """

    expected: dict[str, Any]
    exact: bool
    tensors: dict[str, Tensor] = field(default_factory=dict)
    blocks: list[tuple[str, float, float]] = field(default_factory=list)


@pytest.fixture(scope='session')
def thop() -> ModuleType:
    """The counter of multiply-adds, without its warnings about the late distutils."""
    with warnings.catch_warnings():
        # thop compares torch's version by a class of the late distutils
        warnings.filterwarnings('ignore', 'distutils Version classes', DeprecationWarning)
        warnings.filterwarnings('ignore', 'The distutils package', DeprecationWarning)
        return import_module('thop')


@pytest.fixture(scope='session')
def golden_model(
    hit_dev: dict[str, Any], fill: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], nn.Module]:
    """Make the network of one entry of hit_dev.json, a variant or an ablation, in float32.

    Its weights go the users' way: a checkpoint as the authors save it, read by our import.
    """
    folder = tmp_path_factory.mktemp('checkpoints')

    @lru_cache(maxsize=1)
    def tensors(name: str) -> dict[str, np.ndarray]:
        base, options = golden_options(name)
        path = folder / 'checkpoint.pth.tar'
        save_checkpoint(path, create_model(base, **options), golden_state(name, hit_dev, fill))
        imported = import_checkpoint(path, base, options=options).tensors
        path.unlink()
        return imported

    def make(name: str) -> nn.Module:
        base, options = golden_options(name)
        model = create_model(base, **options)
        load_state(model, tensors(name))
        return model

    return make


def save_checkpoint(path: Path, model: nn.Module, state: dict[str, np.ndarray]) -> None:
    """Write a file as the official training code does, index tables included."""
    net = {key: torch.from_numpy(value) for key, value in state.items()}
    for key, value in model.state_dict().items():
        if key.endswith('attention_bias_idxs'):
            net[key] = value
    torch.save({'net': net, 'epoch': 1500, 'net_type': 'HiT', 'constructor': None}, path)


@pytest.fixture(scope='session')
def golden_runs(
    hit_dev: dict[str, Any], fill: ModuleType, golden_model: Callable[[str], nn.Module]
) -> Callable[[str, torch.dtype], dict[str, Run]]:
    """Run a network over all its golden inputs in one precision: one `Run` per input's id."""

    def run_all(name: str, dtype: torch.dtype) -> dict[str, Run]:
        model = golden_model(name).to(dtype)
        runs, pictures = {}, {}
        for expected in golden_entry(name, hit_dev)['inputs']:
            parts = expected.get('batch', [expected['id']])
            if 'batch' in expected:
                exact = all(runs[part].exact for part in parts)
            else:
                pictures[expected['id']], exact = golden_pictures(expected, fill)
            search, template = (
                torch.from_numpy(
                    np.stack([fill.normalise(pictures[part][which]) for part in parts])
                ).to(dtype)
                for which in CROPS
            )
            run = Run(expected, exact)
            with torch.no_grad(), recorded(model, run):
                output = model(search, template)
            run.tensors |= {
                'boxes': output.boxes,
                'corners': output.corners,
                'score_tl': output.score_tl,
                'score_br': output.score_br,
                'correlation': output.correlation,
                'enhanced': output.enhanced,
                **{f'stage{i + 1}': x for i, x in enumerate(output.stage_tokens)},
            }
            runs[expected['id']] = run
        return runs

    return run_all


def golden_entry(name: str, hit_dev: dict[str, Any]) -> dict[str, Any]:
    """The entry of a variant, or of an ablation such as ``hit_tiny+bridge=max,mid``."""
    entry: dict[str, Any] = hit_dev['ablations' if '+' in name else 'variants'][name]
    return entry


def golden_options(name: str) -> tuple[str, dict[str, Any]]:
    """Model name and options of an entry."""
    base, _, change = name.partition('+')
    kind, _, value = change.partition('=')
    options: dict[str, Any] = {
        '': {},
        'bridge': {'bridge_stages': value.split(',')},
        'position': {'position_encoding': value},
    }[kind]
    return base, options


def golden_state(name: str, hit_dev: dict[str, Any], fill: ModuleType) -> dict[str, Any]:
    """The seeded weights of an entry, checked against the hash of the reference's weights."""
    entry = golden_entry(name, hit_dev)
    state: dict[str, Any] = fill.fill(fill.load_shapes(name), entry['seed'])
    digest = sha256()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].tobytes())
    assert digest.hexdigest() == entry['weights_sha256'], 'numpy made other random weights'
    return state


def golden_pictures(
    expected: dict[str, Any], fill: ModuleType
) -> tuple[dict[str, np.ndarray], bool]:
    """Search region and template of one input, and whether they are exactly the reference's.

    Another OpenCV may resize a crop differently by one grey level in places; its mean must still
    agree.
    """
    pictures, exact = {}, True
    for which, (factor, size) in CROPS.items():
        if 'frame' in expected:
            frame = _frame(expected['frame'], fill)
            box = Box(*expected[f'{which}_box'])
            window = crop_window(box, factor, size, frame.shape[1], frame.shape[0])
            picture = cut(frame, window)
        else:
            picture = fill.image(*expected[which]['image'])
        same = sha256(picture.tobytes()).hexdigest() == expected[f'{which}_sha256']
        assert same or 'frame' in expected, 'fill.image made another picture'
        mean = picture.reshape(-1, 3).mean(axis=0)
        np.testing.assert_allclose(mean, expected[f'{which}_mean'], rtol=0, atol=0.05)
        pictures[which], exact = picture, exact and same
    return pictures, exact


def _frame(source: dict[str, Any], fill: ModuleType) -> np.ndarray:
    if 'image' in source:
        return np.asarray(fill.image(*source['image']))
    return np.asarray(getattr(skimage.data, source['skimage'])())


@contextmanager
def recorded(model: Any, run: Run) -> Iterator[None]:
    """Keep a network's intermediate results under the names of hit_dev.json."""
    body, bridge = model.backbone.body, model.bottleneck
    tensors = run.tensors
    handles = []

    def on_output(module: nn.Module, use: Callable[[Tensor], None]) -> None:
        handles.append(module.register_forward_hook(lambda _m, _i, output: use(output)))

    def keep(name: str) -> Callable[[Tensor], None]:
        return lambda value: tensors.__setitem__(name, value)

    def keep_block(name: str) -> Callable[[Tensor], None]:
        return lambda x: run.blocks.append((name, float(x.mean()), float(x.std(correction=0))))

    def keep_patches(value: Tensor) -> None:
        tokens = value.flatten(2).transpose(1, 2) if value.dim() == 4 else value
        # The search region is embedded first.
        tensors['patch_template' if 'patch_search' in tensors else 'patch_search'] = tokens

    on_output(
        body.patch_embed if hasattr(body, 'patch_embed') else body.patch_embed1, keep_patches
    )
    for name, block in _blocks(body):
        on_output(block, keep_block(name))
    shrinks = [module for module in body.modules() if isinstance(module, Shrink)]
    for i, shrink in enumerate(shrinks):
        on_output(shrink, keep(f'shrink{i + 1}'))
    for i, layer in enumerate(bridge.layers):
        on_output(layer, keep(f'bridge_layer{i}'))
    projections = {bridge.proj} if hasattr(bridge, 'proj') else {bridge.proj1, bridge.proj2}
    for projection in projections:
        handles.append(
            projection.register_forward_hook(
                lambda _m, inputs, output: _keep_projection(tensors, inputs[0], output)
            )
        )
    handles.append(
        model.box_head.register_forward_pre_hook(
            lambda _m, inputs: tensors.__setitem__('head_input', inputs[0])
        )
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _blocks(body: Any) -> list[tuple[str, nn.Module]]:
    if hasattr(body, 'blocks'):
        return [(f'blocks.{i}', block) for i, block in enumerate(body.blocks)]
    return [
        (f'block{stage}.{i}', block)
        for stage in range(1, 5)
        for i, block in enumerate(body.get_submodule(f'block{stage}'))
    ]


def _keep_projection(tensors: dict[str, Tensor], x: Tensor, output: Tensor) -> None:
    """The bridge's linear layers: of all positions (B, N, C), or of the pooled vector (B, C)."""
    if x.dim() == 3:
        side = int(x.shape[1] ** 0.5)
        tensors['bridge_out'] = x.transpose(1, 2).unflatten(2, (side, side))
    else:
        tensors['global_raw'], tensors['global'] = x, output
