"""Miniature data sets in their official layouts, for tests: tiny pictures of a moving square.

``make_dataset(name, root)`` writes one and gives back the names of its sequences; hand these to
``open_dataset(name, root, sequences=...)``, since a miniature lacks most of the official ones.
(folder, lasot, lasot_ext, got10k_val, got10k_test and uav123 say themselves what they consist of.)
Corners are 1-based in the annotations of OTB, LaSOT and UAV123, as the official ones are.
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
            says so, where it has one. The first frame cannot be one.

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


def one_based(boxes: Boxes) -> Boxes:
    """The boxes with the corner counted from 1."""
    return boxes + np.array([1, 1, 0, 0])


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


def make_otb(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``<video>/img/0001.jpg``; two targets share a video; separators differ between videos."""
    for index, name in enumerate(names):
        video, _, target = name.partition('-')
        there, annotated = OTB_FRAMES.get(
            name, (range(1, recipe.frames + 1), range(1, recipe.frames + 1))
        )
        boxes = path_of_square(recipe, len(annotated), start=7 * index)
        # Pictures before the first annotated one show the target as well; nobody looks at them.
        lead = np.repeat(boxes[:1], annotated.start - there.start, axis=0)
        pattern = '{:05d}.jpg' if name == 'Board' else '{:04d}.jpg'
        pictures = np.concatenate([lead, boxes])
        write_frames(root / video / 'img', pattern, there, pictures, recipe)
        file = f'groundtruth_rect.{target}.txt' if target else 'groundtruth_rect.txt'
        write(root / video / file, lines(one_based(boxes), ',\t '[index % 3]))
        if name == 'Human4-2':
            write(root / video / 'groundtruth_rect.1.txt', '')


# Pictures that are there, and those that are annotated, in videos where the two differ or do not
# start at 1; numbers of the pictures, without the end.
OTB_FRAMES = {
    'BlurCar1': (range(247, 989), range(247, 989)),
    'BlurCar3': (range(3, 360), range(3, 360)),
    'BlurCar4': (range(18, 398), range(18, 398)),
    'David': (range(1, 771), range(300, 771)),
    'Diving': (range(1, 232), range(1, 216)),
    'Football1': (range(1, 106), range(1, 75)),
    'Freeman3': (range(1, 471), range(1, 461)),
    'Freeman4': (range(1, 298), range(1, 284)),
    'Tiger1': (range(1, 355), range(1, 355)),
}


