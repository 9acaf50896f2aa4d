"""The loop learns, resumes on the same curve, and refuses bad settings."""

from dataclasses import replace
import json
from pathlib import Path

from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.training import checkpoint
from hit_rfgm_ros.training.batches import difficulty_at
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.families import family_of
from hit_rfgm_ros.training.loop import Average, Run, learning_rate, train
from hit_rfgm_ros.weights.files import read_weights
import pytest
from safetensors.numpy import save_file
import torch

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA GPU')


@pytest.fixture
def config(photo_tree: Path, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        data=str(photo_tree),
        out=str(tmp_path / 'run'),
        search_size=128,
        steps=4,
        batch_size=4,
        workers=0,
        warmup=2,
        decay_from=3,
        validate_every=100,
        save_every=2,
        log_every=2,
    )


def _total(path: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (path / 'log.jsonl').read_text().splitlines()]
    return {line['step']: line['total'] for line in lines if 'total' in line}


def test_resumed_run_continues_the_same_curve(config: TrainConfig, tmp_path: Path) -> None:
    train(config)
    whole = _total(Path(config.out))
    halves = replace(config, out=str(tmp_path / 'halves'))
    train(replace(halves, steps=2))
    run = train(halves)
    assert run.step == 4
    assert run.pairs_seen == 16
    assert _total(Path(halves.out)) == pytest.approx(whole, rel=1e-3)


def test_run_leaves_weights_that_name_their_picture_size(config: TrainConfig) -> None:
    train(replace(config, steps=1))
    weights = read_weights(Path(config.out) / 'latest.safetensors')
    assert weights.model == 'hit_tiny'
    assert weights.config.search_size == 128
    assert weights.metadata['pairs_seen'] == '4'


def test_run_can_start_from_a_run_at_another_size(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    larger = replace(
        config,
        out=str(tmp_path / 'larger'),
        start_from=str(Path(config.out) / 'checkpoint.pt'),
        search_size=256,
        steps=1,
        batch_size=2,
    )
    run = train(larger)
    assert run.model.config.search_size == 256
    assert run.pairs_seen == 4 + 2
    assert read_weights(Path(larger.out) / 'latest.safetensors').config.search_size == 256


def test_run_can_start_from_a_weights_file(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=1))
    weights = Path(config.out) / 'latest.safetensors'
    run = Run(replace(config, out=str(tmp_path / 'next'), start_from=str(weights)))
    assert run.pairs_seen == 4
    known = read_weights(weights).tensors
    for key, value in run.model.state_dict().items():
        if key in known:
            assert torch.equal(value, torch.from_numpy(known[key])), key


def test_learning_rate_warms_up_holds_and_falls() -> None:
    config = TrainConfig(lr=1.0, lr_final=0.1, warmup=10, decay_from=100, steps=200)
    assert learning_rate(0, config) == pytest.approx(0.1)
    assert learning_rate(50, config) == 1.0
    assert learning_rate(150, config) == pytest.approx(0.55)
    assert learning_rate(200, config) == pytest.approx(0.1)


def test_difficulty_grows_between_its_steps() -> None:
    config = TrainConfig(easy_until=100, hard_from=300)
    assert [difficulty_at(step, config) for step in (0, 100, 200, 300, 999)] == [0, 0, 0.5, 1, 1]


def test_average_lags_behind_the_network(config: TrainConfig) -> None:
    run = train(replace(config, steps=1))
    average = Average(run.model, decay=0.5)
    with torch.no_grad():
        run.model.bottleneck.proj1.bias.add_(1.0)
    before = average.model.bottleneck.proj1.bias.clone()
    average.update(run.model, step=1000)
    torch.testing.assert_close(average.model.bottleneck.proj1.bias, before + 0.5)


def test_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(b'not a checkpoint')
    with pytest.raises(WeightsError, match=r'checkpoint\.pt'):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        pytest.param('stepz: 3', "did you mean 'steps'", id='typo'),
        pytest.param('steps: many', 'steps must be a int', id='wrong-type'),
        pytest.param('steps: 0', 'steps must be at least 1', id='range'),
        pytest.param('- 1', 'key: value', id='no-mapping'),
        pytest.param('ema: 1.0', 'ema must be', id='ema'),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'config.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrainConfig.from_yaml(path)


def test_numbers_in_exponent_form_are_read(tmp_path: Path) -> None:
    path = tmp_path / 'config.yaml'
    path.write_text('lr: 1e-3\nwarmup: 5\n')
    assert TrainConfig.from_yaml(path, {'steps': 9}).lr == 1e-3


def test_fresh_run_can_start_from_a_levit_backbone(config: TrainConfig, tmp_path: Path) -> None:
    """A file under HiT's own backbone keys, as ``weights import --levit`` writes it."""
    torch.manual_seed(3)
    model = create_model('hit_tiny')
    backbone = {
        key: value.numpy()
        for key, value in model.state_dict().items()
        if key.startswith('backbone.body.')
        and not key.endswith(('attention_biases', 'attention_bias_idxs', 'num_batches_tracked'))
    }
    path = tmp_path / 'levit.safetensors'
    save_file(backbone, path)
    run = Run(replace(config, backbone=str(path)))
    state = run.model.state_dict()
    for key, value in backbone.items():
        assert torch.equal(state[key], torch.from_numpy(value)), key


@pytest.mark.parametrize(
    'path',
    sorted((Path(__file__).parents[2] / 'config' / 'train').glob('*.yaml')),
    ids=lambda path: path.stem,
)
def test_settings_that_come_with_the_package_are_accepted(path: Path) -> None:
    config = TrainConfig.from_yaml(path)
    assert path.stem.startswith((config.model, f'{config.model.partition("_")[0]}_ablation'))
    assert family_of(config).sized(config, config.search_size).search_size == config.search_size


@pytest.mark.parametrize('device', ['gpu7', pytest.param('cuda', marks=NO_GPU)])
def test_device_that_is_not_there_is_refused(config: TrainConfig, device: str) -> None:
    with pytest.raises(ConfigError, match='device'):
        Run(replace(config, device=device))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA GPU')
@pytest.mark.parametrize('model', ['hit_tiny', 'rfgm_t256'])
def test_training_on_a_gpu_saves_and_resumes(config: TrainConfig, model: str) -> None:
    on_gpu = replace(config, model=model, device='cuda', validate_every=2)
    train(replace(on_gpu, steps=2))
    run = train(on_gpu)
    assert run.step == 4
    assert read_weights(Path(config.out) / 'latest.safetensors').metadata['pairs_seen'] == '16'
