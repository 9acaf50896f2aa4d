"""Requests: every reason, one answer per box, and what becomes of the targets."""

from collections.abc import Callable
import math
import threading
import time
from types import ModuleType
from typing import Any

from hit_rfgm_ros.runtime.reports import BoxRequest, InitRequest, Reason, TargetState
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def reasons(answer: Any) -> list[Reason]:
    return [result.reason for result in answer.results]


def test_an_accepted_box_is_told_of_under_the_header_of_its_image(rig: Any) -> None:
    image = rig.send()
    rig.work()
    answer = rig.init(BoxRequest(BOX, label='cup'))
    assert answer.success
    assert (answer.sec, answer.nanosec) == (image.header.sec, image.header.nanosec)
    (result,) = answer.results
    assert (result.reason, result.id) == (Reason.OK, 1)
    assert result.box_used == BoxRequest(BOX, 1, 'cup')
    assert rig.logic.targets == (1,)
    rig.work()
    assert rig.last.header == image.header
    (target,) = rig.last.targets
    assert (target.id, target.label, target.box) == (1, 'cup', BOX)
    assert (target.state, target.frames_since_init) == (TargetState.INITIALIZED, 0)
    rig.play(3)
    target = rig.target(1)
    assert (target.state, target.frames_since_init) == (TargetState.TRACKING, 3)
    assert (target.label, target.confidence) == ('cup', 0.9)
    assert target.box == Box(13, 8, 20, 16)


def test_a_start_on_an_image_that_still_waits_gives_the_box_once_more_in_its_report(
    rig: Any,
) -> None:
    rig.send()
    rig.started()
    first, second = rig.out.reports
    assert first.header == second.header
    assert [t.state for t in first.targets + second.targets] == [TargetState.INITIALIZED] * 2
    assert rig.tracker.named('update') == []


def test_the_image_without_stamp_is_the_newest_and_with_one_the_nearest(rig: Any) -> None:
    for k in range(5):
        rig.send(stamp=k / 10)
    assert rig.init(BOX).nanosec == 400_000_000
    assert rig.init(BOX, stamp=0.2).nanosec == 200_000_000
    assert rig.init(BOX, stamp=0.219).nanosec == 200_000_000  # init_stamp_tolerance is 0.02
    assert rig.init(BOX, stamp=0.281).nanosec == 300_000_000
    assert rig.init(BOX, stamp=0.419).nanosec == 400_000_000


@pytest.mark.parametrize(
    ('stamp', 'reason'),
    [
        (0.221, Reason.STAMP_NOT_IN_HISTORY),
        (0.25, Reason.STAMP_NOT_IN_HISTORY),  # never a newer one silently
        (-5.0, Reason.STAMP_NOT_IN_HISTORY),
        (0.421, Reason.STAMP_IN_FUTURE),
        (1e9, Reason.STAMP_IN_FUTURE),
    ],
)
def test_a_stamp_that_no_image_has_is_refused(rig: Any, stamp: float, reason: Reason) -> None:
    for k in range(5):
        rig.send(stamp=k / 10)
    answer = rig.init(BOX, BOX, stamp=stamp)
    assert reasons(answer) == [reason] * 2
    assert (answer.sec, answer.nanosec) == (0, 0)
    assert rig.logic.targets == ()


def test_images_without_stamps_can_only_be_asked_for_as_the_newest(rig: Any) -> None:
    rig.send(zero_stamp=True)
    (result,) = rig.init(BOX, stamp=1.0).results
    assert result.reason is Reason.STAMP_NOT_IN_HISTORY
    assert 'stamp 0' in result.message
    assert rig.init(BOX).success


def test_the_history_is_bounded_in_time_and_memory(make_rig: MakeRig) -> None:
    rig = make_rig(frame_history=1.0).up()
    rig.play(30)
    assert reasons(rig.init(BOX, stamp=1.9)) == [Reason.STAMP_NOT_IN_HISTORY]
    assert rig.init(BOX, stamp=2.1).success
    rig = make_rig(frame_history_mb=1).up()
    rig.play(10, width=400, height=300)  # 0.36 MB each
    assert reasons(rig.init(BOX, stamp=0.8)) == [Reason.STAMP_NOT_IN_HISTORY]
    assert rig.init(BOX, stamp=0.9).success
    rig = make_rig(frame_history=0.0, frame_history_mb=0).up()
    rig.play(3)
    assert rig.init(BOX).success  # the newest one is always there


