"""A network that fails: for one target, for all, for a while, for good."""

from collections.abc import Callable
from dataclasses import replace
import math
from typing import Any

import cv2
from hit_rfgm_ros.errors import EngineError, FrameError
from hit_rfgm_ros.runtime.reports import BoxRequest, Level, TargetState
from hit_rfgm_ros.types import Box, TrackState
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def test_one_target_that_fails_leaves_the_others_unharmed(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX, BOX)
    rig.tracker.failing = {2}
    rig.tracker.calls.clear()
    rig.play(1)
    ids = [call[1] for call in rig.tracker.named('update')]
    assert ids == [(1, 2, 3), (1,), (2,), (3,)]
    assert [rig.target(k).state.name for k in (1, 2, 3)] == ['TRACKING', 'UNCERTAIN', 'TRACKING']
    broken = rig.target(2)
    assert broken.reason == 'the device is gone'
    assert (broken.box, broken.confidence) == (BOX, 0.0)
    assert rig.status('tracker').level is Level.WARN
    rig.tracker.failing = set()
    rig.play(1)
    assert rig.target(2).state is TargetState.TRACKING
    assert rig.target(2).reason == ''
    assert rig.status('tracker').level is Level.OK


@pytest.mark.parametrize('period', [0.05, 0.25, 0.5])
def test_a_target_that_goes_on_failing_is_lost_by_time_not_by_number(
    make_rig: MakeRig, period: float
) -> None:
    rig = make_rig(lost_after=1.0).up()
    rig.send()
    rig.started(BOX, BOX)
    rig.tracker.failing = {2}
    for _ in range(round(1 / period)):
        rig.play(1, period)
        assert rig.target(2).state is TargetState.UNCERTAIN
    rig.play(1, period)
    assert rig.target(2).state is TargetState.LOST
    assert rig.target(1).state is TargetState.TRACKING
    assert rig.out.failures == []


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('place', ['box', 'confidence'])
def test_numbers_that_are_not_finite_never_leave_the_node(
    rig: Any, value: float, place: str
) -> None:
    rig.send()
    rig.started(BOX, BOX)
    bad = {'box': Box(1, value, 3, 4)} if place == 'box' else {'confidence': value}
    rig.tracker.results[1] = lambda result: replace(result, **bad)
    rig.play(3)
    for report in rig.out.reports:
        for target in report.targets:
            assert all(map(math.isfinite, (*target.box, target.confidence)))
    assert rig.target(1).state is TargetState.UNCERTAIN
    assert 'not finite' in rig.target(1).reason
    assert rig.target(1).box == BOX
    assert rig.target(2).state is TargetState.TRACKING


def test_a_target_without_a_result(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX)
    rig.play(1)
    whole = rig.tracker.update
    rig.tracker.update = lambda frame, **options: {2: whole(frame, **options)[2]}
    rig.play(1)
    assert rig.target(1).reason == 'the tracker gave no result'
    assert rig.target(2).state is TargetState.TRACKING


@pytest.mark.parametrize(
    'error',
    [EngineError('out of\nmemory'), MemoryError('no more'), cv2.error('bad'), RuntimeError('x')],
)
def test_ten_images_on_which_everything_fails_are_the_end(rig: Any, error: Exception) -> None:
    rig.send()
    rig.started(BOX, BOX)
    rig.tracker.error = error
    rig.tracker.failing = {1, 2}
    rig.play(9)
    assert rig.out.failures == []
    rig.tracker.failing = {1}
    rig.play(1)
    rig.tracker.failing = {1, 2}
    rig.play(9)
    assert rig.out.failures == []
    rig.play(1)
    (reason,) = rig.out.failures
    assert '10 images in a row' in reason
    assert ' '.join(str(error).split()) in reason
    assert rig.status('backend').level is Level.ERROR
    reports = len(rig.out.reports)
    rig.play(20)
    assert len(rig.out.reports) == reports
    assert len(rig.out.failures) == 1
    assert reason in rig.init(BOX).results[0].message
    rig.logic.deactivate()
    rig.logic.cleanup()
    rig.up()
    rig.play(1)
    rig.started()
    assert rig.status('backend').level is Level.OK


