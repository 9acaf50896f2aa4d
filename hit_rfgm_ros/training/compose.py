"""Composes the two crops of a pair, one function per kind, before their appearance is changed.

Everything is warped straight into the crop: no large canvas is ever built.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
import math
from random import Random

import cv2
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.training.cutouts import Cutout, PhotoObject
from hit_rfgm_ros.training.pair_config import PairConfig, Strength, draw_target
from hit_rfgm_ros.training.photos import Photo, PhotoSet
from hit_rfgm_ros.training.warp import (
    Affine,
    Extent,
    Points,
    Pyramid,
    blend,
    intersection,
    linear_map,
    place,
    warp,
)
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np
from numpy.typing import NDArray

Composed = tuple[ImageU8, ImageU8, Extent, bool]  # search, template, box in pixels, present
NO_BOX = (0.375, 0.375, 0.625, 0.625)  # fractions; stands where the target is absent
TRIES = 8
SMALLEST = 14  # pixels, square root of a labelled box's area
LARGEST_SHARE = 0.25  # of the photo: the search region of a larger one is mostly black border


class Composer:
    """Composes pairs out of photos, cut-outs and videos."""

    def __init__(
        self, photos: PhotoSet, search_size: int, template_size: int, videos: Items[Sequence] = ()
    ) -> None:
        self._photos = photos.photos
        self._search = search_size
        self._template = template_size
        self._videos = [_Video(video) for video in videos]
        self._cutouts = photos.cutouts  # by photo, so that crowded photos do not dominate
        self._by_label: dict[str, list[Cutout]] = {}
        for group in self._cutouts:
            for cutout in group:
                self._by_label.setdefault(cutout.label, []).append(cutout)
        self._labelled = [
            (photo, targets) for photo in self._photos if (targets := _usable_objects(photo))
        ]

    def check(self, kinds: Items[str]) -> None:
        """Refuse kinds that the data cannot serve.

        Raises:
            DatasetError: naming the kind and what it lacks.
        """
        lacks = {
            'paste': ('objects with outlines', not self._cutouts),
            'photo': ('objects with boxes', not self._labelled),
            'video': ('videos', not self._videos),
        }
        for kind in kinds:
            what, missing = lacks.get(kind, ('', False))
            if missing:
                raise DatasetError(f'no usable {what} for pairs of kind {kind!r}: set its share 0')

    def compose(self, kind: str, rng: Random, config: PairConfig, strength: Strength) -> Composed:
        """Compose one pair of the given kind."""
        if kind == 'paste':
            return self._paste(rng, config, strength, absent=False)
        if kind == 'rectangle':
            return self._rectangle(rng, strength)
        if kind == 'photo':
            return self._photo(rng, strength)
        if kind == 'video':
            return self._video(rng, config, strength)
        return self._negative(rng, config, strength)

    # -- paste -----------------------------------------------------------------------------

    def _paste(
        self, rng: Random, config: PairConfig, strength: Strength, *, absent: bool
    ) -> Composed:
        target = self._any_cutout(rng)
        ground = rng.choice(self._photos)
        template_ground = ground if rng.random() < 0.5 else rng.choice(self._photos)
        template, template_map = self._paste_template(target, template_ground, rng, strength)
        search = _background(ground, self._search, rng)
        size, center = draw_target(
            rng, strength.scale_jitter, strength.center_jitter, self._search
        )
        linear = _turn(rng, strength) @ _unit(template_map)
        matrix, box = place(target.outline, linear, size, center)
        if absent or rng.random() < strength.distractors:
            self._add_distractors(search, target, box, rng, config, strength)
        if not absent:
            blend(search, target.color, target.alpha, matrix)
            if rng.random() < strength.occluder and _inside(box, self._search) > 0.8:
                self._add_occluder(search, box, rng)
        if rng.random() < strength.border:
            box = _cut_border(search, box, rng)
        return search, template, box, not absent

    def _paste_template(
        self, target: Cutout, ground: Photo, rng: Random, strength: Strength
    ) -> tuple[ImageU8, Affine]:
        side = self._template
        template = _background(ground, side, rng, zoom=0.5)
        half = strength.turned(0.4)
        size, center = _template_target(rng, side)
        matrix, box = place(target.outline, _turn(rng, half), size, center)
        if rng.random() < 0.3:
            neighbour = self._any_cutout(rng)
            angle = rng.uniform(0, 2 * math.pi)
            reach = size * rng.uniform(0.9, 1.2)
            spot = (center[0] + reach * math.cos(angle), center[1] + reach * math.sin(angle))
            other, _ = place(neighbour.outline, _turn(rng, strength), size, spot)
            blend(template, neighbour.color, neighbour.alpha, other)
        blend(template, target.color, target.alpha, matrix)
        if rng.random() < 0.3 * strength.border:
            _cut_border(template, box, rng)
        return template, matrix

    def _add_distractors(
        self,
        search: ImageU8,
        target: Cutout,
        box: Extent,
        rng: Random,
        config: PairConfig,
        strength: Strength,
    ) -> None:
        """Paste other objects of like size, drawn where a target could be, clear of the target."""
        taken = [box]
        for _ in range(rng.randint(*config.distractor_count)):
            other = self._distractor(target, rng, config.look_alikes)
            if other is None:
                continue
            for _ in range(TRIES):
                size, center = draw_target(rng, strength.scale_jitter, 4.0, self._search)
                matrix, spot = place(other.outline, _turn(rng, strength, flips=True), size, center)
                area = (spot[2] - spot[0]) * (spot[3] - spot[1])
                if all(
                    intersection(spot, old)
                    < 0.3 * min(area, (old[2] - old[0]) * (old[3] - old[1]))
                    for old in taken
                ):
                    blend(search, other.color, other.alpha, matrix)
                    taken.append(spot)
                    break

    def _distractor(self, target: Cutout, rng: Random, look_alikes: float) -> Cutout | None:
        if rng.random() < look_alikes:
            other = rng.choice(self._by_label[target.label])
        else:
            other = self._any_cutout(rng)
        return None if other is target else other

    def _add_occluder(self, search: ImageU8, box: Extent, rng: Random) -> None:
        """Cover up to about half of the target from one side, by an object or a flat post."""
        width, height = box[2] - box[0], box[3] - box[1]
        size = math.sqrt(width * height)
        angle = rng.uniform(0, 2 * math.pi)
        spot = (
            0.5 * (box[0] + box[2]) + 0.5 * width * math.cos(angle),
            0.5 * (box[1] + box[3]) + 0.5 * height * math.sin(angle),
        )
        if rng.random() < 0.6:
            other = self._any_cutout(rng)
            matrix, _ = place(
                other.outline, linear_map(0, 0, 0, flip=False), size * rng.uniform(0.4, 0.8), spot
            )
            blend(search, other.color, other.alpha, matrix)
            return
        reach = size * rng.uniform(0.15, 0.3)
        tall = 10 * size if rng.random() < 0.5 else reach
        self._cover(
            search, (spot[0] - reach, spot[1] - tall, spot[0] + reach, spot[1] + tall), rng
        )

    def _cover(self, search: ImageU8, box: Extent, rng: Random) -> None:
        """Paint a box with a part of another photo."""
        left, top = max(math.floor(box[0]), 0), max(math.floor(box[1]), 0)
        right = min(math.ceil(box[2]), search.shape[1])
        bottom = min(math.ceil(box[3]), search.shape[0])
        if right > left and bottom > top:
            patch = _background(rng.choice(self._photos), max(right - left, bottom - top), rng)
            search[top:bottom, left:right] = patch[: bottom - top, : right - left]

    def _any_cutout(self, rng: Random) -> Cutout:
        return rng.choice(rng.choice(self._cutouts))

    # -- same photo ------------------------------------------------------------------------

    def _rectangle(self, rng: Random, strength: Strength) -> Composed:
        photo = rng.choice(self._photos)
        points = _corners(_detailed_rectangle(photo.picture, rng))
        return self._same_photo(photo.picture, points, rng, strength.turned(0.5))

    def _photo(self, rng: Random, strength: Strength) -> Composed:
        photo, targets = rng.choice(self._labelled)
        target = rng.choice(targets)
        # An upright box grows when a mere box is turned, so only outlines are turned much.
        share = 0.5 if target.polygons else 0.15
        return self._same_photo(photo.picture, _outline(target), rng, strength.turned(share))

    def _same_photo(
        self, picture: Pyramid, points: Points, rng: Random, strength: Strength
    ) -> Composed:
        size, center = draw_target(
            rng, strength.scale_jitter, strength.center_jitter, self._search
        )
        turned = rng.random() < 0.6
        linear = _turn(rng, strength) if turned else np.eye(2)
        matrix, box = place(points, linear, size, center)
        search = self._cut(picture, matrix, self._search, rng, turned=turned)
        size, center = _template_target(rng, self._template)
        matrix, _ = place(points, np.eye(2), size, center)
        template = self._cut(picture, matrix, self._template, rng, turned=False)
        return search, template, box, True

    def _cut(
        self, picture: Pyramid, matrix: Affine, side: int, rng: Random, *, turned: bool
    ) -> ImageU8:
        """Warp a photo into a crop: black outside, or another photo where it is turned.

        Black borders of real crops are upright, so a turned photo must not have any.
        """
        image, adapted = picture.at_scale(matrix)
        if turned:
            ground = _background(rng.choice(self._photos), side, rng)
            return warp(image, adapted, (side, side), onto=ground)
        return warp(image, adapted, (side, side))

    # -- video -----------------------------------------------------------------------------

    def _video(self, rng: Random, config: PairConfig, strength: Strength) -> Composed:
        video = rng.choice(self._videos)
        first = rng.choice(video.visible)
        near = [i for i in video.visible if abs(i - first) <= config.max_gap]
        second = rng.choice(near)
        size, center = _template_target(rng, self._template)
        matrix, _ = place(_corners(video.box(first)), np.eye(2), size, center)
        template = self._cut(video.frames[first], matrix, self._template, rng, turned=False)
        size, center = draw_target(
            rng, strength.scale_jitter, strength.center_jitter, self._search
        )
        matrix, box = place(_corners(video.box(second)), np.eye(2), size, center)
        search = self._cut(video.frames[second], matrix, self._search, rng, turned=False)
        return search, template, box, True

    # -- negative --------------------------------------------------------------------------

    def _negative(self, rng: Random, config: PairConfig, strength: Strength) -> Composed:
        """The target is absent: distractors alone, covered, or another photo's search region."""
        side = self._search
        nowhere = tuple(side * value for value in NO_BOX)
        draw = rng.random()
        if self._cutouts and draw < 0.5:
            search, template, _, _ = self._paste(rng, config, strength, absent=True)
        elif draw < 0.65:
            search, template, box, _ = self._rectangle(rng, strength)
            self._cover(search, box, rng)
        else:
            template = self._positive(rng, strength)[1]
            search = self._positive(rng, strength)[0]
        return search, template, (nowhere[0], nowhere[1], nowhere[2], nowhere[3]), False

    def _positive(self, rng: Random, strength: Strength) -> Composed:
        if self._labelled and rng.random() < 0.6:
            return self._photo(rng, strength)
        return self._rectangle(rng, strength)


