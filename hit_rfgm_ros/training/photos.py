"""Photos to learn from, kept decoded in memory, with their labelled objects.

Layout: `annotations.json` maps a path below the root to a list of objects, each with `box`
[x, y, w, h] in pixels, `class`, and optionally `polygons` (flat x, y lists; together they fill to
the object's mask by the even-odd rule). A photo with an empty list is used as background only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import json
import logging
from pathlib import Path
from typing import Literal
import zlib

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.cutouts import Cutout, PhotoObject, cut_out
from hit_rfgm_ros.training.warp import Pyramid
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

logger = logging.getLogger(__name__)

LONGEST_SIDE = 320  # pixels; larger pictures are reduced, crops of 256 need no more
PICTURE_SUFFIXES = {'.jpg', '.jpeg', '.png', '.bmp', '.webp'}
Part = Literal['train', 'val', 'all']


@dataclass(frozen=True)
class Photo:
    """A decoded photo (RGB) and its objects; ``name`` is its path below the root."""

    name: str
    picture: Pyramid
    objects: tuple[PhotoObject, ...]


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """Photos in memory. Make it before forking workers: they share its pages.

    Attributes:
        photos: those that could be read.
        cutouts: objects that can be pasted, grouped by photo.
        skipped: names of the files that could not be read.
    """

    photos: tuple[Photo, ...]
    cutouts: tuple[tuple[Cutout, ...], ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.photos)

    @classmethod
    def load(
        cls, root: Path | str, *, part: Part = 'train', extra: Sequence[Path] = ()
    ) -> PhotoSet:
        """Read the labelled photos below ``root`` and unlabelled ones from ``extra`` folders.

        Args:
            root: folder of ``annotations.json``.
            part: ``val`` is a tenth of the photos by the hash of the name, ``train`` the rest.
            extra: folders searched for pictures with all their subfolders.

        Raises:
            DatasetError: if there is no usable ``annotations.json``, or no photo can be read.
        """
        root = Path(root)
        entries = [(name, root / name, labels) for name, labels in _read_labels(root).items()]
        for folder in extra:
            entries += [(name, path, []) for name, path in _list_pictures(Path(folder))]
        photos, skipped = [], []
        for name, path, labels in entries:
            if part != 'all' and is_validation(name) != (part == 'val'):
                continue
            photo = _read_photo(name, path, labels)
            if photo is None:
                skipped.append(name)
            else:
                photos.append(photo)
        if skipped:
            logger.warning(
                '%d of %d photos could not be used, the first is %s',
                len(skipped),
                len(photos) + len(skipped),
                skipped[0],
            )
        if not photos:
            raise DatasetError(
                f'{root}: no photo of part {part!r} could be read out of {len(entries)} listed; '
                f'check that the pictures lie beside annotations.json'
            )
        return cls(tuple(photos), _cut_out_all(photos), tuple(skipped))


def is_validation(name: str) -> bool:
    """Whether a photo is held out: a tenth, by the hash of its name, the same everywhere."""
    return zlib.crc32(name.encode()) % 10 == 0


def _cut_out_all(photos: Sequence[Photo]) -> tuple[tuple[Cutout, ...], ...]:
    groups = []
    for index, photo in enumerate(photos):
        found = (cut_out(photo.picture, obj, index) for obj in photo.objects)
        group = tuple(cutout for cutout in found if cutout is not None)
        if group:
            groups.append(group)
    return tuple(groups)


def _read_labels(root: Path) -> Mapping[str, list[Mapping[str, object]]]:
    path = root / 'annotations.json'
    try:
        labels = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f'{path}: cannot be read as JSON ({error}); expected an object that maps each '
            f'photo to its list of objects'
        ) from error
    if not isinstance(labels, dict):
        raise DatasetError(f'{path}: expected an object, got {type(labels).__name__}')
    return labels


def _list_pictures(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise DatasetError(f'{folder}: not a folder of pictures')
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() in PICTURE_SUFFIXES:
            yield f'{folder.name}/{path.relative_to(folder).as_posix()}', path


def _read_photo(name: str, path: Path, labels: list[Mapping[str, object]]) -> Photo | None:
    image = read_rgb(path)
    if image is None:
        logger.debug('%s: not a readable picture', path)
        return None
    height, width = image.shape[:2]
    if min(height, width) < 32:
        logger.debug('%s: only %dx%d pixels', path, width, height)
        return None
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    try:
        objects = tuple(_read_object(label, scale) for label in labels)
    except (KeyError, TypeError, ValueError) as error:
        logger.debug('%s: damaged label (%s)', name, error)
        return None
    return Photo(name, Pyramid.of(image), objects)


def _read_object(label: Mapping[str, object], scale: float) -> PhotoObject:
    x, y, width, height = (float(value) * scale for value in label['box'])  # type: ignore[attr-defined]
    if width <= 0 or height <= 0:
        raise ValueError(f'box without area: {label["box"]}')
    polygons = tuple(
        np.round(np.asarray(flat, np.float64).reshape(-1, 2) * scale).astype(np.int32)
        for flat in label.get('polygons', ())  # type: ignore[attr-defined]
        if len(flat) >= 6
    )
    return PhotoObject(Box(x, y, width, height), str(label.get('class', '')), polygons)


def read_rgb(path: Path) -> ImageU8 | None:
    """Read a picture as (H, W, 3) uint8 RGB; None if it is missing or damaged."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if encoded.size == 0:
        return None
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if image is None:
        return None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
