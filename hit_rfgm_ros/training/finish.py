"""From a run's averaged weights to a file worth shipping: size bias, calibration, half precision.

Everything is fitted on pictures that training left out: a tenth of the photos, and the videos of
the training data that the run did not see. The evaluation sequences play no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
import json
import logging
from pathlib import Path

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.metrics.one_pass import one_pass_scores
from hit_rfgm_ros.metrics.reliability import auroc
from hit_rfgm_ros.trackers.confidence import Calibration, fit_calibration
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.training.batches import make_pair_config
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.observe import observe, reader_of
from hit_rfgm_ros.training.pairs import Pair, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.ranker_scale import soften_rankers
from hit_rfgm_ros.types import Array, Box, Engine, FloatArray
from hit_rfgm_ros.weights.files import Weights, float32_tensors, read_weights, write_weights
from hit_rfgm_ros.weights.importing import to_half
import numpy as np

logger = logging.getLogger(__name__)

DAMPINGS = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05)
SCALE_PAIRS = 64  # on which the rankers' odds are measured
INT8_PAIRS = 64  # on which the ranges of activations are measured


@dataclass(frozen=True)
class Finished:
    """The written weights and what was measured on the left-out pictures.

    Attributes:
        weights: as written.
        auroc_present: of the confidence, for telling target from no target.
        auroc_good: of the confidence, for telling IoU > 0.5 from the rest.
        overlap: mean IoU on the pairs that show the target.
        video_auc: one-pass AUC on the left-out videos, in [0, 1].
    """

    weights: Weights
    auroc_present: float
    auroc_good: float
    overlap: float
    video_auc: float


def finish(config: TrainConfig, out: Path) -> Finished:
    """Calibrate a run's weights and write them in half precision.

    Args:
        config: of the run, which was trained at the full picture size.
        out: file to write.

    Raises:
        WeightsError: if the run has left no weights.
        DatasetError: if training has seen all videos.
    """
    raw = read_weights(Path(config.out) / 'latest.safetensors')
    data = Path(config.data)
    opened = open_dataset('folder', data / 'videos')
    videos = [v for v in opened.sequences if v.name not in config.videos]
    if not videos:
        raise DatasetError('training has seen all videos: leave some out of "videos" to judge by')
    pairs = _pairs(config, data, videos)
    tensors = float32_tensors(raw)
    if isinstance(raw.config, RFGMConfig):
        tensors = soften_rankers(tensors, raw.config, pairs[:SCALE_PAIRS])
    else:
        tensors = rescale_correlation(tensors)
    weights = to_half(replace(raw, tensors=tensors))
    engine = create_engine(weights.config, weights)
    read, features = reader_of(weights.config)
    seen = observe(engine, pairs, read)
    shown = seen.present > 0
    factor = 1 / float(np.median(seen.size_ratio[shown]))
    calibration = fit_calibration(
        seen.values, seen.overlap > 0.5, size_factor=factor, features=features
    )
    confidence = calibration.probability(seen.values)
    lost, uncertain, found = thresholds(confidence[seen.overlap > 0.5], confidence[~shown])
    calibration = replace(
        calibration,
        lost_below=lost,
        uncertain_below=uncertain,
        found_above=found,
        memory_min_confidence=max(uncertain, 0.5),
    )
    dampings = [replace(calibration, size_damping=damping) for damping in DAMPINGS]
    calibration, video_auc = _best(engine, weights.config, dampings, videos)
    if isinstance(weights.config, RFGMConfig) and weights.config.has_filter:
        strict = replace(calibration, memory_min_confidence=max(found, 0.5))
        calibration, video_auc = _best(engine, weights.config, [calibration, strict], videos)
    crops = [(pair.search, pair.template) for pair in pairs[:INT8_PAIRS]]
    ranges = collect_ranges(weights.config, weights.tensors, crops)
    metadata = {
        **raw.metadata,
        **{key: str(value) for key, value in (config.metadata or {}).items()},
        'calibration': calibration.to_json(),
        'ranges': json.dumps(ranges),
    }
    written = write_weights(out, raw.model, weights.tensors, metadata)
    finished = Finished(
        weights=written,
        auroc_present=auroc(confidence, shown),
        auroc_good=auroc(confidence, seen.overlap > 0.5),
        overlap=float(seen.overlap[shown].mean()),
        video_auc=video_auc,
    )
    logger.info('%s: %s', out, calibration)
    return finished


def rescale_correlation(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The same function with numbers that half precision can hold.

    The correlation is a product of two learnt vectors whose scale nothing bounds, since the head
    normalises it away: its running variance grows to 1e8. The two projections of the bridge are
    made smaller by one factor s, which makes the head's input smaller by its cube; the first
    layer's bias and statistics follow, so that what comes out stays the same.

    Args:
        tensors: float32 state dict of a network with the default bridge.
    """
    variances = [tensors[f'box_head.conv1_{corner}.1.running_var'] for corner in ('tl', 'br')]
    cube = float(np.median(np.concatenate(variances))) ** -0.5
    scaled = dict(tensors)
    for key in ('proj1.weight', 'proj1.bias', 'proj2.weight', 'proj2.bias'):
        scaled[f'bottleneck.{key}'] = tensors[f'bottleneck.{key}'] * cube ** (1 / 3)
    for corner in ('tl', 'br'):
        layer = f'box_head.conv1_{corner}'
        for key, power in (('0.bias', 1), ('1.running_mean', 1), ('1.running_var', 2)):
            scaled[f'{layer}.{key}'] = tensors[f'{layer}.{key}'] * cube**power
    return scaled


