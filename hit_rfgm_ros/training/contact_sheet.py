"""A picture of many training pairs with their boxes, to look at before training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.pairs import Pair
from hit_rfgm_ros.types import ImageU8
import numpy as np

PRESENT = (80, 255, 80)
ABSENT = (255, 80, 80)
GAP = 6


def draw_pair(pair: Pair) -> ImageU8:
    """Search region with its box, the template at its right; red text where there is no target."""
    side, small = pair.search.shape[0], pair.template.shape[0]
    tile = np.zeros((side, side + small, 3), np.uint8)
    color = PRESENT if pair.present else ABSENT
    search = pair.search.copy()
    if pair.present:
        x1, y1, x2, y2 = (round(float(value) * side - 0.5) for value in pair.box)
        cv2.rectangle(search, (x1, y1), (x2, y2), color, 1)
    tile[:, :side] = search
    tile[:small, side:] = pair.template
    text = pair.kind if pair.present else f'{pair.kind}: none'
    cv2.putText(tile, text, (side + 4, side - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, 1)
    return tile


def contact_sheet(pairs: Iterable[Pair], columns: int = 4) -> ImageU8:
    """Arrange pairs in rows; (H, W, 3) uint8 RGB.

    Raises:
        DatasetError: if there is no pair.
    """
    tiles = [draw_pair(pair) for pair in pairs]
    if not tiles:
        raise DatasetError('a contact sheet needs at least one pair')
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + GAP), columns * (width + GAP), 3), 40, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + GAP), (index % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def write_contact_sheet(pairs: Iterable[Pair], path: Path | str, columns: int = 4) -> None:
    """Write `contact_sheet` as a picture file.

    Raises:
        DatasetError: if there is no pair or the file cannot be written.
    """
    sheet = contact_sheet(pairs, columns)
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise DatasetError(f'{path}: not a picture format that can be written') from error
    if not written:
        raise DatasetError(f'{path}: cannot be written; does the folder exist?')
