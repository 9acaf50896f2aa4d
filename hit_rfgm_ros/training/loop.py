"""The training loop of HiT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import json
import logging
import math
from pathlib import Path
import time
from typing import Any

import cv2
from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.errors import ConfigError, DatasetError, EngineError
from hit_rfgm_ros.models.hit.levit import LeViT
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.training import checkpoint
from hit_rfgm_ros.training.batches import Batch, batches, collect, make_pair_config
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.objective import Objective
from hit_rfgm_ros.training.pairs import PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.start import set_start_values, transfer
from hit_rfgm_ros.training.validate import PairScores, validate_pairs
from hit_rfgm_ros.weights.files import float32_tensors, read_weights, write_weights
from hit_rfgm_ros.weights.levit import backbone_from_levit
import torch
from torch import Tensor
import yaml

logger = logging.getLogger(__name__)

TEACHER_CHANNELS = 96  # NanoTrack v3


def learning_rate(step: int, config: TrainConfig) -> float:
    """Warm-up, constant, then a cosine down to `lr_final`."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if step < config.decay_from:
        return config.lr
    progress = min((step - config.decay_from) / max(config.steps - config.decay_from, 1), 1.0)
    return config.lr_final + (config.lr - config.lr_final) * (1 + math.cos(math.pi * progress)) / 2


