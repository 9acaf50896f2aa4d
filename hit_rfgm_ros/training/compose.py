"""Composes the crops of a pair, one way per kind, before their appearance is changed.

Everything is warped straight into the crop: no large canvas is ever built.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass
from random import Random

from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.cutouts import REGION, PhotoObject, outline_of, touched_borders
from hit_rfgm_ros.training.pair_config import PairConfig, Strength, draw_target
from hit_rfgm_ros.training.paste import Paster
from hit_rfgm_ros.training.photos import Photo, PhotoSet
from hit_rfgm_ros.training.scenery import (
    LATER_SLACK,
    Another,
    background,
    choose_other,
    corners,
    cover,
    detailed_rectangle,
    random_turn,
    template_target,
)
from hit_rfgm_ros.training.warp import Affine, Extent, Points, Pyramid, place, warp
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

Target = tuple[Photo, Points, float]  # a photo, an outline in it, share of the full turns
NO_BOX = (0.375, 0.375, 0.625, 0.625)  # fractions; stands where the target is absent
SMALLEST = 14  # pixels, square root of a labelled box's area
LARGEST_SHARE = 0.25  # of the photo: the search region of a larger one is mostly black border


@dataclass(frozen=True)
class Scene:
    """The crops of a pair, its box in pixels of the search region, and whether that shows it."""

    search: ImageU8
    template: ImageU8
    later: tuple[ImageU8, ...]
    box: Extent
    present: bool


class Composer:
    """Composes pairs out of photos, cut-outs and videos."""

    def __init__(self, photos: PhotoSet, config: PairConfig, videos: Items[Sequence] = ()) -> None:
        if len(photos) < 2:
            raise DatasetError(f'pairs need at least two photos, got {len(photos)}')
        self._photos = photos.photos
        self._search = config.search_size
        self._template = config.template_size
        self._config = config
        self._videos = [_Video(video) for video in videos]
        self._paster = Paster(photos, config)
        self._labelled = [
            (photo, targets) for photo in self._photos if (targets := _usable_objects(photo))
        ]

    def check(self, kinds: Items[str]) -> None:
        """Refuse kinds that the data cannot serve.

        Raises:
            DatasetError: naming the kind and what it lacks.
        """
        lacks = {
            'paste': ('objects with outlines', not self._paster.usable),
            'photo': ('objects with boxes', not self._labelled),
            'video': ('videos', not self._videos),
        }
        for kind in kinds:
            what, missing = lacks.get(kind, ('', False))
            if missing:
                raise DatasetError(f'no usable {what} for pairs of kind {kind!r}: set its share 0')

    def compose(self, kind: str, rng: Random, strength: Strength) -> Scene:
        """Compose one pair of the given kind."""
        if kind == 'paste':
            search, template, box, another = self._paster.compose(rng, strength)
        elif kind == 'rectangle':
            search, template, box, another = self._same_photo(
                self._any_rectangle(rng), rng, strength
            )
        elif kind == 'photo':
            search, template, box, another = self._same_photo(self._any_object(rng), rng, strength)
        elif kind == 'video':
            search, template, box, another = self._two_frames(rng, strength)
        else:
            search, template, another = self._negative(rng, strength)
            side = float(self._search)
            box = (NO_BOX[0] * side, NO_BOX[1] * side, NO_BOX[2] * side, NO_BOX[3] * side)
        later = [self._later(another, rng) for _ in range(self._config.templates - 1)]
        return Scene(search, template, tuple(later), box, kind != 'negative')

    def _later(self, another: Another, rng: Random) -> ImageU8:
        if rng.random() < self._config.wrong_template:
            photo, points, _ = self._any_target(rng)
            return self._template_of(photo.picture, points, rng)
        return another()

    def _any_rectangle(self, rng: Random) -> Target:
        photo = rng.choice(self._photos)
        return photo, corners(detailed_rectangle(photo.picture, rng)), 0.5

    def _any_object(self, rng: Random) -> Target:
        photo, targets = rng.choice(self._labelled)
        target = rng.choice(targets)
        if target.polygons:
            return photo, outline_of(np.concatenate(target.polygons)), 0.5
        # An upright box grows when it is turned, so only outlines are turned much.
        return photo, corners(target.box), 0.15

    def _same_photo(
        self, target: Target, rng: Random, strength: Strength
    ) -> tuple[ImageU8, ImageU8, Extent, Another]:
        """Two crops around one target of one photo."""
        template = self._template_of(target[0].picture, target[1], rng)
        search, box = self._search_of(target, rng, strength)
        return search, template, box, self._another(target, rng)

    def _another(self, target: Target, rng: Random) -> Another:
        return lambda: self._template_of(target[0].picture, target[1], rng, LATER_SLACK)

    def _template_of(
        self, picture: Pyramid, points: Points, rng: Random, slack: float = 1.0
    ) -> ImageU8:
        size, center = template_target(rng, self._template, slack)
        matrix, _ = place(points, np.eye(2), size, center)
        return _cut(picture, matrix, self._template)

    def _search_of(
        self, target: Target, rng: Random, strength: Strength, *, avoid: Photo | None = None
    ) -> tuple[ImageU8, Extent]:
        photo, points, share = target
        size, center = self._spot(rng, strength)
        if rng.random() < 0.4:
            matrix, box = place(points, np.eye(2), size, center)
            return _cut(photo.picture, matrix, self._search), box
        turn = random_turn(rng, strength.turned(share))
        matrix, box = place(points, turn, size, center)
        # Black borders of real crops are upright, so beside a turned photo lies another photo.
        ground = background(choose_other(self._photos, rng, photo, avoid), self._search, rng)
        return _cut(photo.picture, matrix, self._search, ground), box

    def _two_frames(
        self, rng: Random, strength: Strength
    ) -> tuple[ImageU8, ImageU8, Extent, Another]:
        video = rng.choice(self._videos)
        first = rng.choice(video.visible)
        second = rng.choice([i for i in video.visible if abs(i - first) <= self._config.max_gap])
        template = self._template_of(video.frames[first], corners(video.box(first)), rng)
        size, center = self._spot(rng, strength)
        matrix, box = place(corners(video.box(second)), np.eye(2), size, center)

        def another() -> ImageU8:
            frame = rng.choice(
                [i for i in video.visible if abs(i - first) <= self._config.max_gap]
            )
            points = corners(video.box(frame))
            return self._template_of(video.frames[frame], points, rng, LATER_SLACK)

        return _cut(video.frames[second], matrix, self._search), template, box, another

    def _negative(self, rng: Random, strength: Strength) -> tuple[ImageU8, ImageU8, Another]:
        """The target is absent: distractors alone, covered, or another photo's search region."""
        draw = rng.random()
        if self._paster.usable and draw < 0.5:
            search, template, _, another = self._paster.compose(rng, strength, absent=True)
            return search, template, another
        target = self._any_target(rng)
        template = self._template_of(target[0].picture, target[1], rng)
        another = self._another(target, rng)
        if draw < 0.65:
            search, box = self._search_of(target, rng, strength)
            cover(search, box, choose_other(self._photos, rng, target[0]), rng)
            return search, template, another
        other = self._any_target(rng)
        while other[0] is target[0]:
            other = self._any_target(rng)
        search, _ = self._search_of(other, rng, strength, avoid=target[0])
        return search, template, another

    def _any_target(self, rng: Random) -> Target:
        if self._labelled and rng.random() < 0.6:
            return self._any_object(rng)
        return self._any_rectangle(rng)

    def _spot(self, rng: Random, strength: Strength) -> tuple[float, tuple[float, float]]:
        return draw_target(rng, strength.scale_jitter, strength.center_jitter, self._search)


