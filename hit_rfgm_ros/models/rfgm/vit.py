"""The plain vision transformer of RFGM and OSTrack: embedding, attention, blocks.

Names of modules are those of OSTrack's checkpoints, and of MAE's without ``backbone.``.
"""

from __future__ import annotations

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.models.layers import Mlp, drop_branch
from hit_rfgm_ros.models.rfgm.relevance import masked_attention
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

PATCH = 16
MLP_RATIO = 4
EPS = 1e-6


class PatchEmbed(nn.Module):
    """One token per patch of 16 x 16 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, stride=PATCH)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, (S/16)^2, width), row-major."""
        tokens: Tensor = self.proj(image).flatten(2).transpose(1, 2)
        return tokens


class Attention(nn.Module):
    """Multi-head attention in two steps, so that tokens can be dropped in between."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, N, 3 * width) -> queries, keys, values: (B, heads, N, width / heads) each."""
        q, k, v = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, qkv: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, 3 * width) -> (B, N, width); ``mask``: see `Block.forward`."""
        q, k, v = self.split(qkv)
        if mask is None and qkv.requires_grad and qkv.device.type == 'cpu':
            # There the gradient of the fused form takes two to five times as long.
            mixed = (q * q.shape[3] ** -0.5 @ k.transpose(2, 3)).softmax(3) @ v
        elif mask is None:
            mixed = scaled_dot_product_attention(q, k, v)
        elif mask.dtype == torch.bool:
            mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        else:
            mixed = masked_attention(q, k, v, mask)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


class Block(nn.Module):
    """Pre-norm attention and MLP, both residual."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, MLP_RATIO * width)
        self.drop_path = drop_path

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values: (B, N, width) -> (B, N, 3 * width)."""
        qkv: Tensor = self.attn.qkv(self.norm1(x))
        return qkv

    def forward(self, x: Tensor, qkv: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, N, width) -> (B, N, width).

        Args:
            x: the tokens.
            qkv: what `project` made of them, if that is known already.
            mask: (B, N) keys to look at: bool, or float 0 and 1 through which gradients flow.
        """
        x = x + self._kept(self.attn(self.project(x) if qkv is None else qkv, mask))
        return x + self._kept(self.mlp(self.norm2(x)))

    def _kept(self, branch: Tensor) -> Tensor:
        return drop_branch(branch, self.drop_path) if self.training else branch


class ViT(nn.Module):
    """Patch embedding, positions and blocks.

    The class token and the 197 positions that OSTrack's checkpoints hold as well take no part in
    its function, and are no part of this module.
    """

    def __init__(self, config: RFGMConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.width)
        self.pos_embed_z = nn.Parameter(torch.empty(1, config.template_tokens, config.width))
        self.pos_embed_x = nn.Parameter(torch.empty(1, config.search_tokens, config.width))
        last = config.depth - 1
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.drop_path * i / last) for i in range(last + 1)
        )
        self.norm = nn.LayerNorm(config.width, eps=EPS)
        for positions in (self.pos_embed_z, self.pos_embed_x):
            nn.init.normal_(positions, std=0.02)

    def embed_template(self, image: Tensor) -> Tensor:
        """(B, 3, 128, 128) -> (B, 64, width), positions added."""
        tokens: Tensor = self.patch_embed(image) + self.pos_embed_z
        return tokens

    def embed_search(self, image: Tensor) -> Tensor:
        """(B, 3, 256, 256) -> (B, 256, width), positions added."""
        tokens: Tensor = self.patch_embed(image) + self.pos_embed_x
        return tokens
