"""The interface definitions: names, hashes, wire format, and what is refused."""

import json
import logging
import os
from pathlib import Path

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.messages.definitions import (
    DISTROS,
    Definitions,
    MessageError,
    interface_texts,
    load_definitions,
    split_service,
)
import numpy as np
import pytest

# As Jazzy's generators computed them; the first is the value that ROS users quote.
HASHES = {
    'sensor_msgs/msg/Image': 'd31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47',
    'rmw_dds_common/msg/Gid': 'ab6f21cfbb0a6dbb837161e1110c2051a2850ed9f9c53944d7115d9bcebedf71',
}
SERVICES = (
    'hit_rfgm_ros/srv/InitTarget',
    'hit_rfgm_ros/srv/RemoveTarget',
    'lifecycle_msgs/srv/ChangeState',
    'lifecycle_msgs/srv/GetAvailableStates',
    'lifecycle_msgs/srv/GetAvailableTransitions',
    'lifecycle_msgs/srv/GetState',
    'rcl_interfaces/srv/DescribeParameters',
    'rcl_interfaces/srv/GetParameterTypes',
    'rcl_interfaces/srv/GetParameters',
    'rcl_interfaces/srv/ListParameters',
    'rcl_interfaces/srv/SetParameters',
    'rcl_interfaces/srv/SetParametersAtomically',
    'std_srvs/srv/SetBool',
    'std_srvs/srv/Trigger',
)


@pytest.fixture(scope='module')
def definitions() -> Definitions:
    return load_definitions('jazzy')


def test_they_are_read_once() -> None:
    assert load_definitions('humble') is load_definitions('humble')


def test_the_environment_chooses_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DISTRO', 'humble')
    assert load_definitions().distro == 'humble'
    assert load_definitions('jazzy').distro == 'jazzy'
    monkeypatch.delenv('ROS_DISTRO')
    assert load_definitions().distro == 'jazzy'


def test_a_distribution_without_definitions_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # ROS's launch takes the loggers away from pytest where it is sourced.
    logger = logging.getLogger('hit_rfgm_ros.messages.definitions')
    lines: list[str] = []
    monkeypatch.setattr(logger, 'handle', lambda record: lines.append(record.getMessage()))
    monkeypatch.setenv('ROS_DISTRO', 'rolling')
    assert load_definitions().distro == 'jazzy'
    assert lines == ["ROS_DISTRO is 'rolling'; the definitions of jazzy are used instead"]
    with pytest.raises(ConfigError, match='distro must be one of humble'):
        load_definitions('noetic')


@pytest.mark.parametrize('distro', DISTROS)
def test_every_type_of_ours_exists_in_every_distribution(distro: str) -> None:
    definitions = load_definitions(distro)
    for name, _ in interface_texts():
        halves = ('',) if '/msg/' in name else ('_Request', '_Response')
        for half in halves:
            assert definitions.hash(name + half).startswith('RIHS01_')
            empty = definitions.from_fields(name + half, {})
            data = definitions.serialize(name + half, empty)
            assert definitions.deserialize(name + half, data).__msgtype__ == name + half


@pytest.mark.parametrize('service', SERVICES)
def test_services_have_their_own_names(definitions: Definitions, service: str) -> None:
    assert definitions.request(service).__msgtype__ == f'{service}_Request'
    assert definitions.response(service).__msgtype__ == f'{service}_Response'
    package, _, name = service.split('/')
    assert f'{package}/srv/msg/{name}_Request' not in definitions


@pytest.mark.parametrize(('name', 'value'), HASHES.items())
def test_hashes_are_those_of_ros(definitions: Definitions, name: str, value: str) -> None:
    assert definitions.hash(name) == f'RIHS01_{value}'


def test_hashes_of_the_interface_are_stable(definitions: Definitions, golden: Path) -> None:
    """A changed hash is a changed interface: a breaking change that the changelog must name."""
    expected = json.loads((golden / 'interface_hashes.json').read_text(encoding='utf-8'))
    names = [
        name + half
        for name, _ in interface_texts()
        for half in (('',) if '/msg/' in name else ('_Request', '_Response'))
    ]
    assert {name: definitions.hash(name) for name in names} == expected['jazzy']


@pytest.mark.ros
def test_hashes_agree_with_those_of_the_sourced_ros() -> None:
    pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
    definitions = load_definitions()
    compared = 0
    for prefix in os.environ['AMENT_PREFIX_PATH'].split(os.pathsep):
        for path in Path(prefix, 'share').glob('*/*/*.json'):
            described = json.loads(path.read_text(encoding='utf-8'))
            for entry in described.get('type_hashes', []):
                if entry['type_name'] in definitions:
                    compared += 1
                    assert definitions.hash(entry['type_name']) == entry['hash_string']
    assert compared > 100


