"""Pairs of template and search region with known truth, made one after another from photos.

Four kinds: `paste` (a cut-out object on other photos, among distractors), `rectangle` (any patch
of a photo is the target), `photo` (a labelled object, same photo twice), `video` (two frames);
and `negative` (the target is not in the search region). In the first two the salient thing is
not the answer, so that the network must compare with the template.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass
from random import Random

import cv2
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.training.appearance import Appearance
from hit_rfgm_ros.training.compose import Composer
from hit_rfgm_ros.training.pair_config import KINDS, PairConfig, Strength
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.warp import Extent
from hit_rfgm_ros.types import ImageU8
import numpy as np
from numpy.typing import NDArray

__all__ = ['KINDS', 'Pair', 'PairConfig', 'PairSampler']


@dataclass(frozen=True)
class Pair:
    """One training pair.

    Attributes:
        search: (S, S, 3) uint8 RGB.
        template: (T, T, 3) uint8 RGB.
        later: further templates of the target, less exact, or of something else.
        box: (4,) float32 x1, y1, x2, y2 as fractions of the search region, not clamped; the
            inverse of `CropWindow.to_image`. Without meaning where ``present`` is False.
        present: whether the target is in the search region.
        kind: how the pair was made.
    """

    search: ImageU8
    template: ImageU8
    box: NDArray[np.float32]
    present: bool
    kind: str
    later: tuple[ImageU8, ...] = ()


class PairSampler:
    """Draws pairs, the same ones for the same seed.

    Not thread-safe; give each worker process its own seed. Workers should call
    ``cv2.setNumThreads(1)``, OpenCV's own threads would fight over the cores.
    """

    def __init__(
        self, photos: PhotoSet, config: PairConfig, seed: int, *, videos: Items[Sequence] = ()
    ) -> None:
        self.config = config
        self._rng = Random(seed)
        self._appearance = Appearance()
        self._composer = Composer(photos, config, videos)
        self._kinds = [kind for kind in KINDS if config.shares.get(kind, 0) > 0]
        self._weights = [config.shares[kind] for kind in self._kinds]
        self._composer.check(self._kinds)
        self.difficulty = 1.0

    @property
    def difficulty(self) -> float:
        """From 0 (easy) to 1 (the official jitter and the full strength of everything)."""
        return self._difficulty

    @difficulty.setter
    def difficulty(self, value: float) -> None:
        if not 0 <= value <= 1:
            raise ConfigError(f'difficulty must lie in [0, 1], got {value}')
        self._difficulty = value
        self._strength = Strength.at(self.config, value)

    def reseed(self, seed: int) -> None:
        """Start the sequence of this seed, so that a resumed run goes on with the same pairs."""
        self._rng = Random(seed)

    def sample(self, kind: str | None = None) -> Pair:
        """Draw the next pair, of a given kind if one is named."""
        rng = self._rng
        if kind is None:
            kind = rng.choices(self._kinds, self._weights)[0]
        scene = self._composer.compose(kind, rng, self._strength)
        box = scene.box
        search, template, *later = self._appearance.change(
            [scene.search, scene.template, *scene.later], rng, self._strength.appearance
        )
        flip = rng.random() < 0.5
        if flip:
            search, box = np.asarray(cv2.flip(search, 1), np.uint8), _flip(box, search.shape[1])
        # The official recipe flips the two independently; here that is the rare, hard case.
        if flip != (rng.random() < self._strength.mirror):
            template, *later = (np.asarray(cv2.flip(t, 1), np.uint8) for t in (template, *later))
        fractions = np.array(box, np.float32) / np.float32(self.config.search_size)
        return Pair(search, template, fractions, scene.present, kind, tuple(later))


def _flip(box: Extent, width: int) -> Extent:
    return width - box[2], box[1], width - box[0], box[3]
