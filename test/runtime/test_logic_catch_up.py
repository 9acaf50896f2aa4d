"""Targets that start on an older image and run through those kept since."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hit_rfgm_ros.runtime.reports import BoxRequest, TargetState
from hit_rfgm_ros.types import Box
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def filled(rig: Any, count: int = 10) -> Any:
    """Images 0.1 s apart, the first at 0.1 s, with one target that runs on all of them."""
    rig.play(1)
    rig.started()
    rig.play(count - 1)
    rig.tracker.calls.clear()
    return rig


def test_it_runs_through_all_the_images_kept_since_and_nobody_else_notices(rig: Any) -> None:
    filled(rig)
    assert rig.init(BOX, stamp=0.5).success
    rig.work()
    assert rig.tracker.calls[0] == ('add', 2, BOX, pytest.approx(0.4))
    updates = rig.tracker.named('update')
    assert [call[1] for call in updates] == [(2,)] * 5
    assert [call[2] for call in updates] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    rig.play(1)
    assert rig.tracker.calls[-1] == ('update', (1, 2), pytest.approx(1.0))
    assert rig.target(2).state is TargetState.TRACKING
    assert rig.target(2).frames_since_init == 6
    assert rig.target(2).box == Box(16, 8, 20, 16)
    assert rig.target(1).frames_since_init == 10


def test_the_start_is_told_under_the_old_header(rig: Any) -> None:
    filled(rig)
    answer = rig.init(BOX, stamp=0.5)
    rig.logic.step()
    assert rig.last.header.nanosec == answer.nanosec == 500_000_000
    (target,) = rig.last.targets
    assert target.state is TargetState.INITIALIZED
    assert target.header == rig.last.header


def test_until_it_is_there_it_appears_under_its_own_header(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=0.5)
    rig.logic.step()
    seen = []
    while True:
        rig.clock.advance(0.01)
        rig.send()
        assert rig.logic.step()  # a live image
        if rig.target(2).header == rig.last.header:
            break
        assert rig.target(2).state is TargetState.CATCHING_UP
        assert rig.target(1).header == rig.last.header
        seen.append(rig.target(2).header.nanosec)
        assert rig.logic.step()  # a kept one
    assert [n // 10**7 for n in seen[:8]] == [50, 60, 70, 80, 90, 0, 1, 2]
    assert rig.target(2).state is TargetState.TRACKING


def test_live_images_and_catching_up_take_turns(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=0.1)
    rig.logic.step()
    for _ in range(12):
        rig.clock.advance(0.001)
        rig.send()
        rig.logic.step()
    ids = [call[1] for call in rig.tracker.named('update')]
    assert ids == [(1,), (2,)] * 6


def test_without_live_images_it_catches_up_alone(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=0.1)
    assert rig.work() == 1 + 9


def test_several_targets_of_one_start_run_together(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, BOX, stamp=0.7)
    rig.logic.step()
    rig.init(BOX, stamp=0.8)
    rig.work()
    ids = [call[1] for call in rig.tracker.named('update')]
    assert ids == [(2, 3), (2, 3, 4), (2, 3, 4)]  # those that meet go on together


def test_when_the_time_is_spent_it_jumps_and_is_doubted_once(make_rig: MakeRig) -> None:
    rig = filled(make_rig(catch_up_budget=0.5).up())
    rig.init(BOX, stamp=0.1)
    rig.logic.step()
    rig.tracker.cost = 0.6
    rig.work()
    assert len(rig.tracker.named('update')) == 1
    rig.tracker.cost = 0.0
    rig.play(1)
    target = rig.target(2)
    assert target.header == rig.last.header
    assert target.state is TargetState.UNCERTAIN
    assert 'catch_up_budget' in target.reason
    assert '8 images' in target.reason
    rig.play(1)
    assert rig.target(2).state is TargetState.TRACKING
    assert rig.target(2).reason == ''
    assert rig.target(1).state is TargetState.TRACKING


def test_without_budget_it_jumps_at_once(make_rig: MakeRig) -> None:
    rig = filled(make_rig(catch_up_budget=0.0).up())
    rig.init(BOX, stamp=0.1)
    rig.work()
    assert rig.tracker.named('update') == []
    rig.play(1)
    assert rig.target(2).state is TargetState.UNCERTAIN


def test_a_start_on_the_newest_image_has_nothing_to_catch_up_with(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=1.0)
    assert rig.work() == 1
    assert rig.tracker.named('update') == []


def test_a_restart_on_an_older_image_does_not_touch_the_others(rig: Any) -> None:
    filled(rig)
    rig.started(BOX)
    rig.tracker.calls.clear()
    from_before = rig.init(_again(1), stamp=0.8)
    assert from_before.results[0].id == 1
    rig.work()
    assert [call[1] for call in rig.tracker.named('update')] == [(1,), (1,)]
    rig.play(1)
    assert rig.tracker.calls[-1][1] == (1, 2)


def test_a_jump_of_the_stamps_ends_the_catching_up(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=0.1)
    rig.logic.step()
    rig.send(stamp=-50.0)
    rig.work()
    assert [call[1:] for call in rig.tracker.named('update')] == [((1,), -50.1), ((2,), -50.1)]
    rig.send(stamp=-49.9)
    rig.work()
    assert rig.tracker.calls[-1][1] == (1, 2)
    assert rig.target(2).state is TargetState.TRACKING


def test_a_target_removed_while_catching_up_is_gone(rig: Any) -> None:
    filled(rig)
    rig.init(BOX, stamp=0.1)
    rig.logic.step()
    rig.logic.step()
    rig.logic.remove_targets([2])
    rig.work()
    assert len(rig.tracker.named('update')) == 1
    assert set(rig.tracker.boxes) == {1}


def test_a_failure_while_catching_up_stays_with_its_target(rig: Any) -> None:
    filled(rig)
    rig.tracker.failing = {2}
    rig.init(BOX, stamp=0.5)
    rig.work()
    rig.tracker.failing = set()
    assert rig.out.failures == []
    rig.play(1)
    assert rig.target(1).state is TargetState.TRACKING
    assert rig.target(2).frames_since_init == 1


def _again(own: int) -> Any:
    return BoxRequest(BOX, own)


def test_a_tracker_slower_than_the_camera_passes_over_images_evenly_and_gets_there(
    rig: Any,
) -> None:
    rig.play(1, 1 / 30)
    rig.started()
    rig.play(59, 1 / 30)
    rig.tracker.calls.clear()
    rig.init(BOX, stamp=2 / 30)
    rig.tracker.cost = 0.06
    sent = rig.clock.passed
    while not any(len(call[1]) == 2 for call in rig.tracker.named('update')):
        while sent + 1 / 30 <= rig.clock.passed:
            sent += 1 / 30
            rig.send(stamp=sent)
        if not rig.logic.step():
            rig.clock.passed = sent + 1 / 30
    assert rig.target(2).state is TargetState.TRACKING  # it did not have to jump
    stamps = [call[2] for call in rig.tracker.named('update') if 2 in call[1]]
    gaps = [round((b - a) * 30) for a, b in pairwise(stamps)]
    assert len(stamps) >= 7
    assert max(gaps) < 2 * min(gaps[1:-1])
