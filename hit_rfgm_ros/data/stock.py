"""Photographs and cut-outs for composed scenes, from the pictures inside scikit-image's package.

Nothing is fetched: only files that lie in the installed package are opened. By its notes the
coffee cup (Rachel Michetti), the launch pad (SpaceX), the astronaut (NASA) and the bricks are in
the public domain or CC0. The garage is from the Middlebury stereo benchmark of 2014; its licence
is not stated there, and no picture of this repository shows it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
from hit_rfgm_ros.data.cutout import CutOut, cut_out
from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.types import ImageU8
import numpy as np

# Outlines drawn by hand over the pictures: x, y in pixels.
_CUP = (
    (182, 71), (190, 59), (206, 44), (225, 31), (252, 21), (280, 17.5), (309, 19), (336, 26),
    (359, 36), (378, 49), (391, 63), (397, 73), (401, 69), (411, 67), (422, 71), (424, 79),
    (420, 92), (417, 109), (430, 115), (447, 134), (462, 157), (473, 180), (478.5, 209),
    (478, 238), (472, 264), (462, 287), (447, 312), (428, 333), (405, 353), (378, 368),
    (347, 379), (317, 387), (286, 390), (255, 388), (225, 382.5), (198, 374), (167, 358),
    (137, 337), (114, 314), (96, 287), (85, 261), (78, 238), (77, 218), (79, 192), (83, 172),
    (98, 138), (117.5, 115), (140.5, 92), (160, 79),
)  # fmt: skip
_ASTRONAUT = (
    (26, 512), (22, 480), (22, 440), (22, 410), (25, 360), (28, 335), (32, 310), (40, 290),
    (46, 268), (58, 252), (75, 238), (92, 226), (108, 213), (116, 207), (118, 200), (113, 190),
    (119, 184), (122, 180), (127, 168), (140, 156), (155, 150), (170, 148.5), (183, 149),
    (181, 132), (173, 126), (169, 118), (162, 108), (155, 91), (154, 71), (162, 53), (185, 41),
    (192, 29), (210, 19), (238, 16), (260, 21), (280, 38), (295, 55), (301, 80), (299, 100),
    (290, 119), (275, 130), (270, 137), (265, 150), (258, 172), (280, 187), (295, 210),
    (303, 233), (320, 240), (337, 255), (345, 275), (352, 300), (360, 325), (362, 345),
    (380, 345), (405, 343), (435, 352), (465, 377), (485, 407), (495, 435), (500, 455),
    (507, 470), (510, 500), (509, 512),
)  # fmt: skip


@lru_cache(maxsize=8)
def photograph(name: str) -> ImageU8:
    """One picture of scikit-image's package as (H, W, 3) uint8 RGB.

    Args:
        name: file name, ``coffee.png`` for one.

    Raises:
        MissingDependencyError: if scikit-image is not installed.
        FrameError: if this version of it does not carry the picture.
    """
    package = require('skimage', extra='demo', purpose='the pictures of composed scenes')
    path = Path(str(package.__file__)).parent / 'data' / name
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if picture is None:
        raise FrameError(
            f'{path} is not there: this version of scikit-image does not carry it; install '
            f"another with: pip install 'hit_rfgm_ros[demo]'"
        )
    rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
    rgb.flags.writeable = False  # shared by all who ask
    return rgb


@lru_cache(maxsize=1)
def coffee_cup() -> CutOut:
    """An espresso cup on a red saucer."""
    return cut_out(photograph('coffee.png'), _CUP)


@lru_cache(maxsize=1)
def astronaut() -> CutOut:
    """An astronaut from the waist up, a little darker than in the studio."""
    return cut_out(
        photograph('astronaut.png'), _ASTRONAUT, feather=1.5, inset=2.0, tone=(0.80, 0.82, 0.95)
    )


@lru_cache(maxsize=1)
def brick_pillar() -> CutOut:
    """A pillar of bricks, tinted: the picture is grey."""
    grey = photograph('brick.png')[:, 128:256]
    outline = ((4, 0), (124, 0), (124, 512), (4, 512))
    return cut_out(grey, outline, tone=(1.0, 0.68, 0.55))


# Backgrounds by name: a rocket on its pad at dusk, a motorcycle in a garage.
PLACES = {'launch_pad': 'rocket.jpg', 'garage': 'motorcycle_left.png'}


def place(name: str) -> ImageU8:
    """One background of `PLACES`, (H, W, 3) uint8 RGB."""
    return photograph(PLACES[name])
