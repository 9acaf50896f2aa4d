"""When a memory is updated, with what, and that it never depends on when the work is done."""

from collections.abc import Callable
import gc
import json
from pathlib import Path
import threading
from types import ModuleType
from typing import Any

from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, TrackResult, TrackState
import numpy as np
import pytest

MakeOne = Callable[..., SingleTargetTracker]
MakeMany = Callable[..., MultiTargetTracker]
FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)

pytestmark = pytest.mark.parametrize('family', ['rfgm'], indirect=True)


def moving(scenes: ModuleType, count: int) -> list[np.ndarray]:
    """A target that moves and changes its look little by little."""
    other = scenes.texture(8, scenes.SIDE, scenes.SIDE, 3.0)
    looks = [scenes.mixed(scenes.TARGET, other, 1 - k / count) for k in range(count)]
    return [scenes.frame_with((40 + 2 * k, 90, look)) for k, look in enumerate(looks)]


# --- when


def test_updates_come_exactly_at_the_frames_of_the_paper(
    make_tracker: MakeOne, watched: Any, golden: Path
) -> None:
    tracker = make_tracker(watched, paper_mode=True)
    tracker.init(FRAME, BOX)
    frames = []
    for t in range(1, 1001):
        tracker.update(FRAME)
        if tracker.update_memory():
            frames.append(t)
    schedule = json.loads((golden / 'rfgm_schedule.json').read_text(encoding='utf-8'))
    assert frames == schedule['frames']
    assert len(watched.templates) == 1 + len(frames)
    assert len(watched.filters) == len(frames) - 2  # from t = 15 on


def test_the_memory_grows_as_the_schedule_says(make_tracker: MakeOne, watched: Any) -> None:
    tracker = make_tracker(watched)
    results = [tracker.init(FRAME, BOX, stamp=10.0)]
    results += [tracker.update(FRAME, stamp=10.0 + t) for t in range(1, 20)]
    counts = [result.memory_tokens for result in results]
    assert counts == [64] * 6 + [128] * 5 + [192] * 9  # from the frame after the update on
    stamps = [result.memory_stamp for result in results]
    assert stamps == [None] * 6 + [15.0] * 5 + [20.0] * 5 + [25.0] * 4


@pytest.mark.parametrize('size', [64, 100, 150, 200, 448])
def test_gr_takes_exactly_the_size(make_tracker: MakeOne, watched: Any, size: int) -> None:
    tracker = make_tracker(watched, memory_size=size, update_interval=1)
    tracker.init(FRAME, BOX)
    assert [tracker.update(FRAME) for _ in range(10)][-1].memory_tokens == size


@pytest.mark.parametrize(('kind', 'most'), [('none', 64), ('fifo', 192), ('score', 192)])
def test_kinds_without_a_filter_never_run_it(
    make_tracker: MakeOne, watched: Any, kind: str, most: int
) -> None:
    tracker = make_tracker(watched, memory_kind=kind, update_interval=2, memory_size=250)
    tracker.init(FRAME, BOX)
    assert [tracker.update(FRAME) for _ in range(12)][-1].memory_tokens == most
    assert watched.filters == []
    assert (len(watched.templates) == 1) is (kind == 'none')


def test_the_frame_of_an_update_runs_nothing_more(make_tracker: MakeOne, scripted: Any) -> None:
    tracker = make_tracker(scripted, update_interval=4)
    tracker.init(FRAME, BOX)
    for _ in range(3):
        for _ in range(4):
            scripted.graphs.clear()
            tracker.update(FRAME)
            assert scripted.graphs == ['track']  # the box is out now
            assert tracker.update_memory() == (scripted.graphs != ['track'])
    assert scripted.graphs == ['track', 'template', 'filter']


@pytest.mark.parametrize(
    ('sure', 'options', 'updated'),
    [
        pytest.param(0.55, {}, True, id='sure-enough'),
        pytest.param(0.45, {}, False, id='below-the-weights-own'),
        pytest.param(0.45, {'memory_min_confidence': 0.4}, True, id='below-a-lower-bound'),
        pytest.param(0.35, {'memory_min_confidence': 0.0}, True, id='no-bound'),
        pytest.param(0.25, {'memory_min_confidence': 0.0}, False, id='uncertain'),
        pytest.param(0.0, {'memory_min_confidence': 0.0}, False, id='nothing-there'),
        pytest.param(0.05, {'paper_mode': True}, True, id='paper-mode'),
        pytest.param(
            0.05, {'paper_mode': True, 'memory_min_confidence': 0.9}, True, id='paper-mode-anyway'
        ),
    ],
)
def test_only_what_is_believed_is_remembered(
    make_tracker: MakeOne, scripted: Any, sure: float, options: dict[str, Any], updated: bool
) -> None:
    tracker = make_tracker(scripted, update_interval=1, **options)
    tracker.init(FRAME, BOX)
    scripted.sure = sure
    tracker.update(FRAME)
    assert tracker.update_memory() == updated