def test_images_that_the_tracker_refuses_are_not_the_end(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.tracker.error = FrameError('a frame is at least 10 pixels wide')
    rig.tracker.failing = {1}
    rig.play(30)
    assert rig.out.failures == []
    assert rig.target(1).state is TargetState.LOST
    rig.tracker.failing = set()
    rig.play(1)
    assert rig.target(1).state is TargetState.TRACKING


def test_the_log_is_not_flooded(rig: Any, caplog: pytest.LogCaptureFixture) -> None:
    rig.send()
    rig.started(BOX, BOX)
    rig.tracker.failing = {2}
    rig.play(50)
    assert sum('the network failed on target 2' in r.message for r in caplog.records) == 1


def test_a_start_that_fails_makes_the_target_lost_with_the_reason(rig: Any) -> None:
    rig.send()
    rig.tracker.failing_starts = {1}
    rig.started(BOX, BOX)
    dead, alive = rig.out.reports[0].targets
    assert (dead.id, dead.state) == (1, TargetState.LOST)
    assert dead.reason == 'could not be started: the device is gone'
    assert (alive.id, alive.state) == (2, TargetState.INITIALIZED)
    rig.play(2)
    assert rig.tracker.calls[-1][1] == (2,)
    assert rig.target(1).state is TargetState.LOST
    assert rig.target(1).header == rig.last.header
    rig.tracker.failing_starts = set()
    rig.started(BoxRequest(BOX, 1))
    rig.play(1)
    assert rig.target(1).state is TargetState.TRACKING


def test_a_restart_that_fails_ends_the_old_track_too(rig: Any) -> None:
    rig.send()
    rig.started(BOX)
    rig.tracker.failing_starts = {1}
    rig.started(BoxRequest(Box(20, 20, 20, 20), 1))
    rig.play(1)
    assert rig.target(1).state is TargetState.LOST
    assert rig.target(1).box == Box(20, 20, 20, 20)
    assert rig.tracker.boxes == {}
    assert rig.logic.remove_targets([1]).success
    rig.work()


def test_what_was_lost_for_long_is_forgotten_if_asked_for(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level('INFO')
    rig = make_rig(remove_lost_after=2.0).up()
    rig.send()
    rig.started(BOX, BOX)
    rig.tracker.results[1] = lambda result: replace(result, state=TrackState.LOST, reason='gone')
    rig.play(1)
    rig.watch(1.8)
    assert rig.logic.targets == (1, 2)
    rig.watch(0.3)
    assert rig.logic.targets == (2,)
    assert any('remove_lost_after' in r.message for r in caplog.records)
    rig.play(1)
    assert [target.id for target in rig.last.targets] == [2]
    assert set(rig.tracker.boxes) == {2}


def test_what_is_found_again_in_time_is_kept(make_rig: MakeRig) -> None:
    rig = make_rig(remove_lost_after=2.0).up()
    rig.send()
    rig.started(BOX)
    for _ in range(3):
        rig.tracker.results[1] = lambda result: replace(result, state=TrackState.LOST)
        rig.play(1)
        rig.watch(1.5)
        rig.tracker.results.clear()
        rig.play(1)
        rig.watch(1.5)
    assert rig.logic.targets == (1,)


def test_lost_targets_stay_by_default(rig: Any) -> None:
    rig.send()
    rig.started(BOX)
    rig.tracker.results[1] = lambda result: replace(result, state=TrackState.LOST)
    rig.play(1)
    rig.watch(100.0)
    assert rig.logic.targets == (1,)


def test_a_request_of_the_worker_that_fails_is_logged_and_forgotten(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rig.send()
    rig.started()

    def refuse() -> None:
        raise EngineError('not now')

    rig.tracker.reset_memory = refuse
    assert rig.logic.reset_memory()[0]
    rig.play(2)
    assert any('reset_memory: not now' in r.message for r in caplog.records)
    assert rig.target(1).state is TargetState.TRACKING
