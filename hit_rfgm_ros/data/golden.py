"""The golden sequence: 120 frames that are the same to the last bit on every machine.

Drawn with integer arithmetic of numpy alone, so that stored boxes can be compared anywhere. A
textured ball rolls over a textured ground, passes behind a post, leaves the picture on the right
and comes back. It is made for checking that back ends agree, not for judging a tracker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from hit_rfgm_ros.types import Box, ImageU8
import numpy as np
from numpy.typing import NDArray

LENGTH = 120
WIDTH, HEIGHT = 320, 240  # pixels
_MARGIN = 32  # of the ground around the picture, for the camera's pan

# Frame, centre x, centre y and side of the target in pixels; straight lines in between.
_PATH = (
    (0, 70, 130, 36),
    (30, 140, 96, 44),
    (44, 180, 110, 44),
    (58, 226, 128, 42),
    (76, 296, 140, 40),
    (86, 350, 146, 40),
    (95, 350, 146, 40),
    (105, 296, 136, 40),
    (119, 258, 124, 44),
)
_POST = (186, 232)  # columns that the post covers

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class GoldenFrame:
    """One frame and what is true in it.

    Attributes:
        image: (240, 320, 3) uint8 RGB.
        box: the target's box, also while it is hidden or outside.
        visible: at least half of its columns can be seen.
    """

    image: ImageU8
    box: Box
    visible: bool


def golden_frame(index: int) -> GoldenFrame:
    """Draw frame ``index`` of 0 to 119."""
    if not 0 <= index < LENGTH:
        raise IndexError(f'the golden sequence has the frames 0 to {LENGTH - 1}, got {index}')
    pan = _between(0, 24, index, LENGTH - 1)
    ground = _ground()[_MARGIN // 2 : _MARGIN // 2 + HEIGHT, pan : pan + WIDTH]
    image = ground.copy()
    x, y, side = _place(index)
    left, top = x - side // 2, y - side // 2
    _paste(image, left, top, side)
    image[:, _POST[0] : _POST[1]] = _post()
    columns = np.arange(left, left + side)
    hidden = (columns >= WIDTH) | ((columns >= _POST[0]) & (columns < _POST[1]))
    return GoldenFrame(
        image=image,
        box=Box(float(left), float(top), float(side), float(side)),
        visible=bool(2 * hidden.sum() <= side),
    )


def _between(a: int, b: int, step: int, steps: int) -> int:
    """Rounded point between two integers."""
    return a + (2 * (b - a) * step + steps) // (2 * steps)


def _place(index: int) -> tuple[int, int, int]:
    for before, after in pairwise(_PATH):
        if before[0] <= index <= after[0]:
            step, steps = index - before[0], after[0] - before[0]
            x, y, side = (_between(a, b, step, steps) for a, b in zip(before[1:], after[1:]))
            return x, y, side
    raise IndexError(index)


def _paste(image: ImageU8, left: int, top: int, side: int) -> None:
    """Draw the target, scaled by averaging 4x4 samples per pixel; parts outside fall away."""
    texture, mask = _target()
    steps = (np.arange(4 * side) * len(texture)) // (4 * side)
    weight = mask[steps][:, steps]
    colour = texture[steps][:, steps] * weight[..., None]
    weight = weight.reshape(side, 4, side, 4).sum((1, 3))[..., None]
    colour = colour.reshape(side, 4, side, 4, 3).sum((1, 3))
    right, bottom = min(left + side, WIDTH), min(top + side, HEIGHT)
    if right <= left:
        return
    shown = np.s_[: bottom - top, : right - left]
    place = image[top:bottom, left:right]
    place[:] = (place.astype(np.int64) * (16 - weight[shown]) + colour[shown]) // 16


@lru_cache(maxsize=1)
def _ground() -> ImageU8:
    shape = (HEIGHT + _MARGIN, WIDTH + _MARGIN)
    light = _texture(shape, (64, 16, 8, 4), seed=1)
    tints = [_texture(shape, (96, 48), seed=seed) for seed in (2, 3, 4)]
    base = (70, 92, 66)
    layers = [base[i] + light // 4 + tints[i] // 5 for i in range(3)]
    return np.stack(layers, axis=-1).astype(np.uint8)


@lru_cache(maxsize=1)
def _post() -> ImageU8:
    shape = (HEIGHT, _POST[1] - _POST[0])
    bark = _texture(shape, (24, 6, 3), seed=5)
    layers = [base + bark * share // 8 for base, share in ((60, 3), (48, 3), (40, 2))]
    return np.stack(layers, axis=-1).astype(np.uint8)


@lru_cache(maxsize=1)
def _target() -> tuple[Ints, Ints]:
    """Texture (96, 96, 3) and mask (96, 96) of zeros and ones."""
    size = 96
    rows, columns = np.mgrid[0:size, 0:size] - size // 2
    squared = rows * rows + columns * columns
    mask = (squared < (size // 2) ** 2).astype(np.int64)
    grain = _texture((size, size), (12, 4), seed=6) // 5
    sector = ((rows > columns // 2).astype(np.int64) + (columns > -rows // 3)) % 2
    colours = np.array([[206, 60, 44], [232, 198, 70]])
    shade = (squared * 90) // (size // 2) ** 2
    ring = (squared > 13 * 13) & (squared < 20 * 20)
    texture = colours[sector] + grain[..., None] - 25 - shade[..., None]
    texture[ring] = np.array([40, 58, 120]) + grain[ring][:, None]
    return np.clip(texture, 0, 255), mask


def _texture(shape: tuple[int, int], cells: tuple[int, ...], seed: int) -> Ints:
    """Smooth noise in 0..255: the sum of one lattice per cell size, coarse ones stronger."""
    total = np.zeros(shape, np.int64)
    for octave, cell in enumerate(cells):
        total += _lattice(shape, cell, 16 * seed + octave) >> octave
    return np.asarray(total * 255 // sum(255 >> octave for octave in range(len(cells))))


def _lattice(shape: tuple[int, int], cell: int, seed: int) -> Ints:
    """Random values 0..255 on a lattice, interpolated linearly."""
    rows, columns = shape[0] // cell + 2, shape[1] // cell + 2
    values = _random(rows * columns, seed).reshape(rows, columns)
    y, fy = np.divmod(np.arange(shape[0]), cell)
    x, fx = np.divmod(np.arange(shape[1]), cell)
    fy = fy[:, None]
    upper = values[y][:, x] * (cell - fx) + values[y][:, x + 1] * fx
    lower = values[y + 1][:, x] * (cell - fx) + values[y + 1][:, x + 1] * fx
    return np.asarray((upper * (cell - fy) + lower * fy) // (cell * cell))


def _random(count: int, seed: int) -> Ints:
    """Bytes of a multiplicative hash; the same in every version of numpy."""
    h = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(2654435761)
    h = h ^ np.uint32((seed * 40503 + 12345) & 0xFFFFFFFF)
    for _ in range(3):
        h = (h ^ (h >> np.uint32(15))) * np.uint32(2246822519)
    return np.asarray(h >> np.uint32(24), np.int64)
