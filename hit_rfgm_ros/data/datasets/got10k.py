"""GOT-10k, val and test: ``<subset>/list.txt``, ``<subset>/<sequence>/00000001.jpg``.

Each sequence has ``groundtruth.txt``; in the test set it holds the box of the first frame only.
``meta_info.ini`` states the resolution, ``cover.label`` how much of the target is seen (0 to 8),
``absence.label`` where it is gone, one number per frame; val has all three, test need not.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
import re

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    all_frames,
    check_count,
    check_folder,
    check_root,
    only_first,
    read_boxes,
    read_names,
    read_text,
)
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import FloatArray, IntArray
import numpy as np

_FPS = 10.0  # meta_info.ini: anno_fps, and every frame that is handed out is annotated


def list_got10k(root: Path, subset: str) -> Listing:
    """List the sequences that ``list.txt`` names.

    Args:
        subset: 'val' or 'test'.

    Raises:
        DatasetError: if the root is wrong, or the list names a sequence twice.
    """
    expected = f'{subset}/list.txt and folders such as {subset}/GOT-10k_{subset.title()}_000001'
    check_root(root, lambda folder: (folder / subset / 'list.txt').is_file(), expected)
    path = root / subset / 'list.txt'
    names = read_names(path)
    read = _read_val if subset == 'val' else _read_test
    return Listing({name: partial(read, root / subset / name) for name in names}, names)


def _read_val(folder: Path) -> Sequence:
    frames, boxes = _frames_and_boxes(folder)
    check_count('lines', folder / 'groundtruth.txt', len(boxes), len(frames))
    cover = _label(folder / 'cover.label', len(frames), range(9))
    _label(folder / 'absence.label', len(frames), range(2))
    size = _resolution(folder / 'meta_info.ini')
    return Sequence(folder.name, frames, boxes, cover=cover, size=size, fps=_FPS)


def _read_test(folder: Path) -> Sequence:
    frames, boxes = _frames_and_boxes(folder)
    first_only = len(boxes) == 1 and len(frames) > 1
    if first_only:
        boxes = only_first(boxes, len(frames))
    check_count('lines', folder / 'groundtruth.txt', len(boxes), len(frames))
    cover = folder / 'cover.label'
    meta = folder / 'meta_info.ini'
    return Sequence(
        folder.name,
        frames,
        boxes,
        cover=_label(cover, len(frames), range(9)) if cover.is_file() else None,
        size=_resolution(meta) if meta.is_file() else None,
        fps=_FPS,
        first_only=first_only,
    )


def _frames_and_boxes(folder: Path) -> tuple[tuple[Path, ...], FloatArray]:
    check_folder(folder)
    return all_frames(folder), read_boxes(folder / 'groundtruth.txt')


def _label(path: Path, frames: int, allowed: Iterable[int]) -> IntArray:
    """One whole number per frame."""
    words = read_text(path, 'one number per frame').split()
    known = {str(number): number for number in allowed}
    for line, word in enumerate(words, start=1):
        if word not in known:
            raise DatasetError(f'{path}, line {line}: expected 0 to {max(known)}, got {word!r}')
    check_count('numbers', path, len(words), frames)
    return np.array([known[word] for word in words], np.int64)


def _resolution(path: Path) -> tuple[int, int]:
    """Width and height from the line ``resolution: (1920, 1080)``."""
    text = read_text(path, 'the resolution')
    found = re.search(r'^resolution\s*[:=]\s*\(?\s*(\d+)\s*,\s*(\d+)', text, re.MULTILINE)
    if not found:
        raise DatasetError(f'{path}: expected a line such as resolution: (1920, 1080)')
    return int(found[1]), int(found[2])