def sized_config(config: TrainConfig, size: int) -> HiTConfig:
    """The model's configuration at another picture size."""
    model = get_model_config(config.model)
    if model.backbone != 'levit':
        raise ConfigError(f'{config.model} cannot be trained yet: choose a LeViT model')
    return replace(model, search_size=size, template_size=size // 2)


class Average:
    """Exponential moving average of all floating-point tensors of a network."""

    def __init__(self, model: HiT, decay: float) -> None:
        self.decay = decay
        self.model = HiT(model.config)
        self.model.load_state_dict(model.state_dict())
        self.model.eval()

    @torch.no_grad()
    def update(self, model: HiT, step: int) -> None:
        """Move towards the network; faster in the first steps."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - keep)


class Run:
    """One training run: its state, and the step that changes it."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        torch.manual_seed(config.seed)
        self.model = HiT(sized_config(config, config.search_size))
        self.objective = Objective(self.model, config, TEACHER_CHANNELS)
        self.step = 0
        self.pairs_seen = 0
        self.folder = Path(config.out)
        if (self.folder / 'checkpoint.pt').exists():
            self._begin()
            self._resume(checkpoint.load(self.folder / 'checkpoint.pt'))
        elif config.start_from:
            self._continue_from(Path(config.start_from))
            self._begin()
        else:
            set_start_values(self.model)
            if config.backbone:
                self._load_backbone(Path(config.backbone))
            self._begin()

    def _begin(self) -> None:
        self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.train()
        if self.config.freeze_stem and isinstance(self.model.backbone.body, LeViT):
            self.model.backbone.body.patch_embed.eval()
        self.average = Average(self.model, self.config.ema)
        decayed = [p for p in self.objective.parameters() if p.ndim >= 2]
        others = [p for p in self.objective.parameters() if p.ndim < 2]
        self.optimiser = torch.optim.AdamW(
            [
                {'params': decayed, 'weight_decay': self.config.weight_decay},
                {'params': others, 'weight_decay': 0.0},
            ],
            lr=self.config.lr,
            fused=True,
        )

    def _load_backbone(self, path: Path) -> None:
        """Replace all of the backbone but the bias tables (HiT, section 4.1)."""
        arrays = backbone_from_levit(path, self.model.config)
        known = self.model.state_dict()
        self.model.load_state_dict(
            known | {key: torch.from_numpy(array).float() for key, array in arrays.items()}
        )

    def _continue_from(self, path: Path) -> None:
        """Take over an earlier run's network, at this run's picture size.

        A weights file holds the network alone; a checkpoint also what the losses have learnt.
        """
        if path.suffix == '.safetensors':
            weights = read_weights(path, self.config.model)
            source = HiT(weights.config)
            load_state(source, float32_tensors(weights))
            self.pairs_seen = int(weights.metadata.get('pairs_seen', 0))
        else:
            state = checkpoint.load(path)
            source = HiT(sized_config(self.config, int(state['search_size'])))
            source.load_state_dict(state['model'])
            own = {k: v for k, v in state['objective'].items() if not k.startswith('model.')}
            self.objective.load_state_dict(own, strict=False)
            self.pairs_seen = int(state['pairs_seen'])
        transfer(source, self.model)

    def _resume(self, state: dict[str, Any]) -> None:
        self.objective.load_state_dict(state['objective'] | _prefixed(state['model']))
        self.average.model.load_state_dict(state['average'])
        if 'optimiser' in state:
            self.optimiser.load_state_dict(state['optimiser'])
        self.step, self.pairs_seen = int(state['step']), int(state['pairs_seen'])

    def save(self) -> None:
        """Write checkpoint and averaged weights."""
        others = {
            k: v for k, v in self.objective.state_dict().items() if not k.startswith('model.')
        }
        checkpoint.save(
            self.folder / 'checkpoint.pt',
            {
                'model': self.model.state_dict(),
                'objective': others,
                'average': self.average.model.state_dict(),
                'optimiser': self.optimiser.state_dict(),
                'step': self.step,
                'pairs_seen': self.pairs_seen,
                'search_size': self.config.search_size,
            },
        )
        computed = ('attention_bias_idxs', 'num_batches_tracked')
        tensors = {
            key: value.contiguous().numpy()
            for key, value in self.average.model.state_dict().items()
            if not key.endswith(computed)
        }
        write_weights(
            self.folder / 'latest.safetensors',
            self.config.model,
            tensors,
            {'pairs_seen': str(self.pairs_seen), 'options': json.dumps(_size_options(self.model))},
        )

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step.

        Raises:
            EngineError: if the loss is not finite.
        """
        for group in self.optimiser.param_groups:
            group['lr'] = learning_rate(self.step, self.config)
        total, parts = self.objective(batch, self.step)
        if not torch.isfinite(total):
            raise EngineError(
                f'the loss is {float(total)} at step {self.step} ({parts}): resume with a lower lr'
            )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm: Tensor = torch.nn.utils.clip_grad_norm_(
            self.objective.parameters(), self.config.clip
        )
        self.optimiser.step()
        self.average.update(self.model, self.step)
        self.step += 1
        self.pairs_seen += len(batch.present)
        return parts | {'norm': float(norm), 'total': float(total.detach())}


def _size_options(model: HiT) -> dict[str, int]:
    """What a weights file must say of a network of other than the default picture size."""
    default = get_model_config(model.config.name)
    if model.config.search_size == default.search_size:
        return {}
    return {
        'search_size': model.config.search_size,
        'template_size': model.config.template_size,
    }


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f'model.{key}': value for key, value in state.items()}


def validation_sets(
    photos: PhotoSet, config: TrainConfig, count: int = 12
) -> dict[str, list[Batch]]:
    """Fixed batches of held-out photos: easy pastes and rectangles, and pairs at full strength."""
    sets: dict[str, list[Batch]] = {}
    settings: list[tuple[str, str, float]] = [
        ('easy paste', 'paste', 0.0),
        ('easy rectangle', 'rectangle', 0.0),
        ('hard paste', 'paste', 1.0),
        ('photo', 'photo', 1.0),
    ]
    for number, (name, kind, difficulty) in enumerate(settings):
        pair_config = replace(make_pair_config(config), shares={kind: 1.0})
        try:
            sampler = PairSampler(photos, pair_config, seed=1000 + number)
        except DatasetError as error:
            logger.warning('no validation on %s: %s', name, error)
            continue
        sampler.difficulty = difficulty
        sets[name] = [collect(sampler, 16) for _ in range(count)]
    return sets


Report = Callable[[int, dict[str, float]], None]


def train(config: TrainConfig, *, report: Report | None = None) -> Run:
    """Run or resume a training run until `config.steps`.

    Args:
        config: the run's settings.
        report: called after every step with the step and the losses, for a progress bar.
    """
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(0)  # a forked worker would wait for ever for OpenCV's threads
    run = Run(config)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / 'config.yaml').write_text(yaml.safe_dump(config.to_dict()))
    photos = PhotoSet.load(Path(config.data), part='train')
    held_out = validation_sets(PhotoSet.load(Path(config.data), part='val'), config)
    sums: dict[str, float] = {}
    began, count = time.monotonic(), 0
    for batch in batches(photos, config, run.step):
        if run.step >= config.steps:
            break
        parts = run.train_step(batch)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        count += 1
        if report:
            report(run.step, parts)
        if run.step % config.log_every == 0:
            speed = count * config.batch_size / (time.monotonic() - began)
            _log(run, {name: value / count for name, value in sums.items()} | {'pairs/s': speed})
            sums, began, count = {}, time.monotonic(), 0
        if run.step % config.validate_every == 0:
            _validate(run, held_out)
            began, count, sums = time.monotonic(), 0, {}
        if run.step % config.save_every == 0:
            run.save()
    run.save()
    return run


def _log(run: Run, values: dict[str, float]) -> None:
    line = {
        'step': run.step,
        'pairs': run.pairs_seen,
        **{k: round(v, 4) for k, v in values.items()},
    }
    with (run.folder / 'log.jsonl').open('a') as file:
        file.write(json.dumps(line) + '\n')
    logger.info('%s', line)


def _validate(run: Run, held_out: dict[str, list[Batch]]) -> None:
    scores: dict[str, PairScores] = {
        name: validate_pairs(run.average.model, sets) for name, sets in held_out.items()
    }
    for name, score in scores.items():
        logger.info('step %d, %s: %s', run.step, name, score)
    with (run.folder / 'log.jsonl').open('a') as file:
        file.write(
            json.dumps({'step': run.step, 'validation': {k: vars(v) for k, v in scores.items()}})
            + '\n'
        )
