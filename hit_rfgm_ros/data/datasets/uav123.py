"""UAV123: ``data_seq/UAV123/<folder>/000001.jpg``, ``anno/UAV123/<sequence>.txt``.

A sequence is a range of the frames of a folder: bird1_2 is frames 775 to 1477 of bird1. The list
``seqUAV123`` of the official ``configSeqs.m`` says so, and is read from the user's own copy.
NaN four times marks a frame without the target. The corner is 1-based and stays as in the file, as
in pytracking and got10k.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
import re
from typing import NamedTuple

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    check_count,
    check_root,
    frames_between,
    numbered,
    read_boxes,
    subfolders,
)
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError

CONFIG = 'configSeqs.m'
EXPECTED = f'data_seq/UAV123, anno/UAV123 and {CONFIG}'
_FPS = 30.0  # of all its sequences; the set at 10 frames per second is another one

_LIST = re.compile(r'^\s*(seq\w*)\s*=\s*\{', re.MULTILINE)
_ENTRY = re.compile(
    r"struct\(\s*'name'\s*,\s*'(?P<name>[^']+)'\s*,\s*'path'\s*,(?P<path>.*?),\s*"
    r"'startFrame'\s*,\s*(?P<first>\d+)\s*,\s*'endFrame'\s*,\s*(?P<last>\d+)"
)


class Part(NamedTuple):
    """A sequence as a range of a folder's frames, both ends counted in."""

    folder: str
    first: int
    last: int


def list_uav123(root: Path) -> Listing:
    """List the sequences of the list ``seqUAV123``.

    Raises:
        DatasetError: if the root is wrong, or the list of sequences is missing or not readable.
    """
    check_root(root, _fits, EXPECTED)
    parts = read_config(_find_config(root))
    # Five sequences may be parts of one folder; it is listed once.
    pictures = lru_cache(maxsize=None)(numbered)
    loaders = {}
    for name, part in parts.items():

        def read(name: str = name, part: Part = part) -> Sequence:
            annotation = root / 'anno' / 'UAV123' / f'{name}.txt'
            boxes = read_boxes(annotation, absent=True)
            folder = root / 'data_seq' / 'UAV123' / part.folder
            frames = frames_between(folder, pictures(folder), part.first, part.last)
            check_count('lines', annotation, len(boxes), len(frames))
            return Sequence(name, frames, boxes, fps=_FPS)

        loaders[name] = read
    return Listing(loaders, tuple(parts))


def read_config(path: Path) -> dict[str, Part]:
    """Read which frames of which folder make up each sequence, from MATLAB's source.

    Raises:
        DatasetError: if there is no list ``seqUAV123``, it is empty, or has a name twice.
    """
    text = path.read_text(encoding='utf-8', errors='replace')
    text = re.sub(r'%.*', '', text)  # MATLAB's comments
    starts = list(_LIST.finditer(text))
    names = [start[1] for start in starts]
    if 'seqUAV123' not in names:
        found = f'; it has {", ".join(names)}' if names else ''
        raise DatasetError(f'{path}: no list seqUAV123 = {{...}} in it{found}')
    index = names.index('seqUAV123')
    end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
    parts: dict[str, Part] = {}
    for entry in _ENTRY.finditer(text, starts[index].end(), end):
        if entry['name'] in parts:
            raise DatasetError(f'{path}: seqUAV123 has {entry["name"]} twice')
        # 'd:\data_seq\UAV123\bird1\', or a variable joined to '\bird1\'
        words = [word for word in re.split(r"[\\/'\[\]\s]+", entry['path']) if word]
        parts[entry['name']] = Part(words[-1], int(entry['first']), int(entry['last']))
    if not parts:
        raise DatasetError(f'{path}: the list seqUAV123 has no struct(...) that can be read')
    return parts


def _fits(folder: Path) -> bool:
    return (folder / 'data_seq' / 'UAV123').is_dir() and (folder / 'anno' / 'UAV123').is_dir()


def _find_config(root: Path) -> Path:
    for folder in (root, *subfolders(root)):
        if (folder / CONFIG).is_file():
            return folder / CONFIG
    raise DatasetError(
        f'{root}: {CONFIG} is missing; it says which frames make up a sequence, and comes with '
        f'the data set and with its toolkit: copy it there'
    )
