"""Losses of RFGM (section 3.4; after OSTrack); boxes are fractions of the search region.

Focal loss on the score map, generalised IoU and L1 on the decoded box, and the ratio loss of the
relevance stages are the paper's. The cross-entropy of the score map and the box at the true cell
are ours: both give every step a gradient while the map's maximum is still elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
import math

from hit_rfgm_ros.training.losses import bilinear_cells, map_cross_entropy
import torch
from torch import Tensor

OVERLAP = 0.7  # that a box moved by the radius keeps with the truth (CornerNet)


def gaussian_radius(width: float, height: float) -> int:
    """CornerNet's radius of the target's Gaussian, in cells.

    The third case is divided by 2 and not by 2a, as everybody's code has it.

    Args:
        width, height: of the box in cells.
    """
    total, area = height + width, width * height
    c1 = area * (1 - OVERLAP) / (1 + OVERLAP)
    r1 = 0.5 * (total + math.sqrt(total**2 - 4 * c1))
    c2 = (1 - OVERLAP) * area
    r2 = 0.5 * (2 * total + math.sqrt(4 * total**2 - 16 * c2))
    a3, b3, c3 = 4 * OVERLAP, -2 * OVERLAP * total, (OVERLAP - 1) * area
    r3 = 0.5 * (b3 + math.sqrt(b3**2 - 4 * a3 * c3))
    return int(max(0.0, min(r1, r2, r3)))


def centre_map(box: Tensor, grid: int) -> Tensor:
    """Target of one score map: a Gaussian with the peak 1 at the centre's cell.

    Args:
        box: (4,) x1, y1, x2, y2 as fractions of the search region.
        grid: side of the map in cells.

    Returns:
        (grid, grid) float32. A centre that is rounded to a cell outside leaves no peak.
    """
    x1, y1, x2, y2 = (float(value) * grid for value in box)
    radius = gaussian_radius(x2 - x1, y2 - y1)
    column, row = round((x1 + x2) / 2), round((y1 + y2) / 2)  # half to even
    steps = torch.arange(grid)
    sigma = (2 * radius + 1) / 6
    weights = []
    for centre in (row, column):
        distance = steps - centre
        weight = torch.exp(-(distance.float() ** 2) / (2 * sigma**2))
        weights.append(weight * (distance.abs() <= radius))
    return weights[0][:, None] * weights[1]


def centre_maps(boxes: Tensor, present: Tensor, grid: int) -> Tensor:
    """Targets of the score maps (B, grid, grid); 0 everywhere where the target is absent."""
    maps = [
        centre_map(box, grid) if shown else torch.zeros(grid, grid)
        for box, shown in zip(boxes.tolist(), present.tolist())
    ]
    return torch.stack(maps).to(boxes.device)


def focal_loss(score: Tensor, target: Tensor) -> Tensor:
    """Penalty-reduced focal loss, summed, over the number of peaks in the batch.

    Args:
        score: (B, g, g) in (0, 1).
        target: (B, g, g) of `centre_maps`.
    """
    peak = target.eq(1)
    positive = torch.log(score) * (1 - score) ** 2
    negative = torch.log(1 - score) * score**2 * (1 - target) ** 4
    total = -torch.where(peak, positive, negative).sum()
    return total / peak.sum().clamp(min=1)


def centre_cross_entropy(score: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """Cross-entropy of the score map, as one distribution over cells, against the true centre.

    Args:
        score: (B, 1, g, g) in (0, 1).
        target: (B, 4) x1, y1, x2, y2.
        present: (B,) bool.
    """
    flat = score.flatten(1)
    logits = torch.log(flat) - torch.log1p(-flat)
    centre = 0.5 * (target[:, :2] + target[:, 2:])
    return map_cross_entropy(logits, bilinear_cells(centre, score.shape[-1]), present)


def ratio_loss(decisions: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Squared difference of the kept share from the stage's own, mean over batch and stages.

    Args:
        decisions: per stage (B, n), 1 for kept, cumulative.
        shares: per stage.
    """
    if not decisions:
        return torch.zeros(())
    terms = [(share - kept.mean(1)) ** 2 for kept, share in zip(decisions, shares)]
    return torch.stack(terms).mean()


def true_cells(target: Tensor, grid: int) -> Tensor:
    """(B,) index of the cell where `centre_map` has its peak, for boxes (B, 4) x1, y1, x2, y2."""
    centre = 0.5 * (target[:, :2] + target[:, 2:]) * grid
    column, row = centre.round().long().clamp(0, grid - 1).unbind(1)
    return row * grid + column


def boxes_at(cells: Tensor, size: Tensor, offset: Tensor) -> Tensor:
    """Corners (B, 4) x1, y1, x2, y2 decoded at given cells (B,) of the maps (B, 2, g, g)."""
    grid = size.shape[-1]
    at = cells.view(-1, 1, 1).expand(-1, 2, 1)
    half = 0.5 * size.flatten(2).gather(2, at).squeeze(2)
    corner = torch.stack([cells % grid, cells // grid], 1)
    centre = (corner + offset.flatten(2).gather(2, at).squeeze(2)) / grid
    return torch.cat([centre - half, centre + half], 1)
