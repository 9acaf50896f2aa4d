"""The environment of ROS, made into a configuration of Cyclone DDS."""

import logging
from xml.etree import ElementTree

from hit_rfgm_ros.errors import ConfigError, HitRfgmError
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds.domain import DomainSettings
from hit_rfgm_ros.dds.host import DdsHost


def tree(settings: DomainSettings) -> ElementTree.Element:
    """The configuration less what the user adds."""
    xml = settings.config()
    assert xml.endswith('</CycloneDDS>')
    return ElementTree.fromstring(xml)


def texts(settings: DomainSettings) -> dict[str, str]:
    return {item.tag: item.text or '' for item in tree(settings).iter()}


def peers(settings: DomainSettings) -> list[str | None]:
    return [item.get('address') for item in tree(settings).iter('Peer')]


def test_without_environment_the_whole_subnet_is_met() -> None:
    settings = DomainSettings.from_environment({})
    assert (settings.id, settings.range) == (0, 'SUBNET')
    assert 'AllowMulticast' not in texts(settings)
    assert peers(settings) == []


@pytest.mark.parametrize(
    'environment', [{'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, {'ROS_LOCALHOST_ONLY': '1'}]
)
def test_localhost_needs_no_multicast(environment: dict[str, str]) -> None:
    settings = DomainSettings.from_environment(environment)
    found = texts(settings)
    assert found['AllowMulticast'] == 'false'
    assert found['ParticipantIndex'] == 'auto'
    assert found['MaxAutoParticipantIndex'] == '32'
    assert found['FragmentSize'] == '64000B'
    assert peers(settings) == ['localhost']


def test_a_zero_in_localhost_only_changes_nothing() -> None:
    assert DomainSettings.from_environment({'ROS_LOCALHOST_ONLY': '0'}).range == 'SUBNET'


def test_peers_are_added_and_escaped() -> None:
    settings = DomainSettings.from_environment({'ROS_STATIC_PEERS': '192.0.2.7;;a"<b>'})
    assert peers(settings) == ['192.0.2.7', 'a"<b>']


def test_datagrams_stay_small_where_they_may_leave_the_machine() -> None:
    settings = DomainSettings(range='LOCALHOST', peers=('192.0.2.7',))
    assert peers(settings) == ['localhost', '192.0.2.7']
    assert 'FragmentSize' not in texts(settings)
    assert 'FragmentSize' not in texts(DomainSettings())


def test_off_keeps_a_process_apart() -> None:
    settings = DomainSettings.from_environment({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'})
    assert texts(settings)['Tag'].startswith('ros_discovery_off_')
    assert texts(settings)['ParticipantIndex'] == 'none'


def test_system_default_leaves_discovery_alone() -> None:
    settings = DomainSettings.from_environment({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT'})
    assert len(tree(settings).findall('Domain/Discovery/*')) == 0


@pytest.mark.parametrize('reach', ['OFF', 'SYSTEM_DEFAULT'])
def test_peers_without_effect_are_named(reach: str, caplog: pytest.LogCaptureFixture) -> None:
    environment = {'ROS_AUTOMATIC_DISCOVERY_RANGE': reach, 'ROS_STATIC_PEERS': '192.0.2.7'}
    assert DomainSettings.from_environment(environment).peers == ()
    assert 'ROS_STATIC_PEERS' in caplog.text


def test_an_unknown_range_means_localhost(caplog: pytest.LogCaptureFixture) -> None:
    environment = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'EVERYWHERE'}
    assert DomainSettings.from_environment(environment).range == 'LOCALHOST'
    assert 'EVERYWHERE' in caplog.text


def test_the_buffer_is_asked_for_without_a_minimum() -> None:
    buffer = tree(DomainSettings()).find('Domain/Internal/SocketReceiveBufferSize')
    assert buffer is not None
    assert buffer.attrib == {'max': '10MB'}


def test_what_the_user_sets_comes_last() -> None:
    settings = DomainSettings.from_environment({'CYCLONEDDS_URI': '<CycloneDDS/>'})
    assert settings.config().endswith('</CycloneDDS>,<CycloneDDS/>')


@pytest.mark.parametrize('text', ['-1', '233', 'x', '1.5', '٣'])
def test_bad_domain_ids_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r'ROS_DOMAIN_ID.*0 to 232'):
        DomainSettings.from_environment({'ROS_DOMAIN_ID': text})


@pytest.mark.parametrize(('text', 'number'), [('', 0), ('0', 0), (' 7 ', 7), ('101', 101)])
def test_domain_ids_are_read(text: str, number: int, caplog: pytest.LogCaptureFixture) -> None:
    assert DomainSettings.from_environment({'ROS_DOMAIN_ID': text}).id == number
    assert caplog.text == ''


def test_an_unsafe_domain_id_is_taken_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert DomainSettings.from_environment({'ROS_DOMAIN_ID': '232'}).id == 232
    assert '101' in caplog.text


def test_a_given_domain_goes_before_the_environment() -> None:
    assert DomainSettings.from_environment({'ROS_DOMAIN_ID': 'x'}, 5).id == 5


def test_a_bad_configuration_of_the_user_is_named(
    new_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('CYCLONEDDS_URI', '<CycloneDDS><Nonsense/></CycloneDDS>')
    with pytest.raises(HitRfgmError, match='CYCLONEDDS_URI'):
        DdsHost('node')
    # Nothing stays behind: the next attempt is a fresh one.
    monkeypatch.delenv('CYCLONEDDS_URI')
    DdsHost('node').close()
