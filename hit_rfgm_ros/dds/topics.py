"""Publishers and subscriptions of a host, and what all its parts have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.loop import Loop, Source
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.wire import decode, encode
from hit_rfgm_ros.nodes.host import Fields, QoS


class Part:
    """Something of a host that can be given back.

    Attributes:
        reader, writer: its DDS endpoints, None where it has none.
        on_close: set by the host; takes the part out of its books.
    """

    reader: Any = None
    writer: Any = None
    on_close: Callable[[Part], None] | None = None

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        tell, self.on_close = self.on_close, None
        if tell is not None:
            tell(self)
            self.release()

    def release(self) -> None:
        """Give the DDS endpoints back."""
        binding.delete(*(item for item in (self.reader, self.writer) if item is not None))


class DdsPublisher(Part):
    """Sends messages of one topic; may be used from any thread.

    Attributes:
        topic: resolved name.
    """

    def __init__(
        self, participant: Participant, loop: Loop, topic: str, type_name: str, qos: QoS
    ) -> None:
        self.topic = topic
        self._loop = loop
        self.writer = participant.writer(topic, type_name, qos)
        self._type = type_name
        self._definitions = participant.definitions

    def publish(self, fields: Fields) -> None:
        """Send a message; missing fields take the default of their type.

        Rather than wait long for a reliable subscriber that is far behind, it is dropped, which
        is logged.

        Raises:
            MessageError: if a field is unknown or its value does not fit.
            DdsError: if the publisher is closed.
        """
        if not binding.write(self.writer, encode(self._definitions, self._type, fields)):
            self._loop.complain(self.topic, 'a message was dropped: a subscriber is too slow')

    def subscribers(self) -> int:
        """How many subscribers are matched; 0 when it is closed."""
        try:
            return len(self.writer.get_matched_subscriptions())
        except binding.DDSException:
            return 0


class DdsSubscription(Part):
    """Calls a function with each message; its arrays are views of the bytes received."""

    def __init__(
        self,
        participant: Participant,
        loop: Loop,
        topic: str,
        type_name: str,
        qos: QoS,
        callback: Callable[[Any], None],
    ) -> None:
        self._definitions = participant.definitions
        self._type = type_name
        self._callback = callback
        self._loop = loop
        self.reader = participant.reader(topic, type_name, qos)
        self._source = Source(self.reader, self._receive, topic)
        loop.add(self._source)

    def release(self) -> None:
        """Stop receiving."""
        self._loop.remove(self._source)

    def _receive(self, data: bytes, _info: Any) -> None:
        self._callback(decode(self._definitions, self._type, data))
