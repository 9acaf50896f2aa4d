"""LaSOT and LaSOT-ext: ``<class>/<class>-<n>/`` or ``<class>-<n>/``, with ``img/00000001.jpg``.

Beside ``groundtruth.txt`` stand ``full_occlusion.txt`` and ``out_of_view.txt``, one 0 or 1 per
frame; the target is visible where both are 0. Boxes keep the numbers of the file, whose corner is
1-based, as pytracking and the MATLAB toolkit do.

The test set is the list ``testing_set.txt`` in the root; without that file it is the 280 sequences
of the toolkit's list (LaSOT), or all 150 (LaSOT-ext). Training sequences are read when named.

Some videos have pictures after the last annotated one. As in the toolkit only annotated frames
count (its issues 6 and 18), so these are left out; a picture too few is an error, and so are flags
that do not match the boxes. paddle-1 has 2703 lines in the data set and 2500 in the annotations of
the MATLAB toolkit; we read the data set's, as pytracking does. For the toolkit's number put its
lines there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
import re

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    check_count,
    check_folder,
    check_root,
    frames_between,
    numbered,
    read_boxes,
    read_names,
    read_text,
    subfolders,
)
from hit_rfgm_ros.data.datasets.official import lasot_ext, lasot_test
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import BoolArray
import numpy as np

TEST_LIST = 'testing_set.txt'
EXPECTED = 'folders <class>/<class>-<n>, or <class>-<n>, each with img/ and groundtruth.txt'
_FPS = 30.0  # of all its videos


def list_lasot(root: Path) -> Listing:
    """List LaSOT's test sequences, and those for training as further names.

    Raises:
        DatasetError: if the root is wrong, or a sequence is there twice.
    """
    return _list(root, lasot_test())


def list_lasot_ext(root: Path) -> Listing:
    """List the sequences of LaSOT-ext.

    Raises:
        DatasetError: if the root is wrong, or a sequence is there twice.
    """
    return _list(root, lasot_ext())


def _list(root: Path, official: tuple[str, ...]) -> Listing:
    check_root(root, _fits, EXPECTED)
    folders: dict[str, Path] = {}
    for folder in _videos(root):
        other = folders.setdefault(folder.name, folder)
        if other != folder:
            raise DatasetError(f'{folder} and {other}: the same sequence twice; remove one')
    test_list = root / TEST_LIST
    chosen = read_names(test_list) if test_list.is_file() else official
    for name in chosen:
        folders.setdefault(name, root / name.rpartition('-')[0] / name)
    return Listing({name: partial(_read, folder) for name, folder in folders.items()}, chosen)


def _fits(folder: Path) -> bool:
    """A folder of one class holds videos as well; it is known by its name."""
    own = f'{folder.resolve().name}-'
    return any(
        (video / 'groundtruth.txt').is_file() and not video.name.startswith(own)
        for video in _videos(folder)
    )


def _videos(root: Path) -> Iterator[Path]:
    """Folders named like their class and a number, flat or below the class."""
    for folder in subfolders(root):
        if re.fullmatch(r'.+-\d+', folder.name):
            yield folder
        else:
            pattern = re.compile(re.escape(folder.name) + r'-\d+')
            yield from (video for video in subfolders(folder) if pattern.fullmatch(video.name))


def _read(folder: Path) -> Sequence:
    check_folder(folder)
    boxes = read_boxes(folder / 'groundtruth.txt')
    occluded = _flags(folder / 'full_occlusion.txt', len(boxes))
    outside = _flags(folder / 'out_of_view.txt', len(boxes))
    pictures = numbered(folder / 'img')
    frames = frames_between(folder / 'img', pictures, 1, len(boxes))
    return Sequence(folder.name, frames, boxes, visible=~(occluded | outside), fps=_FPS)


def _flags(path: Path, frames: int) -> BoolArray:
    """0 or 1 per frame, separated by commas or line ends."""
    text = read_text(path, '0 or 1 per frame')
    words = text.replace(',', ' ').split()
    if not set(words) <= {'0', '1'}:
        wrong = next(word for word in words if word not in ('0', '1'))
        raise DatasetError(f'{path}: expected 0 or 1 per frame, got {wrong!r}')
    check_count('flags', path, len(words), frames)
    return np.array([word == '1' for word in words])
