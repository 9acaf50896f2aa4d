"""PVT-Small stages over search region and template (the official code's ``pvt`` variant).

LayerNorm eps is 1e-5 in patch embeddings and reductions, 1e-6 in blocks and at the end.
"""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.models.layers import Mlp, to_map
import torch
from torch import Tensor, nn

REDUCTIONS = (8, 4, 2, 1)  # side of the patches that keys and values are made of, per stage


class PatchEmbed(nn.Module):
    """Non-overlapping convolution, then LayerNorm."""

    def __init__(self, in_channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, width, patch, stride=patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H/patch * W/patch, width)."""
        tokens: Tensor = self.norm(self.proj(image).flatten(2).transpose(1, 2))
        return tokens


class ReducedAttention(nn.Module):
    """Attention with keys and values from maps reduced separately for search and template."""

    def __init__(self, width: int, heads: int, reduction: int, sides: tuple[int, int]) -> None:
        super().__init__()
        self.heads, self.reduction, self.sides = heads, reduction, sides
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        q = self.q(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        kv = self.kv(self._reduce(x)).unflatten(2, (2, self.heads, -1))
        k, v = kv.permute(2, 0, 3, 1, 4)  # (B, n, 2, heads, d) -> 2 x (B, heads, n, d)
        scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
        out: Tensor = self.proj((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))
        return out

    def _reduce(self, x: Tensor) -> Tensor:
        if self.reduction == 1:
            return x
        rx, rz = self.sides
        parts = x.split([rx * rx, rz * rz], dim=1)
        maps = [
            self.sr(to_map(part, side)).flatten(2).transpose(1, 2)
            for part, side in zip(parts, self.sides)
        ]
        reduced: Tensor = self.norm(torch.cat(maps, dim=1))
        return reduced


class Block(nn.Module):
    """Pre-norm attention and MLP, both residual."""

    def __init__(
        self, width: int, heads: int, hidden: int, reduction: int, sides: tuple[int, int]
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = ReducedAttention(width, heads, reduction, sides)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PVT(nn.Module):
    """Four stages with learned absolute positions over the tokens of both images."""

    def __init__(self, config: HiTConfig) -> None:
        super().__init__()
        self.widths = config.widths
        self.sides: list[tuple[int, int]] = []
        for i, width in enumerate(config.widths):
            stride = 4 * 2**i
            sides = (config.search_size // stride, config.template_size // stride)
            self.sides.append(sides)
            before = 3 if i == 0 else config.widths[i - 1]
            self.add_module(f'patch_embed{i + 1}', PatchEmbed(before, width, 4 if i == 0 else 2))
            tokens = sides[0] ** 2 + sides[1] ** 2
            self.register_parameter(
                f'pos_embed{i + 1}', nn.Parameter(torch.zeros(1, tokens, width))
            )
            hidden = width * config.mlp_ratios[i]
            self.add_module(
                f'block{i + 1}',
                nn.Sequential(
                    *(
                        Block(width, config.heads[i], hidden, REDUCTIONS[i], sides)
                        for _ in range(config.depths[i])
                    )
                ),
            )
        self.norm = nn.LayerNorm(config.widths[-1], eps=1e-6)
        self._init_weights()

    def _init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for i in range(4):
            nn.init.trunc_normal_(self.get_parameter(f'pos_embed{i + 1}'), std=0.02)

    def embed(self, image: Tensor) -> Tensor:
        """First patch embedding: (B, 3, S, S) -> tokens (B, (S/4)^2, C1)."""
        tokens: Tensor = self.get_submodule('patch_embed1')(image)
        return tokens

    def forward(self, search_tokens: Tensor, template_tokens: Tensor) -> list[Tensor]:
        """Run the stages on what `embed` makes of the two images.

        Args:
            search_tokens: (B, (S/4)^2, C1).
            template_tokens: (B, (T/4)^2, C1).

        Returns:
            All tokens after each stage, search first; the last stage's are normalised.
        """
        outputs: list[Tensor] = []
        parts = [search_tokens, template_tokens]
        for i, (rx, rz) in enumerate(self.sides, start=1):
            if i > 1:
                embed = self.get_submodule(f'patch_embed{i}')
                parts = [embed(to_map(part, side)) for part, side in zip(parts, self.sides[i - 2])]
            x = torch.cat(parts, dim=1) + self.get_parameter(f'pos_embed{i}')
            x = self.get_submodule(f'block{i}')(x)
            outputs.append(x)
            parts = list(x.split([rx * rx, rz * rz], dim=1))
        outputs[-1] = self.norm(outputs[-1])
        return outputs
