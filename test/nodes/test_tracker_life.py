"""The life of a tracker node: states, parameters, failures, camera; and that nothing grows."""

from collections.abc import Callable
import gc
import logging
import threading
import time
from typing import Any

from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.errors import ConfigError, EngineError, TrackerError, WeightsError
from hit_rfgm_ros.messages.reports import image_message
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import Level, NodeState
import pytest

FIRST = golden_frame(0).box
NOT_ACTIVE = 10
BACKEND_NOT_READY = 11
SHARED = {'/diagnostics', '/rosout', '/parameter_events', '/clock'}


class SlowBuilder(TrackerBuilder):
    """The real one, which waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        progress('building for a long time')
        assert self.go_on.wait(20)
        return super().build(params, progress)


class FailingBuilder(TrackerBuilder):
    """The real one up to the point where the device fails."""

    fails = True

    def build(self, params: TrackerParams, progress: Callable[[str], None]) -> LoadedTracker:
        if self.fails:
            raise EngineError('the device is out of memory: close other programs')
        return super().build(params, progress)


def test_services_and_diagnostics_are_there_in_every_state(make_bench: Callable[..., Any]) -> None:
    bench = make_bench()
    assert bench.node.logic.state is NodeState.UNCONFIGURED
    bench.wait(lambda: bench.status('backend'), 'diagnostics')
    result = bench.init(FIRST).results[0]
    assert (result.success, result.reason) == (False, NOT_ACTIVE)
    assert 'unconfigured' in result.message
    bench.node.configure()
    result = bench.init(FIRST).results[0]
    assert (result.success, result.reason) == (False, NOT_ACTIVE)
    assert not bench.call('~/remove_target', {'ids': [4]}, 'hit_rfgm_ros/srv/RemoveTarget').success
    assert bench.call('~/reset_memory', {}, 'std_srvs/srv/Trigger').message
    assert bench.call('~/pause', {'data': True}, 'std_srvs/srv/SetBool').message


def test_a_request_during_loading_is_answered_at_once(make_bench: Callable[..., Any]) -> None:
    builder = SlowBuilder()
    bench = make_bench(builder=builder)
    bench.node.configure()
    bench.node.activate()
    bench.wait(bench.images.subscribers, 'the node to subscribe')
    bench.images.publish(image_message(bench.header(0), golden_frame(0).image, 'rgb8'))
    began = time.monotonic()
    result = bench.init(FIRST).results[0]
    assert time.monotonic() - began < 1
    assert (result.success, result.reason) == (False, BACKEND_NOT_READY)
    assert 'building for a long time' in result.message
    builder.go_on.set()
    assert bench.node.logic.wait_ready(20)
    assert bench.report_of(bench.header(0)) or bench.show(1)


def test_cleanup_during_loading_throws_the_result_away(make_bench: Callable[..., Any]) -> None:
    builder = SlowBuilder()
    bench = make_bench(builder=builder)
    info = bench.listen('~/model_info', 'std_msgs/msg/String', QoS(1, transient_local=True))
    bench.node.configure()
    began = time.monotonic()
    bench.node.cleanup()
    assert time.monotonic() - began < 1
    builder.go_on.set()
    time.sleep(0.5)
    assert bench.node.logic.state is NodeState.UNCONFIGURED
    assert info == []


def test_the_model_is_told_to_late_joiners(bench: Any) -> None:
    info = bench.listen('~/model_info', 'std_msgs/msg/String', QoS(1, transient_local=True))
    bench.wait(lambda: info, 'model info')
    assert '"model": "hit_tiny"' in info[0].data
    assert '"backend": "onnxruntime"' in info[0].data


def test_transitions_out_of_order_are_refused(make_bench: Callable[..., Any]) -> None:
    bench = make_bench()
    with pytest.raises(TrackerError, match='configure it first'):
        bench.node.activate()
    bench.node.configure()
    with pytest.raises(TrackerError, match='configure'):
        bench.node.configure()
    bench.node.activate()
    bench.node.activate()
    bench.node.deactivate()
    bench.node.deactivate()
    bench.node.cleanup()
    bench.node.cleanup()
    bench.node.shutdown()
    bench.node.shutdown()
    assert bench.node.logic.state is NodeState.FINALIZED


def test_targets_survive_deactivation_and_ids_are_never_used_again(bench: Any) -> None:
    bench.show(0)
    bench.init(FIRST)
    bench.show(1)
    bench.node.deactivate()
    bench.node.activate()
    bench.wait(bench.images.subscribers, 'the node to subscribe')
    assert [target.id for target in bench.show(2).targets] == [1]
    bench.node.cleanup()
    bench.start()
    assert bench.show(3).targets == []
    assert bench.init(golden_frame(3).box).results[0].id == 2


@pytest.mark.parametrize(
    ('values', 'error', 'message'),
    [
        ({'model': 'rfgm_s256'}, WeightsError, 'train them with: hit-rfgm train'),
        ({'model': 'hit_base'}, WeightsError, 'hit-rfgm weights import HiT_Base'),
        ({'weights': '/nowhere/w.safetensors'}, WeightsError, 'does not exist'),
        ({'memory_kind': 'fifo'}, ConfigError, 'hit_tiny has no memory'),
        ({'backend': 'tensorrt'}, EngineError, 'not part of this version yet'),
        ({'max_targets': 0}, ConfigError, 'max_targets must be in 1 to 64'),
        ({'model': 'hit_tny'}, ConfigError, "did you mean 'hit_tiny'"),
    ],
)
def test_a_bad_start_leaves_the_node_unconfigured_with_the_reason(
    make_bench: Callable[..., Any], values: dict[str, Any], error: type[Exception], message: str
) -> None:
    bench = make_bench(**values)
    with pytest.raises(error, match=message) as raised:
        bench.node.configure()
    assert bench.node.logic.state is NodeState.UNCONFIGURED
    status = bench.wait(
        lambda: (found := bench.status('backend')) and found.level == Level.ERROR and found,
        'the reason in the diagnostics',
    )
    assert str(raised.value)[:40] in status.message


def test_the_node_starts_when_a_bad_value_was_set_right(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(max_targets=0)
    bench.node.start()
    assert bench.node.logic.state is NodeState.UNCONFIGURED
    assert bench.set('max_targets', 'integer', 3).successful
    bench.wait(lambda: bench.node.logic.state is NodeState.ACTIVE, 'the node to start')


def test_a_failure_can_be_cured_by_a_parameter_too(make_bench: Callable[..., Any]) -> None:
    builder = FailingBuilder()
    bench = make_bench(builder=builder)
    bench.node.start()
    bench.wait(lambda: bench.node.logic.state is NodeState.UNCONFIGURED, 'the way back')
    builder.fails = False
    assert bench.set('num_threads', 'integer', 2).successful
    bench.wait(lambda: bench.node.logic.state is NodeState.ACTIVE, 'the node to start')


def test_a_node_that_was_cleaned_up_stays_so_when_a_parameter_is_set(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench()
    bench.node.start()
    bench.node.cleanup()
    assert bench.set('max_targets', 'integer', 3).successful
    time.sleep(0.3)
    assert bench.node.logic.state is NodeState.UNCONFIGURED


def test_without_autostart_nothing_starts(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(autostart=False)
    bench.node.start()
    time.sleep(0.3)
    assert bench.node.logic.state is NodeState.UNCONFIGURED


def test_a_failure_of_loading_goes_back_and_stays_in_the_diagnostics(
    make_bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    builder = FailingBuilder()
    bench = make_bench(builder=builder)
    bench.node.start()
    bench.wait(lambda: bench.node.logic.state is NodeState.UNCONFIGURED, 'the way back')
    assert 'the device is out of memory' in caplog.text
    bench.wait(
        lambda: (
            (found := bench.status('backend'))
            and found.level == Level.ERROR
            and 'out of memory' in found.message
        ),
        'the reason in the diagnostics',
    )
    bench.wait(lambda: not bench.host.publishers_on(f'{bench.name}/targets'), 'topics to go')
    builder.fails = False
    bench.start()
    assert bench.show(0).targets == []


def test_a_binding_is_told_of_a_failure_instead(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(builder=FailingBuilder())
    reasons: list[str] = []
    bench.node.on_failed = reasons.append
    bench.node.configure()
    bench.wait(lambda: reasons, 'the call')
    assert reasons == ['the device is out of memory: close other programs']
    assert bench.node.logic.state is NodeState.INACTIVE


def test_start_parameters_are_refused_and_live_ones_act_on_the_next_frame(bench: Any) -> None:
    answer = bench.set('max_targets', 'integer', 3)
    assert not answer.successful
    assert 'max_targets can only be changed before configure' in answer.reason
    answer = bench.set('lost_after', 'double', 99.0)
    assert not answer.successful
    assert 'lost_after must be in 0 to 60' in answer.reason
    bench.show(0)
    assert not bench.init((100, 100, 9, 9)).results[0].reason
    assert bench.set('min_box_size', 'double', 10.0).successful
    result = bench.init((100, 100, 9, 9)).results[0]
    assert result.reason == 23
    assert '10' in result.message
    # Everything counts as uncertain from the very next image on.
    assert bench.set('uncertain_below', 'double', 1.0).successful
    (target,) = bench.show(1).targets
    assert target.state == 3
    assert 'below 1.00' in target.reason


def test_the_period_of_the_diagnostics_is_live(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(diagnostics_period=60.0)
    time.sleep(0.3)
    assert bench.set('diagnostics_period', 'double', 0.1).successful
    before = len(bench.diagnostics)
    time.sleep(1.0)
    assert 6 <= len(bench.diagnostics) - before <= 13


def test_a_camera_that_stops_is_reported_at_once_and_so_is_its_return(
    make_bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench = make_bench(diagnostics_period=60.0, image_timeout=0.4)
    bench.start()
    bench.show(0)
    bench.wait(lambda: level(bench) == Level.ERROR, 'the diagnosis', timeout=1.0)
    assert 'no image for' in bench.status('input').message
    assert '/other (sensor_msgs/msg/Image, reliable): matches' in caplog.text
    bench.show(1)
    bench.wait(lambda: level(bench) == Level.OK, 'the diagnosis', timeout=1.0)
    assert 'images arrive on /image_raw again' in caplog.text


def level(bench: Any) -> int | None:
    status = bench.status('input')
    return None if status is None else status.level


def test_publishers_that_do_not_match_are_named(
    make_bench: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(image_reliability='reliable', image_timeout=0.3)
    bench.other.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(1, reliable=False))
    bench.other.publisher('image_raw', 'sensor_msgs/msg/CompressedImage', QoS(1))
    bench.node.configure()
    bench.node.activate()
    bench.wait(lambda: 'set image_reliability to best_effort' in caplog.text, 'the log')
    assert 'wrong type, this node takes sensor_msgs/msg/Image' in caplog.text
    status = bench.wait(
        lambda: (found := bench.status('input')) and found.level == Level.ERROR and found,
        'diagnostics',
    )
    assert 'image_reliability' in str(status)


def test_two_nodes_in_two_namespaces_share_only_what_is_everybodys(
    make_bench: Callable[..., Any],
) -> None:
    benches = [
        make_bench(namespace=name, publish_markers=True, init_from_detections=True)
        for name in ('/front', '/rear')
    ]
    for bench in benches:
        bench.start()
    graph = benches[0].other._graph

    def topics(name: str) -> set[str]:
        seen = graph.snapshot()
        return {end.topic for end in (*seen.publishers, *seen.subscribers) if end.node == name} - {
            'ros_discovery_info',
            '/ros_discovery_info',
        }

    front = benches[0].wait(lambda: len(own := topics('/front/tracker')) > 10 and own, 'discovery')
    rear = benches[0].wait(lambda: len(own := topics('/rear/tracker')) > 10 and own, 'discovery')
    assert front & rear <= SHARED
    assert {name for name in front | rear if not name.startswith(('/front/', '/rear/'))} <= SHARED
    for bench in benches:
        bench.show(0)
    benches[0].init(FIRST)
    assert len(benches[0].show(1).targets) == 1
    assert benches[1].show(1).targets == []
    engines = [bench.node.logic._life.follower._tracker.engine for bench in benches]
    assert engines[0] is engines[1]


def test_twenty_rounds_of_life_leave_nothing_behind(
    make_bench: Callable[..., Any], usage: Callable[[], dict[str, float]]
) -> None:
    # An engine of its own, which is built and freed each time; ONNX Runtime's allocator makes
    # jumps of a dozen MiB up and down, in which nothing could be seen.
    pytest.importorskip('openvino')
    bench = make_bench(backend='openvino')
    annotated = bench.listen('~/image_annotated', 'sensor_msgs/msg/Image')
    number = 0

    def round_of_life() -> None:
        nonlocal number
        bench.node.configure()
        bench.node.activate()
        assert bench.node.logic.wait_ready(20)
        bench.wait(bench.images.subscribers, 'the node to subscribe')
        number += 1
        bench.show(number)
        bench.init(FIRST)
        number += 1
        bench.show(number)
        bench.node.deactivate()
        bench.node.cleanup()
        annotated.clear()

    for _ in range(4):
        round_of_life()
    gc.collect()
    before = usage()
    for _ in range(20):
        round_of_life()
    before['MiB'] += 10

    def grown() -> dict[str, float]:
        gc.collect()
        return {name: count for name, count in usage().items() if count > before[name]}

    bench.wait(lambda: not grown(), f'{grown()} to come down to {before}')


def test_it_ends_within_a_second_in_every_state(make_bench: Callable[..., Any]) -> None:
    for steps in ((), ('configure',), ('configure', 'activate')):
        bench = make_bench()
        for step in steps:
            getattr(bench.node, step)()
        began = time.monotonic()
        bench.node.shutdown()
        assert time.monotonic() - began < 1.0, steps
