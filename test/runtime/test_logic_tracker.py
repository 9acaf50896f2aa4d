"""The node logic with the real tracker: the same boxes as without the node."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.reports import TargetState
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.parts import Parts, make_parts
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

MakeRig = Callable[..., Any]
FRAMES = 40
PERIOD = 1 / 30


ENGINE: dict[str, Any] = {'backend': 'onnxruntime', 'device': 'auto', 'precision': 'auto'}
# A network small enough for many frames, with all that an RFGM has.
SMALL = RFGMConfig('small', width=64, heads=1, search_size=128, template_size=64)
# Random weights are never sure; with 64 tokens, 4 templates, the Token Filter runs from frame 12.
BOLD = {'uncertain_below': 0.0, 'lost_below': 0.0, 'memory_min_confidence': 0.0}


@pytest.fixture(scope='module')
def hit() -> Parts:
    """hit_tiny with the shipped weights."""
    return make_parts('hit_tiny', weights=None, threads=1, options={}, **ENGINE)


@pytest.fixture(scope='module')
def rfgm() -> Parts:
    """A small RFGM with random weights."""
    engine = create_engine(SMALL, None, threads=1, **ENGINE)
    options = TrackerConfig(memory_size=64, update_interval=3, **BOLD)
    return Parts(engine, engine.config, options, None)


@pytest.fixture(params=['hit', 'rfgm'])
def parts(request: pytest.FixtureRequest) -> Parts:
    """Each family."""
    made: Parts = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope='module')
def scenes() -> ModuleType:
    """The scenes of the trackers' tests."""
    path = Path(__file__).parent.parent / 'trackers' / 'scenes.py'
    spec = spec_from_file_location('runtime_scenes', path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_tracker(rig: Any, tracker: MultiTargetTracker) -> Any:
    """Let the builder give this tracker."""
    rig.builder.build = lambda params, progress: LoadedTracker(tracker, {'backend': 'real'}, 0)
    return rig.up()


def send(rig: Any, pixels: np.ndarray, *, bgr: bool = False, **changes: Any) -> None:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels[:, :, ::-1] if bgr else pixels).reshape(-1)
    rig.send(
        encoding='bgr8' if bgr else 'rgb8',
        data=data,
        width=width,
        height=height,
        step=width * 3,
        **changes,
    )


def fresh(parts: Parts) -> MultiTargetTracker:
    """Another tracker on the same engine."""
    return MultiTargetTracker.from_engine(*parts)


def pictures() -> tuple[list[np.ndarray], list[Box]]:
    frames = [golden_frame(k) for k in range(FRAMES)]
    first = frames[0].box
    return [frame.image for frame in frames], [first, Box(200.0, 100.0, 50.0, 60.0)]


@pytest.mark.parametrize('bgr', [False, True])
def test_boxes_equal_those_of_the_tracker_alone_to_the_last_bit(
    make_rig: MakeRig, parts: Parts, bgr: bool
) -> None:
    frames, boxes = pictures()
    alone = fresh(parts)
    rig = with_tracker(make_rig(), fresh(parts))
    send(rig, frames[0], bgr=bgr)
    rig.started(*boxes)
    began = rig.clock.passed
    ids = [alone.add(frames[0], box, stamp=0.0) for box in boxes]
    for pixels in frames[1:]:
        rig.clock.advance(PERIOD)
        send(rig, pixels, bgr=bgr)
        rig.work()
        stamp = round((rig.clock.passed - began) * 1e9) / 1e9
        results = alone.update(pixels, stamp=stamp)
        for own in ids:
            target, result = rig.target(own), results[own]
            assert target.box == result.box
            assert target.confidence == result.confidence
            assert target.state.name == result.state.name
            assert target.reason == result.reason
            assert target.memory_tokens == result.memory_tokens


