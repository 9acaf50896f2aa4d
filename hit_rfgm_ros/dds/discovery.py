"""Says on `ros_discovery_info` which readers and writers belong to the node, as ROS nodes do."""

from __future__ import annotations

import threading
from typing import Any

from hit_rfgm_ros.dds.binding import INFINITE, Policy, Qos, delete, write
from hit_rfgm_ros.dds.names import DISCOVERY_TOPIC
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.wire import encode
from hit_rfgm_ros.nodes.host import QoS

DISCOVERY_TYPE = 'rmw_dds_common/msg/ParticipantEntitiesInfo'

_QOS = QoS(depth=1, transient_local=True)


class Announcer:
    """Keeps the list of one node's readers and writers and publishes it."""

    def __init__(self, participant: Participant, namespace: str, name: str) -> None:
        self._participant = participant
        self._node = {'node_namespace': namespace, 'node_name': name}
        self._readers: set[bytes] = set()
        self._writers: set[bytes] = set()
        self._lock = threading.Lock()
        self._writer = participant.bare_writer(DISCOVERY_TOPIC, DISCOVERY_TYPE, _QOS)

    def add(self, reader: Any, writer: Any) -> None:
        """Take up a reader and a writer; either may be None."""
        with self._lock:
            self._readers |= _gids(reader)
            self._writers |= _gids(writer)

    def remove(self, reader: Any, writer: Any) -> None:
        """The opposite, to be called while they still are."""
        with self._lock:
            self._readers -= _gids(reader)
            self._writers -= _gids(writer)

    def publish(self) -> None:
        """Tell the others."""
        with self._lock:
            node = {
                **self._node,
                'reader_gid_seq': [self._gid(gid) for gid in sorted(self._readers)],
                'writer_gid_seq': [self._gid(gid) for gid in sorted(self._writers)],
            }
        self._send([node])

    def close(self) -> None:
        """Tell the others that the node is gone."""
        self._send([])
        delete(self._writer)

    def _send(self, nodes: list[dict[str, Any]]) -> None:
        fields = {
            'gid': self._gid(self._participant.guid),
            'node_entities_info_seq': nodes,
        }
        write(self._writer, encode(self._participant.definitions, DISCOVERY_TYPE, fields))

    def _gid(self, guid: bytes) -> dict[str, bytes]:
        """Humble's Gid has 24 bytes, later ones 16."""
        size = gid_size(self._participant)
        return {'data': guid.ljust(size, b'\0')}


def discovery_reader(participant: Participant) -> Any:
    """A reader of what all nodes of the network say about themselves."""
    qos = Qos(
        Policy.Reliability.Reliable(INFINITE),
        Policy.Durability.TransientLocal,
        # All participants write the same instance: keeping the last would keep one of them.
        Policy.History.KeepAll,
        Policy.Userdata(f'typehash={participant.definitions.hash(DISCOVERY_TYPE)};'.encode()),
    )
    return participant.bare_reader(DISCOVERY_TOPIC, DISCOVERY_TYPE, qos)


def gid_size(participant: Participant) -> int:
    """Bytes of a `rmw_dds_common/Gid` in the distribution whose definitions are used."""
    _, (_, detail) = participant.definitions.fields('rmw_dds_common/msg/Gid')[0]
    return int(detail[1])


def _gids(entity: Any) -> set[bytes]:
    return set() if entity is None else {entity.guid.bytes}
