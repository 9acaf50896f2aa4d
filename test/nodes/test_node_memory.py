"""An RFGM on the wire: what is told of its memory, and what may change while it runs."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import Level
import pytest

# Random weights are never sure of anything.
VALUES = {
    'model': 'rfgm_t256', 'weights': 'random', 'uncertain_below': 0.0, 'lost_below': 0.0,
    'memory_min_confidence': 0.0, 'memory_size': 128, 'update_interval': 3, 'max_targets': 1,
}  # fmt: skip


@pytest.fixture(scope='module')
def held(bench_module: Any) -> Any:
    """A tracker that keeps the engine for all nodes of these tests."""
    params = TrackerParams.from_values({**bench_module.FAST, **VALUES})
    return TrackerBuilder().build(params, lambda text: None)


@pytest.fixture
def bench(make_bench: Callable[..., Any], held: Any) -> Any:
    made = make_bench(**VALUES)
    made.start()
    made.show(0)
    assert made.init(golden_frame(0).box).success
    return made


def memory(bench: Any, number: int) -> tuple[int, tuple[int, int]]:
    """Size and last update of the target's memory in the report of an image."""
    (target,) = bench.show(number).targets
    update = target.last_memory_update
    return target.memory_tokens, (update.sec, update.nanosec)


def test_the_memory_is_told_of_and_changes_while_the_target_is_followed(bench: Any) -> None:
    third, sixth = (bench.header(number)[:2] for number in (3, 6))
    assert [memory(bench, number) for number in (1, 2, 3)] == [(64, (0, 0))] * 3
    assert memory(bench, 4) == (128, third)
    assert bench.set('memory_size', 'integer', 192).successful
    assert memory(bench, 5) == (128, third)
    memory(bench, 6)
    assert memory(bench, 7) == (192, sixth)
    (target,) = bench.show(8).targets
    assert (target.id, target.frames_since_init) == (1, 8)
    status = bench.wait(
        lambda: (
            (found := bench.status('tracker'))
            and {item.key: item.value for item in found.values}.get('memory updates') == '2'
            and found
        ),
        'the updates in the diagnostics',
    )
    values = {item.key: item.value for item in status.values}
    assert status.level == Level.OK
    assert values['memory tokens'] == '192 of target 1'
    assert values['memory updates failed'] == '0'
    assert values['memory update p99'].endswith(' ms')


def test_what_cannot_be_is_refused_with_the_reason(bench: Any) -> None:
    answer = bench.set('memory_size', 'integer', 500)
    assert not answer.successful
    assert answer.reason == 'memory_size (500) must not exceed memory_size_max (448)'
    answer = bench.set('memory_kind', 'string', 'fifo')
    assert not answer.successful
    assert 'can only be changed before configure' in answer.reason
    assert bench.node.store.get('memory_size') == 128


def test_a_reset_brings_back_the_first_template(bench: Any) -> None:
    for number in range(1, 5):
        memory(bench, number)
    done = bench.call('~/reset_memory', {}, 'std_srvs/srv/Trigger')
    assert done.success
    assert 'the memories of 1 targets go back to their first template' in done.message
    assert memory(bench, 5) == (64, (0, 0))
