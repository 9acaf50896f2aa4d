"""The training loop, one for all families of networks."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
import json
import logging
import math
from pathlib import Path
import time
from typing import Any

import cv2
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.errors import ConfigError, DatasetError, EngineError
from hit_rfgm_ros.models.registry import build_network, load_state
from hit_rfgm_ros.training import checkpoint
from hit_rfgm_ros.training.batches import Batch, batches, collect, make_pair_config
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.families import family_of
from hit_rfgm_ros.training.pairs import PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.validate import PairScores, validate_pairs
from hit_rfgm_ros.weights.files import float32_tensors, read_weights, write_weights
from hit_rfgm_ros.weights.options import options_text
import torch
from torch import Tensor, nn
import yaml

logger = logging.getLogger(__name__)

HEAD, RANKERS = 'model.box_head.', 'model.rankers.'


def learning_rate(step: int, config: TrainConfig) -> float:
    """Warm-up, constant, then a cosine down to `lr_final`."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if step < config.decay_from:
        return config.lr
    progress = min((step - config.decay_from) / max(config.steps - config.decay_from, 1), 1.0)
    return config.lr_final + (config.lr - config.lr_final) * (1 + math.cos(math.pi * progress)) / 2


class Average:
    """Exponential moving average of all floating-point tensors of a network."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = deepcopy(model).eval()
        self.model.requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the network; faster in the first steps."""
        keep = min(self.decay, (1 + step) / (10 + step))
        mine, new = (
            [t for t in network.state_dict().values() if t.is_floating_point()]
            for network in (self.model, model)
        )
        torch._foreach_lerp_(mine, new, 1 - keep)


class Run:
    """One training run: its state, and the step that changes it."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.family = family_of(config)
        self.device = _device(config.device)
        torch.manual_seed(config.seed)
        self.model = self.family.network(config, config.search_size)
        self.objective = self.family.objective(self.model, config)
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
            self.family.start(self.model, config)
            self._begin()

    def _begin(self) -> None:
        self.objective.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.train()
        self.family.freeze(self.model, self.config)
        self.average = Average(self.model, self.config.ema)
        self.optimiser = torch.optim.AdamW(
            self._groups(), lr=self.config.lr, betas=(0.9, self.config.beta2), fused=True
        )

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters by weight decay and by learning rate."""
        decay = self.config.weight_decay
        paces = {RANKERS: self.config.ranker_lr}
        if self.config.head_lr != 1:  # else among all others, as in checkpoints of older versions
            paces[HEAD] = self.config.head_lr
        named = [(n, p) for n, p in self.objective.named_parameters() if p.requires_grad]
        common = [p for n, p in named if not n.startswith(tuple(paces))]
        groups: list[dict[str, Any]] = [
            {'params': [p for p in common if p.ndim >= 2], 'weight_decay': decay, 'pace': 1.0},
            {'params': [p for p in common if p.ndim < 2], 'weight_decay': 0.0, 'pace': 1.0},
        ]
        for part, pace in paces.items():
            own = [p for n, p in named if n.startswith(part)]
            if own:
                groups.append({'params': own, 'weight_decay': decay, 'pace': pace})
        return groups

    def _continue_from(self, path: Path) -> None:
        """Take over an earlier run's network, at this run's picture size.

        A weights file holds the network alone; a checkpoint also what the losses have learnt.
        """
        if path.suffix == '.safetensors':
            weights = read_weights(path, self.config.model)
            source: nn.Module = build_network(weights.config)
            load_state(source, float32_tensors(weights))
            self.pairs_seen = int(weights.metadata.get('pairs_seen', 0))
        else:
            state = checkpoint.load(path)
            source = self.family.network(self.config, int(state['search_size']))
            source.load_state_dict(state['model'], strict=False)
            own = {k: v for k, v in state['objective'].items() if not k.startswith('model.')}
            self.objective.load_state_dict(own, strict=False)
            self.pairs_seen = int(state['pairs_seen'])
        self.family.transfer(source, self.model)

    def _resume(self, state: dict[str, Any]) -> None:
        self.objective.load_state_dict(state['objective'] | _prefixed(state['model']))
        self.average.model.load_state_dict(state['average'])
        if 'optimiser' in state:
            paces = [group['pace'] for group in self.optimiser.param_groups]
            self.optimiser.load_state_dict(state['optimiser'])
            for group, pace in zip(self.optimiser.param_groups, paces):
                group['pace'] = pace  # checkpoints of older versions have none
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
            key: value.contiguous().cpu().numpy()
            for key, value in self.average.model.state_dict().items()
            if not key.endswith(computed)
        }
        network = self.family.sized(self.config, self.config.search_size)
        write_weights(
            self.folder / 'latest.safetensors',
            self.config.model,
            tensors,
            {'pairs_seen': str(self.pairs_seen), **options_text(network)},
        )

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step.

        Raises:
            EngineError: if the loss is not finite.
        """
        for group in self.optimiser.param_groups:
            group['lr'] = group['pace'] * learning_rate(self.step, self.config)
        total, parts = self.objective(batch.to(self.device), self.step)
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


def _device(name: str) -> torch.device:
    if name.startswith('cuda') and not torch.cuda.is_available():
        raise ConfigError(f'device is {name!r}, but torch sees no CUDA GPU here: leave it at cpu')
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f'device must be cpu or cuda, got {name!r}: {error}') from error


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f'model.{key}': value for key, value in state.items()}


def validation_sets(
    photos: PhotoSet, config: TrainConfig, count: int = 12
) -> dict[str, list[Batch]]:
    """Fixed batches of what is held out: photos of several kinds and strengths, and videos."""
    sets: dict[str, list[Batch]] = {}
    settings: list[tuple[str, str, float]] = [
        ('easy paste', 'paste', 0.0),
        ('easy rectangle', 'rectangle', 0.0),
        ('hard paste', 'paste', 1.0),
        ('photo', 'photo', 1.0),
    ]
    folder = Path(config.data) / 'videos'
    videos = (
        [v for v in open_dataset('folder', folder).sequences if v.name not in config.videos]
        if folder.is_dir()
        else []
    )
    if videos:
        settings.append(('video', 'video', 0.3))
    for number, (name, kind, difficulty) in enumerate(settings):
        pair_config = replace(make_pair_config(config), shares={kind: 1.0})
        try:
            sampler = PairSampler(photos, pair_config, seed=1000 + number, videos=videos)
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
