"""The bridge module (HiT, section 3.2, equations 2 and 3) and its ablations (table 5).

Follows the official code: a batch normalisation after each transposed convolution and a ReLU
after the first sum, neither of which is in equation 3.
"""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.models.layers import to_map
from torch import Tensor, nn


def _upsample(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)


def _upsample_bn(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(_upsample(in_channels, out_channels), nn.BatchNorm2d(out_channels))


class Bridge(nn.Module):
    """Joins the search tokens of the chosen stages into one map, and pools the global vector."""

    def __init__(self, config: HiTConfig) -> None:
        super().__init__()
        self.stages = ('max', 'mid') if config.backbone == 'pvt' else config.bridge_stages
        grid = config.grid
        # PVT joins its last two stages, which stand at 1/16 and 1/32.
        widths = config.widths[-2:] if config.backbone == 'pvt' else config.widths
        self.sides = [grid // 2**i for i in range(len(widths))]
        c1, c2, c3 = widths[0], widths[1], widths[-1]
        self.layers = nn.ModuleList(_make_layers(self.stages, c1, c2, c3))
        if self.stages == ('min',):
            self.proj = nn.Linear(c3, config.hidden_dim)  # serves both outputs
        else:
            self.proj1 = nn.Linear(c1, config.hidden_dim)
            self.proj2 = nn.Linear(c3, config.hidden_dim)

    def forward(self, stage_tokens: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Enhanced tokens and global vector.

        Args:
            stage_tokens: all tokens of each stage, search first (three for LeViT, four for PVT).

        Returns:
            enhanced: (B, grid*grid, hidden).
            global_vector: (B, hidden), from the mean over all tokens of the last stage.
        """
        maps = [
            to_map(tokens[:, : side * side], side)
            for tokens, side in zip(stage_tokens[-len(self.sides) :], self.sides)
        ]
        tokens = self._join(maps).flatten(2).transpose(1, 2)
        pooled = stage_tokens[-1].mean(dim=1)
        if self.stages == ('min',):
            return self.proj(tokens), self.proj(pooled)
        return self.proj1(tokens), self.proj2(pooled)

    def _join(self, maps: list[Tensor]) -> Tensor:
        s_max, s_mid, s_min = maps[0], maps[1], maps[-1]
        if self.stages == ('max',):
            return s_max
        out: Tensor
        if 'min' not in self.stages:  # the sum comes before the batch normalisation
            out = self.layers[0](s_mid)
            out = self.layers[1](out + s_max if 'max' in self.stages else out)
            return out
        middle = self.layers[0](s_min)
        if 'mid' in self.stages:
            middle = middle + s_mid
        out = self.layers[1](middle.relu())
        return out + s_max if 'max' in self.stages else out


def _make_layers(stages: tuple[str, ...], c1: int, c2: int, c3: int) -> list[nn.Module]:
    if stages == ('max',):
        return []
    if stages == ('min',):
        return [_upsample_bn(c3, c3), _upsample_bn(c3, c3)]
    if 'min' not in stages:
        return [_upsample(c2, c1), nn.BatchNorm2d(c1)]
    return [_upsample_bn(c3, c2), _upsample_bn(c2, c1)]