def _pairs(
    config: TrainConfig, data: Path, videos: list[Sequence], count: int = 2400
) -> list[Pair]:
    """Held-out pairs of all kinds, of medium strength: what tracking meets."""
    shares = {'paste': 0.25, 'rectangle': 0.15, 'photo': 0.1, 'video': 0.25, 'negative': 0.25}
    pair_config = replace(make_pair_config(config), shares=shares)
    photos = PhotoSet.load(data, part='val')
    sampler = PairSampler(photos, pair_config, seed=77, videos=videos)
    sampler.difficulty = 0.3
    return [sampler.sample() for _ in range(count)]


def thresholds(good: FloatArray, absent: FloatArray) -> tuple[float, float, float]:
    """Where LOST, UNCERTAIN and found again lie.

    A twentieth of good boxes may look lost and a fifth unsure; a target is found again where
    one in a hundred search regions without it would look as sure. All are bounded, so that odd
    data cannot make a tracker that never or always gives up.

    Args:
        good: confidence of boxes with an overlap above 0.5.
        absent: confidence where the target is not in the search region.
    """
    lost = float(np.clip(np.quantile(good, 0.05), 0.05, 0.5))
    uncertain = float(np.clip(np.quantile(good, 0.2), lost, 0.7))
    found = float(np.clip(np.quantile(absent, 0.99), uncertain, 0.95))
    return lost, uncertain, found


def _best(
    engine: Engine, config: ModelConfig, candidates: Items[Calibration], videos: list[Sequence]
) -> tuple[Calibration, float]:
    """The calibration that tracks the videos best, the first of equals, and its AUC."""
    scores = []
    for candidate in candidates:
        tracker = SingleTargetTracker(engine, config, TrackerConfig(), candidate)
        scores.append(one_pass_auc(tracker, videos))
        logger.info(
            'size damping %g, memory from confidence %.3g: AUC %.3f on the left-out videos',
            candidate.size_damping,
            candidate.memory_min_confidence,
            scores[-1],
        )
    best = int(np.argmax(scores))
    return candidates[best], scores[best]


def one_pass_auc(tracker: SingleTargetTracker, sequences: list[Sequence]) -> float:
    """Mean AUC of one pass over each sequence, in [0, 1]."""
    scores = []
    for sequence in sequences:
        first = sequence.box(0)
        if first is None:
            continue
        boxes: list[Box] = [tracker.init(sequence.read(0), first).box]
        boxes += [tracker.update(sequence.read(i)).box for i in range(1, len(sequence))]
        predicted = np.array([tuple(box) for box in boxes])
        scores.append(one_pass_scores(predicted, sequence.boxes).auc)
    return float(np.mean(scores))