class _Video:
    """A sequence decoded into memory."""

    def __init__(self, sequence: Sequence) -> None:
        self.frames = [Pyramid.of(sequence.read(i)) for i in range(len(sequence))]
        self._boxes = [sequence.box(i) for i in range(len(sequence))]
        self.visible = [
            i for i, box in enumerate(self._boxes) if box and box.width > 2 and box.height > 2
        ]
        if not self.visible:
            raise DatasetError(f'{sequence.name}: the target is visible in no frame')

    def box(self, index: int) -> Box:
        box = self._boxes[index]
        assert box is not None
        return box


def _usable_objects(photo: Photo) -> list[PhotoObject]:
    area = photo.picture.width * photo.picture.height
    return [
        obj
        for obj in photo.objects
        if SMALLEST**2 <= obj.box.area <= LARGEST_SHARE * area
        and max(obj.box.width / obj.box.height, obj.box.height / obj.box.width) < 6
    ]


def _corners(box: Box) -> Points:
    right, bottom = box.x + box.width, box.y + box.height
    return np.array([[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]])


def _outline(obj: PhotoObject) -> Points:
    if not obj.polygons:
        return _corners(obj.box)
    return np.concatenate(obj.polygons).astype(np.float64) + 0.5


def _inside(box: Extent, side: int) -> float:
    """Share of a box that lies inside the crop."""
    return intersection(box, (0, 0, side, side)) / ((box[2] - box[0]) * (box[3] - box[1]))