def test_the_layout_of_discovery_information_goes_with_the_distribution() -> None:
    sizes = {}
    for distro in ('humble', 'jazzy'):
        gid = load_definitions(distro).from_fields('rmw_dds_common/msg/Gid', {})
        sizes[distro] = len(gid.data)
    assert sizes == {'humble': 24, 'jazzy': 16}


def test_bytes_on_the_wire_are_little_endian_cdr(definitions: Definitions) -> None:
    data = definitions.serialize(
        'std_msgs/msg/Header', {'stamp': {'sec': 1, 'nanosec': 2}, 'frame_id': 'cam'}
    )
    assert data == bytes.fromhex('00010000 01000000 02000000 04000000') + b'cam\0'


def test_missing_fields_take_the_default_of_their_type(definitions: Definitions) -> None:
    marker = definitions.from_fields('visualization_msgs/msg/Marker', {'id': 3})
    assert marker.id == 3
    assert marker.pose.orientation.w == 0.0
    assert marker.header.frame_id == ''
    assert marker.points == []
    info = definitions.from_fields('sensor_msgs/msg/CameraInfo', {})
    assert info.k.tolist() == [0.0] * 9
    assert len(info.d) == 0


def test_pixels_pass_without_a_copy(definitions: Definitions) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    message = definitions.from_fields('sensor_msgs/msg/Image', {'data': pixels})
    assert np.shares_memory(message.data, pixels)
    data = definitions.serialize('sensor_msgs/msg/Image', message)
    back = definitions.deserialize('sensor_msgs/msg/Image', data)
    assert np.shares_memory(back.data, np.frombuffer(data, np.uint8))
    assert back.data.tolist() == list(range(24))


@pytest.mark.parametrize('data', [b'abc', bytearray(b'abc'), memoryview(b'abc'), [97, 98, 99]])
def test_numbers_may_be_given_as_bytes_or_lists(definitions: Definitions, data: object) -> None:
    message = definitions.from_fields('sensor_msgs/msg/CompressedImage', {'data': data})
    assert message.data.dtype == np.uint8
    assert message.data.tobytes() == b'abc'


@pytest.mark.parametrize(
    ('type_name', 'fields', 'text'),
    [
        pytest.param(
            'hit_rfgm_ros/srv/InitTarget_Request',
            {'boxes': [{'heigth': 3}]},
            "boxes: there is no field 'heigth'; did you mean 'height'",
            id='misspelt',
        ),
        pytest.param('hit_rfgm_ros/msg/TargetBox', {'label': 3}, 'label: must be text', id='text'),
        pytest.param('hit_rfgm_ros/msg/TargetBox', {'x': 'far'}, 'x: could not', id='number'),
        pytest.param('std_msgs/msg/Header', {'stamp': 3.0}, 'stamp: must be a', id='nested'),
        pytest.param('sensor_msgs/msg/CameraInfo', {'k': [1.0] * 8}, 'k: must hold 9', id='fixed'),
        pytest.param(
            'rcl_interfaces/srv/GetParameters_Request', {'names': 'x'}, 'list', id='list'
        ),
    ],
)
def test_fields_that_do_not_fit_are_named(
    definitions: Definitions, type_name: str, fields: dict[str, object], text: str
) -> None:
    with pytest.raises(MessageError, match=text):
        definitions.from_fields(type_name, fields)


def test_a_number_out_of_range_is_refused(definitions: Definitions) -> None:
    with pytest.raises(MessageError, match='cannot be sent'):
        definitions.serialize('hit_rfgm_ros/msg/TargetBox', {'id': 2**32})


def test_an_unknown_type_is_refused(definitions: Definitions) -> None:
    with pytest.raises(ConfigError, match="'std_msgs/msg/Heather' is not known to ROS 2 jazzy"):
        definitions.message('std_msgs/msg/Heather')


@pytest.mark.parametrize('cut', range(0, 60, 3))
def test_damaged_bytes_are_refused(definitions: Definitions, cut: int) -> None:
    fields = {'boxes': [{'x': 1.0, 'label': 'a dog'}], 'replace_all': True}
    data = definitions.serialize('hit_rfgm_ros/srv/InitTarget_Request', fields)
    assert cut < len(data) - 4
    with pytest.raises(MessageError, match='bytes are no'):
        definitions.deserialize('hit_rfgm_ros/srv/InitTarget_Request', data[:cut])


@pytest.mark.parametrize('text', ['bool a\n', 'bool a\n---\nbool b\n---\nbool c\n'])
def test_a_service_has_two_halves(text: str) -> None:
    with pytest.raises(ConfigError, match='one line ---'):
        split_service(text)
