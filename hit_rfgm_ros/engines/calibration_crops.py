"""Crops of pictures without boxes, on which the ranges of activations for int8 are measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

_SIDES = (0.08, 0.4)  # of a box, over the picture's shorter side
_SHIFT = 0.5  # of the search region, in sides of the box, as a moving target shifts


def random_crops(
    pictures: Iterable[ImageU8], config: ModelConfig, seed: int = 0
) -> Iterator[tuple[ImageU8, ImageU8]]:
    """Search region and template of one random box per picture.

    Args:
        pictures: (H, W, 3) uint8 RGB.
        config: whose crop sizes are wanted.
        seed: the same seed gives the same boxes.
    """
    generator = np.random.default_rng(seed)
    factors = TrackerConfig()
    for picture in pictures:
        height, width = picture.shape[:2]
        low, high = np.log(_SIDES) + np.log(min(height, width))
        sides = np.exp(generator.uniform(low, high, 2))
        corner = generator.random(2) * (np.array([width, height]) - sides)
        shift = generator.uniform(-_SHIFT, _SHIFT, 2) * sides
        box = Box(*corner.tolist(), *sides.tolist())
        # Half a side at most: some of the shifted box is still in the picture.
        moved = Box(*(corner + shift).tolist(), *sides.tolist())
        template = crop_window(box, factors.template_factor, config.template_size, width, height)
        search = crop_window(moved, factors.search_factor, config.search_size, width, height)
        yield cut(picture, search), cut(picture, template)