def _turn(rng: Random, strength: Strength, *, flips: bool = False) -> NDArray[np.float64]:
    # A triangular draw: small turns are common, the full range is reached.
    angle = math.radians(strength.rotation * rng.triangular(-1, 1, 0))
    return linear_map(
        angle,
        strength.stretch * rng.uniform(-1, 1),
        0.5 * strength.stretch * rng.uniform(-1, 1),
        flip=flips and rng.random() < 0.5,
    )


def _unit(matrix: Affine) -> NDArray[np.float64]:
    linear = matrix[:, :2]
    return np.asarray(linear / math.sqrt(abs(float(np.linalg.det(linear)))))


def _template_target(rng: Random, side: int) -> tuple[float, tuple[float, float]]:
    """The template's target: half the side, centred, up to the rounding of a real window."""
    size = 0.5 * side * math.exp(rng.uniform(-0.04, 0.02))
    return size, (side * (0.5 + rng.uniform(-0.01, 0.01)), side * (0.5 + rng.uniform(-0.01, 0.01)))


def _background(photo: Photo, side: int, rng: Random, zoom: float = 1.0) -> ImageU8:
    """A random, slightly turned window that lies inside the photo."""
    picture = photo.picture
    window = min(picture.width, picture.height) * rng.uniform(0.45, 1.0) * zoom
    scale = side / window
    matrix = np.zeros((2, 3))
    matrix[0, 0] = matrix[1, 1] = scale
    matrix[0, 2] = -scale * rng.uniform(0, picture.width - window)
    matrix[1, 2] = -scale * rng.uniform(0, picture.height - window)
    image, adapted = picture.at_scale(matrix)
    return warp(image, adapted, (side, side), border=cv2.BORDER_REFLECT_101)


def _detailed_rectangle(picture: Pyramid, rng: Random) -> Box:
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
        if detail > 25:
            return box
        if detail > best_detail:
            best, best_detail = box, detail
    assert best is not None
    return best


def _cut_border(crop: ImageU8, box: Extent, rng: Random) -> Extent:
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
