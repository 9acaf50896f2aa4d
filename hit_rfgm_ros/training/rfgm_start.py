"""Where training an RFGM starts when there is no pretrained encoder (ours; only initial values).

From random weights a plain transformer needs many millions of pairs before its search tokens look
at the template at all. Here the first values already do what a matcher does: patches are embedded
by their principal components, positions by waves, some heads look at the neighbourhood, others
look from one picture to like content of the other, and carry over whether it lay on the target.
The function and the file format stay the official ones, and training may change every number.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.relevance import Ranker
from hit_rfgm_ros.models.rfgm.vit import PATCH, Block
import torch
from torch import Tensor, nn

WAVES = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35)  # wavelengths of positions, in sides of the search region
HEAD = 64
TYPE = 1.5  # search tokens carry +TYPE, template tokens -TYPE
CONTENT_POWER = 96.0  # mean squared length of a patch's embedding
FOUND_CHANNELS = 8


@dataclass(frozen=True)
class Layout:
    """Which channels of a token start with which meaning."""

    content: slice
    place: slice
    kind: int
    target: int
    found: slice

    @classmethod
    def of(cls, width: int) -> Layout:
        """Two thirds of the channels for content, the rest for what the matcher needs."""
        content = min(width * 2 // 3, width - 4 * len(WAVES) - FOUND_CHANNELS - 2)
        place = content + 4 * len(WAVES)
        return cls(
            slice(0, content),
            slice(content, place),
            place,
            place + 1,
            slice(place + 2, place + 2 + FOUND_CHANNELS),
        )


def waves(config: RFGMConfig, *, template: bool) -> Tensor:
    """Sines and cosines of the cells' places (cells, 4 * waves).

    Places are measured from the centre in sides of the search region, so that they mean the same
    in both pictures and at every picture size.
    """
    grid = config.template_grid if template else config.grid
    steps = ((torch.arange(grid) + 0.5) / grid - 0.5) * grid / config.grid
    rows, columns = torch.meshgrid(steps, steps, indexing='ij')
    angles = 2 * math.pi / torch.tensor(WAVES)
    parts = []
    for place in (columns.flatten(), rows.flatten()):
        phase = place[:, None] * angles
        parts += [phase.sin(), phase.cos()]
    return torch.cat(parts, 1)


def principal_patches(pictures: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Filters that give a patch's leading principal components, evened out, and their biases.

    Args:
        pictures: (N, 3, S, S), normalised.
        count: number of filters.

    Returns:
        (count, 3, 16, 16) and (count,).
    """
    patches = nn.functional.unfold(pictures, PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    scale = (values + values[count // 4]).rsqrt()
    scale = scale * math.sqrt(CONTENT_POWER / float((values * scale**2).sum()))
    filters = (vectors * scale).T
    return filters.reshape(count, 3, PATCH, PATCH), -filters @ mean


@torch.no_grad()
def set_start_values(model: RFGM, pictures: Tensor) -> None:
    """Give a fresh network the start values, in place.

    Args:
        model: any RFGM.
        pictures: (N, 3, S, S) normalised training pictures, a few hundred.
    """
    layout = Layout.of(model.config.width)
    body = model.backbone
    proj = body.patch_embed.proj
    filters, biases = principal_patches(pictures, layout.content.stop)
    nn.init.zeros_(proj.weight)
    proj.weight[layout.content] = filters
    assert proj.bias is not None
    nn.init.zeros_(proj.bias)
    proj.bias[layout.content] = biases
    for positions, template in ((body.pos_embed_z, True), (body.pos_embed_x, False)):
        positions.zero_()
        positions[0, :, layout.place] = waves(model.config, template=template)
        positions[0, :, layout.kind] = -TYPE if template else TYPE
    body.pos_embed_z[0, :, layout.target] = _on_target(model.config.template_grid)
    for layer, block in enumerate(body.blocks, start=1):
        if isinstance(block, Block):
            _set_block(block, layer, layout)
    head = model.box_head
    for branch, bias in (('ctr', -2.2), ('size', -1.1), ('offset', 0.0)):
        nn.init.constant_(head.get_submodule(f'conv5_{branch}').bias, bias)  # type: ignore[arg-type]


@torch.no_grad()
def set_ranker_values(ranker: Ranker) -> None:
    """Let a fresh ranker keep what the search region looks at much, in place.

    The mean weights that it reads are about 1 / 450, too small to order tokens by with default
    values. With these a token of average weight is kept nearly surely, one of none rarely.
    """
    for layer, total in ((ranker.fc1, 450.0), (ranker.fc2, 1.2)):
        nn.init.uniform_(layer.weight, 0.5, 1.5).mul_(total / layer.in_features)
        nn.init.zeros_(layer.bias)
    nn.init.uniform_(ranker.fc3.weight, 0.5, 1.5).mul_(2.0 / ranker.fc3.in_features)
    ranker.fc3.weight[1] *= -1
    ranker.fc3.bias.copy_(torch.tensor([-0.5, 0.5]))


def _on_target(grid: int) -> Tensor:
    """1 on the cells of a template's central half, where the target is, -1 around it."""
    inner = ((torch.arange(grid) + 0.5) / grid - 0.5).abs() < 0.25
    return TYPE * (2.0 * (inner[:, None] & inner).float() - 1).flatten()


def _set_block(block: Block, layer: int, layout: Layout) -> None:
    attention = block.attn
    width = attention.proj.weight.shape[0]
    queries, keys, values = attention.qkv.weight.view(3, attention.heads, HEAD, width)
    nn.init.zeros_(attention.qkv.bias)
    nn.init.zeros_(attention.proj.bias)
    nn.init.normal_(attention.qkv.weight, std=0.02)
    for head in range(attention.heads):
        out = attention.proj.weight[:, head * HEAD : (head + 1) * HEAD]
        values[head] = _orthogonal(HEAD, width)
        out.copy_(0.3 * _orthogonal(width, HEAD))
        shift = (0.0, 0.0)
        if layer in (1, 2) and head % 3:
            step = 0.125 if head % 3 == 1 else -0.125
            shift = (step, 0.0) if layer == 1 else (0.0, step)
        if head % 3 == 0 or layer < 3:
            _look_near(queries[head], keys[head], layout, shift)
        elif head % 3 == 1 or layer < 7:
            _look_across(queries[head], keys[head], layout)
            _carry_target(values[head], out, layout)
        else:
            _look_alike(queries[head], keys[head], layout)
    nn.init.normal_(block.mlp.fc1.weight, std=width**-0.5)
    nn.init.normal_(block.mlp.fc2.weight, std=0.3 * (4 * width) ** -0.5)
    nn.init.zeros_(block.mlp.fc1.bias)
    nn.init.zeros_(block.mlp.fc2.bias)


def _look_near(query: Tensor, key: Tensor, layout: Layout, shift: tuple[float, float]) -> None:
    """Attend to tokens of the same picture near one's own place moved by `shift`."""
    gain = 2.5 if any(shift) else 1.3
    count = len(WAVES)
    angles = 2 * math.pi / torch.tensor(WAVES)
    first = layout.place.start
    for axis, step in enumerate(shift):
        turn = angles * step
        for i in range(count):
            sine, cosine = first + 2 * axis * count + i, first + (2 * axis + 1) * count + i
            row = 2 * axis * count + i
            # sin(p + t) = sin p cos t + cos p sin t; cos(p + t) = cos p cos t - sin p sin t
            query[row, sine], query[row, cosine] = gain * turn[i].cos(), gain * turn[i].sin()
            query[row + count, cosine] = gain * turn[i].cos()
            query[row + count, sine] = -gain * turn[i].sin()
            key[row, sine] = key[row + count, cosine] = gain
    query[-1, layout.kind] = key[-1, layout.kind] = 2.5


def _look_across(query: Tensor, key: Tensor, layout: Layout) -> None:
    """Attend to like content of the other picture."""
    _look_alike(query, key, layout)
    query[-1, layout.kind] = 2.5
    key[-1, layout.kind] = -2.5


def _look_alike(query: Tensor, key: Tensor, layout: Layout) -> None:
    """Attend to like content anywhere."""
    directions = 1.0 * _orthogonal(HEAD - 8, layout.content.stop)
    query[: HEAD - 8, layout.content] += directions
    key[: HEAD - 8, layout.content] += directions


def _carry_target(value: Tensor, out: Tensor, layout: Layout) -> None:
    """Tell the looking token whether what it looks at lies on the target."""
    value[-1] = 0
    value[-1, layout.target] = 1
    out[:, -1] = 0
    out[layout.found, -1] = 1


def _orthogonal(rows: int, columns: int) -> Tensor:
    return nn.init.orthogonal_(torch.empty(rows, columns))
