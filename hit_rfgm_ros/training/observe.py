"""What a network answers on pairs of known truth, and the features of its confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.geometry.centre import decode
from hit_rfgm_ros.trackers import centre_features, corner_features
from hit_rfgm_ros.training.pairs import Pair
from hit_rfgm_ros.types import Engine, FloatArray, ImageU8
import numpy as np

BATCH = 8


@dataclass(frozen=True)
class Seen:
    """What a network answered on N pairs.

    Attributes:
        values: (N, features) confidence features.
        overlap: (N,) IoU with the truth, 0 where the target is absent.
        present: (N,) whether the search region shows the target.
        size_ratio: (N,) predicted over true sqrt(w * h), NaN where absent.
    """

    values: FloatArray
    overlap: FloatArray
    present: FloatArray
    size_ratio: FloatArray


class Read(Protocol):
    """Runs a network on B pairs."""

    def __call__(
        self, engine: Engine, searches: ImageU8, templates: Sequence[ImageU8]
    ) -> tuple[FloatArray, FloatArray]:
        """Features (B, F), and boxes (B, 4) cx, cy, w, h.

        Args:
            engine: of the network.
            searches: (B, S, S, 3).
            templates: T of (B, S/2, S/2, 3).
        """
        ...


def read_corners(
    engine: Engine, searches: ImageU8, templates: Sequence[ImageU8]
) -> tuple[FloatArray, FloatArray]:
    """HiT, which takes the first template alone; see `Read`."""
    tokens = engine.run('template', {'template': templates[0]})['template_tokens']
    outputs = engine.run('track', {'search': searches, 'template_tokens': tokens})
    boxes = np.asarray(outputs['boxes'], np.float64)
    maps = outputs['score_tl'], outputs['score_br'], outputs['correlation']
    return corner_features.features(*maps, boxes), boxes


def read_centres(
    engine: Engine, searches: ImageU8, templates: Sequence[ImageU8]
) -> tuple[FloatArray, FloatArray]:
    """RFGM, without a window, since targets of pairs lie anywhere; see `Read`."""
    tokens = [engine.run('template', {'template': one})['template_tokens'] for one in templates]
    outputs = engine.run(
        'track', {'search': searches, 'memory': np.concatenate([*map(np.asarray, tokens)], axis=1)}
    )
    centres = decode(outputs['score'], outputs['size'], outputs['offset'])
    return centre_features.features(outputs['score'], centres.boxes, centres.cell), centres.boxes


def reader_of(config: ModelConfig) -> tuple[Read, tuple[str, ...]]:
    """How a network is read, and the names of its features."""
    if isinstance(config, RFGMConfig):
        return read_centres, centre_features.FEATURES
    return read_corners, corner_features.FEATURES


def observe(engine: Engine, pairs: list[Pair], read: Read = read_corners) -> Seen:
    """Run a network over pairs."""
    values, boxes = [], []
    for start in range(0, len(pairs), BATCH):
        some = pairs[start : start + BATCH]
        pictures = zip(*((pair.template, *pair.later) for pair in some))
        templates = [np.stack(one) for one in pictures]
        features, found = read(engine, np.stack([pair.search for pair in some]), templates)
        values.append(features)
        boxes.append(found)
    found = np.concatenate(boxes)
    truth = np.array([pair.box for pair in pairs], np.float64)
    present = np.array([pair.present for pair in pairs], np.float64)
    sides = np.maximum(found[:, 2:], 1e-3)
    predicted = np.concatenate([found[:, :2] - 0.5 * sides, sides], axis=1)
    true_sides = truth[:, 2:] - truth[:, :2]
    overlap = iou_arrays(predicted, np.concatenate([truth[:, :2], true_sides], axis=1)) * present
    with np.errstate(invalid='ignore'):
        ratio = np.sqrt(sides.prod(1) / true_sides.prod(1))
    ratio[present == 0] = np.nan
    return Seen(np.concatenate(values), overlap, present, ratio)
