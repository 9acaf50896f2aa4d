"""LeViT stages over the joint tokens of search region and template (HiT, section 3.2).

Follows the official code; the paper does not mention the residual MLP after each shrink. Token
order everywhere: search first, then template, each row-major.
"""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.geometry.token_grid import offset_table, sine_table
from hit_rfgm_ros.models.layers import ConvBN, LinearBN, Residual, mlp
import numpy as np
import torch
from torch import Tensor, nn


class DualImageBias(nn.Module):
    """Attention bias picked by the offset of two tokens in the joint plane (section 3.3).

    A base class: the parameters lie directly in the attention modules, as in the checkpoints.
    The bias is gathered on every call, so it can never be older than the weights.
    """

    def _make_biases(
        self, heads: int, search_side: int, template_side: int, layout: str, query_stride: int
    ) -> None:
        index, offsets = offset_table(search_side, template_side, layout, query_stride)
        self.attention_biases = nn.Parameter(torch.zeros(heads, len(offsets)))
        self.register_buffer('attention_bias_idxs', torch.from_numpy(index.copy()))

    def _bias(self) -> Tensor:
        """(heads, queries, keys)."""
        return self.attention_biases[:, self.get_buffer('attention_bias_idxs')]


def _split_heads(x: Tensor, heads: int, sizes: list[int]) -> list[Tensor]:
    """(B, N, heads*sum(sizes)) -> one (B, heads, N, size) per size; channels grouped by head."""
    return list(x.unflatten(2, (heads, -1)).transpose(1, 2).split(sizes, dim=3))


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(q k^T / sqrt(key) + bias) v, heads concatenated: -> (B, queries, heads*value)."""
    scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias
    return (scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)


def _sine_buffer(module: nn.Module, search_side: int, template_side: int, width: int) -> None:
    table = torch.from_numpy(np.array(sine_table(search_side, template_side, width)))
    module.register_buffer('positions', table, persistent=False)


class Attention(DualImageBias):
    """Self-attention over all tokens; the branch of a residual block."""

    def __init__(
        self, width: int, heads: int, key: int, value: int, sides: tuple[int, int], layout: str
    ) -> None:
        super().__init__()
        self.heads, self.key, self.value = heads, key, value
        self.absolute = layout == 'absolute'
        if self.absolute:
            self.q = LinearBN(width, heads * key)
            self.k = LinearBN(width, heads * key)
            self.v = LinearBN(width, heads * value)
            _sine_buffer(self, *sides, width)
        else:
            self.qkv = LinearBN(width, heads * (2 * key + value))
            self._make_biases(heads, *sides, layout, query_stride=1)
        self.proj = nn.Sequential(nn.Hardswish(), LinearBN(heads * value, width, bn_weight=0.0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        if self.absolute:
            placed = x + self.get_buffer('positions')
            q, k = (_split_heads(f(placed), self.heads, [self.key])[0] for f in (self.q, self.k))
            (v,) = _split_heads(self.v(x), self.heads, [self.value])
            bias = None
        else:
            q, k, v = _split_heads(self.qkv(x), self.heads, [self.key, self.key, self.value])
            bias = self._bias()
        out: Tensor = self.proj(_attend(q, k, v, bias))
        return out


class Shrink(DualImageBias):
    """Attention whose queries are every second row and column of each grid; not residual."""

    def __init__(
        self,
        width: int,
        out_width: int,
        heads: int,
        key: int,
        value: int,
        sides: tuple[int, int],
        layout: str,
    ) -> None:
        super().__init__()
        self.heads, self.key, self.value, self.sides = heads, key, value, sides
        self.absolute = layout == 'absolute'
        if self.absolute:
            self.k = LinearBN(width, heads * key)
            self.v = LinearBN(width, heads * value)
            _sine_buffer(self, *sides, width)
        else:
            self.kv = LinearBN(width, heads * (key + value))
            self._make_biases(heads, *sides, layout, query_stride=2)
        # Sequential with an empty first place: the official keys are q.1 and proj.1.
        self.q = nn.Sequential(nn.Identity(), LinearBN(width, heads * key))
        self.proj = nn.Sequential(nn.Hardswish(), LinearBN(heads * value, out_width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, search^2 + template^2, width) -> (B, a quarter as many, out_width)."""
        placed = x + self.get_buffer('positions') if self.absolute else x
        (q,) = _split_heads(self.q(self._subsample(placed)), self.heads, [self.key])
        if self.absolute:
            (k,) = _split_heads(self.k(placed), self.heads, [self.key])
            (v,) = _split_heads(self.v(x), self.heads, [self.value])
            bias = None
        else:
            k, v = _split_heads(self.kv(x), self.heads, [self.key, self.value])
            bias = self._bias()
        out: Tensor = self.proj(_attend(q, k, v, bias))
        return out

    def _subsample(self, x: Tensor) -> Tensor:
        rx, rz = self.sides
        search, template = x.split([rx * rx, rz * rz], dim=1)
        return torch.cat(
            [
                part.unflatten(1, (side, side))[:, ::2, ::2].flatten(1, 2)
                for part, side in ((search, rx), (template, rz))
            ],
            dim=1,
        )


