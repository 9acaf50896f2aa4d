"""Validation on pairs of held-out photos, with the template-exchange test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.training.batches import Batch, normalise
import numpy as np
import torch


@dataclass(frozen=True)
class PairScores:
    """What a network does on one set of pairs.

    Attributes:
        iou: mean overlap on pairs that show the target.
        exchanged: the same with the templates rolled inside each batch: if it is not clearly
            lower, the network ignores the template.
        over_half: share of overlaps above 0.5.
        size_ratio: median of predicted over true sqrt(w * h).
    """

    iou: float
    exchanged: float
    over_half: float
    size_ratio: float

    def __str__(self) -> str:
        return (
            f'IoU {self.iou:.3f} (exchanged {self.exchanged:.3f}), '
            f'over 0.5 {self.over_half:.3f}, size {self.size_ratio:.3f}'
        )


@torch.no_grad()
def validate_pairs(model: HiT, batches: Sequence[Batch]) -> PairScores:
    """Score a network, in evaluation mode, on prepared batches."""
    was_training = model.training
    model.eval()
    own, other, ratios = [], [], []
    for batch in batches:
        search, template = normalise(batch.search), normalise(batch.template)
        with torch.autocast(search.device.type, torch.bfloat16):
            tokens = model.embed(search)
            given = model.embed(template)
            right = model.track(tokens, given).boxes.float()
            wrong = model.track(tokens, given.roll(1, dims=0)).boxes.float()
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
        size_ratio=float(np.median(torch.cat(ratios).numpy())),
    )


def _iou(boxes: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Overlap of boxes cx, cy, w, h with boxes x1, y1, x2, y2, both (B, 4)."""
    half = boxes[:, 2:].clamp(min=0) / 2
    top_left, bottom_right = boxes[:, :2] - half, boxes[:, :2] + half
    low = torch.maximum(top_left, corners[:, :2])
    high = torch.minimum(bottom_right, corners[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = (2 * half).prod(1) + (corners[:, 2:] - corners[:, :2]).prod(1) - shared
    return shared / union.clamp(min=1e-9)
