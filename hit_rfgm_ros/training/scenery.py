"""Parts of a pair's scene: backgrounds, random turns, patches to use as targets, image edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import math
from random import Random

import cv2
from hit_rfgm_ros.training.pair_config import Strength
from hit_rfgm_ros.training.photos import Photo
from hit_rfgm_ros.training.warp import Extent, Points, Pyramid, linear_map, warp
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np
from numpy.typing import NDArray

TRIES = 8
LATER_SLACK = 4.0  # of templates after the first, see `template_target`
DETAIL = 25.0  # grey levels of standard deviation that make a patch recognisable

Another = Callable[[], ImageU8]  # makes a further template of the same target


def choose_other(photos: Sequence[Photo], rng: Random, *avoid: Photo | None) -> Photo:
    """A random photo, none of those to avoid unless there are too few."""
    photo = rng.choice(photos)
    for _ in range(TRIES):
        if all(photo is not other for other in avoid):
            break
        photo = rng.choice(photos)
    return photo


def corners(box: Box) -> Points:
    """The four corners of a box."""
    right, bottom = box.x + box.width, box.y + box.height
    return np.array([[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]])


def random_turn(rng: Random, strength: Strength, *, flips: bool = False) -> NDArray[np.float64]:
    """A random 2 x 2 map of rotation, stretch and shear."""
    # A triangular draw: small turns are common, the full range is reached.
    angle = math.radians(strength.rotation * rng.triangular(-1, 1, 0))
    return linear_map(
        angle,
        strength.stretch * rng.uniform(-1, 1),
        0.5 * strength.stretch * rng.uniform(-1, 1),
        flip=flips and rng.random() < 0.5,
    )


def template_target(
    rng: Random, side: int, slack: float = 1.0
) -> tuple[float, tuple[float, float]]:
    """The template's target: half the side, centred, up to the rounding of a real window.

    Args:
        rng: source of all randomness.
        side: of the template in pixels.
        slack: how much less exact it is; templates of a memory are cut around found boxes.
    """
    size = 0.5 * side * math.exp(slack * rng.uniform(-0.04, 0.02))
    shift = 0.01 * slack
    x, y = (side * (0.5 + rng.uniform(-shift, shift)) for _ in range(2))
    return size, (x, y)


def background(photo: Photo, side: int, rng: Random, zoom: float = 1.0) -> ImageU8:
    """A random square window of the photo as a crop; ``zoom`` below 1 takes smaller windows."""
    picture = photo.picture
    window = min(picture.width, picture.height) * rng.uniform(0.45, 1.0) * zoom
    scale = side / window
    matrix = np.zeros((2, 3))
    matrix[0, 0] = matrix[1, 1] = scale
    matrix[0, 2] = -scale * rng.uniform(0, picture.width - window)
    matrix[1, 2] = -scale * rng.uniform(0, picture.height - window)
    image, adapted = picture.at_scale(matrix)
    return warp(image, adapted, (side, side), border=cv2.BORDER_REFLECT_101)


def detailed_rectangle(picture: Pyramid, rng: Random) -> Box:
    """A random rectangle with some detail in it: a plain patch cannot be found again."""
    best, best_detail = None, -1.0
    small = picture.levels[-1]
    fx, fy = small.shape[1] / picture.width, small.shape[0] / picture.height
    for _ in range(TRIES):
        aspect = math.exp(rng.uniform(math.log(0.4), math.log(2.5)))
        size = rng.uniform(0.1, 0.28) * min(picture.width, picture.height)
        width = min(size * math.sqrt(aspect), 0.9 * picture.width)
        height = min(size / math.sqrt(aspect), 0.9 * picture.height)
        box = Box(
            rng.uniform(0, picture.width - width),
            rng.uniform(0, picture.height - height),
            width,
            height,
        )
        left, top = int(box.x * fx), int(box.y * fy)
        patch = small[top : top + max(2, int(height * fy)), left : left + max(2, int(width * fx))]
        detail = float(cv2.meanStdDev(patch)[1].max())
        if detail > DETAIL:
            return box
        if detail > best_detail:
            best, best_detail = box, detail
    assert best is not None
    return best


def cover(crop: ImageU8, box: Extent, photo: Photo, rng: Random) -> None:
    """Paint a box of the crop with a part of a photo."""
    left, top = max(math.floor(box[0]), 0), max(math.floor(box[1]), 0)
    right = min(math.ceil(box[2]), crop.shape[1])
    bottom = min(math.ceil(box[3]), crop.shape[0])
    if right > left and bottom > top:
        patch = background(photo, max(right - left, bottom - top), rng)
        crop[top:bottom, left:right] = patch[: bottom - top, : right - left]


def cut_border(crop: ImageU8, box: Extent, rng: Random) -> Extent:
    """Black out what would lie beyond one or two edges of the image; returns the visible box.

    At least 60 % of the box's side stays visible, as labels of real videos end at the edge.
    """
    side = crop.shape[0]
    x1, y1, x2, y2 = box
    for edge in rng.sample(('left', 'top', 'right', 'bottom'), rng.choice((1, 1, 2))):
        share = max(0.0, rng.uniform(-0.6, 0.4))  # how much of the box the edge cuts off
        if edge == 'left':
            limit = min(rng.uniform(0, 0.45) * side, x1 + share * (x2 - x1))
            crop[:, : max(round(limit), 0)] = 0
            x1 = max(x1, float(round(limit)))
        elif edge == 'right':
            limit = max(rng.uniform(0.55, 1) * side, x2 - share * (x2 - x1))
            crop[:, max(round(limit), 0) :] = 0
            x2 = min(x2, float(round(limit)))
        elif edge == 'top':
            limit = min(rng.uniform(0, 0.45) * side, y1 + share * (y2 - y1))
            crop[: max(round(limit), 0)] = 0
            y1 = max(y1, float(round(limit)))
        else:
            limit = max(rng.uniform(0.55, 1) * side, y2 - share * (y2 - y1))
            crop[max(round(limit), 0) :] = 0
            y2 = min(y2, float(round(limit)))
    return x1, y1, x2, y2
