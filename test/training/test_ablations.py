"""All ablations of HiT's tables 5 to 7 train, and their weights track."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hit_rfgm_ros import create_tracker
from hit_rfgm_ros.config.hit import BRIDGE_STAGES, POSITION_ENCODINGS
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models.hit.levit import Attention
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.loop import Run, train
from hit_rfgm_ros.types import Box
from hit_rfgm_ros.weights.files import read_weights
import numpy as np
import pytest
import torch

NEW = [
    *({'bridge_stages': stages} for stages in BRIDGE_STAGES[1:]),
    *({'position_encoding': layout} for layout in POSITION_ENCODINGS[1:]),
    {'model': 'hit_pvt'},
]


def _name(options: dict[str, object]) -> str:
    return '-'.join(str(value) for value in options.values())


@pytest.fixture
def config(photo_tree: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    base = TrainConfig(
        data=str(photo_tree),
        out=str(tmp_path / 'run'),
        search_size=128,
        steps=1,
        batch_size=2,
        workers=0,
        validate_every=100,
    )
    return lambda **options: replace(base, **options)


@pytest.mark.parametrize('options', NEW, ids=_name)
def test_ablation_trains_and_its_weights_track(
    config: Callable[..., TrainConfig], options: dict[str, object]
) -> None:
    settings = config(**options)
    run = Run(settings)
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    run = train(settings)
    moved = [n for n, v in run.model.named_parameters() if not torch.equal(v, before[n])]
    assert len(moved) > 0.9 * len(before)
    weights = Path(settings.out) / 'latest.safetensors'
    stored = read_weights(weights).config
    assert (stored.bridge_stages, stored.position_encoding) == (
        settings.bridge_stages,
        settings.position_encoding,
    )
    frame = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    tracker = create_tracker(
        settings.model, weights=str(weights), backend='onnxruntime', paper_mode=True
    )
    tracker.init(frame, Box(60, 40, 30, 30))
    assert np.isfinite(tuple(tracker.update(frame).box)).all()


def test_absolute_positions_start_with_keys_equal_to_queries(
    config: Callable[..., TrainConfig],
) -> None:
    run = Run(config(position_encoding='absolute'))
    found = [part for part in run.model.modules() if isinstance(part, Attention)]
    assert found
    assert all(torch.equal(part.q.c.weight, part.k.c.weight) for part in found)


def test_pvt_cannot_change_its_picture_size(
    config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    first = config(model='hit_pvt')
    train(first)
    again = replace(
        first, out=str(tmp_path / 'next'), start_from=str(Path(first.out) / 'checkpoint.pt')
    )
    with pytest.raises(ConfigError, match='trained at 128 pixels'):
        Run(replace(again, search_size=256))
    assert Run(again).pairs_seen == 2


def test_unknown_stages_and_positions_are_refused(config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(ConfigError, match='bridge_stages must be one of'):
        Run(config(bridge_stages=('min', 'max')))
    with pytest.raises(ConfigError, match='position_encoding must be one of'):
        Run(config(position_encoding='sideways'))
    with pytest.raises(ConfigError, match='leave bridge_stages'):
        Run(config(model='hit_pvt', bridge_stages=('max',)))
