"""Which DDS domain, and how Cyclone DDS is configured for it; as rmw_cyclonedds_cpp does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import logging
import os
import threading
from typing import Any
from xml.sax.saxutils import quoteattr

from hit_rfgm_ros.dds.binding import DdsError, DDSException, delete, domain
from hit_rfgm_ros.errors import ConfigError

LARGEST_ID = 232  # above it the port numbers of the protocol end
_SAFE_ID = 101  # above it Linux gives the ports away to others
_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
_MAX_PARTICIPANTS = 32  # per machine, as rmw sets it where participants are found by port

# Only `max`: with a `min` that the kernel does not allow, no participant could be made at all.
_BUFFER = '<Internal><SocketReceiveBufferSize max="10MB"/></Internal>'
# Large datagrams halve the cost of images; only for loopback, where none of their parts is lost.
_LARGE = '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>64000B</FragmentSize>'

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DomainSettings:
    """Where to look for others.

    Attributes:
        id: ROS_DOMAIN_ID, 0 to 232.
        range: SUBNET, LOCALHOST, OFF or SYSTEM_DEFAULT.
        peers: addresses to look at besides.
        uri: the user's CYCLONEDDS_URI; comes last and wins.
    """

    id: int = 0
    range: str = 'SUBNET'
    peers: tuple[str, ...] = ()
    uri: str = ''

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, domain_id: int | None = None
    ) -> DomainSettings:
        """Read ROS_DOMAIN_ID, ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and the like.

        ROS_LOCALHOST_ONLY=1, Humble's way, means LOCALHOST without peers.

        Args:
            environment: to read; `os.environ` without it.
            domain_id: goes before ROS_DOMAIN_ID.

        Raises:
            ConfigError: if the domain id is none.
        """
        env = os.environ if environment is None else environment
        chosen = env.get('ROS_DOMAIN_ID', '') if domain_id is None else str(domain_id)
        uri = env.get('CYCLONEDDS_URI', '')
        if env.get('ROS_LOCALHOST_ONLY') == '1':
            return cls(_checked_id(chosen), 'LOCALHOST', (), uri)
        reach = env.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '') or 'SUBNET'
        if reach not in _RANGES:
            _log.warning(
                'ROS_AUTOMATIC_DISCOVERY_RANGE must be one of %s; got %r; LOCALHOST is used',
                ', '.join(_RANGES), reach,
            )  # fmt: skip
            reach = 'LOCALHOST'
        peers = tuple(peer for peer in env.get('ROS_STATIC_PEERS', '').split(';') if peer)
        if peers and reach in ('OFF', 'SYSTEM_DEFAULT'):
            _log.warning('ROS_STATIC_PEERS has no effect with the discovery range %s', reach)
            peers = ()
        return cls(_checked_id(chosen), reach, peers, uri)

    def config(self) -> str:
        """The configuration for Cyclone DDS: pieces of XML, the later ones win."""
        general, discovery = [], []
        if self.range in ('LOCALHOST', 'OFF'):
            general.append('<AllowMulticast>false</AllowMulticast>')
        if self.range == 'LOCALHOST' and not self.peers:
            general.append(_LARGE)
        if self.range == 'OFF':
            # A tag of its own keeps this process apart from everybody.
            discovery.append('<ParticipantIndex>none</ParticipantIndex>')
            discovery.append(f'<Tag>ros_discovery_off_{os.getpid()}</Tag>')
        elif self.range != 'SYSTEM_DEFAULT':
            discovery.append('<ParticipantIndex>auto</ParticipantIndex>')
            discovery.append(
                f'<MaxAutoParticipantIndex>{_MAX_PARTICIPANTS}</MaxAutoParticipantIndex>'
            )
        peers = (*(['localhost'] if self.range == 'LOCALHOST' else []), *self.peers)
        if peers:
            listed = ''.join(f'<Peer address={quoteattr(peer)}/>' for peer in peers)
            discovery.append(f'<Peers>{listed}</Peers>')
        own = (
            f'<CycloneDDS><Domain><General>{"".join(general)}</General>'
            f'<Discovery>{"".join(discovery)}</Discovery>{_BUFFER}</Domain></CycloneDDS>'
        )
        return f'{own},{self.uri}' if self.uri else own


class _OpenDomain:
    """A domain of this process and how many use it."""

    def __init__(self, entity: Any) -> None:
        self.entity = entity
        self.users = 0


_open: dict[int, _OpenDomain] = {}
_lock = threading.Lock()


def open_domain(settings: DomainSettings) -> None:
    """Make the domain ready in this process; give it back with `close_domain`.

    The first user's settings hold for all of the process.

    Raises:
        ConfigError: if Cyclone DDS refuses the configuration.
    """
    with _lock:
        if settings.id not in _open:
            _open[settings.id] = _OpenDomain(_make_domain(settings))
        _open[settings.id].users += 1


def close_domain(domain_id: int) -> None:
    """Give a domain back; the last one to do so ends it."""
    with _lock:
        held = _open[domain_id]
        held.users -= 1
        if held.users == 0:
            del _open[domain_id]
            delete(held.entity)


def _make_domain(settings: DomainSettings) -> Any:
    try:
        return domain.Domain(settings.id, settings.config())
    except UnicodeEncodeError as error:
        raise ConfigError(
            f'CYCLONEDDS_URI and ROS_STATIC_PEERS must be ASCII; got {error.object!r}'
        ) from error
    except DDSException as error:
        raise DdsError(
            f'DDS domain {settings.id} could not be opened ({error}); if CYCLONEDDS_URI is set, '
            f'check it; it is {settings.uri!r}'
        ) from error


def _checked_id(text: str) -> int:
    text = text.strip() or '0'
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_ID):
        raise ConfigError(f'ROS_DOMAIN_ID must be a number from 0 to {LARGEST_ID}; got {text!r}')
    if int(text) > _SAFE_ID:
        _log.warning(
            'ROS_DOMAIN_ID %s is above %d: on Linux its ports may be in use by others',
            text, _SAFE_ID,
        )  # fmt: skip
    return int(text)