def test_the_weights_bring_their_own_bound(make_tracker: MakeOne, scripted: Any) -> None:
    calibration = Calibration(memory_min_confidence=0.8, uncertain_below=0.1, lost_below=0.0)
    tracker = make_tracker(scripted, calibration=calibration, update_interval=1)
    tracker.init(FRAME, BOX)
    counts = []
    for scripted.sure in (0.7, 0.9):
        tracker.update(FRAME)
        counts.append(tracker.update_memory())
    assert counts == [0, 1]


def test_a_skipped_update_waits_for_the_next_scheduled_frame(
    make_tracker: MakeOne, scripted: Any
) -> None:
    tracker = make_tracker(scripted)
    tracker.init(FRAME, BOX)
    frames = []
    for t in range(1, 31):
        scripted.sure = 0.4 if t in (10, 15) else 1.0
        tracker.update(FRAME)
        if tracker.update_memory():
            frames.append(t)
    assert frames == [5, 20, 25, 30]


def test_never_while_lost(make_tracker: MakeOne, scripted: Any) -> None:
    tracker = make_tracker(scripted, update_interval=1, lost_after=0.2, memory_min_confidence=0.0)
    tracker.init(FRAME, BOX)
    scripted.sure = 0.0
    for _ in range(30):
        result = tracker.update(FRAME)
        assert tracker.update_memory() == 0
    assert result.state is TrackState.LOST
    scripted.sure = 1.0
    states = []
    while result.state is not TrackState.TRACKING:
        assert tracker.update_memory() == 0
        result = tracker.update(FRAME)
        states.append(result.state)
    assert states[0] is TrackState.LOST  # seen again, not yet believed
    assert tracker.update_memory() == 1


def test_bad_numbers_are_not_remembered_in_paper_mode_either(
    make_tracker: MakeOne, scripted: Any
) -> None:
    tracker = make_tracker(scripted, update_interval=1, paper_mode=True)
    tracker.init(FRAME, BOX)
    scripted.box = (np.nan, 0.5, 0.2, 0.2)
    tracker.update(FRAME)
    assert tracker.update_memory() == 0


def test_three_thousand_frames_leave_nothing_behind(make_tracker: MakeOne, scripted: Any) -> None:
    tracker = make_tracker(scripted, update_interval=3)
    tracker.init(FRAME, BOX)

    def objects_after(frames: int) -> int:
        for _ in range(frames):
            tracker.update(FRAME)
            tracker.update_memory()
        for log in (scripted.batches, scripted.graphs):  # the stand-in's own
            del log[:-1]
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(500)
    assert abs(objects_after(2500) - before) < 100
    target: Any = tracker._target
    memory = target.memory.tokens
    assert target.memory.frame == 3000
    assert [len(values) for values in (memory.tokens, memory.frames, memory.cells)] == [192] * 3
    assert memory.tokens.base is None  # no larger array is held by a view


# --- with what


def test_the_template_is_cut_around_the_new_box_at_once(
    make_tracker: MakeOne, scripted: Any, scenes: ModuleType
) -> None:
    watched = scenes.Watched(scripted)
    tracker = make_tracker(watched, update_interval=1, paper_mode=True, color='bgr')
    frames = [scenes.texture(seed, 240, 320, 2.0) for seed in (20, 21)]
    tracker.init(frames[0], BOX)
    scripted.box = (0.6, 0.4, 0.3, 0.2)
    box = tracker.update(frames[1]).box
    expected, other = frames[1].copy(), scenes.Watched(scripted)
    frames[1][:] = 0  # the camera reuses its buffer
    assert tracker.update_memory() == 1
    make_tracker(other, paper_mode=True, color='bgr').init(expected, box)
    assert np.array_equal(watched.templates[1], other.templates[0])


def test_the_filter_gets_memory_template_and_search_region_of_the_frame(
    make_tracker: MakeOne, scenes: ModuleType
) -> None:
    watched = scenes.Watched(scenes.MatchingEngine())
    tracker = make_tracker(watched, update_interval=1, memory_size=128)
    frames = moving(scenes, 40)
    tracker.init(frames[0], Box(40, 90, 32, 32))
    engine: Any = watched._engine
    for frame in frames[1:4]:
        tracker.update(frame)
        search = engine.searches[0].copy()
        tracker.update_memory()
    last = watched.filters[-1]
    assert np.array_equal(last['search'][0], search)
    assert last['memory'].shape == (1, 128, 12)
    new = engine.run('template', {'template': watched.templates[-1][None]})['template_tokens']
    assert np.array_equal(last['template_tokens'], new)
    assert np.array_equal(
        last['memory'][0, :64],
        engine.run('template', {'template': watched.templates[0][None]})['template_tokens'][0],
    )


