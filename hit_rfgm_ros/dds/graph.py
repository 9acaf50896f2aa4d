"""What the network shows: nodes, topics, services, who publishes and who listens, with QoS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import threading
import time
from typing import Any

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.binding import DdsError
from hit_rfgm_ros.dds.discovery import DISCOVERY_TYPE, discovery_reader
from hit_rfgm_ros.dds.domain import DomainSettings
from hit_rfgm_ros.dds.names import ros_service, ros_topic, ros_type
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.qos import is_reliable, is_transient_local
from hit_rfgm_ros.dds.wire import decode
from hit_rfgm_ros.messages.definitions import MessageError, load_definitions
from hit_rfgm_ros.runtime.reports import Endpoint

_ALIVE = binding.core.InstanceState.Alive
_BATCH = 256  # of discovered things that are read at once
_MOST_PARTICIPANTS = 1024  # whose nodes are remembered
_LARGEST_INFO = 1 << 18  # bytes that one participant may say about its nodes


@dataclass(frozen=True)
class Snapshot:
    """What was seen at one moment.

    Attributes:
        nodes: full names, sorted; a name that two nodes have comes twice.
        publishers, subscribers: of topics of ROS.
        services: names and types of the servers, sorted.
        hashes: type hashes that endpoints tell, by topic.
    """

    nodes: tuple[str, ...]
    publishers: tuple[Endpoint, ...]
    subscribers: tuple[Endpoint, ...]
    services: tuple[tuple[str, str], ...]
    hashes: dict[str, frozenset[str]]

    @property
    def topics(self) -> dict[str, tuple[str, ...]]:
        """Types of each topic, sorted by name."""
        found: dict[str, set[str]] = {}
        for endpoint in (*self.publishers, *self.subscribers):
            found.setdefault(endpoint.topic, set()).add(endpoint.type)
        return {topic: tuple(sorted(found[topic])) for topic in sorted(found)}

    def mismatches(self) -> tuple[tuple[Endpoint, Endpoint, str], ...]:
        """Publishers and subscribers of one topic that do not meet, and why."""
        return tuple(
            (publisher, subscriber, reason)
            for publisher in self.publishers
            for subscriber in self.subscribers
            if publisher.topic == subscriber.topic and (reason := mismatch(publisher, subscriber))
        )


class Graph:
    """Follows the discovery of a participant; every method may be called from any thread."""

    def __init__(self, participant: Participant) -> None:
        self._definitions = participant.definitions
        self._lock = threading.Lock()
        reader, topics = binding.builtin.BuiltinDataReader, binding.builtin
        self._readers = {
            kind: reader(participant.entity, getattr(topics, f'BuiltinTopicDcps{kind}'))
            for kind in ('Participant', 'Publication', 'Subscription')
        }
        self._seen: dict[str, dict[bytes, Any]] = {kind: {} for kind in self._readers}
        self._info = discovery_reader(participant)
        self._nodes: dict[bytes, list[tuple[str, set[bytes]]]] = {}

    def publishers_on(self, topic: str) -> tuple[Endpoint, ...]:
        """Publishers of a topic, of any type."""
        return self._endpoints_on(topic, 'Publication')

    def subscribers_on(self, topic: str) -> tuple[Endpoint, ...]:
        """Subscribers of a topic, of any type."""
        return self._endpoints_on(topic, 'Subscription')

    def update(self) -> None:
        """Read what has come since; to be called now and then, else it piles up unread."""
        with self._lock:
            self._update()

    def snapshot(self) -> Snapshot:
        """All that is seen now."""
        with self._lock:
            self._update()
            requests = self._seen['Subscription'].values()
            services = {
                (service, ros_type(seen.type_name).removesuffix('_Request'))
                for seen in requests
                if (service := ros_service(seen.topic_name)) is not None
            }
            return Snapshot(
                nodes=tuple(sorted(name for nodes in self._nodes.values() for name, _ in nodes)),
                publishers=tuple(sorted(self._endpoints('Publication'), key=_order)),
                subscribers=tuple(sorted(self._endpoints('Subscription'), key=_order)),
                services=tuple(sorted(services)),
                hashes=self._hashes(),
            )

    def close(self) -> None:
        """Give the readers back; a second call does nothing."""
        binding.delete(self._info, *self._readers.values())

    def _endpoints_on(self, topic: str, kind: str) -> tuple[Endpoint, ...]:
        with self._lock:
            self._update()
            found = (seen for seen in self._endpoints(kind) if seen.topic == topic)
            return tuple(sorted(found, key=_order))

    def _endpoints(self, kind: str) -> Iterator[Endpoint]:
        names = {
            gid: name for nodes in self._nodes.values() for name, gids in nodes for gid in gids
        }
        for gid, seen in self._seen[kind].items():
            topic = ros_topic(seen.topic_name)
            if topic is not None:
                yield Endpoint(
                    node=names.get(gid, ''),
                    topic=topic,
                    type=ros_type(seen.type_name),
                    reliable=is_reliable(seen.qos),
                    transient_local=is_transient_local(seen.qos),
                )

    def _hashes(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for kind in ('Publication', 'Subscription'):
            for seen in self._seen[kind].values():
                told = binding.user_data(seen).get('typehash')
                topic = ros_topic(seen.topic_name)
                if topic is not None and told:
                    found.setdefault(topic, set()).add(told)
        return {topic: frozenset(hashes) for topic, hashes in found.items()}

    def _update(self) -> None:
        for kind, reader in self._readers.items():
            for seen in _all_of(reader):
                known = self._seen[kind]
                # What is gone comes once more, without its contents.
                if seen.sample_info.valid_data and seen.sample_info.instance_state == _ALIVE:
                    known[seen.key.bytes] = seen
                else:
                    known.pop(seen.key.bytes, None)
        self._read_nodes()
        for gid in self._nodes.keys() - self._seen['Participant'].keys():
            del self._nodes[gid]

    def _read_nodes(self) -> None:
        while samples := binding.take(self._info, _BATCH):
            for data, info in samples:
                if info.valid_data and len(data) <= _LARGEST_INFO:
                    self._keep_nodes(data)

    def _keep_nodes(self, data: bytes) -> None:
        try:
            message = decode(self._definitions, DISCOVERY_TYPE, data)
        except MessageError:
            return  # of a distribution whose gids have another size, or damaged
        gid = bytes(message.gid.data[:16])
        if gid not in self._nodes and len(self._nodes) >= _MOST_PARTICIPANTS:
            return
        self._nodes[gid] = [
            (
                f'{node.node_namespace.rstrip("/")}/{node.node_name}',
                {bytes(item.data[:16]) for item in (*node.reader_gid_seq, *node.writer_gid_seq)},
            )
            for node in message.node_entities_info_seq
        ]


def observe(seconds: float = 1.0, settings: DomainSettings | None = None) -> Snapshot:
    """Join for a while, only to look, and tell what is there.

    Args:
        seconds: to wait for the others to show up.
        settings: of the domain; from the environment without it.

    Raises:
        ConfigError, DdsError: if that is not possible.
        MissingDependencyError: if Cyclone DDS or rosbags is not installed.
    """
    participant = Participant(settings or DomainSettings.from_environment(), load_definitions())
    try:
        graph = Graph(participant)
        time.sleep(seconds)
        return graph.snapshot()
    finally:
        participant.close()


def mismatch(publisher: Endpoint, subscriber: Endpoint) -> str:
    """Why nothing gets from one to the other; empty if it does."""
    if publisher.type != subscriber.type:
        return f'published as {publisher.type}, subscribed as {subscriber.type}'
    if subscriber.reliable and not publisher.reliable:
        return 'the publisher is best effort, the subscriber wants reliable'
    if subscriber.transient_local and not publisher.transient_local:
        return 'the publisher is volatile, the subscriber wants transient local'
    return ''


def _all_of(reader: Any) -> Iterator[Any]:
    while True:
        try:
            taken = reader.take(_BATCH)
        except binding.DDSException as error:
            raise DdsError(f'reading the discovery failed: {error}') from error
        yield from taken
        if len(taken) < _BATCH:
            return


def _order(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.topic, endpoint.node, endpoint.type
