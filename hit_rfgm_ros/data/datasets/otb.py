"""OTB-100: ``<folder>/img/0001.jpg`` and ``<folder>/groundtruth_rect.txt``.

Videos with two targets have ``groundtruth_rect.1.txt`` and ``.2.txt``; their sequences are called
Jogging-1, Jogging-2, Skating2-1, Skating2-2, and Human4-2 (the first file of Human4 is empty). A
copy with a folder of its own for each target is read as well. Numbers are separated by commas,
tabs or blanks, depending on the video.

The corner is 1-based, since the toolkit is written in MATLAB. pytracking, got10k and the Python
benchmark start from those numbers and compare with them as they are, which moves start and truth
by the same pixel; so do we, and boxes stay as in the file.

Some videos have more pictures than are annotated, and Tiger1 is not started from its first five
frames (``initOmit`` in the MATLAB toolkit and in pytracking; got10k starts it from the first).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    check_count,
    check_folder,
    check_root,
    frames_between,
    numbered,
    read_boxes,
    subfolders,
)
from hit_rfgm_ros.data.datasets.official import OTB100
from hit_rfgm_ros.data.sequences import Sequence

EXPECTED = 'folders such as Basketball, each with img/ and groundtruth_rect.txt'


class _Range(NamedTuple):
    """Numbers of the first and last annotated picture; annotated ones left out at the start."""

    first: int
    last: int
    omitted: int = 0


_RANGES = {
    'BlurCar1': _Range(247, 988),
    'BlurCar3': _Range(3, 359),
    'BlurCar4': _Range(18, 397),
    'David': _Range(300, 770),
    'Diving': _Range(1, 215),
    'Football1': _Range(1, 74),
    'Freeman3': _Range(1, 460),
    'Freeman4': _Range(1, 283),
    'Tiger1': _Range(1, 354, omitted=5),
}


def list_otb(root: Path) -> Listing:
    """List the 100 sequences; those that are not there are broken ones.

    Raises:
        DatasetError: if the root is wrong.
    """
    check_root(root, _fits, EXPECTED)
    return Listing({name: partial(_read, root, name) for name in OTB100}, OTB100)


def _fits(folder: Path) -> bool:
    return any(
        (child / 'img').is_dir() and any(child.glob('groundtruth_rect*.txt'))
        for child in subfolders(folder)
    )


def _read(root: Path, name: str) -> Sequence:
    folder, annotation = _find(root, name)
    boxes = read_boxes(annotation)
    pictures = numbered(folder / 'img')
    first, last, omitted = _RANGES.get(name, _Range(min(pictures), max(pictures)))
    frames = frames_between(folder / 'img', pictures, first, last)
    check_count('lines', annotation, len(boxes), len(frames))
    return Sequence(name, frames[omitted:], boxes[omitted:])


def _find(root: Path, name: str) -> tuple[Path, Path]:
    """Folder and annotation of a sequence."""
    video, _, target = name.partition('-')
    own = root / name
    if own.is_dir():
        numbered_file = own / f'groundtruth_rect.{target}.txt'
        plain = not (target and numbered_file.is_file())
        return own, own / 'groundtruth_rect.txt' if plain else numbered_file
    folder = root / video
    check_folder(folder)
    return folder, folder / f'groundtruth_rect.{target}.txt'
