"""Memory updates that fail, options that change on the way, and many targets with memories."""

from collections.abc import Callable
import logging
from types import ModuleType
from typing import Any

from hit_rfgm_ros.errors import ConfigError, EngineError
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, TrackState
import numpy as np
import pytest

MakeOne = Callable[..., SingleTargetTracker]
MakeMany = Callable[..., MultiTargetTracker]
FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)

pytestmark = pytest.mark.parametrize('family', ['rfgm'], indirect=True)


# --- failures


@pytest.mark.parametrize('graph', ['template', 'filter'])
def test_a_failed_update_is_reported_and_leaves_the_memory_as_it_was(
    make_tracker: MakeOne, watched: Any, graph: str
) -> None:
    tracker = make_tracker(watched, update_interval=5, memory_size=128)
    tracker.init(FRAME, BOX, stamp=0.0)
    for t in range(1, 6):
        tracker.update(FRAME, stamp=float(t))
    tracker.update_memory()
    for t in range(6, 11):
        before = tracker.update(FRAME, stamp=float(t))
    watched.fail = graph
    with pytest.raises(EngineError, match='no memory left'):
        tracker.update_memory()
    assert tracker.update_memory() == 0  # it is left out, not tried again
    watched.fail = ''
    after = tracker.update(FRAME, stamp=11.0)
    assert (after.memory_tokens, after.memory_stamp) == (128, 5.0)
    assert (before.memory_tokens, before.memory_stamp) == (128, 5.0)
    for t in range(12, 16):
        tracker.update(FRAME, stamp=float(t))
    assert tracker.update_memory() == 1


def test_a_failed_update_costs_no_frame_where_nobody_called_for_it(
    make_tracker: MakeOne, watched: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = make_tracker(watched, update_interval=1)
    tracker.init(FRAME, BOX)
    tracker.update(FRAME)
    watched.fail = 'template'
    with caplog.at_level(logging.WARNING, logger='hit_rfgm_ros'):
        result = tracker.update(FRAME)
    assert result.memory_tokens == 64
    assert 'a memory update is left out: no memory left' in caplog.text


def test_relevance_that_is_not_finite_is_reported(make_tracker: MakeOne, watched: Any) -> None:
    tracker = make_tracker(watched, update_interval=1, memory_size=100)
    tracker.init(FRAME, BOX)
    tracker.update(FRAME)
    watched.relevance = float('nan')
    with pytest.raises(EngineError, match='not finite'):
        tracker.update_memory()
    assert tracker.update(FRAME).memory_tokens == 64


def test_one_failed_update_does_not_cost_the_others_theirs(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    class FailsOnce(scenes.ScriptedEngine):
        failing = False

        def run(self, graph: str, inputs: Any) -> Any:
            if graph == 'template' and self.failing:
                self.failing = False
                raise EngineError('no memory left')
            return super().run(graph, inputs)

    engine = FailsOnce()
    tracker = make_multi(engine, update_interval=1)
    ids = [tracker.add(FRAME, BOX) for _ in range(3)]
    tracker.update(FRAME)
    engine.failing = True
    with pytest.raises(EngineError):
        tracker.update_memory()
    counts = [result.memory_tokens for result in tracker.update(FRAME).values()]
    assert counts == [64, 128, 128]
    assert tracker.ids == tuple(ids)


# --- live


def test_size_and_interval_change_without_losing_the_target(
    make_multi: MakeMany, scripted: Any
) -> None:
    tracker = make_multi(scripted)
    own = tracker.add(FRAME, BOX)

    def counts(frames: int) -> list[int]:
        results = [tracker.update(FRAME)[own] for _ in range(frames)]
        assert {result.state for result in results} == {TrackState.TRACKING}
        return [result.memory_tokens for result in results]

    counts(20)
    tracker.change_options(memory_size=448, update_interval=2)
    assert counts(12) == [192] * 2 + [256] * 2 + [320] * 2 + [384] * 2 + [448] * 4
    tracker.change_options(memory_size=128)
    assert counts(5) == [448, 448, 128, 128, 128]
    tracker.change_options(memory_size=64)
    assert counts(3) == [128, 64, 64]
    tracker.change_options(memory_size=192, update_interval=1)
    assert counts(4) == [64, 128, 192, 192]


def test_what_a_target_was_started_with_does_not_change(
    make_multi: MakeMany, scripted: Any
) -> None:
    tracker = make_multi(scripted)
    for name, value in (('memory_kind', 'fifo'), ('relevance_stages', 1)):
        with pytest.raises(ConfigError, match=f"'{name}' cannot be changed"):
            tracker.change_options(**{name: value})
    with pytest.raises(ConfigError, match='memory_size'):
        tracker.change_options(memory_size=10)


def test_reset_memory_brings_the_first_template_back(make_multi: MakeMany, watched: Any) -> None:
    tracker = make_multi(watched)
    own = tracker.add(FRAME, BOX)
    for _ in range(20):
        box = tracker.update(FRAME)[own].box
    tracker.reset_memory()  # frame 20 made an update due: it is gone
    assert tracker.update_memory() == 0
    results = [tracker.update(FRAME)[own] for _ in range(6)]
    assert [result.memory_tokens for result in results] == [64] * 5 + [128]
    assert [result.memory_stamp is None for result in results] == [True] * 5 + [False]
    assert list(results[0].box) == pytest.approx(list(box), abs=0.5)


def test_a_target_that_is_started_again_begins_with_its_new_template(
    make_multi: MakeMany, scripted: Any
) -> None:
    tracker = make_multi(scripted, update_interval=1)
    own = tracker.add(FRAME, BOX)
    for _ in range(3):
        tracker.update(FRAME)
    tracker.add(FRAME, BOX, target_id=own)
    assert tracker.update_memory() == 0
    assert tracker.update(FRAME)[own].memory_tokens == 64


# --- many targets


def test_each_target_has_its_own_memory_and_time(make_multi: MakeMany, scripted: Any) -> None:
    tracker = make_multi(scripted)
    first = tracker.add(FRAME, BOX)
    for _ in range(7):
        tracker.update(FRAME)
    second = tracker.add(FRAME, BOX)
    results = tracker.update(FRAME)
    assert (results[first].memory_tokens, results[second].memory_tokens) == (128, 64)
    assert scripted.graphs[-1] == 'track_padded'
    assert scripted.tokens == [128, 64]
    tracker.remove(first)
    tracker.update(FRAME)
    assert scripted.graphs[-1] == 'track'
    for _ in range(3):
        tracker.update(FRAME)
    assert tracker.update(FRAME)[second].memory_tokens == 128  # its own frame 6


def test_only_targets_that_are_followed_do_their_update_first(
    make_multi: MakeMany, scripted: Any
) -> None:
    tracker = make_multi(scripted, update_interval=1)
    first, second = tracker.add(FRAME, BOX), tracker.add(FRAME, BOX)
    tracker.update(FRAME)
    scripted.graphs.clear()
    tracker.update(FRAME, ids=[first])
    assert scripted.graphs == ['template', 'track']
    assert tracker.update_memory() == 2  # the second one's first, the first one's second
    assert {r.memory_tokens for r in tracker.update(FRAME).values()} == {128, 192}
    assert tracker.ids == (first, second)
