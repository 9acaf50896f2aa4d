"""Losses of HiT's training; boxes and points are fractions of the search region.

The paper's loss (section 3.4) is 2 GIoU + 5 L1. The others are ours: from random weights the
paper's loss alone lets the network ignore the template. Every loss takes `present`, since a pair
may show a search region without the target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B,) values where the mask (B,) holds; 0 with no gradient where it never does."""
    weight = mask.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1)


def generalized_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes (B, 4) x1, y1, x2, y2, in [-1, 1].

    Safe per sample: a box with x2 < x1 counts as one of no width at its place. (The official
    code gives up the whole batch's term then.)
    """
    a = torch.cat([a[:, :2], torch.maximum(a[:, :2], a[:, 2:])], dim=1)
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    shared = overlap.prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    area = hull.prod(1).clamp(min=1e-7)
    return shared / union.clamp(min=1e-7) - (area - union) / area


def box_loss(corners: Tensor, target: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """L1 and GIoU terms of the paper, unweighted.

    Args:
        corners: (B, 4) predicted x1, y1, x2, y2.
        target: (B, 4) true box; clamped to [0, 1] as in the official code.
        present: (B,) bool.
    """
    target = target.clamp(0, 1)
    l1 = mean_where((corners - target).abs().mean(1), present)
    return l1, mean_where(1 - generalized_iou(corners, target), present)


def bilinear_cells(points: Tensor, grid: int, *, offset: float = 0.0) -> Tensor:
    """Distribution over the grid's cells whose expectation is the point.

    Args:
        points: (B, 2) x, y as fractions of the search region.
        grid: side of the map.
        offset: place of a cell's point inside the cell: 0 as the corner head has it, 0.5 for the
            cell's middle.

    Returns:
        (B, grid * grid), row-major, each row sums to 1; points outside move to the border.
    """
    place = (points * grid - offset).clamp(0, grid - 1)
    steps = torch.arange(grid, device=points.device, dtype=points.dtype)
    weights = (1 - (place.unsqueeze(2) - steps).abs()).clamp(min=0)  # (B, 2, grid)
    return (weights[:, 1].unsqueeze(2) * weights[:, 0].unsqueeze(1)).flatten(1)


def map_cross_entropy(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of maps (B, cells) against distributions (B, cells), where the mask holds."""
    return mean_where(-(target * logits.log_softmax(1)).sum(1), mask)


def corner_loss(score_tl: Tensor, score_br: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """Cross-entropy of both corner maps against the four cells around each true corner.

    Args:
        score_tl, score_br: (B, 1, g, g) before the softmax.
        target: (B, 4) x1, y1, x2, y2.
        present: (B,) bool.
    """
    grid = score_tl.shape[-1]
    total = torch.zeros((), device=target.device)
    for score, point in ((score_tl, target[:, :2]), (score_br, target[:, 2:])):
        logits = score.flatten(1).float()
        total = total + 0.5 * map_cross_entropy(logits, bilinear_cells(point, grid), present)
    return total


def absence_loss(score_tl: Tensor, score_br: Tensor, absent: Tensor) -> Tensor:
    """Push the corner maps of a search region without the target to be flat.

    This is what makes the maps' sharpness a confidence. In nats above the uniform map.
    """
    total = torch.zeros((), device=score_tl.device)
    for score in (score_tl, score_br):
        logits = score.flatten(1).float()
        cells = logits.shape[1]
        cross = -logits.log_softmax(1).mean(1) - torch.log(torch.tensor(float(cells)))
        total = total + 0.5 * mean_where(cross, absent)
    return total


def siamese_loss(
    search: Tensor, template: Tensor, target: Tensor, present: Tensor, *, sharpness: float = 12.0
) -> Tensor:
    """Teach tokens to match: the target's tokens should resemble the template's central half.

    Args:
        search: (B, g*g, C) tokens of the search region.
        template: (B, t*t, C) tokens of the template at the same stage.
        target: (B, 4) x1, y1, x2, y2.
        present: (B,) bool.
        sharpness: factor on the cosine before the softmax over positions.
    """
    side = int(template.shape[1] ** 0.5)
    grid = int(search.shape[1] ** 0.5)
    quarter = max(side // 4, 0)
    central = template.float().unflatten(1, (side, side))
    central = central[:, quarter : side - quarter, quarter : side - quarter].flatten(1, 2)
    tokens = search.float()
    mean = tokens.mean(dim=(0, 1), keepdim=True)
    query = functional.normalize((central - mean).mean(1), dim=1)
    cosine = functional.normalize(tokens - mean, dim=2) @ query.unsqueeze(2)
    centre = 0.5 * (target[:, :2] + target[:, 2:])
    cells = bilinear_cells(centre, grid, offset=0.5)
    return map_cross_entropy(sharpness * cosine.squeeze(2), cells, present)


def distillation_loss(tokens: Tensor, features: Tensor) -> Tensor:
    """Smooth L1 between projected tokens (B, n, F) and a teacher's features (B, F, s, s)."""
    return functional.smooth_l1_loss(tokens.float(), features.flatten(2).transpose(1, 2))
