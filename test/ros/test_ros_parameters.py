"""Parameters of the rclpy node, as files, launch and `ros2 param` give them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.runtime.params import TRACKER_TABLE
from programs import READY, Program, program, ros2, ros2_any
from rcl_interfaces.msg import ParameterType
from stage import Stage
from waiting import eventually

pytestmark = pytest.mark.ros

TYPES = {'bool': 1, 'int': 2, 'double': 3, 'string': 4}
FIELDS = {1: 'bool_value', 2: 'integer_value', 3: 'double_value', 4: 'string_value'}
FILE = """
/**:
  ros__parameters:
    lost_after: 2             # an integer for a double
    lost_belov: 0.5           # misspelt
    publish_detections: false
/tracker:
  ros__parameters:
    annotated_rate: 5
"""
BAD_FILE = """
/**:
  ros__parameters:
    max_targets: 1000
    model: hit_tyni
    min_visible: lots
"""


def run_tracker(*words: str, folder: Path) -> Any:
    return program('ros2', 'run', 'hit_rfgm_ros', 'tracker', '--ros-args', *words, folder=folder)


@pytest.fixture(scope='module')
def tracker(host: RosHost, outputs: Path) -> Iterator[Program]:
    file = outputs / 'params.yaml'
    file.write_text(FILE)
    with run_tracker(
        '--params-file', str(file), '-p', 'num_threads:=1', folder=outputs
    ) as running:
        running.says(READY)
        yield running


class Client:
    """The parameter services of the node."""

    def __init__(self, host: RosHost) -> None:
        self._host = host

    def call(self, name: str, **fields: Any) -> Any:
        camel = ''.join(part.capitalize() for part in name.split('_'))
        client = self._host.client(f'/tracker/{name}', f'rcl_interfaces/srv/{camel}')
        assert client.wait(60)
        try:
            return client.call(fields, 60)
        finally:
            client.close()

    def get(self, name: str) -> Any:
        (value,) = self.call('get_parameters', names=[name]).values
        return getattr(value, FIELDS[value.type])

    def set(self, name: str, value: Any) -> tuple[bool, str]:
        kind = {bool: 1, int: 2, float: 3, str: 4}[type(value)]
        new = {'name': name, 'value': {'type': kind, FIELDS[kind]: value}}
        (result,) = self.call('set_parameters', parameters=[new]).results
        return result.successful, result.reason


@pytest.fixture
def client(host: RosHost, tracker: Program) -> Client:
    return Client(host)


def test_every_row_of_the_table_is_declared_with_type_range_and_words(client: Client) -> None:
    names = list(TRACKER_TABLE)
    described = client.call('describe_parameters', names=names).descriptors
    assert [item.name for item in described] == names
    for item, row in zip(described, TRACKER_TABLE.values()):
        assert item.type == TYPES[row.kind], row
        assert item.description == row.text
        assert not item.read_only
        assert ('any time' in item.additional_constraints) == row.live
        if row.low is not None:
            (bounds,) = item.integer_range if row.kind == 'int' else item.floating_point_range
            low = row.low if row.also is None else min(row.low, row.also)
            assert (bounds.from_value, bounds.to_value) == (low, row.high)
        if row.choices:
            assert row.allowed in item.additional_constraints


def test_values_that_were_not_given_are_the_defaults(client: Client) -> None:
    given = {'num_threads', 'lost_after', 'annotated_rate', 'publish_detections'}
    for name, row in TRACKER_TABLE.items():
        if name not in given:
            assert client.get(name) == row.default, name


def test_the_parameter_file_holds_and_an_integer_is_taken_for_a_double(
    client: Client, tracker: Program
) -> None:
    assert client.get('lost_after') == 2.0
    assert client.get('annotated_rate') == 5.0
    assert client.get('publish_detections') is False


def test_an_unknown_name_is_a_warning_with_the_nearest_one(tracker: Program) -> None:
    tracker.says(r"\[WARN\].*'lost_belov': did you mean 'lost_below'")


def test_a_live_parameter_takes_an_integer_for_a_double(client: Client) -> None:
    assert 'successful' in ros2('param', 'set', '/tracker', 'lost_after', '3')
    assert client.get('lost_after') == 3.0
    described = client.call('describe_parameters', names=['lost_after']).descriptors
    assert described[0].type == ParameterType.PARAMETER_DOUBLE
    atomically = {'name': 'lost_after', 'value': {'type': 2, 'integer_value': 4}}
    assert client.call('set_parameters_atomically', parameters=[atomically]).result.successful
    assert client.get('lost_after') == 4.0


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('min_visible', 1.5, 'min_visible'),
        ('uncertain_below', -0.5, '0 to 1, or -1'),
        ('time_jump', 'kepe', "did you mean 'keep'"),
        ('jpeg_quality', 'good', 'type'),
        ('memory_size', 1000, 'memory_size_max'),
        ('no_such_parameter', 1, 'undeclared'),
    ],
)
def test_a_bad_value_is_refused_with_the_reason_and_the_node_goes_on(
    client: Client, name: str, value: Any, reason: str
) -> None:
    before = client.get(name) if name in TRACKER_TABLE else None
    successful, why = client.set(name, value)
    assert not successful
    assert reason in why
    if name in TRACKER_TABLE:
        assert client.get(name) == before


def test_what_was_built_from_is_refused_while_active(client: Client) -> None:
    other = {'bool': lambda v: not v, 'int': lambda v: v + 1, 'double': lambda v: v + 1.0}
    for name, row in TRACKER_TABLE.items():
        if row.live:
            continue
        value = client.get(name)
        if row.kind == 'string':
            choices = [choice for choice in row.choices if choice != value]
            new = choices[0] if choices else {'auto': 'cpu'}.get(value, 'elsewhere')
        else:
            new = other[row.kind](value)
        successful, why = client.set(name, new)
        assert not successful, name
        assert 'before configure' in why, name
        assert client.get(name) == value


def test_a_live_parameter_acts_on_the_next_frame(
    client: Client, host: RosHost, tracker: Program
) -> None:
    stage = Stage(host)
    stage.connected()
    got: list[Any] = []
    stage.listen('detections', 'vision_msgs/msg/Detection2DArray', got.append)
    stage.track()
    assert not got
    assert client.set('publish_detections', True) == (True, '')

    def came() -> bool:
        stage.track()
        return bool(got)

    eventually(came)
    stage.close()


def test_bad_start_values_leave_the_node_unconfigured_with_the_reasons(
    host: RosHost, outputs: Path
) -> None:
    file = outputs / 'bad.yaml'
    file.write_text(BAD_FILE)
    with run_tracker(
        '--params-file', str(file), '-r', '__ns:=/bad', '-p', 'num_threads:=1', folder=outputs
    ) as running:
        for text in ('max_targets must be in 1 to 64', "did you mean 'hit_tiny'", 'min_visible'):
            running.says(text)
        assert 'Traceback' not in running.output
        eventually(lambda: 'unconfigured' in ros2_any('lifecycle', 'get', '/bad/tracker').stdout)
        for name, value in (('max_targets', '3'), ('model', 'hit_tiny'), ('min_visible', '0.5')):
            assert 'successful' in ros2('param', 'set', '/bad/tracker', name, value)
        running.says(READY)
        assert 'active' in ros2('lifecycle', 'get', '/bad/tracker')


def test_a_file_that_ros_cannot_read_ends_the_program_with_a_sentence(outputs: Path) -> None:
    file = outputs / 'broken.yaml'
    file.write_text('/**:\n  ros__parameters:\n  - [unclosed\n')
    with run_tracker('--params-file', str(file), folder=outputs) as running:
        assert running.ends() != 0
        assert 'Traceback' not in running.output
        assert 'broken.yaml' in running.output
