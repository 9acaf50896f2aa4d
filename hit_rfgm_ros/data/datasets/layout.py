"""What every reader shares: the frames of a folder, lines of a file, and a root that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
import os
from pathlib import Path

from hit_rfgm_ros.data.sequences import Sequence, parse_ground_truth
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.types import FloatArray
import numpy as np

PICTURES = ('.jpg', '.jpeg', '.png', '.bmp')
_NAMED = 3  # of several things at fault, so many are named

Loader = Callable[[], Sequence]


@dataclass(frozen=True)
class Listing:
    """The sequences below a root, before any of them is read.

    Attributes:
        loaders: sequence name to what reads it; it raises `DatasetError` if it is broken.
        chosen: names that make up the data set.
        groups: names that stand for several sequences.
    """

    loaders: Mapping[str, Loader]
    chosen: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def check_root(root: Path, fits: Callable[[Path], bool], expected: str) -> None:
    """Refuse a root that is not one, and name its child or parent if that looks right.

    Args:
        fits: whether a folder looks like a root.
        expected: what lies below a root, for the message.

    Raises:
        DatasetError: if there is no such folder, or it does not fit.
    """
    if not root.is_dir():
        what = 'is a file' if root.exists() else 'there is no such folder'
        raise DatasetError(f'{root}: {what}; expected the folder with {expected}')
    if fits(root):
        return
    for near in (*subfolders(root), root.resolve().parent):
        if _fits_if_readable(near, fits):
            raise DatasetError(
                f'{root}: not the root of the data set, which holds {expected}; '
                f'{near} looks right: give that'
            )
    raise DatasetError(f'{root}: not the root of the data set; expected in it {expected}')


def _fits_if_readable(folder: Path, fits: Callable[[Path], bool]) -> bool:
    try:
        return fits(folder)
    except OSError:  # somebody else's folder, which was only looked into for a hint
        return False


def subfolders(folder: Path) -> list[Path]:
    """Folders in ``folder``, sorted by name; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith('.')]
    return [folder / name for name in sorted(names)]


def check_folder(folder: Path) -> None:
    """Refuse a sequence whose folder is not there.

    Raises:
        DatasetError: naming the folder.
    """
    if not folder.is_dir():
        raise DatasetError(f'{folder}: the folder of the sequence is missing')


def numbered(folder: Path) -> dict[int, str]:
    """Names of the pictures of a folder by the number that each is named by.

    Other files are passed over: ``._0001.jpg``, ``Thumbs.db``.

    Raises:
        DatasetError: if there is no such folder, no picture, or two pictures have one number.
    """
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(f'{folder}: the folder of the frames is missing') from error
    pictures: dict[int, str] = {}
    for name in names:
        stem, dot, suffix = name.rpartition('.')
        if stem.isdecimal() and (dot + suffix).lower() in PICTURES:
            other = pictures.setdefault(int(stem), name)
            if other != name:
                raise DatasetError(
                    f'{folder}: {other} and {name} have one frame number; remove one of them'
                )
    if not pictures:
        raise DatasetError(f'{folder}: no frames in it, such as 000001.jpg')
    return pictures


def frames_between(
    folder: Path, pictures: Mapping[int, str], first: int, last: int
) -> tuple[Path, ...]:
    """Frames ``first`` to ``last`` in order of their numbers.

    Args:
        pictures: of ``folder``, from `numbered`.

    Raises:
        DatasetError: if one is missing.
    """
    missing = [number for number in range(first, last + 1) if number not in pictures]
    if missing:
        raise DatasetError(
            f'{folder}: {len(missing)} of the frames {first} to {last} missing: '
            f'{some(str(number) for number in missing)}'
        )
    # Joined to one parent, since a large set has half a million: five times as fast as Path(text).
    return tuple(folder / pictures[number] for number in range(first, last + 1))


def all_frames(folder: Path) -> tuple[Path, ...]:
    """All frames of a folder in order of their numbers, whatever the first one is.

    Raises:
        DatasetError: if there are none, one number is twice there, or there is a gap.
    """
    pictures = numbered(folder)
    return frames_between(folder, pictures, min(pictures), max(pictures))


def read_text(path: Path, content: str) -> str:
    """Read a text file of a data set.

    Args:
        content: what the file says, for the message.

    Raises:
        DatasetError: if it is missing or no text.
    """
    try:
        return path.read_text(encoding='utf-8')
    except FileNotFoundError as error:
        raise DatasetError(f'{path}: the file is missing; expected {content}') from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f'{path}: cannot be read ({error})') from error


def read_names(path: Path) -> tuple[str, ...]:
    """Read a list of sequences, one name per line.

    Raises:
        DatasetError: if it is missing, empty or has a name twice.
    """
    names = tuple(read_text(path, 'one name per line').split())
    if not names:
        raise DatasetError(f'{path}: the list is empty; expected one name per line')
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DatasetError(f'{path}: {some(twice)} stands there twice')
    return names


def read_boxes(path: Path, *, absent: bool = False) -> FloatArray:
    """Read x, y, width, height per line, as they stand in the file: float64 (lines, 4).

    Args:
        absent: whether the data set marks the absence of the target by NaN.

    Raises:
        DatasetError: naming file and line: missing, malformed, empty, NaN where the data set has
            none, or a first box that no tracker can start from.
    """
    if not path.is_file():
        raise DatasetError(f'{path}: the annotation is missing')
    boxes = parse_ground_truth(path)
    if not len(boxes):
        raise DatasetError(f'{path}: the file is empty; expected x, y, width, height per frame')
    lost = np.isnan(boxes[:, 0])
    if lost.any() and not absent:
        raise DatasetError(
            f'{path}, line {int(lost.argmax()) + 1}: not a number; this data set has a box in '
            f'every frame'
        )
    if not (boxes[0, 2:] > 0).all():
        raise DatasetError(
            f'{path}, line 1: a tracker cannot start from x, y, width, height = '
            f'{", ".join(f"{value:g}" for value in boxes[0])}'
        )
    return boxes


def check_count(what: str, path: Path, lines: int, frames: int) -> None:
    """Refuse a file that does not have one ``what`` per frame.

    Raises:
        DatasetError: naming the file.
    """
    if lines != frames:
        raise DatasetError(
            f'{path}: {lines} {what} for {frames} frames; expected one per frame, so one of '
            f'the two is incomplete'
        )


def only_first(boxes: FloatArray, frames: int) -> FloatArray:
    """The one published box with NaN rows after it, float64 (frames, 4)."""
    rest = np.full((frames - len(boxes), 4), np.nan)
    return np.concatenate([boxes, rest])


def some(names: Iterable[str]) -> str:
    """The first few of many, for a message."""
    names = list(names)
    more = f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''
    return ', '.join(names[:_NAMED]) + more
