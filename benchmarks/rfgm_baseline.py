"""RFGM without token selection in plain torch modules: what speed-ups are quoted against.

A vision transformer on memory and search tokens and a centre head, as anybody would write it: no
folding, no rewriting, nothing shared with `hit_rfgm_ros.models`. The names of its parameters are
those of the checkpoints, so the same weights can be loaded and the maps be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import warnings

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.types import Array
import torch
from torch import Tensor, nn


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        qkv = self.qkv(x).reshape(batch, count, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, count, width))


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class _PatchEmbedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 16, stride=16)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).flatten(2).transpose(1, 2)


class _Backbone(nn.Module):
    def __init__(self, config: RFGMConfig) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbedding(config.width)
        self.pos_embed_x = nn.Parameter(torch.zeros(1, config.search_tokens, config.width))
        self.blocks = nn.Sequential(
            *(_Block(config.width, config.heads) for _ in range(config.depth))
        )
        self.norm = nn.LayerNorm(config.width, eps=1e-6)

    def forward(self, search: Tensor, memory: Tensor) -> Tensor:
        tokens = torch.cat([memory, self.patch_embed(search) + self.pos_embed_x], dim=1)
        return self.norm(self.blocks(tokens))[:, memory.shape[1] :]


class _Head(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (width, 256, 128, 64, 32)
        for branch, outputs in (('ctr', 1), ('offset', 2), ('size', 2)):
            for i in range(4):
                conv = nn.Conv2d(widths[i], widths[i + 1], 3, padding=1)
                norm = nn.BatchNorm2d(widths[i + 1])
                setattr(self, f'conv{i + 1}_{branch}', nn.Sequential(conv, norm, nn.ReLU()))
            setattr(self, f'conv5_{branch}', nn.Conv2d(32, outputs, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        score, offset, size = (self._branch(x, name) for name in ('ctr', 'offset', 'size'))
        return score.sigmoid().clamp(1e-4, 1 - 1e-4), size.sigmoid().clamp(1e-4, 1 - 1e-4), offset

    def _branch(self, x: Tensor, name: str) -> Tensor:
        for i in range(1, 6):
            x = getattr(self, f'conv{i}_{name}')(x)
        return x


class PlainTracker(nn.Module):
    """(search, memory) -> score (B, 1, 16, 16), size and offset (B, 2, 16, 16)."""

    def __init__(self, config: RFGMConfig) -> None:
        super().__init__()
        self.backbone = _Backbone(config)
        self.box_head = _Head(config.width)

    def forward(self, search: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``search`` (B, 3, 256, 256) normalised, ``memory`` (B, n, C) embedded tokens."""
        tokens = self.backbone(search, memory)
        side = int(tokens.shape[1] ** 0.5)
        return self.box_head(tokens.transpose(1, 2).reshape(len(tokens), -1, side, side))


def export_rfgm_baseline(
    config: RFGMConfig, state: Mapping[str, Array], path: Path, *, memory_tokens: int
) -> None:
    """Write the ONNX file of the plain network with the given weights, batch 1."""
    model = PlainTracker(config)
    tensors = {key: torch.from_numpy(array).float() for key, array in state.items()}
    missing, _ = model.load_state_dict(tensors, strict=False)
    missing = [key for key in missing if not key.endswith('num_batches_tracked')]
    if missing:
        raise SystemExit(f'the weights lack {", ".join(missing)}')
    inputs = (
        torch.zeros(1, 3, config.search_size, config.search_size),
        torch.zeros(1, memory_tokens, config.width),
    )
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # the tracer's notes on constant shapes
        torch.onnx.export(
            model.eval(),
            inputs,
            str(path),
            input_names=['search', 'memory'],
            output_names=['score', 'size', 'offset'],
            opset_version=17,
            do_constant_folding=True,
            dynamo=False,
        )
