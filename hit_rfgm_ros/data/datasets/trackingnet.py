"""TrackingNet: ``TEST/frames/<sequence>/0.jpg``, ``TEST/anno/<sequence>.txt``; so TRAIN_0 to _11.

Frames are numbered from 0 without leading zeros, so they are sorted by number. In TEST the
annotation holds the first box only. The data set is TEST; ``TRAIN_3``, say, as the name of a
sequence stands for all that are in that chunk.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
import re

from hit_rfgm_ros.data.datasets.layout import (
    Listing,
    Loader,
    all_frames,
    check_count,
    check_root,
    only_first,
    read_boxes,
    subfolders,
)
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError

TEST_SEQUENCES = 511  # as many as the server wants
EXPECTED = 'TEST/frames and TEST/anno (or TRAIN_0 and so on)'


def list_trackingnet(root: Path) -> Listing:
    """List all sequences of all chunks that are there; chosen is TEST.

    Raises:
        DatasetError: if the root is wrong, or a sequence is in two chunks.
    """
    check_root(root, lambda folder: bool(_chunks(folder)), EXPECTED)
    loaders: dict[str, Loader] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for chunk in _chunks(root):
        names = _names(chunk)
        if twice := sorted(loaders.keys() & names):
            raise DatasetError(f'{chunk}: {twice[0]} is in another chunk as well; remove one')
        loaders.update({name: partial(_read, chunk, name) for name in names})
        groups[chunk.name] = tuple(names)
    chosen = groups.get('TEST', ())
    if lacking := TEST_SEQUENCES - len(chosen):
        # The official names are nowhere in the download, so only the number can be told.
        rest = f'{lacking} more of TEST'
        loaders[rest] = partial(_refuse, root / 'TEST', len(chosen))
        chosen = (*chosen, rest)
    return Listing(loaders, chosen, groups)


def _chunks(root: Path) -> list[Path]:
    """TEST and TRAIN_0, TRAIN_1 and so on, as far as they are there."""
    return [
        folder
        for folder in subfolders(root)
        if re.fullmatch(r'TEST|TRAIN_\d+', folder.name)
        and ((folder / 'anno').is_dir() or (folder / 'frames').is_dir())
    ]


def _names(chunk: Path) -> list[str]:
    """Names of annotations and of folders of frames: either may lack the other."""
    frames, anno = chunk / 'frames', chunk / 'anno'
    names = {folder.name for folder in subfolders(frames)} if frames.is_dir() else set()
    if anno.is_dir():
        names |= {path.stem for path in anno.glob('*.txt') if not path.name.startswith('.')}
    return sorted(names)


def _refuse(chunk: Path, there: int) -> Sequence:
    raise DatasetError(
        f'{chunk}: holds {there} sequences, the official test set {TEST_SEQUENCES}; for what is '
        f"there name the sequences, or the whole chunk as 'TEST'"
    )


def _read(chunk: Path, name: str) -> Sequence:
    annotation = chunk / 'anno' / f'{name}.txt'
    boxes = read_boxes(annotation)
    frames = all_frames(chunk / 'frames' / name)
    first_only = len(boxes) == 1 and len(frames) > 1 and chunk.name == 'TEST'
    if first_only:
        boxes = only_first(boxes, len(frames))
    check_count('lines', annotation, len(boxes), len(frames))
    return Sequence(name, frames, boxes, first_only=first_only)
