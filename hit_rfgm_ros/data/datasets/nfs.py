"""Need for Speed: ``<sequence>/30/<sequence>/00001.jpg`` and ``<sequence>/30/<sequence>.txt``.

The same in ``240``. The text file is VATIC's, one line per frame: track, xmin, ymin, xmax, ymax,
frame, lost, occluded, generated, "label". Both folders' files have one line per frame at 240 per
second, so every eighth counts for the 30 per second. Width and height are xmax - xmin and ymax -
ymin. Pictures and lines differ by one in places; the surplus one is cut off, as got10k does.

A frame marked as lost is not visible; its box stays as in the file (got10k scores it, no mark
considered). pytracking reads an annotation of its own making, taken from the result files on the
benchmark's page, so its numbers are not exactly ours.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    all_frames,
    check_count,
    check_folder,
    check_root,
    read_text,
    subfolders,
)
from hit_rfgm_ros.data.datasets.official import NFS
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import BoolArray, FloatArray
import numpy as np

_COLUMNS = 9
_LINE = 'track xmin ymin xmax ymax frame lost occluded generated "label"'
_STEP = 8  # frames at 240 per second to one at 30
# Others leave out its annotation after frame 263, so nothing is asked of its frame numbers.
_IRREGULAR = ('pingpong_2',)


def list_nfs(root: Path, rate: int) -> Listing:
    """List the 100 sequences; those that are not there are broken ones.

    Args:
        rate: 30 or 240 frames per second.

    Raises:
        DatasetError: if the root is wrong.
    """
    expected = f'folders such as airboard_1 with {rate}/airboard_1/ and {rate}/airboard_1.txt'
    check_root(root, partial(_fits, rate=rate), expected)
    return Listing({name: partial(_read, root / name, rate) for name in NFS}, NFS)


def _fits(folder: Path, rate: int) -> bool:
    return any(
        (child / str(rate) / f'{child.name}.txt').is_file()
        or (child / str(rate) / child.name).is_dir()
        for child in subfolders(folder)
    )


def _read(folder: Path, rate: int) -> Sequence:
    name = folder.name
    check_folder(folder)
    annotation = folder / str(rate) / f'{name}.txt'
    rows = _rows(annotation)
    frames = all_frames(folder / str(rate) / name)
    if rate == 30 and abs(len(rows) / len(frames) - _STEP) < 1:
        rows = rows[::_STEP]
    if abs(len(rows) - len(frames)) == 1:
        shorter = min(len(rows), len(frames))
        rows, frames = rows[:shorter], frames[:shorter]
    check_count('lines', annotation, len(rows), len(frames))
    boxes = np.concatenate([rows[:, 1:3], rows[:, 3:5] - rows[:, 1:3]], axis=1)
    lost: BoolArray = rows[:, 6] != 0
    if lost[0] or not (boxes[0, 2:] > 0).all():
        raise DatasetError(f'{annotation}, line 1: no box that a tracker could start from')
    visible = ~lost if lost.any() else None
    return Sequence(name, frames, boxes, visible=visible, fps=float(rate))


def _rows(path: Path) -> FloatArray:
    """The numbers before the label: float64 (lines, 9)."""
    rows = []
    for number, line in enumerate(read_text(path, _LINE).splitlines(), start=1):
        try:
            row = [float(word) for word in line.partition('"')[0].split()]
        except ValueError:
            row = []
        if len(row) != _COLUMNS or not np.isfinite(row).all():
            raise DatasetError(f'{path}, line {number}: expected {_LINE}, got {line!r}')
        rows.append(row)
    if not rows:
        raise DatasetError(f'{path}: the file is empty')
    table = np.array(rows, np.float64)
    _check_order(path, table)
    return table


def _check_order(path: Path, rows: FloatArray) -> None:
    if path.stem in _IRREGULAR:
        return
    wrong = (np.diff(rows[:, 5]) != 1) | (np.diff(rows[:, 0]) != 0)
    if wrong.any():
        raise DatasetError(
            f'{path}, line {int(wrong.argmax()) + 2}: expected the same track in the next frame'
        )
