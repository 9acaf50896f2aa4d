"""Batches of pairs, made by worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hit_rfgm_ros.data.datasets.folder import read_folder
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.pairs import PairConfig, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.teacher import FeatureTeacher
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

MEAN = torch.tensor([0.485, 0.456, 0.406]) * 255
STD = torch.tensor([0.229, 0.224, 0.225]) * 255


@dataclass
class Batch:
    """B pairs.

    Attributes:
        search: (B, S, S, 3) uint8 RGB.
        template: (B, S/2, S/2, 3) uint8 RGB, or (B, T, S/2, S/2, 3) with T templates a pair.
        box: (B, 4) float32 x1, y1, x2, y2 as fractions of the search region.
        present: (B,) bool, False where the search region lacks the target.
        search_features, template_features: (B, F, s, s) float16 of the teacher, or None; of
            the first template.
    """

    search: Tensor
    template: Tensor
    box: Tensor
    present: Tensor
    search_features: Tensor | None
    template_features: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            tensor = getattr(self, field.name)
            moved[field.name] = tensor if tensor is None else tensor.to(device)
        return Batch(**moved)


def normalise(images: Tensor) -> Tensor:
    """(..., S, S, 3) uint8 RGB -> (..., 3, S, S) float32, channels last in memory."""
    mean, std = MEAN.to(images.device), STD.to(images.device)
    return ((images.float() - mean) / std).movedim(-1, -3)


def difficulty_at(step: int, config: TrainConfig) -> float:
    """Strength of the data at a step: 0 (easy) to 1 (official)."""
    span = max(config.hard_from - config.easy_until, 1)
    return float(np.clip((step - config.easy_until) / span, 0.0, 1.0))


class BatchStream(IterableDataset[Batch]):
    """Endless batches; worker i of n makes every n-th, each from a seed of its own step."""

    def __init__(self, photos: PhotoSet, config: TrainConfig, start_step: int) -> None:
        self.photos, self.config, self.start_step = photos, config, start_step

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        config = self.config
        pairs = make_pair_config(config)
        sampler = PairSampler(self.photos, pairs, config.seed, videos=training_videos(config))
        teacher = _teacher(config)
        step = self.start_step + worker
        while True:
            sampler.reseed(config.seed * 1_000_003 + step)
            sampler.difficulty = difficulty_at(step, config)
            taught = not config.siamese_until or step < config.siamese_until
            yield collect(sampler, config.batch_size, teacher if taught else None)
            step += workers


def _teacher(config: TrainConfig) -> FeatureTeacher | None:
    if not config.teacher:
        return None
    return FeatureTeacher(Path(config.teacher), shift=config.teacher_shift)


def make_pair_config(config: TrainConfig) -> PairConfig:
    """Pair settings of a run."""
    return PairConfig(
        search_size=config.search_size,
        template_size=config.search_size // 2,
        templates=config.templates,
        **dict(config.pairs or {}),
    )


def training_videos(config: TrainConfig) -> list[Sequence]:
    """The videos that training may see.

    Raises:
        DatasetError: if a name is not there.
    """
    return [read_folder(Path(config.data) / 'videos' / name) for name in config.videos]


def collect(
    sampler: PairSampler,
    count: int,
    teacher: FeatureTeacher | None = None,
    *,
    kind: str | None = None,
) -> Batch:
    """Draw `count` pairs into one batch, all of one kind if it is named."""
    pairs = [sampler.sample(kind) for _ in range(count)]
    search = np.stack([pair.search for pair in pairs])
    template = first = np.stack([pair.template for pair in pairs])
    if pairs[0].later:
        later = [np.stack([pair.later[i] for pair in pairs]) for i in range(len(pairs[0].later))]
        template = np.stack([first, *later], axis=1)
    features = [
        torch.from_numpy(teacher.features(images).astype(np.float16)) if teacher else None
        for images in (search, first)
    ]
    return Batch(
        search=torch.from_numpy(search),
        template=torch.from_numpy(template),
        box=torch.from_numpy(np.stack([pair.box for pair in pairs])).float(),
        present=torch.tensor([pair.present for pair in pairs]),
        search_features=features[0],
        template_features=features[1],
    )


def batches(photos: PhotoSet, config: TrainConfig, start_step: int) -> Iterator[Batch]:
    """Batches from `start_step` on, in worker processes if `config.workers` is above 0."""
    stream = BatchStream(photos, config, start_step)
    return iter(DataLoader(stream, batch_size=None, num_workers=config.workers))
