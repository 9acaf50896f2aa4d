"""What the diagnostics tell."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hit_rfgm_ros.runtime.reports import CameraInfo, Header, Level
from hit_rfgm_ros.types import Box, TrackState
import numpy as np
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def test_there_are_three_parts_in_every_state(make_rig: MakeRig) -> None:
    rig = make_rig()

    def parts() -> list[str]:
        statuses = rig.logic.diagnostics()
        for status in statuses:
            assert status.message
            assert all(isinstance(text, str) for pair in status.values.items() for text in pair)
        return [status.part for status in statuses]

    assert parts() == ['input', 'tracker', 'backend']
    rig.up()
    assert parts() == ['input', 'tracker', 'backend']
    rig.play(3)
    rig.started()
    assert parts() == ['input', 'tracker', 'backend']
    rig.logic.shutdown()
    assert parts() == ['input', 'tracker', 'backend']
    assert rig.status('backend').message == 'ended'


def test_rates_and_ages(rig: Any) -> None:
    for _ in range(100):
        rig.clock.advance(0.04)
        rig.send(stamp=rig.clock.passed - 0.02)
        rig.clock.advance(0.01)
        rig.work()
    values = rig.status('input').values
    assert values['rate'] == '20.0 Hz'
    assert (values['age at arrival p50'], values['age at arrival p99']) == ('20.0 ms', '20.0 ms')
    assert values['last image'] == '0.01 s ago'
    assert values['accepted'] == '100'
    values = rig.status('tracker').values
    assert values['output rate'] == '20.0 Hz'
    assert values['age at output p99'] == '10.0 ms'
    rig.clock.advance(20)
    assert rig.status('input').values['rate'] == '0.0 Hz'
    assert rig.status('tracker').values['output rate'] == '0.0 Hz'


def test_the_time_of_each_stage(rig: Any) -> None:
    rig.send()
    rig.started()
    for k in range(100):
        rig.tracker.cost = 0.5 if k in (50, 60, 70) else 0.01
        rig.play(1)
    values = rig.status('tracker').values
    assert values['track p50'] == '10.0 ms'
    assert float(values['track p99'].split()[0]) > 10.0
    assert {'decode p50', 'publish p50', 'start p50'} <= set(values)
    assert rig.target(1).processing_time == pytest.approx(0.01)


def test_targets_by_state(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX, BOX)
    rig.tracker.results[2] = lambda result: replace(result, state=TrackState.LOST)
    rig.play(1)
    status = rig.status('tracker')
    assert (status.level, status.message) == (Level.OK, '1 LOST, 2 TRACKING')
    assert (status.values['targets'], status.values['LOST']) == ('3', '1')


def test_the_back_end_and_why_it_was_chosen(rig: Any) -> None:
    status = rig.status('backend')
    assert (status.level, status.message) == (Level.OK, 'hit_tiny on scripted, cpu, fp32')
    assert status.values['choice'] == 'it is all'
    assert status.hardware_id == 'cpu'


def test_a_failure_calls_for_the_diagnostics_at_once(make_rig: MakeRig) -> None:
    rig = make_rig()
    assert rig.watch(0.5).count(True) == 0
    rig.logic.refused('no weights')
    assert rig.watch(0.5).count(True) == 1


def test_counters_begin_anew_with_every_activation(rig: Any) -> None:
    rig.send(stamp=1.0)
    rig.send(stamp=1.0)
    rig.work()
    assert rig.last.frames_dropped == 1
    rig.logic.deactivate()
    rig.logic.activate()
    rig.send(stamp=1.0)  # a picture that is sent to every newcomer
    rig.work()
    assert rig.last.frames_dropped == 0


def make_info(**changes: Any) -> CameraInfo:
    k = np.array([[100.0, 0, 32], [0, 100.0, 24], [0, 0, 1]])
    p = np.hstack([k, np.zeros((3, 1))])
    info = CameraInfo(Header(), 64, 48, 'plumb_bob', (0.0,) * 5, k, np.eye(3), p)
    return replace(info, **changes)


def test_bearings_where_the_camera_is_calibrated(make_rig: MakeRig) -> None:
    rig = make_rig(publish_bearing=True).up()
    rig.play(1)
    rig.started(Box(22, 14, 20, 20))
    rig.play(1)
    assert rig.target(1).bearing is None
    status = rig.status('input')
    assert (status.level, status.values['camera_info']) == (Level.WARN, 'none has arrived')
    rig.logic.on_camera_info(make_info())
    rig.play(1)
    x, y, z = rig.target(1).bearing.direction
    assert (x / z, y / z) == pytest.approx((0.02, 0.0))  # two pixels right of the centre
    assert rig.status('input').values['camera_info'] == '64x48, plumb_bob'
    assert rig.status('input').level is Level.OK
    rig.play(1, width=50, height=48)  # another view
    assert rig.target(1).bearing is None


def test_a_calibration_that_cannot_be_used_is_named_once(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(publish_bearing=True).up()
    for k in range(3):
        rig.logic.on_camera_info(make_info(k=np.zeros((3, 3)), header=Header(k, 0, '')))
    rig.play(1)
    rig.started()
    assert rig.target(1).bearing is None
    assert 'not usable' in rig.status('input').values['camera_info']
    assert sum('no bearings' in r.message for r in caplog.records) == 1


def test_a_calibration_that_nobody_asked_for_is_not_looked_at(rig: Any) -> None:
    rig.logic.on_camera_info(make_info())
    rig.play(1)
    rig.started()
    assert rig.target(1).bearing is None
    assert rig.status('input').values['camera_info'] == 'not used'
