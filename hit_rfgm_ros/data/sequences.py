"""A labelled video, its pictures, and files of one box per line.

Boxes are x, y, width, height in pixels, separated by commas, tabs or blanks; `nan` four times
where the target is not visible. Folders of such videos are read by `data.datasets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import re

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import BoolArray, Box, FloatArray, ImageU8, IntArray
import numpy as np


@dataclass(frozen=True)
class Sequence:
    """A labelled video kept as a folder of pictures; frames are read when asked for.

    Attributes:
        name: the folder's name, or the data set's own name of the sequence.
        frames: paths in order.
        boxes: float64 (frames, 4) x, y, width, height, as in the file; NaN rows where the file
            says that the target is absent, and from the second on where ``first_only``.
        visible: (frames,) where the data set says so in files of its own, else None.
        cover: int64 (frames,), 0 (hidden) to 8 (seen whole), of GOT-10k; else None.
        size: width and height of the frames as the data set states them, None if it does not.
        fps: frames per second as the data set states them, None if it does not.
        first_only: only the first box is published; a server keeps the others.
    """

    name: str
    frames: tuple[Path, ...]
    boxes: FloatArray
    visible: BoolArray | None = None
    cover: IntArray | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    first_only: bool = False

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int) -> ImageU8:
        """Read one frame as (H, W, 3) uint8 RGB.

        Raises:
            DatasetError: if the file is damaged.
        """
        return read_picture(self.frames[index])

    def image_size(self) -> tuple[int, int]:
        """Width and height: as the data set states them, else those of the first picture.

        Raises:
            DatasetError: if the first picture is damaged.
        """
        if self.size is not None:
            return self.size
        height, width = self.read(0).shape[:2]
        return width, height

    def box(self, index: int) -> Box | None:
        """Ground truth of one frame, None where the target is absent."""
        values = self.boxes[index]
        return Box(*values.tolist()) if np.isfinite(values).all() else None


def read_picture(path: Path) -> ImageU8:
    """Read a picture as (H, W, 3) uint8 RGB.

    Raises:
        DatasetError: if the file is missing or damaged.
    """
    try:  # imread takes the whole process with it where a name is not UTF-8
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read ({error.strerror})') from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise DatasetError(f'{path}: not a readable picture')
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def parse_ground_truth(path: Path) -> FloatArray:
    """Read `groundtruth.txt` as float64 (frames, 4); rows with any NaN become NaN whole.

    Raises:
        DatasetError: as `read_rows`; or if a number is infinite.
    """
    boxes = read_rows(path)
    infinite = np.isinf(boxes).any(axis=1)
    if infinite.any():
        number = int(infinite.argmax())
        raise DatasetError(f'{path}, line {number + 1}: {boxes[number].tolist()} is no box')
    boxes[np.isnan(boxes).any(axis=1)] = np.nan
    return boxes


def read_rows(path: Path) -> FloatArray:
    """Read lines of x, y, width, height as they stand there: float64 (lines, 4).

    Numbers are separated by commas, tabs or blanks; empty lines at the end do not count.

    Raises:
        DatasetError: if the file cannot be read, or a line is not four numbers; it is named.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()  # editors of Windows mark UTF-8
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f'{path}: cannot be read ({error})') from error
    while lines and not lines[-1].strip():
        lines.pop()
    rows = np.empty((len(lines), 4))
    for index, line in enumerate(lines):
        try:
            row = [float(value) for value in re.split(r'[,\s]+', line.strip())]
        except ValueError:
            row = []
        if len(row) != 4:
            raise DatasetError(
                f'{path}, line {index + 1}: expected four numbers x, y, width, height, got '
                f'{line[:80]!r}'
            )
        rows[index] = row
    return rows
