"""RFGM in the common loop: it learns, sleeps where it is told to, and moves to other sizes."""

from dataclasses import replace
import json
from pathlib import Path

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.vit import Block
from hit_rfgm_ros.training.batches import collect, normalise
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.loop import Run, train
from hit_rfgm_ros.training.pairs import PairConfig, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.rfgm_family import RFGMFamily, Sleeping
from hit_rfgm_ros.weights.files import read_weights
import pytest
from safetensors.numpy import save_file
import torch


@pytest.fixture
def config(photo_tree: Path, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        model='rfgm_t256',
        data=str(photo_tree),
        out=str(tmp_path / 'run'),
        search_size=128,
        relevance_stages=0,
        layers=(1, 2, 3, 4, 7, 10),
        steps=4,
        batch_size=4,
        workers=0,
        warmup=2,
        decay_from=3,
        validate_every=100,
        save_every=2,
        log_every=2,
    )


def _losses(path: Path) -> dict[int, dict[str, float]]:
    lines = [json.loads(line) for line in (path / 'log.jsonl').read_text().splitlines()]
    return {line['step']: line for line in lines if 'total' in line}


def test_resumed_run_continues_the_same_curve(config: TrainConfig, tmp_path: Path) -> None:
    train(config)
    halves = replace(config, out=str(tmp_path / 'halves'))
    train(replace(halves, steps=2))
    run = train(halves)
    assert run.pairs_seen == 16
    whole, resumed = _losses(Path(config.out)), _losses(Path(halves.out))
    for step, line in whole.items():
        assert resumed[step]['total'] == pytest.approx(line['total'], rel=1e-3)
        assert {'focal', 'l1', 'giou', 'centre', 'true_cell', 'ratio', 'siamese'} <= line.keys()


def test_head_and_rankers_may_learn_faster_than_the_encoder(
    config: TrainConfig, photo_tree: Path
) -> None:
    run = Run(replace(config, relevance_stages=3, lr=4e-5, head_lr=10, ranker_lr=5, warmup=0))
    pairs = PairConfig(search_size=128, template_size=64)
    run.train_step(collect(PairSampler(PhotoSet.load(photo_tree, part='train'), pairs, 0), 2))
    rates = {id(p): group['lr'] for group in run.optimiser.param_groups for p in group['params']}
    seen = set()
    for name, parameter in run.model.named_parameters():
        if parameter.requires_grad:
            part = name.split('.', 1)[0]
            pace = {'box_head': 10, 'rankers': 5}.get(part, 1)
            assert rates[id(parameter)] == pytest.approx(pace * 4e-5), name
            seen.add(part)
    assert {'backbone', 'box_head', 'rankers'} <= seen


def test_sleeping_layers_pass_everything_through_and_are_saved_as_zeros(
    config: TrainConfig,
) -> None:
    run = train(replace(config, steps=1))
    assert isinstance(run.model, RFGM)
    awake = [isinstance(block, Block) for block in run.model.backbone.blocks]
    assert [i + 1 for i, woken in enumerate(awake) if woken] == [1, 2, 3, 4, 7, 10]
    weights = read_weights(Path(config.out) / 'latest.safetensors')
    for name in ('attn.proj', 'mlp.fc2'):
        for part in ('weight', 'bias'):
            assert not weights.tensors[f'backbone.blocks.4.{name}.{part}'].any()
            assert weights.tensors[f'backbone.blocks.3.{name}.{part}'].any()
    # The written network is an ordinary one of twelve layers, and computes the same.
    whole = RFGM(weights.config)
    whole.load_state_dict(
        {key: torch.from_numpy(array) for key, array in weights.tensors.items()}, strict=False
    )
    whole.eval()
    search, template = torch.randn(2, 3, 128, 128), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            whole(search, template).score_map, run.average.model(search, template).score_map
        )


def test_sleeping_layer_can_be_woken(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    woken = replace(
        config,
        out=str(tmp_path / 'woken'),
        layers=(1, 2, 3, 4, 5, 7, 10),
        start_from=str(Path(config.out) / 'checkpoint.pt'),
        steps=2,
    )
    before = Run(woken).model.get_parameter('backbone.blocks.4.attn.proj.weight').clone()
    run = train(woken)
    assert not before.any()
    assert run.model.get_parameter('backbone.blocks.4.attn.proj.weight').any()
    assert isinstance(run.model.get_submodule('backbone.blocks.5'), Sleeping)


def test_run_can_move_to_larger_pictures_and_a_memory(config: TrainConfig, tmp_path: Path) -> None:
    """The last part: whole pictures, several templates, and rankers that start fresh."""
    train(replace(config, steps=1))
    larger = replace(
        config,
        out=str(tmp_path / 'larger'),
        start_from=str(Path(config.out) / 'latest.safetensors'),
        search_size=256,
        templates=2,
        relevance_stages=3,
        steps=1,
        batch_size=2,
        log_every=1,
    )
    before = Run(larger).model.get_parameter('rankers.4.fc3.bias').clone()
    assert before.tolist() == [-0.5, 0.5]
    run = train(larger)
    assert isinstance(run.model, RFGM)
    assert run.pairs_seen == 4 + 2
    assert not torch.equal(run.model.get_parameter('rankers.4.fc3.bias'), before)
    assert _losses(Path(larger.out))[1]['ratio'] > 0
    weights = read_weights(Path(larger.out) / 'latest.safetensors')
    assert weights.config == replace(run.model.config, drop_path=weights.config.drop_path)


def test_moved_network_sees_the_same_at_another_size(config: TrainConfig) -> None:
    """A fresh network's score map of a picture and of its enlargement lie close together."""
    family = RFGMFamily()
    torch.manual_seed(0)
    small, large = family.network(config, 128), family.network(config, 256)
    family.start(small, config)
    family.transfer(small, large)
    for key, value in small.state_dict().items():
        if 'pos_embed' not in key:
            assert torch.equal(large.state_dict()[key], value), key
    fine = large.backbone.pos_embed_x.view(8, 2, 8, 2, -1).mean((1, 3)).flatten(0, 1)
    coarse = small.backbone.pos_embed_x[0]
    assert torch.nn.functional.cosine_similarity(fine, coarse, dim=1).min() > 0.98


def test_pairs_carry_as_many_templates_as_asked(photo_tree: Path) -> None:
    photos = PhotoSet.load(photo_tree, part='all')
    pairs = PairConfig(search_size=128, template_size=64, templates=3)
    sampler = PairSampler(photos, pairs, seed=0)
    for kind in ('paste', 'rectangle', 'photo', 'negative'):
        batch = collect(sampler, 4, kind=kind)
        assert batch.template.shape == (4, 3, 64, 64, 3)
        assert normalise(batch.template).shape == (4, 3, 3, 64, 64)
        assert not torch.equal(batch.template[:, 1], batch.template[:, 2])


def test_fresh_run_can_start_from_a_vit_encoder(config: TrainConfig, tmp_path: Path) -> None:
    """A file under RFGM's own backbone keys, as ``weights import --encoder`` writes it."""
    torch.manual_seed(3)
    source = create_model('rfgm_t256', search_size=128, template_size=64)
    encoder = {k: v.numpy() for k, v in source.state_dict().items() if k.startswith('backbone.')}
    path = tmp_path / 'vit.safetensors'
    save_file(encoder, path)
    whole = replace(config, layers=tuple(range(1, 13)), backbone=str(path))
    state = Run(whole).model.state_dict()
    for key, value in encoder.items():
        assert torch.equal(state[key], torch.from_numpy(value)), key
    with pytest.raises(ConfigError, match='layers'):
        Run(replace(config, backbone=str(path)))
