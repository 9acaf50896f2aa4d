"""Pairs by cut and paste: an outlined object on other photos, among distractors of like size."""

from __future__ import annotations

import math
from random import Random

from hit_rfgm_ros.training.cutouts import Cutout
from hit_rfgm_ros.training.pair_config import PairConfig, Strength, draw_target
from hit_rfgm_ros.training.photos import Photo, PhotoSet
from hit_rfgm_ros.training.scenery import (
    LATER_SLACK,
    Another,
    background,
    choose_other,
    cover,
    cut_border,
    random_turn,
    template_target,
)
from hit_rfgm_ros.training.warp import Affine, Extent, blend, intersection, linear_map, place
from hit_rfgm_ros.types import ImageU8
import numpy as np

TRIES = 8
OVERLAP = 0.3  # most of a distractor or the target that another distractor may share


class Paster:
    """Composes the crops of pasted pairs."""

    def __init__(self, photos: PhotoSet, config: PairConfig) -> None:
        self._photos = photos.photos
        self._cutouts = photos.cutouts  # by photo, so that crowded photos do not dominate
        self._config = config
        self._by_label: dict[str, list[Cutout]] = {}
        for group in self._cutouts:
            for cutout in group:
                self._by_label.setdefault(cutout.label, []).append(cutout)

    @property
    def usable(self) -> bool:
        """Whether there is anything to paste."""
        return bool(self._cutouts)

    def compose(
        self, rng: Random, strength: Strength, *, absent: bool = False
    ) -> tuple[ImageU8, ImageU8, Extent, Another]:
        """Compose one pair.

        Args:
            rng: source of all randomness.
            strength: how hard the pair is.
            absent: leave the target out of the search region.

        Returns:
            Search region, template, the target's box in pixels of the search region, and what
            makes another template.
        """
        side = self._config.search_size
        target = self._any_cutout(rng)
        # The target's own photo would show it once more in the background.
        ground = choose_other(self._photos, rng, self._photos[target.photo])
        same = rng.random() < 0.5
        template_ground = (
            ground if same else choose_other(self._photos, rng, self._photos[target.photo])
        )
        template, template_map = self._template(target, template_ground, rng, strength)
        search = background(ground, side, rng)
        size, center = draw_target(rng, strength.scale_jitter, strength.center_jitter, side)
        unit = template_map[:, :2] / math.sqrt(abs(float(np.linalg.det(template_map[:, :2]))))
        matrix, box = place(target.outline, random_turn(rng, strength) @ unit, size, center)
        if absent or rng.random() < strength.distractors:
            self._add_distractors(search, target, box, rng, strength)
        if not absent:
            blend(search, target.color, target.alpha, matrix)
            if rng.random() < strength.occluder and _inside(box, side) > 0.8:
                self._add_occluder(search, target, box, rng)
        if rng.random() < strength.border:
            box = cut_border(search, box, rng)

        def another() -> ImageU8:
            other = choose_other(self._photos, rng, self._photos[target.photo])
            return self._template(target, other, rng, strength, slack=LATER_SLACK)[0]

        return search, template, box, another

    def _template(
        self,
        target: Cutout,
        ground: Photo,
        rng: Random,
        strength: Strength,
        slack: float = 1.0,
    ) -> tuple[ImageU8, Affine]:
        side = self._config.template_size
        template = background(ground, side, rng, zoom=0.5)
        size, center = template_target(rng, side, slack)
        turn = random_turn(rng, strength.turned(0.4))
        matrix, box = place(target.outline, turn, size, center)
        if rng.random() < 0.3:
            neighbour = self._any_cutout(rng)
            angle = rng.uniform(0, 2 * math.pi)
            reach = size * rng.uniform(0.9, 1.2)
            spot = (center[0] + reach * math.cos(angle), center[1] + reach * math.sin(angle))
            beside, _ = place(neighbour.outline, random_turn(rng, strength), size, spot)
            blend(template, neighbour.color, neighbour.alpha, beside)
        blend(template, target.color, target.alpha, matrix)
        if rng.random() < 0.3 * strength.border:
            cut_border(template, box, rng)
        return template, matrix

    def _add_distractors(
        self, search: ImageU8, target: Cutout, box: Extent, rng: Random, strength: Strength
    ) -> None:
        """Paste other objects of like size where a target could be, clear of the target."""
        taken = [box]
        side = self._config.search_size
        for _ in range(rng.randint(*self._config.distractor_count)):
            other = self._distractor(target, rng)
            if other is None:
                continue
            for _ in range(TRIES):
                size, center = draw_target(rng, strength.scale_jitter, 4.0, side)
                turn = random_turn(rng, strength, flips=True)
                matrix, spot = place(other.outline, turn, size, center)
                if all(
                    intersection(spot, old) < OVERLAP * min(_area(spot), _area(old))
                    for old in taken
                ):
                    blend(search, other.color, other.alpha, matrix)
                    taken.append(spot)
                    break

    def _distractor(self, target: Cutout, rng: Random) -> Cutout | None:
        if rng.random() < self._config.look_alikes:
            other = rng.choice(self._by_label[target.label])
        else:
            other = self._any_cutout(rng)
        return None if other is target else other

    def _add_occluder(self, search: ImageU8, target: Cutout, box: Extent, rng: Random) -> None:
        """Cover up to about half of the target from one side, by an object or a flat post."""
        width, height = box[2] - box[0], box[3] - box[1]
        size = math.sqrt(width * height)
        angle = rng.uniform(0, 2 * math.pi)
        x = 0.5 * (box[0] + box[2]) + 0.5 * width * math.cos(angle)
        y = 0.5 * (box[1] + box[3]) + 0.5 * height * math.sin(angle)
        other = self._distractor(target, rng)
        if other is not None and rng.random() < 0.6:
            turn = linear_map(0, 0, 0, flip=False)
            matrix, _ = place(other.outline, turn, size * rng.uniform(0.4, 0.8), (x, y))
            blend(search, other.color, other.alpha, matrix)
            return
        reach = size * rng.uniform(0.15, 0.3)
        tall = 10 * size if rng.random() < 0.5 else reach
        ground = choose_other(self._photos, rng, self._photos[target.photo])
        cover(search, (x - reach, y - tall, x + reach, y + tall), ground, rng)

    def _any_cutout(self, rng: Random) -> Cutout:
        return rng.choice(rng.choice(self._cutouts))


def _area(box: Extent) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _inside(box: Extent, side: int) -> float:
    """Share of a box that lies inside the crop."""
    return intersection(box, (0, 0, side, side)) / _area(box)
