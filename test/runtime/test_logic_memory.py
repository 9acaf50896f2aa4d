"""Memories are updated after the boxes are out; a failure there harms no target."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.errors import ConfigError, EngineError
from hit_rfgm_ros.runtime.reports import Level, TargetState
from hit_rfgm_ros.types import Box
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)
OTHER = Box(30, 8, 16, 16)


@pytest.fixture
def rig(make_rig: MakeRig) -> Any:
    """A node logic with a network that has a memory, updated with every third image."""
    rig = make_rig(model='rfgm_t256', update_interval=3).up()
    rig.send()
    return rig


def told(rig: Any) -> list[tuple[int, tuple[int, int]]]:
    """Size and last update of the memory of target 1 in each report."""
    found = []
    for report in rig.out.reports:
        found += [(t.memory_tokens, t.last_memory_update) for t in report.targets if t.id == 1]
    return found


def test_a_report_tells_the_size_and_the_image_of_the_last_update(rig: Any, rigs: Any) -> None:
    rig.started()
    assert set(told(rig)) == {(64, (0, 0))}  # the first template
    rig.play(7, period=0.1234567)
    third, sixth = (rigs.stamp_of(k * 0.1234567) for k in (3, 6))
    assert told(rig)[-7:] == [(64, (0, 0))] * 3 + [(128, third)] * 3 + [(192, sixth)]


def test_a_network_without_a_memory_tells_none(make_rig: MakeRig) -> None:
    rig = make_rig(model='hit_tiny').up()
    rig.send()
    rig.started()
    rig.play(12)
    assert set(told(rig)) == {(0, (0, 0))}
    assert not [name for name in rig.status('tracker').values if 'memory' in name]


def test_the_boxes_of_an_image_do_not_wait_for_the_memory(rig: Any) -> None:
    rig.started()
    reports: list[int] = []
    whole = rig.tracker.update_memory
    rig.tracker.update_memory = lambda: (reports.append(len(rig.out.reports)), whole())[1]
    rig.tracker.memory_cost = 5.0
    rig.tracker.cost = 0.01
    before = len(rig.out.reports)
    rig.play(4)
    assert reports == [before + k for k in (1, 2, 3, 4)]
    assert [report.age for report in rig.out.reports[before:]] == pytest.approx([0.01] * 4)
    assert rig.target(1).processing_time == pytest.approx(0.01)


def test_the_next_image_waits_for_the_memory(rig: Any) -> None:
    rig.started()
    rig.play(8)
    order = [call[0] for call in rig.tracker.calls]
    three = ['update', 'update', 'update', 'update_memory']
    assert order == ['add', *three, *three, 'update', 'update']


def test_results_do_not_depend_on_who_updates_the_memory(make_rig: MakeRig) -> None:
    def run(change: Callable[[Any], None]) -> Any:
        rig = make_rig(model='rfgm_t256').up()
        rig.send()
        rig.started(BOX, OTHER)
        change(rig.tracker)
        for k in range(1, 31):
            rig.clock.advance(0.01)
            rig.send(stamp=k * 0.1)
            rig.work()
        return [
            [(t.box, t.memory_tokens, t.last_memory_update) for t in report.targets]
            for report in rig.out.reports
        ]

    def never(tracker: Any) -> None:
        tracker.update_memory = lambda: 0

    def late(tracker: Any) -> None:
        tracker.memory_cost = 0.05

    assert run(lambda tracker: None) == run(never) == run(late)


def test_a_target_that_catches_up_updates_its_memory_on_the_way(make_rig: MakeRig) -> None:
    rig = make_rig(model='rfgm_t256', update_interval=3, frame_history=5.0).up()
    rig.play(9)
    assert rig.init(BOX, stamp=0.1).success
    rig.work()
    rig.play(1)
    target = rig.target(1)
    assert target.state is TargetState.TRACKING
    assert target.frames_since_init == 9
    assert target.memory_tokens == 192
    assert len(rig.tracker.named('update_memory')) == 3


def test_memory_updates_show_apart_from_the_images(rig: Any) -> None:
    rig.started(BOX, OTHER)
    rig.tracker.cost, rig.tracker.memory_cost = 0.01, 0.04
    rig.play(9)
    status = rig.status('tracker')
    assert status.level is Level.OK
    assert status.values['track p99'] == '10.0 ms'
    assert status.values['memory updates'] == '6'  # three images, two targets
    assert status.values['memory updates failed'] == '0'
    assert status.values['memory update p50'] == '40.0 ms'
    assert status.values['memory update p99'] == '40.0 ms'
    assert status.values['memory tokens'] == '192 of target 1, 192 of target 2'


@pytest.mark.parametrize('error', [EngineError('out of memory'), MemoryError('no more')])
def test_a_failure_is_told_and_counted_and_harms_no_target(
    rig: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    rig.started(BOX, OTHER)
    rig.play(4)
    rig.tracker.error, rig.tracker.failing_memories = error, {1, 2}
    rig.play(60)
    assert rig.out.failures == []
    for own in (1, 2):
        target = rig.target(own)
        assert (target.state, target.reason) == (TargetState.TRACKING, '')
        assert target.memory_tokens == 128
    status = rig.status('tracker')
    assert status.level is Level.WARN
    assert str(error) in status.message
    assert status.values['memory updates'] == '2'
    assert status.values['memory updates failed'] == '20'
    assert sum('a memory could not be updated' in r.message for r in caplog.records) == 1
    rig.tracker.failing_memories = set()
    rig.play(3)
    assert rig.status('tracker').level is Level.OK
    rig.play(1)
    assert rig.target(1).memory_tokens == 192


def test_one_target_whose_memory_fails_leaves_the_other_its_own(rig: Any) -> None:
    rig.started(BOX, OTHER)
    rig.tracker.failing_memories = {1}
    rig.play(4)
    assert [rig.target(own).memory_tokens for own in (1, 2)] == [64, 128]
    assert rig.target(1).last_memory_update == (0, 0)


def test_the_memory_of_a_target_that_is_started_again_begins_anew(rig: Any, rigs: Any) -> None:
    (own,) = rig.started()
    rig.play(4)
    assert rig.target(own).memory_tokens == 128
    rig.started(rigs.BoxRequest(BOX, own))
    assert (rig.target(own).memory_tokens, rig.target(own).last_memory_update) == (64, (0, 0))


def test_options_of_the_memory_reach_the_tracker_between_two_images(rig: Any) -> None:
    rig.started()
    rig.play(1)
    params = rig.logic.params
    changes = {'memory_size': 128, 'update_interval': 7, 'memory_min_confidence': 0.5}
    changes['windowing'] = 'none'
    rig.logic.set_params(params.changed(changes))
    rig.play(1)
    assert rig.tracker.calls[-2:] == [
        ('change_options', changes),
        ('update', (1,), pytest.approx(0.2)),
    ]
    assert rig.target(1).frames_since_init == 2


def test_a_memory_larger_than_the_engine_allows_is_refused_with_the_reason(rig: Any) -> None:
    with pytest.raises(ConfigError, match=r'memory_size \(500\) must not exceed memory_size_max'):
        rig.logic.params.changed({'memory_size': 500})
    for name, value in (
        ('memory_kind', 'fifo'),
        ('memory_size_max', 512),
        ('relevance_stages', 1),
    ):
        with pytest.raises(ConfigError, match=f'{name} can only be changed while'):
            rig.logic.set_params(rig.logic.params.changed({name: value}))


def test_a_reset_says_what_happens_to_the_memories(rig: Any) -> None:
    rig.started(BOX, OTHER)
    done, text = rig.logic.reset_memory()
    assert done
    assert text.startswith('the memories of 2 targets go back to their first template')
    rig.work()
    assert rig.tracker.calls[-1] == ('reset_memory',)