class LeViT(nn.Module):
    """Stem and three stages; ``blocks`` is one flat list, numbered as in the checkpoints."""

    def __init__(self, config: HiTConfig) -> None:
        super().__init__()
        first = config.widths[0]
        widths = (3, first // 8, first // 4, first // 2, first)
        stem: list[nn.Module] = []
        for i in range(4):
            stem += [ConvBN(widths[i], widths[i + 1]), nn.Hardswish()]
        self.patch_embed = nn.Sequential(*stem[:-1])
        self.blocks = nn.Sequential()
        self.stage_ends: list[int] = []  # index of the last block of each stage
        sides = (config.search_size // 16, config.template_size // 16)
        for stage, width in enumerate(config.widths):
            if stage > 0:
                self._add_shrink(config, stage, sides)
                sides = (sides[0] // 2, sides[1] // 2)
            for _ in range(config.depths[stage]):
                attention = Attention(
                    width,
                    config.heads[stage],
                    config.key_dim,
                    config.value_dim,
                    sides,
                    config.position_encoding,
                )
                self.blocks.append(Residual(attention, config.drop_path))
                self._add_mlp(config, stage)
            self.stage_ends.append(len(self.blocks) - 1)

    def _add_mlp(self, config: HiTConfig, stage: int) -> None:
        width = config.widths[stage]
        branch = mlp(width, width * config.mlp_ratios[stage])
        self.blocks.append(Residual(branch, config.drop_path))

    def _add_shrink(self, config: HiTConfig, stage: int, sides: tuple[int, int]) -> None:
        self.blocks.append(
            Shrink(
                config.widths[stage - 1],
                config.widths[stage],
                config.shrink_heads[stage - 1],
                config.key_dim,
                config.shrink_value_dim,
                sides,
                config.position_encoding,
            )
        )
        self._add_mlp(config, stage)

    def embed(self, image: Tensor) -> Tensor:
        """Stem: (B, 3, S, S) -> tokens (B, (S/16)^2, C1)."""
        return self.patch_embed(image).flatten(2).transpose(1, 2)

    def forward(self, search_tokens: Tensor, template_tokens: Tensor) -> list[Tensor]:
        """Run the stages on what `embed` makes of the two images.

        Args:
            search_tokens: (B, (S/16)^2, C1).
            template_tokens: (B, (T/16)^2, C1).

        Returns:
            All tokens after each stage, search first: three tensors (B, tokens, width).
        """
        x = torch.cat([search_tokens, template_tokens], dim=1)
        outputs = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.stage_ends:
                outputs.append(x)
        return outputs
