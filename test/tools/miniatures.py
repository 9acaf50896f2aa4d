"""Miniature data sets in their official layouts, for tests: tiny pictures of a moving square.

``make_dataset(name, root)`` writes one and gives back the names of its sequences; hand these to
``open_dataset(name, root, sequences=...)``, since a miniature lacks most of the official ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """What all sequences of a miniature have in common.

    Attributes:
        frames: per sequence, where the layout does not fix the number.
        size: width and height of a picture.
        absent: numbers of frames, from 0, in which the target cannot be seen.
        first: number of the first frame in file names, where the layout leaves it open.
    """

    frames: int = 8
    size: tuple[int, int] = (64, 48)
    absent: tuple[int, ...] = ()


def make_dataset(
    name: str,
    root: Path,
    *,
    sequences: Iterable[str] | None = None,
    frames: int = 8,
    size: tuple[int, int] = (64, 48),
    absent: Iterable[int] = (),
) -> tuple[str, ...]:
    """Write a miniature of a data set below ``root``.

    Args:
        name: one of `data.datasets.registry.DATASETS`.
        sequences: names to write; None: a few that show the layout's peculiarities.
        frames: per sequence, where the data set does not fix the number.
        size: width and height of the pictures.
        absent: numbers of frames, from 0, in which the target is gone; the layout's own mark
            says so. The first frame cannot be one.

    Returns:
        The names of the sequences.
    """
    recipe = Recipe(frames, size, tuple(absent))
    maker, default = _MAKERS[name]
    names = tuple(default if sequences is None else sequences)
    root.mkdir(parents=True, exist_ok=True)
    maker(root, names, recipe)
    return names


def path_of_square(recipe: Recipe, frames: int | None = None, start: int = 0) -> Boxes:
    """Boxes (frames, 4) of a square that circles slowly, inside the picture, on whole pixels."""
    width, height = recipe.size
    side = max(8, height // 4)
    turn = 0.15 * np.arange(start, start + (recipe.frames if frames is None else frames))
    x = np.round((width - side) * (0.5 + 0.25 * np.cos(turn)))
    y = np.round((height - side) * (0.5 + 0.25 * np.sin(turn)))
    return np.stack([x, y, np.full_like(x, side), np.full_like(x, side)], axis=1)


def draw(recipe: Recipe, box: Sequence[float] | None) -> NDArray[np.uint8]:
    """A picture (height, width, 3) uint8 BGR with the square, or without it."""
    width, height = recipe.size
    ramp = np.linspace(40, 110, width, dtype=np.uint8)
    picture = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2)
    if box is not None:
        x, y, w, h = (int(value) for value in box)
        picture[y : y + h, x : x + w] = (40, 60, 230)
        picture[y + h // 4 : y + h // 2, x + w // 4 : x + w // 2] = (230, 230, 60)
    return picture


def write_frames(
    folder: Path, pattern: str, numbers: Iterable[int], boxes: Boxes, recipe: Recipe
) -> None:
    """Write one picture per box; ``pattern`` is like '{:06d}.jpg'."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, number in enumerate(numbers):
        seen = index < len(boxes) and index not in recipe.absent
        picture = draw(recipe, boxes[index].tolist() if seen else None)
        cv2.imwrite(str(folder / pattern.format(number)), picture)


def lines(boxes: Boxes, separator: str = ',', form: str = '{:g}') -> str:
    """One line per box, as an annotation file has them."""
    rows = [separator.join(form.format(value) for value in row) for row in boxes]
    return '\n'.join(rows) + '\n'


def marked(boxes: Boxes, recipe: Recipe, mark: float) -> Boxes:
    """The boxes with the data set's mark of absence in the rows of the absent frames."""
    boxes = boxes.copy()
    boxes[list(recipe.absent)] = mark
    return boxes


def write(path: Path, text: str) -> None:
    """Write a text file and the folders that lead to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')


def make_folder(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``<sequence>/000001.jpg``, ``<sequence>/groundtruth.txt``, nan where absent."""
    for index, name in enumerate(names):
        boxes = path_of_square(recipe, start=7 * index)
        numbers = range(1, len(boxes) + 1)
        write_frames(root / name, '{:06d}.jpg', numbers, boxes, recipe)
        write(root / name / 'groundtruth.txt', lines(marked(boxes, recipe, np.nan)))


Maker = Callable[[Path, tuple[str, ...], Recipe], None]
_MAKERS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    'folder': (make_folder, ('circle', 'disc', 'early')),
}