@pytest.mark.parametrize(
    ('box', 'reason'),
    [
        (Box(0, 0, 64, 48), Reason.OK),
        (Box(0.5, 0.25, 10.125, 9.0625), Reason.OK),
        (Box(-5, -4, 20, 16), Reason.OK_CLIPPED),
        (Box(54, 40, 20, 16), Reason.OK_CLIPPED),
        (Box(math.nan, 0, 20, 16), Reason.BOX_NOT_FINITE),
        (Box(0, 0, math.inf, 16), Reason.BOX_NOT_FINITE),
        (Box(0, 0, 0, 16), Reason.BOX_EMPTY),
        (Box(30, 30, -20, -16), Reason.BOX_EMPTY),
        (Box(64, 0, 20, 16), Reason.BOX_OUTSIDE),
        (Box(-16, 0, 20, 16), Reason.BOX_OUTSIDE),  # a fifth is visible
        (Box(-1e300, -1e300, 1.5e300, 1.5e300), Reason.BOX_OUTSIDE),
        (Box(1e308, 0, 1e308, 5), Reason.BOX_OUTSIDE),
        (Box(0, 0, 3.9, 16), Reason.BOX_TOO_SMALL),
        (Box(-4, 0, 7.5, 16), Reason.BOX_TOO_SMALL),  # after clipping
        (Box(0, 0, 1e-300, 1e-300), Reason.BOX_TOO_SMALL),
    ],
)
def test_boxes_are_clipped_or_refused(rig: Any, box: Box, reason: Reason) -> None:
    rig.send()
    (result,) = rig.init(box).results
    assert result.reason is reason
    assert result.message
    used = result.box_used.box
    if reason is Reason.OK_CLIPPED:
        assert used == Box(max(box.x, 0), max(box.y, 0), used.width, used.height)
        assert used.x + used.width == min(box.x + box.width, 64)
        assert used.y + used.height == min(box.y + box.height, 48)
    elif not math.isnan(box.x):
        assert used == box
    assert result.success == (result.id > 0) == (rig.logic.targets == (1,))


@pytest.mark.parametrize('count', [0, 1, 50])
def test_there_is_one_answer_per_box_in_their_order(make_rig: MakeRig, count: int) -> None:
    rig = make_rig(max_targets=64).up()
    rig.send()
    boxes = [Box(k % 40, 0, 20, 16) if k % 3 else Box(0, 0, -1, 1) for k in range(count)]
    answer = rig.init(*boxes)
    assert [result.box_used.box for result in answer.results] == boxes
    assert [result.success for result in answer.results] == [k % 3 > 0 for k in range(count)]
    assert answer.success is (count == 0)
    rig.work()
    assert len(rig.logic.targets) == count - (count + 2) // 3


def test_more_targets_than_there_is_room_for(make_rig: MakeRig) -> None:
    rig = make_rig(max_targets=3).up()
    rig.send()
    rig.started(BOX)
    answer = rig.init(BOX, Box(0, 0, 0, 0), BOX, BOX)
    assert reasons(answer) == [
        Reason.OK,
        Reason.BOX_EMPTY,
        Reason.OK,
        Reason.TOO_MANY_TARGETS,
    ]
    assert rig.init(BoxRequest(BOX, 2)).success  # a restart needs no room
    assert reasons(rig.init(*[BOX] * 4, replace_all=True)) == [Reason.OK] * 3 + [
        Reason.TOO_MANY_TARGETS
    ]


def test_a_running_target_starts_again_under_its_id(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX)
    rig.play(2)
    other = Box(30, 20, 12, 14)
    assert rig.init(BoxRequest(other, 1, 'again')).results[0].id == 1
    assert rig.logic.targets == (1, 2)
    rig.work()
    (target,) = rig.last.targets
    assert (target.id, target.state) == (1, TargetState.INITIALIZED)
    assert (target.box, target.label) == (other, 'again')
    rig.play(1)
    assert rig.target(1).box == Box(31, 20, 12, 14)
    assert rig.target(1).frames_since_init == 1
    assert rig.target(2).frames_since_init == 3


def test_nothing_of_the_old_track_is_told_after_a_new_start_was_accepted(rig: Any) -> None:
    """The answer falls into an update of the old box."""
    rig.send()
    (own,) = rig.started()
    rig.clock.advance(0.1)
    rig.send()
    with_answer = _during_update(rig, lambda: rig.init(BoxRequest(Box(40, 20, 16, 16), own)))
    assert with_answer.success
    assert rig.last.targets == ()  # of the image that was being worked on
    rig.work()
    assert rig.target(own).box == Box(40, 20, 16, 16)


def test_nothing_of_a_target_is_told_after_it_was_removed(rig: Any) -> None:
    rig.send()
    one, two = rig.started(BOX, BOX)
    rig.clock.advance(0.1)
    rig.send()
    assert _during_update(rig, lambda: rig.logic.remove_targets([one])).removed == (one,)
    assert [target.id for target in rig.last.targets] == [two]


