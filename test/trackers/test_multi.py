"""Many targets: one batch, and nobody notices the others."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import HiTConfig
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import FrameError, GeometryError, TrackerError
from hit_rfgm_ros.trackers.hit import HiTTracker
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.types import Box, TrackResult, TrackState
import numpy as np
import pytest

MakeOne = Callable[..., HiTTracker]
MakeMany = Callable[..., MultiTargetTracker]
FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)


def two_targets(scenes: ModuleType, count: int) -> list[np.ndarray]:
    """One target moves right, the other leaves at frame 10 and is back at frame 50."""
    other = scenes.texture(7, 32, 32, 3.0)
    return [
        scenes.frame_with(
            (40 + 2 * k, 40, scenes.TARGET),
            (220, 150, other if not 10 <= k < 50 else scenes.BACKGROUND[150:182, 220:252]),
        )
        for k in range(count)
    ]


def assert_same(a: TrackResult, b: TrackResult) -> None:
    """Boxes within 1e-4 of the search region, the unit of the network's boxes."""
    side = 4 * b.box.area**0.5
    assert list(a.box) == pytest.approx(list(b.box), abs=1e-4 * side)
    assert a.confidence == pytest.approx(b.confidence, abs=1e-6)
    assert (a.state, a.reason, a.stamp) == (b.state, b.reason, b.stamp)


def test_the_same_results_as_alone_while_others_join_and_leave(
    make_tracker: MakeOne, make_multi: MakeMany, scenes: ModuleType
) -> None:
    frames = two_targets(scenes, 60)
    boxes = [Box(40, 40, 32, 32), Box(220, 150, 32, 32)]
    alone = [make_tracker(scenes.MatchingEngine(), lost_after=0.3) for _ in boxes]
    for tracker, box in zip(alone, boxes):
        tracker.init(frames[0], box, stamp=1000.0)
    together = make_multi(scenes.MatchingEngine(), lost_after=0.3)
    ids = [together.add(frames[0], box, stamp=1000.0) for box in boxes]
    guest = 0
    seen = set()
    for k, frame in enumerate(frames[1:], start=1):
        stamp = 1000 + k / 30
        results = together.update(frame, stamp=stamp)
        for own, tracker in zip(ids, alone):
            assert_same(results[own], tracker.update(frame, stamp=stamp))
            seen.add(results[own].state)
        if k == 5:
            guest = together.add(frame, Box(150, 100, 40, 30))
        if k == 30:
            together.remove(guest)
    assert seen == set(TrackState)  # the scene went through all of them


def test_the_same_boxes_as_alone_with_a_network(
    config: HiTConfig, make_tracker: MakeOne, make_multi: MakeMany
) -> None:
    engine = create_engine(config, None, backend='onnxruntime')
    boxes = [BOX, Box(10, 10, 30, 50), Box(200, 150, 80, 60)]
    alone = [make_tracker(engine, paper_mode=True) for _ in boxes]
    together = make_multi(engine, paper_mode=True)
    ids = [together.add(FRAME, box) for box in boxes]
    for tracker, box in zip(alone, boxes):
        tracker.init(FRAME, box)
    for k in range(3):
        frame = np.roll(FRAME, 3 * k, axis=1)
        results = together.update(frame)
        for own, tracker in zip(ids, alone):
            assert_same(results[own], tracker.update(frame))


def test_all_windows_of_all_targets_are_one_call(make_multi: MakeMany, scenes: ModuleType) -> None:
    engine = scenes.MatchingEngine()
    together = make_multi(engine)
    frames = two_targets(scenes, 14)
    together.add(frames[0], Box(40, 40, 32, 32))
    together.add(frames[0], Box(220, 150, 32, 32))
    for frame in frames[1:]:
        together.update(frame)
    # 9 frames of two sure targets, the frame that shows the loss, then one and three windows
    assert engine.batches == [2] * 10 + [4] * 3


def test_more_windows_than_the_engine_takes_are_split(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    results = []
    for limit in (2, 100):
        engine = scenes.MatchingEngine()
        engine.max_batch = limit
        together = make_multi(engine, search_windows=6)
        frames = two_targets(scenes, 20)
        for k in range(5):
            together.add(frames[0], Box(40 + 5 * k, 40 + 30 * k, 32, 32))
        results.append([together.update(frame) for frame in frames[1:]])
        assert max(engine.batches) == min(limit, max(engine.batches))
    for few, many in zip(*results):
        for own in few:
            assert_same(few[own], many[own])


def test_ids_are_never_used_again(make_multi: MakeMany, scripted: Any) -> None:
    together = make_multi(scripted)
    assert [together.add(FRAME, BOX) for _ in range(3)] == [1, 2, 3]
    together.remove(3)
    together.remove(1)
    assert together.add(FRAME, BOX) == 4
    assert together.ids == (2, 4)
    assert set(together.update(FRAME)) == {2, 4}


def test_a_refused_target_takes_no_id_and_touches_nobody(
    make_multi: MakeMany, scripted: Any
) -> None:
    together, twin = make_multi(scripted), make_multi(scripted)
    for each in (together, twin):
        each.add(FRAME, BOX, stamp=3.0)
    with pytest.raises(GeometryError):
        together.add(FRAME, Box(0, 0, -1, 5), stamp=7.0)
    with pytest.raises(FrameError):
        together.add(FRAME.astype(float), BOX)
    with pytest.raises(TrackerError, match='stamp'):
        together.add(FRAME, BOX, stamp=float('nan'))
    assert together.update(FRAME) == twin.update(FRAME)
    assert together.add(FRAME, BOX) == twin.add(FRAME, BOX) == 2


def test_removing_what_is_not_there_names_what_is(make_multi: MakeMany, scripted: Any) -> None:
    together = make_multi(scripted)
    with pytest.raises(TrackerError, match='no target 1; there are: none'):
        together.remove(1)
    together.add(FRAME, BOX)
    together.add(FRAME, BOX)
    with pytest.raises(TrackerError, match='no target 5; there are: 1, 2'):
        together.remove(5)


def test_without_targets_time_goes_on(make_multi: MakeMany, scripted: Any) -> None:
    together = make_multi(scripted, fps=10.0)
    assert together.update(FRAME) == {}
    assert together.update(FRAME) == {}
    own = together.add(FRAME, BOX)
    assert together.update(FRAME)[own].stamp == pytest.approx(0.2)


def test_bad_numbers_for_one_target_leave_the_others_unharmed(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    class OneBroken(scenes.ScriptedEngine):
        def run(self, graph: str, inputs: Any) -> Any:
            outputs = super().run(graph, inputs)
            if graph == 'track':
                outputs['boxes'][1] = np.nan
            return outputs

    together = make_multi(OneBroken())
    ids = [together.add(FRAME, box) for box in (BOX, BOX, BOX)]
    results = together.update(FRAME)
    assert [results[own].state.value for own in ids] == ['TRACKING', 'UNCERTAIN', 'TRACKING']
    assert results[ids[1]].box == BOX
    assert results[ids[0]] == results[ids[2]]
    for result in results.values():
        assert np.isfinite(tuple(result.box)).all()
