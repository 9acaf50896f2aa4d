"""Token grids of search region and template, and the tables of the dual-image position encoding.

HiT, section 3.3 and figure 4: both pictures' tokens get coordinates in one plane, and an attention
bias is picked by the absolute difference of two tokens' coordinates. The numbering of the biases
(first appearance, queries outside, keys inside) is the official code's.
"""

from __future__ import annotations

from functools import lru_cache

from hit_rfgm_ros.errors import ConfigError
import numpy as np
from numpy.typing import NDArray


def token_coordinates(
    search_side: int, template_side: int, *, layout: str = 'diagonal', stride: int = 1
) -> NDArray[np.int64]:
    """Coordinates (row, column) of all tokens, search first, each image row-major.

    Args:
        search_side, template_side: sides of the two grids before subsampling.
        layout: ``diagonal``, ``horizontal``, ``vertical`` or ``separate`` (table 6).
        stride: 2 keeps every second row and column of each grid, as a shrink's queries do.

    Returns:
        int64, shape (tokens, 2).
    """
    origin = {
        'diagonal': (search_side, search_side),
        'horizontal': (0, search_side),
        'vertical': (search_side, 0),
        'separate': (0, 0),
    }
    if layout not in origin:
        raise ConfigError(f'layout must be one of {sorted(origin)}, got {layout!r}')
    grids = []
    for side, (row, column) in ((search_side, (0, 0)), (template_side, origin[layout])):
        steps = np.arange(0, side, stride, dtype=np.int64)
        rows, columns = np.meshgrid(steps + row, steps + column, indexing='ij')
        grids.append(np.stack([rows.ravel(), columns.ravel()], axis=1))
    return np.concatenate(grids)


@lru_cache(maxsize=64)
def offset_table(
    search_side: int, template_side: int, layout: str = 'diagonal', query_stride: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Table of bias indices for one attention block or shrink.

    Returns:
        index: int64 (queries, keys), read-only: which bias each pair of tokens takes.
        offsets: int64 (biases, 2), read-only: (abs row, abs column) difference of each bias.
    """
    keys = token_coordinates(search_side, template_side, layout=layout)
    queries = token_coordinates(search_side, template_side, layout=layout, stride=query_stride)
    difference = np.abs(queries[:, None] - keys[None])  # (queries, keys, 2)
    base = int(difference.max()) + 1
    code = (difference[..., 0] * base + difference[..., 1]).ravel()
    unique, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first, kind='stable')  # unique values in order of first appearance
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    index = rank[inverse].reshape(len(queries), len(keys))
    codes = unique[order]
    offsets = np.stack([codes // base, codes % base], axis=1)
    index.setflags(write=False)
    offsets.setflags(write=False)
    return index, offsets


@lru_cache(maxsize=64)
def sine_table(search_side: int, template_side: int, width: int) -> NDArray[np.float32]:
    """Fixed sine position table of the ``absolute`` encoding (table 6), on the diagonal layout.

    Returns:
        float32 (tokens, width), read-only: row part first, then column part.
    """
    side = search_side + template_side
    half = width // 2
    angle = 2 * np.pi * np.arange(1, side + 1, dtype=np.float32) / np.float32(side + 1e-6)
    period = np.float32(10000.0) ** (2 * (np.arange(half) // 2) / half).astype(np.float32)
    phase = (angle[:, None] / period[None]).astype(np.float32)  # (side, half)
    line = np.where(np.arange(half) % 2 == 0, np.sin(phase), np.cos(phase)).astype(np.float32)
    coordinates = token_coordinates(search_side, template_side)
    table = np.concatenate([line[coordinates[:, 0]], line[coordinates[:, 1]]], axis=1)
    table.setflags(write=False)
    return table
