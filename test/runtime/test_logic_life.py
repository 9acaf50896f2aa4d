"""The node's life: configure, load, activate, and what every state refuses."""

from collections.abc import Callable
import threading
import time
from typing import Any

from hit_rfgm_ros.errors import ConfigError, EngineError, TrackerError, WeightsError
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import Level, NodeState, Reason
from hit_rfgm_ros.types import Box
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def test_a_node_goes_through_its_life(make_rig: MakeRig) -> None:
    rig = make_rig()
    logic = rig.logic
    assert logic.state is NodeState.UNCONFIGURED
    logic.configure()
    assert logic.state is NodeState.INACTIVE
    assert logic.wait_ready(20)
    logic.activate()
    assert logic.state is NodeState.ACTIVE
    logic.deactivate()
    assert logic.state is NodeState.INACTIVE
    logic.cleanup()
    assert logic.state is NodeState.UNCONFIGURED
    logic.shutdown()
    assert logic.state is NodeState.FINALIZED


def test_what_a_state_does_not_allow_is_refused_and_repetition_is_harmless(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    with pytest.raises(TrackerError, match='configure it first'):
        rig.logic.activate()
    rig.logic.deactivate()
    rig.logic.cleanup()
    rig.up()
    rig.logic.activate()
    with pytest.raises(TrackerError, match='configure: the node is active'):
        rig.logic.configure()
    rig.logic.cleanup()  # of an active node
    assert rig.logic.state is NodeState.UNCONFIGURED
    rig.logic.shutdown()
    rig.logic.shutdown()
    with pytest.raises(TrackerError, match='finalized'):
        rig.logic.configure()
    with pytest.raises(TrackerError, match='finalized'):
        rig.logic.activate()


def test_a_refused_configuration_leaves_the_node_unconfigured_and_tells_why(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    rig.builder.refusal = WeightsError('no weights: run hit-rfgm weights import')
    with pytest.raises(WeightsError):
        rig.logic.configure()
    assert rig.logic.state is NodeState.UNCONFIGURED
    status = rig.status('backend')
    assert status.level is Level.ERROR
    assert 'weights import' in status.message
    assert rig.out.failures == []
    rig.builder.refusal = None
    rig.up()
    assert rig.status('backend').level is Level.OK


def test_the_node_may_say_why_it_was_not_even_tried(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.logic.refused('memory_size must be in 64 to 1024; got 3')
    assert rig.status('backend').level is Level.ERROR
    assert 'got 3' in rig.status('backend').message


def test_loading_goes_on_in_the_background_and_says_where_it_is(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.builder.gate.clear()
    rig.logic.configure()
    rig.logic.activate()
    assert rig.builder.inside.wait(20)
    assert not rig.logic.wait_ready(0.01)
    rig.send()
    rig.clock.advance(12)
    answer = rig.init(BOX)
    (result,) = answer.results
    assert result.reason is Reason.BACKEND_NOT_READY
    assert 'building the engine, for 12 s' in result.message
    status = rig.status('backend')
    assert status.level is Level.WARN
    assert 'building the engine, for 12 s' in status.message
    assert not rig.logic.step()
    rig.builder.gate.set()
    assert rig.logic.wait_ready(20)
    rig.started(BOX)


def test_loading_that_takes_long_is_heard_of_every_ten_seconds(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level('INFO')
    rig = make_rig()
    rig.builder.gate.clear()
    rig.logic.configure()
    assert rig.builder.inside.wait(20)
    rig.watch(31)
    beats = [r.message for r in caplog.records if 'still being loaded' in r.message]
    assert len(beats) == 3
    rig.builder.gate.set()
    assert rig.logic.wait_ready(20)


def test_images_that_came_while_loading_are_kept_for_starts_and_not_counted_as_dropped(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    rig.builder.gate.clear()
    rig.logic.configure()
    rig.logic.activate()
    for _ in range(5):
        rig.clock.advance(0.1)
        rig.send()
    rig.builder.gate.set()
    assert rig.logic.wait_ready(20)
    (own,) = rig.started(BOX, stamp=0.2)
    assert rig.tracker.named('add') == [('add', own, BOX, pytest.approx(0.1))]
    assert [len(call[1]) for call in rig.tracker.named('update')] == [1, 1, 1]  # 0.3, 0.4, 0.5
    assert rig.last.frames_dropped == 0


@pytest.mark.parametrize('error', [EngineError('no back end works'), OSError('disk full')])
def test_a_failure_of_loading_is_told_and_kept_until_the_next_try(
    make_rig: MakeRig, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig()
    rig.builder.error = error
    rig.logic.configure()
    rig.logic.activate()
    assert not rig.logic.wait_ready(20)
    deadline = time.monotonic() + 20
    while not rig.out.failures and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(rig.out.failures) == 1
    assert str(error) in rig.out.failures[0]
    rig.send()
    assert str(error) in rig.init(BOX).results[0].message
    rig.logic.deactivate()
    rig.logic.cleanup()
    assert rig.status('backend').level is Level.ERROR
    assert str(error) in rig.status('backend').message
    rig.builder.error = None
    rig.up()
    assert rig.status('backend').level is Level.OK


def test_what_was_being_loaded_at_a_cleanup_is_thrown_away(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.builder.gate.clear()
    rig.logic.configure()
    assert rig.builder.inside.wait(20)
    rig.logic.cleanup()
    assert rig.logic.state is NodeState.UNCONFIGURED
    rig.builder.gate.set()
    rig.builder.gate = gate = threading.Event()  # the second one waits at another gate
    rig.logic.configure()
    rig.logic.activate()
    deadline = time.monotonic() + 20
    while not rig.builder.trackers and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not rig.logic.wait_ready(0.05)  # the first one has ended, nobody took it
    assert rig.out.infos == []
    gate.set()
    assert rig.logic.wait_ready(20)
    rig.send()
    rig.started(BOX)
    assert rig.builder.trackers[0].calls == []


def test_ids_are_not_used_again_after_a_cleanup(rig: Any) -> None:
    rig.send()
    assert rig.started(BOX, BOX) == (1, 2)
    rig.logic.cleanup()
    assert rig.logic.targets == ()
    rig.up()
    rig.send()
    assert rig.started(BOX) == (3,)


def test_targets_stay_while_the_node_is_not_active(rig: Any) -> None:
    rig.send()
    (own,) = rig.started()
    rig.logic.deactivate()
    before = len(rig.out.reports)
    rig.play(3)
    assert len(rig.out.reports) == before
    assert rig.init(BOX).results[0].reason is Reason.NOT_ACTIVE
    rig.logic.activate()
    assert rig.init(BOX).results[0].reason is Reason.NO_IMAGE  # the old ones are gone
    rig.play(1)
    assert [target.id for target in rig.last.targets] == [own]


def test_twenty_rounds_of_life_leave_no_thread_behind(make_rig: MakeRig) -> None:
    rig = make_rig()
    before = threading.active_count()
    for _ in range(20):
        rig.up()
        rig.play(2)
        rig.started()
        rig.logic.deactivate()
        rig.logic.cleanup()
    deadline = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threading.active_count() <= before  # others may end meanwhile
    assert rig.logic.targets == ()


def test_parameters_that_need_a_new_network_change_only_before_it_is_made(rig: Any) -> None:
    with pytest.raises(ConfigError, match='max_targets can only be changed while'):
        rig.logic.set_params(TrackerParams(max_targets=2, image_timeout=5.0))
    assert rig.logic.params.image_timeout == 1.0  # all or nothing
    rig.logic.set_params(TrackerParams(image_timeout=5.0))
    assert rig.logic.params.image_timeout == 5.0
    rig.logic.cleanup()
    rig.logic.set_params(TrackerParams(max_targets=2))
    rig.up()
    rig.send()
    assert rig.init(BOX, BOX, BOX).results[2].reason is Reason.TOO_MANY_TARGETS


def test_live_parameters_reach_the_tracker_before_the_next_image(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.logic.set_params(TrackerParams(lost_after=3.0, widen_search=False, jpeg_quality=50))
    rig.play(1)
    calls = [call for call in rig.tracker.calls if call[0] in ('change_options', 'update')]
    assert calls[-2] == ('change_options', {'lost_after': 3.0, 'widen_search': False})
    assert calls[-1][0] == 'update'


def test_options_that_change_while_loading_are_not_lost(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.builder.gate.clear()
    rig.logic.configure()
    rig.logic.set_params(TrackerParams(lost_after=3.0))
    rig.builder.gate.set()
    assert rig.logic.wait_ready(20)
    rig.work()
    assert rig.tracker.calls == [('change_options', {'lost_after': 3.0})]


def test_parameters_without_effect_are_named_once(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for size in (128, 192, 256):
        rig.logic.set_params(TrackerParams(memory_size=size))
    told = [r.message for r in caplog.records if 'no effect' in r.message]
    assert told == ['memory_size has no effect: hit_tiny is no RFGM']
