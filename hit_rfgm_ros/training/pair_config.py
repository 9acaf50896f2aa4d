"""What pairs are drawn: kinds, strengths, and how these grow with the difficulty."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
import math
from random import Random

from hit_rfgm_ros.errors import ConfigError

KINDS = ('paste', 'rectangle', 'photo', 'video', 'negative')
Range = tuple[float, float]  # value at difficulty 0 and at difficulty 1


@dataclass(frozen=True, kw_only=True)
class PairConfig:
    """What pairs are drawn. A `Range` is the value at difficulty 0 and at difficulty 1.

    Attributes:
        search_size, template_size: sides in pixels.
        shares: weight of each kind in `KINDS`; missing ones are 0.
        scale_jitter: s of the official rule, size * exp(s * N(0, 1)) per side.
        center_jitter: j of the official rule, (U(0, 1) - 0.5) * j * sqrt(w * h).
        rotation: largest angle in degrees between template and search, pasted objects.
        stretch: largest log change of the aspect ratio, also the largest shear.
        distractors: probability that a paste has distractors.
        distractor_count: smallest and greatest number of them.
        look_alikes: probability that a distractor is of the target's class.
        occluder: probability that a part of the pasted target is covered.
        border: probability that a paste lies at the edge of its image (black beyond).
        appearance: strength of `Appearance`.
        mirror: probability that the template alone is flipped.
        max_gap: greatest distance of two video frames.
        templates: pictures of the target, the first of which is exact.
        wrong_template: probability that a later template shows something else, as a memory may.
    """

    search_size: int = 256
    template_size: int = 128
    shares: dict[str, float] = field(
        default_factory=lambda: {'paste': 0.45, 'rectangle': 0.25, 'photo': 0.25, 'negative': 0.05}
    )
    scale_jitter: Range = (0.1, 0.5)
    center_jitter: Range = (2.5, 3.5)
    rotation: Range = (5.0, 35.0)
    stretch: Range = (0.05, 0.3)
    distractors: Range = (0.9, 0.9)
    distractor_count: tuple[int, int] = (2, 4)
    look_alikes: float = 0.4
    occluder: Range = (0.0, 0.25)
    border: Range = (0.1, 0.25)
    appearance: Range = (0.3, 1.0)
    mirror: Range = (0.0, 0.15)
    max_gap: int = 30
    templates: int = 1
    wrong_template: float = 0.1

    def __post_init__(self) -> None:
        unknown = set(self.shares) - set(KINDS)
        if unknown:
            raise ConfigError(f'unknown kinds of pairs {sorted(unknown)}; known: {KINDS}')
        if min(self.shares.values(), default=0) < 0 or sum(self.shares.values()) <= 0:
            raise ConfigError(f'shares must not be negative nor all 0, got {self.shares}')
        if self.templates < 1:
            raise ConfigError(f'templates must be at least 1, got {self.templates}')
        if self.search_size < 32 or self.template_size < 16:
            raise ConfigError(
                f'sizes must be at least 32 and 16, got {self.search_size}/{self.template_size}'
            )


@dataclass(frozen=True)
class Strength:
    """The values of a `PairConfig` at one difficulty."""

    scale_jitter: float
    center_jitter: float
    rotation: float
    stretch: float
    distractors: float
    occluder: float
    border: float
    appearance: float
    mirror: float

    @classmethod
    def at(cls, config: PairConfig, difficulty: float) -> Strength:
        """Interpolate every range."""
        values = {}
        for name in cls.__dataclass_fields__:
            easy, hard = getattr(config, name)
            values[name] = easy + difficulty * (hard - easy)
        return cls(**values)

    def turned(self, share: float) -> Strength:
        """The same with rotation and stretch reduced to a share."""
        return replace(self, rotation=self.rotation * share, stretch=self.stretch * share)


def draw_target(
    rng: Random, scale_jitter: float, center_jitter: float, side: float
) -> tuple[float, tuple[float, float]]:
    """Draw where the official jitter puts the target in the search region.

    Args:
        rng: source of all randomness.
        scale_jitter: s of the official rule.
        center_jitter: j of the official rule.
        side: of the search region in pixels.

    Returns:
        Square root of the box's area and its centre, in pixels of the search region.
    """
    noise = scale_jitter * 0.5 * (rng.gauss(0, 1) + rng.gauss(0, 1))
    size = 0.25 * side * math.exp(-noise)  # the region's side is four times the jittered box
    reach = 0.25 * side * center_jitter
    x = 0.5 * side - (rng.random() - 0.5) * reach
    y = 0.5 * side - (rng.random() - 0.5) * reach
    return size, (x, y)
