"""A DDS participant with its topics, readers and writers: what a node, or a look around, needs."""

from __future__ import annotations

import threading
from typing import Any

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.binding import DdsError, DDSException, Policy, Qos
from hit_rfgm_ros.dds.domain import DomainSettings, close_domain, open_domain
from hit_rfgm_ros.dds.names import dds_service, dds_topic
from hit_rfgm_ros.dds.qos import policies
from hit_rfgm_ros.dds.types import dds_types
from hit_rfgm_ros.messages.definitions import Definitions
from hit_rfgm_ros.nodes.host import QoS

_ENCLAVE = 'enclave=/;'


class Participant:
    """Member of a domain.

    Attributes:
        entity: Cyclone's DomainParticipant.
        definitions: interface definitions that the types come from.
        settings: of the domain.
    """

    def __init__(self, settings: DomainSettings, definitions: Definitions) -> None:
        """Join.

        Raises:
            DdsError: if DDS does not let it, because of too many participants on this machine
                for one.
        """
        self.settings = settings
        self.definitions = definitions
        self._types = dds_types(definitions)
        self._topics: dict[tuple[str, Any], Any] = {}
        self._counter = 0
        self._lock = threading.Lock()
        self._closed = False
        open_domain(settings)
        try:
            self.entity = binding.domain.DomainParticipant(
                settings.id, qos=Qos(Policy.Userdata(_ENCLAVE.encode()))
            )
        except DDSException as error:
            close_domain(settings.id)
            raise DdsError(
                f'joining DDS domain {settings.id} failed ({error}); more than 32 ROS processes '
                f'with this ROS_DOMAIN_ID on this machine are one cause, no usable network '
                f'interface another'
            ) from error
        self.guid: bytes = self.entity.guid.bytes

    def reader(self, full_name: str, type_name: str, qos: QoS) -> Any:
        """A DataReader of a ROS topic."""
        topic = self._topic(dds_topic(full_name), self._types.message(type_name))
        return self._make_reader(topic, policies(qos, self._type_hash(type_name)))

    def writer(self, full_name: str, type_name: str, qos: QoS, **more: int) -> Any:
        """A DataWriter of a ROS topic; ``more`` is for `qos.policies`."""
        topic = self._topic(dds_topic(full_name), self._types.message(type_name))
        return self._make_writer(topic, policies(qos, self._type_hash(type_name), **more))

    def bare_reader(self, dds_name: str, type_name: str, qos: Any) -> Any:
        """A DataReader of a topic outside ROS's naming."""
        return self._make_reader(self._topic(dds_name, self._types.message(type_name)), qos)

    def bare_writer(self, dds_name: str, type_name: str, qos: QoS) -> Any:
        """A DataWriter of a topic outside ROS's naming."""
        topic = self._topic(dds_name, self._types.message(type_name))
        return self._make_writer(topic, policies(qos, self._type_hash(type_name)))

    def service_pair(self, full_name: str, service: str, qos: QoS) -> tuple[Any, Any]:
        """Reader of the requests and writer of the replies of a server."""
        mark = f'serviceid={self._unique_id()};'
        requests, replies = self._service_topics(full_name, service)
        return (
            self._make_reader(requests, self._call_policies(qos, mark, f'{service}_Request')),
            self._make_writer(replies, self._call_policies(qos, mark, f'{service}_Response')),
        )

    def client_pair(self, full_name: str, service: str, qos: QoS) -> tuple[Any, Any]:
        """Writer of the requests and reader of the replies of a client."""
        mark = f'clientid={self._unique_id()};'
        requests, replies = self._service_topics(full_name, service)
        # The reader first: who sees the requests' writer will soon see it too.
        reader = self._make_reader(replies, self._call_policies(qos, mark, f'{service}_Response'))
        writer = self._make_writer(requests, self._call_policies(qos, mark, f'{service}_Request'))
        return writer, reader

    def close(self) -> None:
        """Leave, with everything that was made here; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            topics = list(self._topics.values())
            self._topics.clear()
        binding.delete(self.entity, *topics)
        close_domain(self.settings.id)

    def _service_topics(self, full_name: str, service: str) -> tuple[Any, Any]:
        request_name, reply_name = dds_service(full_name)
        return (
            self._topic(request_name, self._types.call(f'{service}_Request')),
            self._topic(reply_name, self._types.call(f'{service}_Response')),
        )

    def _topic(self, dds_name: str, idl_type: Any) -> Any:
        with self._lock:
            if (dds_name, idl_type) not in self._topics:
                try:
                    made = binding.topic.Topic(self.entity, dds_name, idl_type)
                except DDSException as error:
                    raise DdsError(
                        f'topic {dds_name!r} cannot be used with type '
                        f'{idl_type.__idl_typename__} ({error}); this process uses it with '
                        f'another type already'
                    ) from error
                self._topics[dds_name, idl_type] = made
            return self._topics[dds_name, idl_type]

    def _make_reader(self, topic: Any, qos: Any) -> Any:
        return binding.sub.DataReader(self.entity, topic, qos=qos)

    def _make_writer(self, topic: Any, qos: Any) -> Any:
        return binding.pub.DataWriter(self.entity, topic, qos=qos)

    def _type_hash(self, type_name: str) -> str:
        return f'typehash={self.definitions.hash(type_name)};'

    def _call_policies(self, qos: QoS, mark: str, type_name: str) -> Any:
        return policies(qos, mark + self._type_hash(type_name))

    def _unique_id(self) -> str:
        """As rmw makes it: the participant's prefix and a counter, 16 bytes joined by dots."""
        with self._lock:
            self._counter += 1
            number = self._counter.to_bytes(4, 'big')
        return '.'.join(f'{byte:x}' for byte in self.guid[:12] + number)
