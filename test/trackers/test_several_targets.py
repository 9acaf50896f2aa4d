"""Targets with different memories need a graph of their own: it is there before they do."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)
# 16 tokens per template, so that a memory of 64 grows three times; random weights are never sure.
SMALL = RFGMConfig('rfgm_t256', width=64, heads=1, search_size=64, template_size=64)
OPTIONS: dict[str, Any] = {
    'weights': 'random', 'threads': 1, 'memory_size': 64, 'update_interval': 2,
    'uncertain_below': 0.0, 'lost_below': 0.0, 'memory_min_confidence': 0.0,
}  # fmt: skip


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the graphs that were loaded, of networks that are small."""
    monkeypatch.setitem(MODELS, 'rfgm_t256', SMALL)
    names: list[str] = []

    def watched(load: Callable[..., Any]) -> Callable[..., Any]:
        def watch(engine: Any, name: str, *rest: Any) -> Any:
            names.append(name)
            return load(engine, name, *rest)

        return watch

    monkeypatch.setattr(OnnxEngine, '_load', watched(OnnxEngine._load))
    monkeypatch.setattr(OpenVinoEngine, '_compile', watched(OpenVinoEngine._compile))
    return names


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_no_graph_is_loaded_while_several_targets_are_tracked(
    loaded: list[str], backend: str
) -> None:
    tracker = MultiTargetTracker('rfgm_t256', backend=backend, **OPTIONS)
    assert 'track_padded' in loaded
    loaded.clear()
    seen = set()
    for k in range(12):
        results = tracker.update(np.roll(FRAME, 2 * k, 1))
        seen.add(tuple(result.memory_tokens for result in results.values()))
        if k in (0, 3, 7):
            tracker.add(FRAME, BOX)
    assert {len(set(counts)) for counts in seen} == {0, 1, 2, 3}
    assert max(max(counts, default=0) for counts in seen) == 64
    assert loaded == []


def single(**options: Any) -> SingleTargetTracker:
    return create_tracker('rfgm_t256', **options)


def one_at_a_time(**options: Any) -> MultiTargetTracker:
    return MultiTargetTracker('rfgm_t256', several=False, **options)


def without_growth(**options: Any) -> MultiTargetTracker:
    return MultiTargetTracker('rfgm_t256', memory_kind='none', **options)


@pytest.mark.parametrize('make', [single, one_at_a_time, without_growth])
def test_where_all_memories_are_alike_the_weights_are_held_once(
    loaded: list[str], make: Callable[..., Any]
) -> None:
    make(backend='onnxruntime', **OPTIONS)
    assert 'track' in loaded
    assert 'track_padded' not in loaded
