"""Small layers that the networks are built of."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearBN(nn.Module):
    """Linear layer without bias, then batch normalisation over all tokens of the batch.

    Parameters are named ``c`` and ``bn`` as in the official checkpoints.
    """

    def __init__(self, in_features: int, out_features: int, *, bn_weight: float = 1.0) -> None:
        super().__init__()
        self.c = nn.Linear(in_features, out_features, bias=False)
        self.bn = nn.BatchNorm1d(out_features)
        nn.init.constant_(self.bn.weight, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, in) -> (B, N, out)."""
        x = self.c(x)
        normed: Tensor = self.bn(x.flatten(0, 1))
        return normed.view(x.shape)


class ConvBN(nn.Module):
    """3x3 convolution with stride 2 and padding 1, without bias, then batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.c = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, out, H/2, W/2)."""
        out: Tensor = self.bn(self.c(x))
        return out


class Residual(nn.Module):
    """``x + f(x)``; while training whole branches are dropped per sample (stochastic depth)."""

    def __init__(self, branch: nn.Module, drop_path: float = 0.0) -> None:
        super().__init__()
        self.m = branch
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        y: Tensor = self.m(x)
        return x + (drop_branch(y, self.drop_path) if self.training else y)


def drop_branch(y: Tensor, share: float) -> Tensor:
    """Drop a residual branch (B, N, C) for a share of the samples, scaled to keep its mean."""
    if share <= 0:
        return y
    kept = torch.rand(len(y), 1, 1, device=y.device) >= share
    return y * kept.to(y.dtype) / (1 - share)


class Mlp(nn.Module):
    """Linear, exact GELU, linear: the MLP of plain vision transformers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


def mlp(width: int, hidden: int) -> nn.Sequential:
    """LeViT's MLP branch: linear+BN, Hardswish, linear+BN."""
    return nn.Sequential(
        LinearBN(width, hidden), nn.Hardswish(), LinearBN(hidden, width, bn_weight=0.0)
    )


def to_map(tokens: Tensor, side: int) -> Tensor:
    """Row-major tokens (B, side*side, C) as a map (B, C, side, side)."""
    return tokens.transpose(1, 2).reshape(len(tokens), tokens.shape[2], side, side)