@pytest.mark.parametrize('change', ['never called', 'slow'])
def test_when_memories_are_updated_is_no_matter_for_the_results(
    make_rig: MakeRig, rfgm: Parts, change: str
) -> None:
    """Called after the boxes are out, or left to the next image, or so slow that time passes."""
    frames, boxes = pictures()
    stamps = [k * PERIOD for k in range(len(frames))]

    def run(change: str) -> list[Any]:
        tracker = fresh(rfgm)
        rig = with_tracker(make_rig(model='rfgm_t256'), tracker)
        whole = tracker.update_memory

        def slow() -> int:
            rig.clock.advance(0.7)
            return whole()

        if change:
            tracker.update_memory = slow if change == 'slow' else lambda: 0  # type: ignore[method-assign]
        send(rig, frames[0], stamp=stamps[0])
        rig.started(*boxes)
        for pixels, stamp in zip(frames[1:], stamps[1:]):
            send(rig, pixels, stamp=stamp)
            rig.work()
        assert rig.last.frames_dropped == 0
        told = [(t.box, t.confidence, t.memory_tokens, t.last_memory_update) for t in targets(rig)]
        assert len(set(told)) > len(frames)
        assert max(tokens for _, _, tokens, _ in told) == 64
        return told

    assert run(change) == run('')


def targets(rig: Any) -> list[Any]:
    """What was reported of any target, in order."""
    return [target for report in rig.out.reports for target in report.targets]


def test_a_late_start_gives_the_boxes_of_one_in_time(make_rig: MakeRig, parts: Parts) -> None:
    frames, boxes = pictures()
    rig = with_tracker(make_rig(frame_history=5.0), fresh(parts))
    alone = fresh(parts)
    for k, pixels in enumerate(frames[:-1]):
        send(rig, pixels, stamp=1.0 + k * PERIOD)
        rig.work()
    assert rig.init(boxes[0], stamp=1.0).success
    rig.work()
    own = alone.add(frames[0], boxes[0], stamp=0.0)
    for k, pixels in enumerate(frames[1:], start=1):
        results = alone.update(pixels, stamp=round(k * PERIOD * 1e9) / 1e9)
    send(rig, frames[-1], stamp=1.0 + (FRAMES - 1) * PERIOD)
    rig.work()
    target = rig.target(1)
    assert target.frames_since_init == FRAMES - 1
    assert (target.box, target.confidence) == (results[own].box, results[own].confidence)


@pytest.mark.parametrize('periods', [[1 / 30], [0.2], [1 / 30, 0.2, 1 / 30, 0.5]])
def test_a_slower_network_changes_states_by_time_not_by_the_number_of_images(
    make_rig: MakeRig, scenes: ModuleType, periods: list[float]
) -> None:
    """A computer that throttles gives fewer images, not a target that is lost later."""
    engine = scenes.ScriptedEngine()
    tracker = MultiTargetTracker.from_engine(
        engine, get_model_config('hit_tiny'), TrackerConfig(lost_after=1.0)
    )
    rig = with_tracker(make_rig(), tracker)
    send(rig, scenes.BACKGROUND)
    rig.started(Box(100, 80, 40, 40))
    engine.sure = 0.0
    began = rig.clock.passed
    states = []
    for k in range(60):
        rig.clock.advance(periods[k % len(periods)])
        send(rig, scenes.BACKGROUND)
        rig.work()
        states.append((rig.clock.passed - began, rig.target(1).state))
        if states[-1][1] is TargetState.LOST:
            break
    first = states[0][0]
    assert states[-1][1] is TargetState.LOST
    assert 1.0 <= states[-1][0] - first + 1e-6 < 1.0 + max(periods) + 1e-6
    assert all(state is TargetState.UNCERTAIN for _, state in states[:-1])


def test_a_camera_that_changes_its_size_keeps_the_target(
    make_rig: MakeRig, scenes: ModuleType
) -> None:
    tracker = MultiTargetTracker.from_engine(
        scenes.MatchingEngine(), get_model_config('hit_tiny'), TrackerConfig()
    )
    rig = with_tracker(make_rig(), tracker)
    frame, box = scenes.target_at(100, 80)
    send(rig, frame)
    rig.started(box)
    rig.clock.advance(PERIOD)
    send(rig, np.repeat(np.repeat(frame, 2, 0), 2, 1))
    rig.work()
    assert (rig.last.image_width, rig.last.image_height) == (640, 480)
    assert list(rig.target(1).box) == pytest.approx([200, 160, 64, 64], abs=6)