class _Video:
    """A sequence decoded into memory."""

    def __init__(self, sequence: Sequence) -> None:
        self.frames = [Pyramid.of(sequence.read(i)) for i in range(len(sequence))]
        self._boxes = {
            index: box
            for index in range(len(sequence))
            if (box := sequence.box(index)) and min(box.width, box.height) > 2
        }
        self.visible = sorted(self._boxes)
        if not self.visible:
            raise DatasetError(f'{sequence.name}: the target is visible in no frame')

    def box(self, index: int) -> Box:
        return self._boxes[index]


def _cut(picture: Pyramid, matrix: Affine, side: int, ground: ImageU8 | None = None) -> ImageU8:
    """Warp a picture into a crop, onto ``ground`` if given, else black outside."""
    image, adapted = picture.at_scale(matrix)
    return warp(image, adapted, (side, side), onto=ground)


def _usable_objects(photo: Photo) -> list[PhotoObject]:
    return [obj for obj in photo.objects if _usable(photo.picture, obj)]


def _usable(picture: Pyramid, obj: PhotoObject) -> bool:
    box = obj.box
    if not SMALLEST**2 <= box.area <= LARGEST_SHARE * picture.width * picture.height:
        return False
    if obj.label == REGION and touched_borders(picture, box):
        return False
    return max(box.width / box.height, box.height / box.width) < 6
