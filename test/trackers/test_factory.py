"""From names to a tracker that runs, and refusals that say what to do."""

from collections.abc import Iterator
from dataclasses import replace
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import hit_rfgm_ros
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGM_MODELS
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.errors import ConfigError, EngineError, WeightsError
from hit_rfgm_ros.trackers import parts
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.corner_features import FEATURES
from hit_rfgm_ros.trackers.parts import warm_up
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackState
from hit_rfgm_ros.weights import catalog
from hit_rfgm_ros.weights.files import write_weights
import numpy as np
import pytest

FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)
FAST: dict[str, Any] = {'weights': 'random', 'backend': 'onnxruntime'}


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine with neither shipped nor imported weights."""
    monkeypatch.setattr(catalog, 'user_path', lambda model: tmp_path / f'{model}.safetensors')
    monkeypatch.setattr(catalog, 'shipped_folder', lambda: tmp_path)
    return


def test_random_weights_run_behind_their_flag() -> None:
    tracker = hit_rfgm_ros.create_tracker('hit_tiny', **FAST, fps=10.0, lost_after=0.3)
    assert tracker.init(FRAME, BOX).box == BOX
    result = tracker.update(FRAME)
    assert result.stamp == pytest.approx(0.1)
    assert result.confidence_kind is ConfidenceKind.PEAK
    assert 0 <= result.confidence <= 1
    assert tracker.options.lost_after == 0.3
    assert tracker.engine.backend == 'onnxruntime'


def test_many_targets_by_name() -> None:
    together = hit_rfgm_ros.MultiTargetTracker('hit_tiny', **FAST, paper_mode=True)
    ids = [together.add(FRAME, BOX), together.add(FRAME, Box(20, 20, 30, 30))]
    results = together.update(FRAME)
    assert list(results) == ids
    assert {result.state for result in results.values()} == {TrackState.TRACKING}


def test_colour_order_is_the_frames(tmp_path: Path) -> None:
    rgb = hit_rfgm_ros.create_tracker('hit_tiny', **FAST, paper_mode=True)
    bgr = hit_rfgm_ros.create_tracker('hit_tiny', **FAST, paper_mode=True, color='bgr')
    rgb.init(FRAME, BOX)
    bgr.init(FRAME[:, :, ::-1], BOX)
    assert rgb.update(FRAME) == bgr.update(FRAME[:, :, ::-1])
    rgb.reset()
    rgb.init(FRAME[:, :, ::-1], BOX)  # the wrong order is another picture
    assert rgb.update(FRAME[:, :, ::-1]).box != bgr.update(FRAME[:, :, ::-1]).box


@pytest.mark.parametrize(
    ('options', 'sizes'),
    [
        pytest.param({}, [1, 3, 4], id='default'),
        pytest.param({'scan_windows': 60, 'search_windows': 0}, [1, 8], id='many'),
        pytest.param({'paper_mode': True}, [1], id='paper-mode'),
    ],
)
@pytest.mark.parametrize('family', ['hit'], indirect=True)
def test_every_size_of_batch_is_warm(
    scenes: ModuleType, config: ModelConfig, options: dict[str, Any], sizes: list[int]
) -> None:
    engine = scenes.MatchingEngine()
    warm_up(engine, config, TrackerConfig.from_dict(options), runs=2)
    assert engine.batches == sizes * 2


@pytest.mark.parametrize('family', ['hit', 'rfgm'], indirect=True)
def test_two_targets_are_warm_where_there_may_be_several(
    scenes: ModuleType, config: ModelConfig, family: str
) -> None:
    engine = scenes.ScriptedEngine()
    warm_up(engine, config, TrackerConfig(), several=True)
    assert {1, 2, 3, 4} == set(engine.batches)
    assert engine.prepared == (['track_padded'] if family == 'rfgm' else [])
    assert engine.graphs.count('track_padded') == (3 if family == 'rfgm' else 0)


@pytest.mark.parametrize(
    ('options', 'counts', 'filtered'),
    [
        pytest.param({}, [64, 128, 192], 1, id='default'),
        pytest.param({'memory_size': 150}, [64, 128, 150], 2, id='odd-size'),
        pytest.param({'memory_size': 200, 'memory_kind': 'fifo'}, [64, 128, 192], 0, id='fifo'),
        pytest.param({'memory_kind': 'none'}, [64], 0, id='none'),
        pytest.param({'memory_size': 64}, [64], 0, id='smallest'),
    ],
)
@pytest.mark.parametrize('family', ['rfgm'], indirect=True)
def test_every_size_of_memory_is_warm(
    monkeypatch: pytest.MonkeyPatch,
    scenes: ModuleType,
    config: ModelConfig,
    options: dict[str, Any],
    counts: list[int],
    filtered: int,
) -> None:
    engine = scenes.ScriptedEngine()
    seen = []
    run = engine.run

    def watch(graph: str, inputs: Any) -> Any:
        outputs = run(graph, inputs)
        if graph == 'track':
            seen.append((engine.batches[-1], engine.tokens[0]))
        return outputs

    monkeypatch.setattr(engine, 'run', watch)
    warm_up(engine, config, TrackerConfig.from_dict(options))
    assert {count for batch, count in seen if batch == 1} == set(counts)
    assert {(batch, count) for batch, count in seen if batch > 1} == {
        (3, counts[-1]),
        (4, counts[-1]),
    }
    assert engine.graphs.count('filter') == filtered


@pytest.mark.usefixtures('no_weights')
def test_a_model_without_weights_says_how_to_get_them() -> None:
    with pytest.raises(WeightsError, match='hit-rfgm weights import'):
        hit_rfgm_ros.create_tracker('hit_small')


@pytest.mark.parametrize(
    ('model', 'options', 'error', 'message'),
    [
        pytest.param('hit_tny', {}, ConfigError, "mean 'hit_tiny'", id='model'),
        pytest.param('hit_tiny', {'lost_afer': 1.0}, ConfigError, 'lost_after', id='option'),
        pytest.param('hit_tiny', {'lost_after': -1}, ConfigError, 'lost_after', id='range'),
        pytest.param('hit_tiny', {'scan_windows': 1.5}, ConfigError, 'must be a int', id='type'),
        pytest.param('hit_tiny', {'fps': 0}, ConfigError, 'fps must be above 0', id='fps'),
        pytest.param('hit_tiny', {'color': 'gbr'}, ConfigError, "'rgb' or 'bgr'", id='color'),
        pytest.param('hit_tiny', {'backend': 'onnx'}, EngineError, 'onnxruntime', id='backend'),
    ],
)
def test_wrong_use_is_named(
    model: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        hit_rfgm_ros.create_tracker(model, **{**FAST, **options})


def test_weights_bring_their_calibration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from hit_rfgm_ros.config.models import get_model_config

    tensors = random_weights(get_model_config('hit_tiny')).tensors
    fitted = Calibration(weights=(0.1,) * len(FEATURES), lost_below=0.01)
    plain, calibrated = tmp_path / 'plain.safetensors', tmp_path / 'calibrated.safetensors'
    write_weights(plain, 'hit_tiny', tensors)
    write_weights(calibrated, 'hit_tiny', tensors, {'calibration': fitted.to_json()})
    kinds = {}
    for path in (plain, calibrated):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger='hit_rfgm_ros'):
            tracker = hit_rfgm_ros.create_tracker('hit_tiny', weights=path, backend='onnxruntime')
        kinds[path.stem] = tracker.init(FRAME, BOX).confidence_kind
        warned = 'carry no calibration' in caplog.text
        assert warned is (path == plain)
    assert kinds == {'plain': ConfidenceKind.PEAK, 'calibrated': ConfidenceKind.CALIBRATED}


@pytest.fixture(scope='module')
def without_rankers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as OSTrack's are: no ranker, so no stage and no Token Filter."""
    config = replace(RFGM_MODELS['rfgm_t256'], relevance_stages=0)
    path = tmp_path_factory.mktemp('weights') / 'plain.safetensors'
    write_weights(
        path, 'rfgm_t256', random_weights(config).tensors, {'options': '{"relevance_stages": 0}'}
    )
    return path


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'memory_kind': 'gr'}, 'no ranker at layer 4, which the memory kind gr needs'),
        ({'relevance_stages': 1}, 'no ranker at layer 10'),
        ({'relevance_stages': 3}, 'serves relevance_stages 0'),
    ],
)
def test_what_weights_without_rankers_cannot_serve_is_refused_before_an_engine_is_built(
    without_rankers: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr(parts, 'create_engine', None)
    with pytest.raises(WeightsError, match=message):
        hit_rfgm_ros.create_tracker('rfgm_t256', weights=without_rankers, **options)


def test_hit_refuses_options_of_the_memory_before_an_engine_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, 'create_engine', None)
    with pytest.raises(ConfigError, match=r'hit_tiny .* has no memory_size'):
        hit_rfgm_ros.create_tracker('hit_tiny', weights='random', memory_size=128)


def test_weights_without_rankers_keep_the_first_template(
    without_rankers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger='hit_rfgm_ros'):
        tracker = hit_rfgm_ros.create_tracker(
            'rfgm_t256', weights=without_rankers, backend='torch', device='cpu', paper_mode=True
        )
    assert caplog.text.count('no ranker at layer 4') == 1
    assert tracker.options.memory_kind == 'none'
    tracker.init(FRAME, BOX)
    result = [tracker.update(FRAME) for _ in range(7)][-1]
    assert (result.memory_tokens, result.confidence_kind) == (64, ConfidenceKind.PEAK)
