"""The heads: towers of convolutions on the map of search tokens, and boxes out of their maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Towers(nn.Module):
    """Branches of four 3x3 convolutions with batch normalisation and ReLU, then one of 1x1.

    Layers are named ``conv1_<branch>`` to ``conv5_<branch>`` as in the official checkpoints.
    """

    def __init__(self, widths: Sequence[int], branches: Mapping[str, int]) -> None:
        """``widths``: channels before, between and after the four; ``branches``: outputs each."""
        super().__init__()
        for branch, outputs in branches.items():
            for i in range(4):
                setattr(
                    self,
                    f'conv{i + 1}_{branch}',
                    nn.Sequential(
                        nn.Conv2d(widths[i], widths[i + 1], 3, padding=1),
                        nn.BatchNorm2d(widths[i + 1]),
                        nn.ReLU(),
                    ),
                )
            setattr(self, f'conv5_{branch}', nn.Conv2d(widths[4], outputs, 1))

    def tower(self, x: Tensor, branch: str) -> Tensor:
        """Run one branch: (B, C, grid, grid) -> (B, outputs, grid, grid)."""
        for i in range(1, 6):
            x = getattr(self, f'conv{i}_{branch}')(x)
        return x


class CornerHead(Towers):
    """One tower per corner and a soft-argmax over the cells (HiT, section 3.4, after STARK).

    Cell (row, column) stands for the pixel (16 row, 16 column): no half-cell offset, so no
    coordinate exceeds ``size - stride`` (official code). No sigmoid, no clamp: a width or a
    height may be negative.
    """

    def __init__(self, channels: int, grid: int, stride: int) -> None:
        widths = (channels, channels, channels // 2, channels // 4, channels // 8)
        super().__init__(widths, {'tl': 1, 'br': 1})
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
        top_left, bottom_right = self.tower(x, 'tl'), self.tower(x, 'br')
        corners = torch.cat([self.expectation(top_left), self.expectation(bottom_right)], dim=1)
        return top_left, bottom_right, corners

    def expectation(self, score: Tensor) -> Tensor:
        """Expected pixel (x, y) under the softmax of a score map: (B, 1, g, g) -> (B, 2)."""
        cells = self.get_buffer('cells').to(torch.promote_types(score.dtype, torch.float32))
        return score.flatten(1).to(cells.dtype).softmax(dim=1) @ cells


class CentreHead(Towers):
    """Score, offset and size of a target's centre for every cell (RFGM, after OSTrack).

    Score and size lie in [1e-4, 1 - 1e-4]; the offset is the raw output (official code).
    """

    def __init__(self, channels: int) -> None:
        super().__init__((channels, 256, 128, 64, 32), {'ctr': 1, 'offset': 2, 'size': 2})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of scores, sizes and offsets, float32 at least.

        Args:
            x: (B, C, grid, grid).

        Returns:
            score: (B, 1, grid, grid).
            size: (B, 2, grid, grid), width and height as fractions of the search region.
            offset: (B, 2, grid, grid), of the centre from its cell's corner, in cells.
        """
        score, offset, size = (
            wide.to(torch.promote_types(wide.dtype, torch.float32))
            for wide in (self.tower(x, branch) for branch in ('ctr', 'offset', 'size'))
        )
        return _bounded(score), _bounded(size), offset


def _bounded(x: Tensor) -> Tensor:
    return x.sigmoid().clamp(1e-4, 1 - 1e-4)


def centres_to_boxes(score: Tensor, size: Tensor, offset: Tensor) -> Tensor:
    """Boxes (B, 4) cx, cy, w, h, fractions of the search region, at the best cell of each map.

    Args:
        score: (B, 1, g, g); the first cell wins a tie.
        size, offset: (B, 2, g, g).
    """
    grid = score.shape[-1]
    cell = score.flatten(1).argmax(1)
    at = cell.view(-1, 1, 1).expand(-1, 2, 1)
    width_height = size.flatten(2).gather(2, at).squeeze(2)
    corner = torch.stack([cell % grid, cell // grid], 1)
    centre = (corner + offset.flatten(2).gather(2, at).squeeze(2)) / grid
    return torch.cat([centre, width_height], 1)


def corners_to_boxes(corners: Tensor, size: int) -> Tensor:
    """Corners (B, 4) in pixels -> boxes (B, 4) cx, cy, w, h as fractions of the search region."""
    x1, y1, x2, y2 = (corners / size).unbind(1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
