"""Validation on pairs of held-out photos, with the template-exchange test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.training.batches import Batch, normalise
import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class PairScores:
    """What a network does on one set of pairs.

    Attributes:
        iou: mean overlap on pairs that show the target.
        exchanged: the same with the templates rolled inside each batch: if it is not clearly
            lower, the network ignores the template.
        over_half: share of overlaps above 0.5.
        size_ratio: median of predicted over true sqrt(w * h).
        batch_stem: HiT: mean overlap with the stem normalised by each batch, as in training: if it
            is clearly above `iou`, train the last part with `TrainConfig.freeze_stem`.
    """

    iou: float
    exchanged: float
    over_half: float
    size_ratio: float
    batch_stem: float | None = None

    def __str__(self) -> str:
        text = (
            f'IoU {self.iou:.3f} (exchanged {self.exchanged:.3f}), '
            f'over 0.5 {self.over_half:.3f}, size {self.size_ratio:.3f}'
        )
        return text if self.batch_stem is None else f'{text}, stem by batch {self.batch_stem:.3f}'


@torch.no_grad()
def validate_pairs(model: nn.Module, batches: Sequence[Batch]) -> PairScores:
    """Score a network, in evaluation mode, on prepared batches."""
    was_training = model.training
    model.eval()
    own, other, ratios, by_batch = [], [], [], []
    device = next(model.parameters()).device
    for given in batches:
        batch = given.to(device)
        search, template = normalise(batch.search), normalise(batch.template)
        with torch.autocast(search.device.type, torch.bfloat16):
            right = model(search, template).boxes.float()
            wrong = model(search, template.roll(1, dims=0)).boxes.float()
            if isinstance(model, HiT):
                with batch_statistics(model.backbone.body.get_submodule('patch_embed')):
                    stem = model(search, template).boxes.float()
                by_batch.append(_iou(stem, batch.box)[batch.present])
        own.append(_iou(right, batch.box)[batch.present])
        other.append(_iou(wrong, batch.box)[batch.present])
        truth = (batch.box[:, 2:] - batch.box[:, :2]).prod(1)
        found = right[:, 2:].clamp(min=1e-3).prod(1)
        ratios.append((found / truth).sqrt()[batch.present])
    model.train(was_training)
    overlaps = torch.cat(own)
    return PairScores(
        iou=float(overlaps.mean()),
        exchanged=float(torch.cat(other).mean()),
        over_half=float((overlaps > 0.5).float().mean()),
        size_ratio=float(np.median(torch.cat(ratios).cpu().numpy())),
        batch_stem=float(torch.cat(by_batch).mean()) if by_batch else None,
    )


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Let the normalisation layers inside use each batch's statistics and learn none of them."""
    layers = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [(layer.training, layer.track_running_stats) for layer in layers]
    for layer in layers:
        layer.train()
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer, (training, tracking) in zip(layers, before):
            layer.train(training)
            layer.track_running_stats = tracking


def _iou(boxes: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Overlap of boxes cx, cy, w, h with boxes x1, y1, x2, y2, both (B, 4)."""
    half = boxes[:, 2:].clamp(min=0) / 2
    top_left, bottom_right = boxes[:, :2] - half, boxes[:, :2] + half
    low = torch.maximum(top_left, corners[:, :2])
    high = torch.minimum(bottom_right, corners[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = (2 * half).prod(1) + (corners[:, 2:] - corners[:, :2]).prod(1) - shared
    return shared / union.clamp(min=1e-9)
