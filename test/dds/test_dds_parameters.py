"""Parameters over the wire, as `ros2 param` asks for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')


EVENT = 'rcl_interfaces/msg/ParameterEvent'
SET_BOOL, SET_INT, SET_DOUBLE, SET_STRING = 1, 2, 3, 4

Make = Callable[..., Any]
Until = Callable[..., Any]


@dataclass
class Remote:
    """The parameters of a node, seen from another one."""

    call: Callable[..., Any]
    store: ParameterStore[TrackerParams]
    host: Any

    def set(self, name: str, kind: int, value: Any) -> tuple[bool, str]:
        (result,) = self.call('set_parameters', parameters=[given(name, kind, value)]).results
        return result.successful, result.reason


def given(name: str, kind: int, value: Any) -> dict[str, Any]:
    fields = {1: 'bool_value', 2: 'integer_value', 3: 'double_value', 4: 'string_value',
              8: 'double_array_value', 9: 'string_array_value'}  # fmt: skip
    value = {} if kind == 0 else {fields[kind]: value}
    return {'name': name, 'value': {'type': kind, **value}}


@pytest.fixture
def remote(make_host: Make) -> Remote:
    store = ParameterStore(TRACKER_TABLE, TrackerParams())
    host = make_host('tracker', parameters=store)
    other = make_host('operator')

    def call(service: str, **fields: Any) -> Any:
        type_name = 'rcl_interfaces/srv/' + ''.join(
            part.capitalize() for part in service.split('_')
        )
        client = other.client(f'/tracker/{service}', type_name)
        try:
            return client.call(fields, 10.0)
        finally:
            client.close()

    return Remote(call, store, host)


def test_all_are_listed(remote: Remote) -> None:
    names = remote.call('list_parameters').result.names
    assert set(names) == {*TRACKER_TABLE, 'use_sim_time'}
    assert remote.call('list_parameters', prefixes=['model', 'mod']).result.names == ['model']


def test_values_and_types_are_told(remote: Remote) -> None:
    names = ['model', 'max_targets', 'lost_after', 'autostart', 'use_sim_time']
    values = remote.call('get_parameters', names=names).values
    assert [value.type for value in values] == [4, 2, 3, 1, 1]
    assert values[0].string_value == 'hit_tiny'
    assert values[1].integer_value == 8
    assert values[2].double_value == 1.0
    assert values[3].bool_value is True
    assert values[4].bool_value is False
    assert remote.call('get_parameter_types', names=names).types.tolist() == [4, 2, 3, 1, 1]


@pytest.mark.parametrize('service', ['get_parameters', 'get_parameter_types'])
def test_an_unknown_name_gives_an_empty_answer(remote: Remote, service: str) -> None:
    answer = remote.call(service, names=['model', 'nonsense'])
    assert len(answer.values if service == 'get_parameters' else answer.types) == 0


def test_each_is_described_with_range_and_text(remote: Remote) -> None:
    names = list(TRACKER_TABLE)
    for row, told in zip(
        TRACKER_TABLE.values(), remote.call('describe_parameters', names=names).descriptors
    ):
        assert (told.name, told.description) == (row.name, row.text)
        assert ('only before configure' in told.additional_constraints) is not row.live
        if row.low is not None:
            (limits,) = told.integer_range if row.kind == 'int' else told.floating_point_range
            assert limits.from_value == min(row.low, row.low if row.also is None else row.also)
            assert limits.to_value == row.high
        else:
            assert told.integer_range == told.floating_point_range == []
        assert all(choice in told.additional_constraints for choice in row.choices)


def test_a_value_is_set(remote: Remote) -> None:
    assert remote.set('lost_after', SET_DOUBLE, 2.5) == (True, '')
    assert remote.store.get('lost_after') == 2.5
    assert remote.set('model', SET_STRING, 'hit_base') == (True, '')
    assert remote.set('publish_annotated', SET_BOOL, False) == (True, '')
    assert remote.store.params.publish_annotated is False


def test_an_integer_is_taken_for_a_double(remote: Remote) -> None:
    assert remote.set('lost_after', SET_INT, 3) == (True, '')
    assert remote.store.get('lost_after') == 3.0
    (value,) = remote.call('get_parameters', names=['lost_after']).values
    assert (value.type, value.double_value) == (3, 3.0)


@pytest.mark.parametrize(
    ('name', 'kind', 'value', 'reason'),
    [
        ('lost_after', SET_DOUBLE, -1.0, '0 to 60'),
        ('lost_after', SET_DOUBLE, float('nan'), '0 to 60'),
        ('lost_after', SET_STRING, 'x', 'double'),
        ('max_targets', SET_DOUBLE, 2.0, 'int'),
        ('model', SET_STRING, 'hit_tinny', 'hit_tiny'),
        ('model', 0, None, 'taken away'),
        ('model', 99, None, 'taken away'),
        ('modell', SET_STRING, 'hit_tiny', "did you mean 'model'"),
        ('use_sim_time', SET_INT, 1, 'bool'),
        ('autostart', 9, ['a'], 'bool'),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(
    remote: Remote, name: str, kind: int, value: Any, reason: str
) -> None:
    if kind == 99:
        (result,) = remote.call(
            'set_parameters', parameters=[{'name': name, 'value': {'type': kind}}]
        ).results
        done, told = result.successful, result.reason
    else:
        done, told = remote.set(name, kind, value)
    assert not done
    assert reason in told
    assert remote.store.params == TrackerParams()


def test_each_result_belongs_to_its_parameter(remote: Remote) -> None:
    results = remote.call(
        'set_parameters',
        parameters=[
            given('lost_after', SET_DOUBLE, 2.0),
            given('lost_after', SET_DOUBLE, -2.0),
            given('jpeg_quality', SET_INT, 50),
        ],
    ).results
    assert [result.successful for result in results] == [True, False, True]
    assert (remote.store.get('lost_after'), remote.store.get('jpeg_quality')) == (2.0, 50)


def test_atomically_is_all_or_none(remote: Remote) -> None:
    both = [given('lost_after', SET_DOUBLE, 2.0), given('jpeg_quality', SET_INT, 500)]
    result = remote.call('set_parameters_atomically', parameters=both).result
    assert not result.successful
    assert 'jpeg_quality' in result.reason
    assert remote.store.params == TrackerParams()
    fitting = [given('memory_size', SET_INT, 800), given('memory_size_max', SET_INT, 900)]
    assert remote.call('set_parameters_atomically', parameters=fitting).result.successful
    assert remote.store.get('memory_size') == 800


def test_what_the_node_refuses_is_not_set(remote: Remote) -> None:
    def refuse(_params: TrackerParams) -> None:
        raise ConfigError('not now')

    remote.store.connect(refuse, lambda: False)
    assert remote.set('lost_after', SET_DOUBLE, 2.0) == (False, 'not now')
    assert remote.store.get('lost_after') == 1.0


def test_start_values_are_refused_while_in_use(remote: Remote) -> None:
    remote.store.connect(lambda _params: None, lambda: True)
    done, reason = remote.set('model', SET_STRING, 'hit_base')
    assert not done
    assert 'before configure' in reason
    assert remote.set('lost_after', SET_DOUBLE, 2.0)[0]


def test_changes_are_told_to_everybody(remote: Remote, make_host: Make, until: Until) -> None:
    events: list[Any] = []
    listener = make_host('listener')
    listener.subscription('/parameter_events', EVENT, QoS(100), events.append)
    until(lambda: len(listener.publishers_on('/parameter_events')) == 1)
    until(lambda: remote.host.subscribers_on('/parameter_events'))
    assert remote.set('lost_after', SET_DOUBLE, 2.0)[0]
    assert not remote.set('lost_after', SET_DOUBLE, -2.0)[0]
    (event,) = until(lambda: events)
    assert event.node == '/tracker'
    (changed,) = event.changed_parameters
    assert (changed.name, changed.value.double_value) == ('lost_after', 2.0)


def test_simulated_time_can_be_switched(remote: Remote, make_host: Make, until: Until) -> None:
    clock = make_host('simulator').publisher('/clock', 'rosgraph_msgs/msg/Clock', QoS(1))
    assert remote.host.now() > 1e9
    assert remote.set('use_sim_time', SET_BOOL, True) == (True, '')
    assert remote.host.now() == 0.0
    until(clock.subscribers)
    clock.publish({'clock': {'sec': 12, 'nanosec': 500_000_000}})
    until(lambda: remote.host.now() == 12.5)
    assert remote.set('use_sim_time', SET_BOOL, False) == (True, '')
    assert remote.host.now() > 1e9
