"""Many targets: one batch, and nobody notices the others."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import ConfigError, EngineError, FrameError, GeometryError, TrackerError
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, TrackResult, TrackState
import numpy as np
import pytest

MakeOne = Callable[..., SingleTargetTracker]
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


@pytest.mark.parametrize('family', ['hit'], indirect=True)
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
                outputs[next(iter(outputs))][1] = np.nan
            return outputs

    together = make_multi(OneBroken())
    ids = [together.add(FRAME, box) for box in (BOX, BOX, BOX)]
    results = together.update(FRAME)
    assert [results[own].state.value for own in ids] == ['TRACKING', 'UNCERTAIN', 'TRACKING']
    assert results[ids[1]].box == BOX
    assert results[ids[0]] == results[ids[2]]
    for result in results.values():
        assert np.isfinite(tuple(result.box)).all()


def test_a_target_can_be_started_again_under_its_id(make_multi: MakeMany, scripted: Any) -> None:
    together = make_multi(scripted)
    together.add(FRAME, BOX, target_id=7)
    together.add(FRAME, BOX)
    assert together.ids == (7, 8)
    other = Box(20, 30, 60, 60)
    assert together.add(FRAME, other, target_id=7) == 7
    assert together.ids == (7, 8)
    results = together.update(FRAME)
    assert results[7].box.center == pytest.approx(other.center)
    assert results[8].box.center == pytest.approx(BOX.center)


def test_a_refused_new_start_leaves_the_running_target(make_multi: MakeMany, scenes: Any) -> None:
    class NoTemplate(scenes.ScriptedEngine):
        broken = False

        def run(self, graph: str, inputs: Any) -> Any:
            if graph == 'template' and self.broken:
                raise EngineError('no memory left')
            return super().run(graph, inputs)

    engine = NoTemplate()
    together, twin = make_multi(engine), make_multi(scenes.ScriptedEngine())
    for each in (together, twin):
        each.add(FRAME, BOX, target_id=3, stamp=1.0)
    engine.broken = True
    with pytest.raises(EngineError):
        together.add(FRAME, Box(10, 10, 40, 40), target_id=3)
    with pytest.raises(GeometryError):
        together.add(FRAME, Box(10, 10, 0, 40), target_id=3)
    with pytest.raises(TrackerError, match='positive'):
        together.add(FRAME, BOX, target_id=0)
    assert together.update(FRAME, stamp=1.1) == twin.update(FRAME, stamp=1.1)


def test_updating_some_disturbs_neither_the_others_nor_the_time(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    frames = two_targets(scenes, 20)
    boxes = [Box(40, 40, 32, 32), Box(220, 150, 32, 32)]
    together, twin = (make_multi(scenes.MatchingEngine(), fps=10.0) for _ in range(2))
    ids = [together.add(frames[0], box) for box in boxes]
    twin.add(frames[0], boxes[1])
    for frame in frames[1:]:
        some = together.update(frame, ids=[ids[0]], stamp=50.0)
        assert list(some) == [ids[0]]
        assert together.update(frame, ids=[]) == {}
        assert_same(together.update(frame)[ids[1]], twin.update(frame)[1])
    with pytest.raises(TrackerError, match='no target 9'):
        together.update(frames[0], ids=[ids[0], 9])


def test_each_frame_may_have_its_own_order_of_colors(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    frames = two_targets(scenes, 9)
    box = Box(40, 40, 32, 32)
    mixed, plain = (make_multi(scenes.MatchingEngine()) for _ in range(2))
    mixed.add(frames[0][:, :, ::-1].copy(), box, color='bgr')
    plain.add(frames[0], box)
    for k, frame in enumerate(frames[1:]):
        swapped = frame[:, :, ::-1].copy() if k % 2 else frame
        results = mixed.update(swapped, color='bgr' if k % 2 else 'rgb')
        assert results == plain.update(frame)
    for call in (mixed.add, mixed.update):
        with pytest.raises(ConfigError, match='rbg'):
            call(frames[0], *([box] if call == mixed.add else []), color='rbg')


def test_options_change_for_running_targets_from_the_next_frame_on(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    engine = scenes.ScriptedEngine(sure=0.6)
    together = make_multi(engine, uncertain_below=0.2, lost_below=0.1, found_above=0.2)
    own = together.add(FRAME, BOX, stamp=0.0)
    assert together.update(FRAME, stamp=0.1)[own].state is TrackState.TRACKING
    together.change_options(uncertain_below=0.9, lost_below=0.8, lost_after=0.25)
    states = [together.update(FRAME, stamp=0.1 * k)[own].state for k in range(2, 6)]
    assert states == [TrackState.UNCERTAIN] * 3 + [TrackState.LOST]
    assert engine.windows > 1  # it searches more widely
    together.change_options(uncertain_below=0.2, lost_below=0.1)
    for k in range(6, 12):
        result = together.update(FRAME, stamp=0.1 * k)[own]
    assert result.state is TrackState.TRACKING


def test_the_bound_on_the_size_changes_with_its_option(make_multi: MakeMany, scenes: Any) -> None:
    engine = scenes.ScriptedEngine(box=(0.5, 0.5, 0.5, 0.5))
    together = make_multi(engine, max_scale_change=1.1, size_damping=1.0)
    own = together.add(FRAME, Box(140, 100, 40, 40))
    assert together.update(FRAME)[own].box.width == pytest.approx(44)
    together.change_options(max_scale_change=1.5)
    assert together.update(FRAME)[own].box.width == pytest.approx(66)


def test_only_known_options_with_allowed_values_change(
    make_multi: MakeMany, scripted: Any
) -> None:
    together = make_multi(scripted, search_factor=2.0, max_search_factor=3.0)
    before = together.options
    with pytest.raises(ConfigError, match="did you mean 'lost_after'"):
        together.change_options(lost_aftr=2.0)
    with pytest.raises(ConfigError, match='paper_mode'):
        together.change_options(paper_mode=True)
    with pytest.raises(ConfigError, match='lost_after'):
        together.change_options(uncertain_below=0.5, lost_after=-1.0)
    assert together.options == before
    together.change_options(max_search_factor=2.5, lost_after=2)
    assert (together.options.max_search_factor, together.options.lost_after) == (2.5, 2.0)


def test_reset_memory_lets_lost_targets_begin_anew(make_multi: MakeMany, scenes: Any) -> None:
    engine = scenes.ScriptedEngine(sure=0.0)
    together = make_multi(engine, lost_after=0.0)
    own = together.add(FRAME, BOX, stamp=0.0)
    assert together.update(FRAME, stamp=0.1)[own].state is TrackState.LOST
    engine.sure = 1.0
    together.reset_memory()
    result = together.update(FRAME, stamp=0.2)[own]
    assert (result.state, result.reason) == (TrackState.TRACKING, '')
    assert together.ids == (own,)