def test_the_search_region_is_that_in_which_the_target_was_found(
    make_tracker: MakeOne, scenes: ModuleType
) -> None:
    """A jump: found again in a further window, remembered with that one."""
    watched = scenes.Watched(scenes.MatchingEngine())
    tracker = make_tracker(watched, memory_size=65, update_interval=1, memory_min_confidence=0.0)
    engine: Any = watched._engine
    frame, box = scenes.target_at(100, 100)
    tracker.init(frame, box)
    tracker.update(frame)
    jumped, place = scenes.target_at(180, 110)
    for _ in range(15):
        result = tracker.update(jumped)
        searches = engine.searches
        if tracker.update_memory():
            break
    assert result.state is TrackState.TRACKING
    assert abs(result.box.center[0] - place.center[0]) < 8
    assert len(searches) > 1
    search = watched.filters[-1]['search'][0]
    assert [np.array_equal(search, own) for own in searches].index(True) > 0


def test_a_memory_follows_a_target_that_changes_its_look(
    make_tracker: MakeOne, scenes: ModuleType
) -> None:
    frames = moving(scenes, 60)
    ends = {}
    for kind in ('fifo', 'none'):
        engine = scenes.MatchingEngine(all_templates=True)
        tracker = make_tracker(engine, memory_kind=kind)
        tracker.init(frames[0], Box(40, 90, 32, 32))
        ends[kind] = [tracker.update(frame) for frame in frames[1:]][-1]
    assert ends['fifo'].state is TrackState.TRACKING
    assert abs(ends['fifo'].box.x - (40 + 2 * 59)) < 8
    assert ends['none'].state is not TrackState.TRACKING


# --- no matter when


def follow(
    tracker: SingleTargetTracker, frames: list[np.ndarray], between: Callable[[], object]
) -> list[TrackResult]:
    results = [tracker.init(frames[0], Box(40, 90, 32, 32))]
    for frame in frames[1:]:
        results.append(tracker.update(frame))
        between()
    return results


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize('kind', ['gr', 'score'])
def test_results_are_the_same_whoever_does_the_work(
    make_tracker: MakeOne, scenes: ModuleType, kind: str
) -> None:
    frames = moving(scenes, 60)
    options = {'memory_kind': kind, 'memory_size': 192}

    def new() -> SingleTargetTracker:
        return make_tracker(scenes.MatchingEngine(all_templates=True), **options)

    never = follow(new(), frames, lambda: None)
    called = new()
    assert follow(called, frames, called.update_memory) == never
    twice = new()
    assert follow(twice, frames, lambda: (twice.update_memory(), twice.update_memory())) == never
    threads: list[threading.Thread] = []
    beside = new()
    assert (
        follow(beside, frames, lambda: threads.append(in_a_thread(beside.update_memory))) == never
    )
    for thread in threads:
        thread.join()
    assert never[-1].memory_tokens == 192


def test_the_next_frame_waits_for_the_update(make_tracker: MakeOne, watched: Any) -> None:
    tracker = make_tracker(watched, update_interval=1)
    tracker.init(FRAME, BOX)
    tracker.update(FRAME)
    watched.hold = threading.Event()
    updating = in_a_thread(tracker.update_memory)
    assert watched.held.wait(20)
    results: list[TrackResult] = []
    waiting = in_a_thread(lambda: results.append(tracker.update(FRAME)))
    waiting.join(0.2)
    assert waiting.is_alive()
    watched.hold.set()
    waiting.join(20)
    updating.join(20)
    assert results[0].memory_tokens == 128


def test_options_between_a_frame_and_its_update_change_nothing(
    make_multi: MakeMany, scenes: ModuleType
) -> None:
    seen = []
    for first in ('update', 'options'):
        tracker = make_multi(scenes.ScriptedEngine(), update_interval=1)
        own = tracker.add(FRAME, BOX)
        for _ in range(4):
            tracker.update(FRAME)
        if first == 'update':
            tracker.update_memory()
        tracker.change_options(memory_size=100)
        tracker.update_memory()
        seen.append([tracker.update(FRAME)[own].memory_tokens for _ in range(3)])
    assert seen == [[192, 100, 100]] * 2