def _during_update(rig: Any, act: Callable[[], Any]) -> Any:
    """Do something while the worker is within the tracker; it must not wait for it."""
    rig.tracker.gate.clear()
    rig.tracker.inside.clear()
    worker = threading.Thread(target=rig.logic.step)
    worker.start()
    assert rig.tracker.inside.wait(20)
    began = time.perf_counter()
    done = act()
    spent = time.perf_counter() - began
    rig.tracker.gate.set()
    worker.join(20)
    assert not worker.is_alive()
    assert spent < 1.0
    return done


def test_everything_is_answered_while_the_network_is_busy(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.clock.advance(0.1)
    rig.send()

    def ask() -> None:
        rig.send()
        rig.init(BOX)
        rig.logic.remove_targets([77])
        rig.logic.pause(True)
        rig.logic.pause(False)
        rig.logic.reset_memory()
        rig.logic.diagnostics()
        rig.logic.watch()
        rig.logic.set_params(rig.logic.params)
        assert rig.logic.targets == (1, 2)
        rig.logic.deactivate()

    _during_update(rig, ask)


def test_ids_that_are_not_there_and_ids_given_twice(rig: Any) -> None:
    rig.send()
    rig.started(BOX)
    answer = rig.init(
        BoxRequest(BOX, 9), BoxRequest(BOX, 1), BoxRequest(Box(20, 20, 20, 20), 1), BOX
    )
    assert reasons(answer) == [Reason.UNKNOWN_ID, Reason.CANCELLED, Reason.OK, Reason.OK]
    assert [result.id for result in answer.results] == [0, 0, 1, 2]
    rig.work()
    assert rig.target(1).box == Box(20, 20, 20, 20)


def test_reports_are_sorted_by_id_whatever_the_order_of_the_request(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX)
    rig.init(BOX, BoxRequest(BOX, 2), BoxRequest(BOX, 1))
    rig.logic.step()
    assert [target.id for target in rig.last.targets] == [1, 2, 3]


def test_a_refused_later_box_cancels_nothing(rig: Any) -> None:
    rig.send()
    rig.started(BOX)
    answer = rig.init(BoxRequest(Box(5, 5, 20, 20), 1), BoxRequest(Box(0, 0, 0, 0), 1))
    assert reasons(answer) == [Reason.OK, Reason.BOX_EMPTY]


def test_a_refused_request_leaves_the_running_targets(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX)
    answer = rig.init(Box(0, 0, 0, 0), BoxRequest(Box(90, 90, 9, 9), 1), replace_all=True)
    assert not answer.success
    calls = len(rig.tracker.calls)
    rig.play(1)
    assert rig.logic.targets == (1, 2)
    assert [call[0] for call in rig.tracker.calls[calls:]] == ['update']


def test_replace_all_forgets_the_others_if_a_box_was_accepted(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX, BOX)
    answer = rig.init(BoxRequest(BOX, 2), BOX, Box(0, 0, 0, 0), replace_all=True)
    assert [result.id for result in answer.results] == [2, 4, 0]
    assert rig.logic.targets == (2, 4)
    rig.play(1)
    assert [target.id for target in rig.last.targets] == [2, 4]
    assert set(rig.tracker.boxes) == {2, 4}


def test_a_target_removed_before_its_start_is_never_started(rig: Any) -> None:
    rig.send()
    rig.work()
    rig.init(BOX, BOX)
    rig.logic.remove_targets([1])
    rig.work()
    assert rig.tracker.named('add') == [('add', 2, BOX, 0.0)]
    assert [target.id for target in rig.last.targets] == [2]
    rig.init(BoxRequest(Box(1, 1, 9, 9), 2))
    rig.init(BoxRequest(Box(2, 2, 9, 9), 2))
    rig.work()
    assert [call[2].x for call in rig.tracker.named('add')[1:]] == [2]


def test_a_start_needs_an_active_node_that_has_an_image(make_rig: MakeRig) -> None:
    rig = make_rig()
    assert reasons(rig.init(BOX, BOX)) == [Reason.NOT_ACTIVE] * 2
    rig.logic.configure()
    assert rig.logic.wait_ready(20)
    assert reasons(rig.init(BOX)) == [Reason.NOT_ACTIVE]
    rig.logic.activate()
    assert reasons(rig.init(BOX)) == [Reason.NO_IMAGE]
    rig.send()
    rig.logic.pause(True)
    (result,) = rig.init(BOX).results
    assert (result.reason, result.message) == (Reason.NOT_ACTIVE, 'the node is paused')
    rig.logic.pause(False)
    assert rig.init(BOX).success


def test_an_image_that_cannot_be_decoded(rig: Any, rigs: ModuleType) -> None:
    rig.send(**rigs.cut_jpeg())
    (result,) = rig.init(BOX).results
    assert result.reason is Reason.IMAGE_UNUSABLE
    assert reasons(rig.init(BOX)) == [Reason.NO_IMAGE]  # it is not tried again


def test_what_nobody_thought_of_is_an_internal_error_and_no_end(rig: Any) -> None:
    class Gone(np.ndarray):  # a binding that takes its buffer back
        armed = False

        def __getitem__(self, key: Any) -> Any:
            if self.armed:
                raise MemoryError('no memory left')
            return np.asarray(self)[key]

    image = rig.send(data=np.zeros(64 * 48 * 3, np.uint8).view(Gone))
    rig.work()
    image.data.armed = True
    assert reasons(rig.init(BOX)) == [Reason.INTERNAL_ERROR]
    rig.play(1)
    assert rig.init(BOX).success


def test_starts_work_on_the_kept_images_of_a_camera_that_has_stopped(rig: Any) -> None:
    rig.play(5)
    rig.clock.advance(60)
    rig.logic.watch()
    assert rig.init(BOX, stamp=0.3).success
    rig.work()
    assert rig.tracker.named('add')[0][3] == pytest.approx(0.2)
    assert [call[2] for call in rig.tracker.named('update')] == pytest.approx([0.3, 0.4])
    rig.play(1)
    assert rig.target(1).state is TargetState.TRACKING


def test_removing(rig: Any) -> None:
    rig.send()
    rig.started(BOX, BOX, BOX, BOX)
    answer = rig.logic.remove_targets([3, 9, 1, 3])
    assert (answer.removed, answer.unknown, answer.success) == ((3, 1), (9,), False)
    assert answer.message == 'removed 3, 1; there was no target 9'
    assert rig.logic.targets == (2, 4)
    rig.play(1)
    assert set(rig.tracker.boxes) == {2, 4}
    answer = rig.logic.remove_targets([])
    assert (answer.removed, answer.unknown, answer.success) == ((2, 4), (), True)
    answer = rig.logic.remove_targets([])
    assert (answer.removed, answer.success, answer.message) == ((), True, 'removed none')
    rig.logic.shutdown()
    assert rig.logic.remove_targets([1]).unknown == (1,)


def test_a_paused_node_ignores_images_and_keeps_the_targets(rig: Any) -> None:
    rig.send()
    (own,) = rig.started()
    rig.clock.advance(0.1)
    rig.send()
    assert rig.logic.pause(True) == (True, 'paused with 1 targets')
    reports = len(rig.out.reports)
    rig.play(5)
    assert len(rig.out.reports) == reports
    assert rig.status('input').message == 'paused'
    assert rig.logic.pause(False)[0]
    rig.play(1)
    assert rig.target(own).frames_since_init == 1
    assert rig.last.frames_dropped == 0
    rig.logic.deactivate()
    assert not rig.logic.pause(True)[0]
    rig.logic.activate()
    rig.play(1)
    assert len(rig.last.targets) == 1


def test_reset_memory_reaches_the_tracker_between_two_images(make_rig: MakeRig) -> None:
    rig = make_rig()
    assert not rig.logic.reset_memory()[0]
    rig.up()
    rig.send()
    rig.started()
    done, text = rig.logic.reset_memory()
    assert done
    assert 'keeps no memory' in text
    rig.play(1)
    assert [call[0] for call in rig.tracker.calls] == ['add', 'reset_memory', 'update']


def test_requests_come_before_images(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.clock.advance(0.1)
    rig.send()
    rig.init(BOX)
    rig.logic.reset_memory()
    names = []
    while rig.logic.step():
        names.append(rig.tracker.calls[-1][0])
    assert names == ['add', 'reset_memory', 'update']


def test_limits_on_boxes_are_live(rig: Any) -> None:
    rig.send()
    small = Box(0, 0, 10, 10)
    assert rig.init(small).success
    rig.logic.set_params(rig.logic.params.changed({'min_box_size': 11, 'min_visible': 1}))
    assert reasons(rig.init(small)) == [Reason.BOX_TOO_SMALL]
    assert reasons(rig.init(Box(-1, 0, 20, 20))) == [Reason.BOX_OUTSIDE]


def test_a_request_may_hold_nothing(rig: Any) -> None:
    rig.send()
    rig.started()
    answer = rig.logic.init_targets(InitRequest((), replace_all=True))
    assert answer.success
    assert rig.logic.targets == (1,)
