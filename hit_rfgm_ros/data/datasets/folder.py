"""Folders of one's own: ``<sequence>/000001.jpg`` and on, ``<sequence>/groundtruth.txt``.

Pictures are jpg, png or bmp. One line per frame: x, y, width, height in pixels, 0-based corner,
separated by commas, tabs or blanks; ``nan`` four times where the target is not visible.
``meta.json`` may state ``fps``, ``width`` and ``height``.
"""

from __future__ import annotations

from functools import partial
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    all_frames,
    check_count,
    check_root,
    numbered,
    read_boxes,
    read_text,
    subfolders,
)
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError

TRUTH = 'groundtruth.txt'
EXPECTED = f'folders <sequence>, each with 000001.jpg and so on and {TRUTH}'


def list_folder(root: Path) -> Listing:
    """List the folders that hold a ground truth or frames.

    Raises:
        DatasetError: if the root is wrong.
    """
    check_root(root, _fits, EXPECTED)
    loaders = {
        folder.name: partial(read_folder, folder)
        for folder in subfolders(root)
        if _is_meant(folder)
    }
    return Listing(loaders, tuple(loaders))


def _fits(folder: Path) -> bool:
    return any((child / TRUTH).is_file() for child in subfolders(folder))


def _is_meant(folder: Path) -> bool:
    """A folder that has one of the two is a sequence that lacks the other, and is named."""
    if (folder / TRUTH).is_file():
        return True
    try:
        return bool(numbered(folder))
    except DatasetError:
        return False


def read_folder(folder: Path) -> Sequence:
    """Read the frames and the ground truth of one sequence.

    Raises:
        DatasetError: naming the file and line at fault.
    """
    boxes = read_boxes(folder / TRUTH, absent=True)
    frames = all_frames(folder)
    check_count('lines', folder / TRUTH, len(boxes), len(frames))
    meta = _meta(folder / 'meta.json')
    width, height = meta.get('width'), meta.get('height')
    size = (int(width), int(height)) if width and height else None
    fps = meta.get('fps')
    return Sequence(folder.name, frames, boxes, size=size, fps=float(fps) if fps else None)


def _meta(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        meta = json.loads(read_text(path, 'JSON'))
    except ValueError as error:
        raise DatasetError(f'{path}: not readable as JSON ({error})') from error
    for key in ('fps', 'width', 'height'):
        value = meta.get(key) if isinstance(meta, dict) else 'no object'
        if not (value is None or (isinstance(value, (int, float)) and value > 0)):
            raise DatasetError(f'{path}: {key} must be a number above 0 or null, got {value!r}')
    return dict(meta)