def make_lasot(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``<class>/<class>-<n>/img/00000001.jpg``; absent frames are flagged, and zero in the box."""
    for index, name in enumerate(names):
        folder = root / name.rpartition('-')[0] / name
        boxes = path_of_square(recipe, start=7 * index)
        write_frames(folder / 'img', '{:08d}.jpg', range(1, len(boxes) + 1), boxes, recipe)
        write(folder / 'groundtruth.txt', lines(marked(one_based(boxes), recipe, 0)))
        # The first absent frame counts as hidden, the others as outside.
        hidden = [frame in recipe.absent[:1] for frame in range(len(boxes))]
        outside = [frame in recipe.absent[1:] for frame in range(len(boxes))]
        write(folder / 'full_occlusion.txt', ','.join(str(int(flag)) for flag in hidden))
        write(folder / 'out_of_view.txt', ','.join(str(int(flag)) for flag in outside))
        write(folder / 'nlp.txt', 'a red square\n')
    write(root / 'testing_set.txt', '\n'.join(names) + '\n')


def make_got10k_val(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``val/list.txt``, ``val/<sequence>/00000001.jpg`` with labels and the resolution."""
    _make_got10k(root / 'val', names, recipe)
    width, height = recipe.size
    gone = [frame in recipe.absent for frame in range(recipe.frames)]
    for name in names:
        folder = root / 'val' / name
        cover = ''.join(f'{0 if absent else 8}\n' for absent in gone)
        write(folder / 'cover.label', cover)
        write(folder / 'absence.label', ''.join(f'{int(absent)}\n' for absent in gone))
        write(folder / 'cut_by_image.label', '0\n' * recipe.frames)
        meta = f'[METAINFO]\nurl: none\nanno_fps: 10Hz\nresolution: ({width}, {height})'
        write(folder / 'meta_info.ini', meta)


def make_got10k_test(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """The same below ``test``: one line of ground truth, no labels."""
    _make_got10k(root / 'test', names, recipe)
    for name in names:
        truth = root / 'test' / name / 'groundtruth.txt'
        write(truth, truth.read_text(encoding='utf-8').splitlines()[0] + '\n')


def _make_got10k(subset: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    for index, name in enumerate(names):
        boxes = path_of_square(recipe, start=7 * index)
        write_frames(subset / name, '{:08d}.jpg', range(1, len(boxes) + 1), boxes, recipe)
        write(subset / name / 'groundtruth.txt', lines(boxes, form='{:.4f}'))
    write(subset / 'list.txt', '\n'.join(names) + '\n')


def make_trackingnet(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``TEST/frames/<sequence>/0.jpg``, one line of ground truth; a name ``TRAIN_0/x`` has all."""
    for index, name in enumerate(names):
        chunk, _, sequence = name.rpartition('/')
        folder = root / (chunk or 'TEST')
        boxes = path_of_square(recipe, start=7 * index)
        write_frames(folder / 'frames' / sequence, '{}.jpg', range(len(boxes)), boxes, recipe)
        shown = boxes if chunk else boxes[:1]
        write(folder / 'anno' / f'{sequence}.txt', lines(shown, form='{:.1f}'))


def make_uav123(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``bird1_1`` and ``bird1_2`` are parts of the folder bird1, with pictures between them."""
    parts = {}
    for name in names:
        folder, _, part = name.rpartition('_')
        if not part.isdecimal():
            folder, part = name, '1'
        first = 1 + (int(part) - 1) * (recipe.frames + 2)
        parts[name] = (folder, first, first + recipe.frames - 1)
    make_uav123_parts(root, parts, recipe)


def make_uav123_parts(root: Path, parts: dict[str, tuple[str, int, int]], recipe: Recipe) -> None:
    """The same with folder, first and last frame of each sequence."""
    for index, (name, (folder, first, last)) in enumerate(parts.items()):
        boxes = path_of_square(recipe, last - first + 1, start=7 * index)
        pictures = root / 'data_seq' / 'UAV123' / folder
        write_frames(pictures, '{:06d}.jpg', range(first, last + 1), boxes, recipe)
        # What lies before a part is there too, or belongs to another part.
        for number in range(1, first):
            if not (path := pictures / f'{number:06d}.jpg').exists():
                cv2.imwrite(str(path), draw(recipe, None))
        truth = lines(marked(one_based(boxes), recipe, np.nan)).replace('nan', 'NaN')
        write(root / 'anno' / 'UAV123' / f'{name}.txt', truth)
    whole = {folder: (folder, 1, last) for folder, _, last in parts.values()}
    write(root / 'configSeqs.m', _matlab('seqUAV20L', whole) + _matlab('seqUAV123', parts))


def _matlab(variable: str, parts: dict[str, tuple[str, int, int]]) -> str:
    entries = [
        f"struct('name','{name}','path','d:\\data_seq\\UAV123\\{folder}\\','startFrame',{first},"
        f"'endFrame',{last},'nz',6,'ext','jpg','init_rect', [0,0,0,0])"
        for name, (folder, first, last) in parts.items()
    ]
    return f'{variable} = {{' + ',...\n    '.join(entries) + '};\n\n'


def make_nfs(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``<sequence>/30/``; the text file has eight lines per picture."""
    _make_nfs(root, names, recipe, 30)


def make_nfs240(root: Path, names: tuple[str, ...], recipe: Recipe) -> None:
    """``<sequence>/240/``, a line per picture."""
    _make_nfs(root, names, recipe, 240)


def _make_nfs(root: Path, names: tuple[str, ...], recipe: Recipe, rate: int) -> None:
    step = 240 // rate
    for index, name in enumerate(names):
        boxes = path_of_square(recipe, start=7 * index)
        folder = root / name / str(rate)
        write_frames(folder / name, '{:05d}.jpg', range(1, len(boxes) + 1), boxes, recipe)
        rows = []
        for number in range(step * len(boxes)):
            x, y, width, height = boxes[number // step].astype(int)
            lost = int(number // step in recipe.absent)
            corners = f'{x} {y} {x + width} {y + height}'
            rows.append(f'0 {corners} {number + 1} {lost} 0 {int(number % 8 > 0)} "square"\n')
        write(folder / f'{name}.txt', ''.join(rows))


Maker = Callable[[Path, tuple[str, ...], Recipe], None]
_MAKERS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    'folder': (make_folder, ('circle', 'disc', 'early')),
    'otb100': (
        make_otb,
        ('Basketball', 'Board', 'Human4-2', 'Jogging-1', 'Jogging-2', 'Skating2-1', 'Skating2-2'),
    ),
    'lasot': (make_lasot, ('airplane-1', 'airplane-9', 'bird-2')),
    'lasot_ext': (make_lasot, ('atv-1', 'paddle-10')),
    'got10k_val': (make_got10k_val, ('GOT-10k_Val_000001', 'GOT-10k_Val_000002')),
    'got10k_test': (make_got10k_test, ('GOT-10k_Test_000001', 'GOT-10k_Test_000002')),
    'trackingnet': (make_trackingnet, ('-0U1vm6LIi8_0', 'A1_0', 'B2_1')),
    'uav123': (make_uav123, ('bird1_1', 'bird1_2', 'boat1', 'car1_s')),
    'nfs': (make_nfs, ('Gymnastics', 'airboard_1')),
    'nfs30': (make_nfs, ('Gymnastics', 'airboard_1')),
    'nfs240': (make_nfs240, ('Gymnastics', 'airboard_1')),
}
