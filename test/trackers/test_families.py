"""What each family of networks takes and refuses."""

from dataclasses import replace
import logging
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGM_MODELS
from hit_rfgm_ros.config.tracker import RFGM_OPTIONS, TrackerConfig
from hit_rfgm_ros.errors import ConfigError, TrackerError, WeightsError
from hit_rfgm_ros.trackers import centre_features, corner_features
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.families import settle
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
HIT, RFGM = get_model_config('hit_tiny'), RFGM_MODELS['rfgm_t256']
PLAIN = replace(RFGM, relevance_stages=0)  # as OSTrack's weights are


def test_hit_names_the_option_that_it_lacks(scripted: Any) -> None:
    values: dict[str, Any] = {
        'memory_kind': 'none',
        'memory_size': 128,
        'update_interval': 3,
        'memory_min_confidence': 0.0,
        'windowing': 'none',
        'relevance_stages': 0,
    }
    assert set(values) == set(RFGM_OPTIONS)
    for name, value in values.items():
        with pytest.raises(ConfigError, match=f'hit_tiny .* has no {name}'):
            SingleTargetTracker(scripted, HIT, TrackerConfig.from_dict({name: value}))
    many = MultiTargetTracker.from_engine(scripted, HIT)
    with pytest.raises(ConfigError, match='has no memory_size'):
        many.change_options(memory_size=128)


def test_hit_has_nothing_to_update(scripted: Any) -> None:
    tracker = SingleTargetTracker(scripted, HIT)
    assert tracker.update_memory() == 0
    tracker.init(FRAME, Box(100, 80, 60, 40))
    result = tracker.update(FRAME)
    assert tracker.update_memory() == 0
    assert (result.memory_tokens, result.memory_stamp) == (0, None)
    with pytest.raises(TrackerError, match='keeps no memory'):
        tracker.trace = print


@pytest.mark.parametrize(
    ('config', 'kind', 'settled'),
    [(RFGM, 'auto', 'gr'), (PLAIN, 'auto', 'none'), (PLAIN, 'fifo', 'fifo'), (RFGM, 'gr', 'gr')],
)
def test_auto_takes_the_best_kind_that_the_weights_serve(
    config: Any, kind: str, settled: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger='hit_rfgm_ros'):
        options = settle(config, TrackerConfig(memory_kind=kind))
        assert options.memory_kind == settled
        assert settle(config, options) == options
    assert caplog.text.count('no ranker at layer 4') == (kind == 'auto' and settled == 'none')


def test_gr_without_its_ranker_is_refused_whatever_the_size() -> None:
    for size in (64, 192):
        with pytest.raises(ConfigError, match=r'memory_kind gr .* lacks .* none, fifo or score'):
            settle(PLAIN, TrackerConfig(memory_kind='gr', memory_size=size))
    kept = replace(PLAIN, filter_ranker=True)
    assert settle(kept, TrackerConfig()).memory_kind == 'gr'


def test_the_number_of_stages_belongs_to_the_engine() -> None:
    assert settle(RFGM, TrackerConfig(relevance_stages=3)).relevance_stages == 3
    with pytest.raises(ConfigError, match=r'relevance_stages is 1, .* built with 3'):
        settle(RFGM, TrackerConfig(relevance_stages=1))


@pytest.mark.parametrize(
    ('config', 'features'),
    [(HIT, centre_features.FEATURES), (RFGM, corner_features.FEATURES)],
    ids=['hit', 'rfgm'],
)
def test_a_calibration_of_the_other_family_is_refused(
    scripted: Any, config: Any, features: tuple[str, ...]
) -> None:
    fitted = Calibration(weights=(1.0,) * len(features), features=features)
    with pytest.raises(WeightsError, match='fit it again'):
        SingleTargetTracker(scripted, config, calibration=fitted)
    SingleTargetTracker(scripted, config, calibration=replace(fitted, weights=()))
