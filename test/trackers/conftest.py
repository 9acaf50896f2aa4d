"""Fixtures of the trackers' tests; scenes and stand-in engines are in scenes.py."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import ModelConfig, get_model_config
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
import pytest


@pytest.fixture(scope='session')
def scenes() -> ModuleType:
    """Pictures with known truth, and engines that stand in for a trained network."""
    spec = spec_from_file_location('tracker_scenes', Path(__file__).with_name('scenes.py'))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=['hit', 'rfgm'])
def family(request: pytest.FixtureRequest) -> str:
    """What holds for trackers holds for both families of networks."""
    return str(request.param)


@pytest.fixture
def config(family: str) -> ModelConfig:
    return get_model_config({'hit': 'hit_tiny', 'rfgm': 'rfgm_t256'}[family])


@pytest.fixture
def matcher(scenes: ModuleType) -> Any:
    """An engine that looks for the template in the pictures."""
    return scenes.MatchingEngine()


@pytest.fixture
def scripted(scenes: ModuleType) -> Any:
    """An engine that answers what the test sets."""
    return scenes.ScriptedEngine()


@pytest.fixture
def make_tracker(config: ModelConfig) -> Callable[..., SingleTargetTracker]:
    """Makes a tracker on an engine from options by name."""

    def make(
        engine: Any, *, color: str = 'rgb', calibration: Any = None, **options: Any
    ) -> SingleTargetTracker:
        settings = TrackerConfig.from_dict(options)
        return SingleTargetTracker(engine, config, settings, calibration, color=color)

    return make


@pytest.fixture
def make_multi(config: ModelConfig) -> Callable[..., MultiTargetTracker]:
    """The same for many targets."""

    def make(engine: Any, **options: Any) -> MultiTargetTracker:
        settings = TrackerConfig.from_dict(options)
        return MultiTargetTracker.from_engine(engine, config, settings)

    return make


@pytest.fixture
def watched(scenes: ModuleType, scripted: Any) -> Any:
    """A scripted engine, sure of itself, that is watched."""
    return scenes.Watched(scripted)
