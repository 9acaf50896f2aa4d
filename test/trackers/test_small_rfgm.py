"""Small RFGMs with random weights through the trackers: many targets, provenance, batches."""

from typing import Any

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.trackers.look import Look
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)
# 16 tokens per template, so 64 are four of them; random weights are never sure.
SMALL = RFGMConfig('small', width=64, heads=1, depth=10, search_size=64, template_size=64)
BOLD = {'uncertain_below': 0.0, 'lost_below': 0.0, 'memory_min_confidence': 0.0}


@pytest.fixture(scope='module')
def small() -> Any:
    """A small network with random weights."""
    return create_engine(SMALL, None, backend='torch', device='cpu', threads=1)


def drifting(count: int) -> list[np.ndarray]:
    return [np.roll(FRAME, (k, 2 * k), (0, 1)) for k in range(count)]


def options(**values: Any) -> TrackerConfig:
    return TrackerConfig.from_dict({'memory_size': 64, **BOLD, **values})


def test_a_trace_changes_nothing(small: Any) -> None:
    frames = drifting(12)
    results = []
    for trace in (None, lambda look: None):
        tracker = SingleTargetTracker(small, SMALL, options(update_interval=2))
        tracker.trace = trace
        tracker.init(frames[0], BOX)
        results.append([tracker.update(frame) for frame in frames[1:]])
    assert results[0] == results[1]


def test_provenance_is_right_with_a_network(small: Any) -> None:
    tracker = SingleTargetTracker(small, SMALL, options(update_interval=3))
    looks: list[Look] = []
    tracker.trace = looks.append
    frames = drifting(40)
    tracker.init(frames[0], BOX)
    for frame in frames[1:]:
        tracker.update(frame)
    templates = {look.frame: look.template for look in looks if look.template is not None}
    assert list(templates) == list(range(0, 40, 3))
    embedded = {
        frame: small.run('template', {'template': picture[None]})['template_tokens'][0]
        for frame, picture in templates.items()
    }
    tracker.update_memory()
    target: Any = tracker._target
    memory = target.memory.tokens
    assert len(set(memory.frames.tolist())) > 2
    for token, frame, cell in zip(memory.tokens, memory.frames, memory.cells):
        assert np.array_equal(token, embedded[int(frame)][int(cell)])


def test_many_targets_with_different_memories_equal_those_alone(small: Any) -> None:
    frames = drifting(24)
    boxes = [BOX, Box(10, 10, 40, 50), Box(200, 150, 80, 60), Box(60, 20, 30, 30)]
    starts = [0, 0, 3, 9]
    chosen = options(update_interval=4, paper_mode=True)
    together = MultiTargetTracker.from_engine(small, SMALL, chosen)
    alone: dict[int, SingleTargetTracker] = {}
    seen = set()
    for k, frame in enumerate(frames):
        results = together.update(frame, stamp=float(k)) if k else {}
        for own, tracker in alone.items():
            expected = tracker.update(frame, stamp=float(k))
            result = results[own]
            side = 4 * expected.box.area**0.5
            assert list(result.box) == pytest.approx(list(expected.box), abs=1e-4 * side)
            assert result.confidence == pytest.approx(expected.confidence, abs=1e-5)
            assert result.memory_tokens == expected.memory_tokens
            assert result.memory_stamp == expected.memory_stamp
        seen.add(tuple(result.memory_tokens for result in results.values()))
        for box, start in zip(boxes, starts):
            if start == k:
                own = together.add(frame, box, stamp=float(k))
                alone[own] = SingleTargetTracker(small, SMALL, chosen)
                alone[own].init(frame, box, stamp=float(k))
    assert any(len(set(counts)) == 3 for counts in seen)  # 16, 32, 48 and 64 tokens together
    assert max(counts[0] for counts in seen if counts) == 64


def test_a_batch_larger_than_the_engine_takes_is_split(small: Any) -> None:
    frames = drifting(6)
    chosen = options(update_interval=1)
    results = []
    for limit in (2, 8):
        engine = create_engine(SMALL, None, backend='torch', device='cpu', max_batch=limit)
        together = MultiTargetTracker.from_engine(engine, SMALL, chosen)
        for k, frame in enumerate(frames):
            if k:
                last = together.update(frame)
            if k < 5:
                together.add(frame, BOX)
        results.append(last)
    for few, many in zip(*(result.values() for result in results)):
        assert list(few.box) == pytest.approx(list(many.box), abs=0.02)
        assert few.memory_tokens == many.memory_tokens
