"""Names: resolved as ROS does it, and their way to DDS and back."""

from hit_rfgm_ros.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds.names import (
    Names,
    dds_service,
    dds_topic,
    dds_type,
    parse_remappings,
    ros_service,
    ros_topic,
    ros_type,
)

TOKEN = st.from_regex(r'[A-Za-z_][A-Za-z0-9_]{0,10}', fullmatch=True)
FULL = st.lists(TOKEN, min_size=1, max_size=5).map(lambda parts: '/' + '/'.join(parts))


@pytest.mark.parametrize(
    ('namespace', 'name', 'full'),
    [
        ('', 'image_raw', '/image_raw'),
        ('', '~/targets', '/tracker/targets'),
        ('cam', 'image_raw', '/cam/image_raw'),
        ('/cam', '~/targets', '/cam/tracker/targets'),
        ('/a/b/', 'image_raw', '/a/b/image_raw'),
        ('/cam', '/diagnostics', '/diagnostics'),
        ('/cam', 'left/image_raw', '/cam/left/image_raw'),
        ('/cam', '~', '/cam/tracker'),
    ],
)
def test_resolved_by_namespace(namespace: str, name: str, full: str) -> None:
    assert Names('tracker', namespace).resolve(name) == full


def test_remapped_after_expansion() -> None:
    remappings = parse_remappings(
        ['image_raw:=/front/image', '~/targets:=found', '/diagnostics:=diagnostics']
    )
    names = Names('tracker', '/cam', remappings)
    assert names.resolve('image_raw') == '/front/image'
    assert names.resolve('/cam/image_raw') == '/front/image'
    assert names.resolve('~/targets') == '/cam/found'
    assert names.resolve('/diagnostics') == '/cam/diagnostics'
    assert names.resolve('image_raw/compressed') == '/cam/image_raw/compressed'


def test_node_and_namespace_by_remapping() -> None:
    names = Names('tracker', 'a', parse_remappings(['__node:=second', '__ns:=/b']))
    assert names.node == '/b/second'
    assert names.resolve('~/targets') == '/b/second/targets'


@pytest.mark.parametrize(
    'name', ['', '/', 'a b', '1a', 'a/1', 'a//b', 'a/', '/a/', 'ä', '~a', 'a/~', 'a\n', 'a' * 300]
)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match='name'):
        Names('tracker').resolve(name)


@pytest.mark.parametrize('name', ['', 'a/b', '1a', 'a b', 'a\n', 'ä'])
def test_bad_node_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match='node name'):
        Names(name)


@pytest.mark.parametrize('namespace', ['a//b', '1', 'a b', '/a/2'])
def test_bad_namespaces_are_refused(namespace: str) -> None:
    with pytest.raises(ConfigError, match='namespace'):
        Names('tracker', namespace)


@pytest.mark.parametrize('text', ['a', 'a:=', ':=b', 'a=b'])
def test_bad_remappings_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match='from:=to'):
        parse_remappings([text])


def test_mangled_as_ros_does_it() -> None:
    assert dds_topic('/a/b') == 'rt/a/b'
    assert dds_service('/s/t') == ('rq/s/tRequest', 'rr/s/tReply')
    assert dds_type('sensor_msgs/msg/Image') == 'sensor_msgs::msg::dds_::Image_'
    assert dds_type('std_srvs/srv/Trigger_Request') == 'std_srvs::srv::dds_::Trigger_Request_'


@given(FULL, TOKEN)
def test_mangling_can_be_undone(full: str, token: str) -> None:
    assert ros_topic(dds_topic(full)) == full
    assert ros_service(dds_service(full)[0]) == full
    assert ros_type(dds_type(f'some_msgs/msg/A{token}')) == f'some_msgs/msg/A{token}'


def test_foreign_names_are_told_apart() -> None:
    assert ros_topic('ros_discovery_info') is None
    assert ros_topic('rq/aRequest') is None
    assert ros_service('rt/a') is None
    assert ros_service('rr/aReply') is None
    assert ros_type('HelloWorldData::Msg') == 'HelloWorldData::Msg'


@pytest.mark.parametrize('name', ['Image', 'sensor_msgs/Image', 'a/msg/B/C', 'A/msg/b', ''])
def test_bad_types_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match='package/msg/Name'):
        dds_type(name)
