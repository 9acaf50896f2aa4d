"""The node logic with the real tracker: the same boxes as without the node."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.reports import TargetState
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

MakeRig = Callable[..., Any]
FRAMES = 40
PERIOD = 1 / 30


@pytest.fixture(scope='module')
def real() -> MultiTargetTracker:
    """hit_tiny with the shipped weights."""
    return MultiTargetTracker('hit_tiny', backend='onnxruntime', threads=1)


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
    rig.builder.build = lambda params, progress: LoadedTracker(tracker, {'backend': 'real'})
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


def fresh(real: MultiTargetTracker) -> MultiTargetTracker:
    """Another tracker on the same engine."""
    runner = real._runner
    return MultiTargetTracker.from_engine(
        real.engine, runner._config, real.options, runner._calibration
    )


def pictures() -> tuple[list[np.ndarray], list[Box]]:
    frames = [golden_frame(k) for k in range(FRAMES)]
    first = frames[0].box
    return [frame.image for frame in frames], [first, Box(200.0, 100.0, 50.0, 60.0)]


@pytest.mark.parametrize('bgr', [False, True])
def test_boxes_equal_those_of_the_tracker_alone_to_the_last_bit(
    make_rig: MakeRig, real: MultiTargetTracker, bgr: bool
) -> None:
    frames, boxes = pictures()
    alone = fresh(real)
    rig = with_tracker(make_rig(), fresh(real))
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


def test_a_late_start_gives_the_boxes_of_one_in_time(
    make_rig: MakeRig, real: MultiTargetTracker
) -> None:
    frames, boxes = pictures()
    rig = with_tracker(make_rig(frame_history=5.0), fresh(real))
    alone = fresh(real)
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
