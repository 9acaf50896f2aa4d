"""The corner head (HiT, section 3.4, after STARK): the expectation of a score map is a corner."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CornerHead(nn.Module):
    """Two towers of 3x3 convolutions, one per corner, and a soft-argmax over the cells.

    Cell (row, column) stands for the pixel (16 row, 16 column): no half-cell offset, so no
    coordinate exceeds ``size - stride`` (official code). No sigmoid, no clamp: a width or a
    height may be negative.
    """

    def __init__(self, channels: int, grid: int, stride: int) -> None:
        super().__init__()
        widths = (channels, channels, channels // 2, channels // 4, channels // 8)
        for corner in ('tl', 'br'):
            for i in range(4):
                setattr(
                    self,
                    f'conv{i + 1}_{corner}',
                    nn.Sequential(
                        nn.Conv2d(widths[i], widths[i + 1], 3, padding=1),
                        nn.BatchNorm2d(widths[i + 1]),
                        nn.ReLU(),
                    ),
                )
            setattr(self, f'conv5_{corner}', nn.Conv2d(widths[4], 1, 1))
        self.grid, self.stride = grid, stride
        steps = torch.arange(grid, dtype=torch.float32) * stride
        rows, columns = torch.meshgrid(steps, steps, indexing='ij')
        # Pixel (x, y) of every cell; a fixed table, not part of a checkpoint.
        self.register_buffer(
            'cells', torch.stack([columns.flatten(), rows.flatten()], 1), persistent=False
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score maps and corners.

        Args:
            x: (B, C, grid, grid).

        Returns:
            score_tl, score_br: (B, 1, grid, grid), before the softmax.
            corners: (B, 4), x1, y1, x2, y2 in pixels of the search region.
        """
        top_left, bottom_right = self._tower(x, 'tl'), self._tower(x, 'br')
        corners = torch.cat([self.expectation(top_left), self.expectation(bottom_right)], dim=1)
        return top_left, bottom_right, corners

    def _tower(self, x: Tensor, corner: str) -> Tensor:
        for i in range(1, 6):
            x = getattr(self, f'conv{i}_{corner}')(x)
        return x

    def expectation(self, score: Tensor) -> Tensor:
        """Expected pixel (x, y) under the softmax of a score map: (B, 1, g, g) -> (B, 2)."""
        cells = self.get_buffer('cells').to(torch.promote_types(score.dtype, torch.float32))
        return score.flatten(1).to(cells.dtype).softmax(dim=1) @ cells


def corners_to_boxes(corners: Tensor, size: int) -> Tensor:
    """Corners (B, 4) in pixels -> boxes (B, 4) cx, cy, w, h as fractions of the search region."""
    x1, y1, x2, y2 = (corners / size).unbind(1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
