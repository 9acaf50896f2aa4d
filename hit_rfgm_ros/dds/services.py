"""Services and clients on two topics, as rmw_cyclonedds_cpp does them.

Client id and number of the request stand before each message; USER_DATA of both endpoints of a
server or client tells which belong together.
"""

from __future__ import annotations

from collections.abc import Callable
import itertools
import threading
import time
from typing import Any

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.binding import DdsError
from hit_rfgm_ros.dds.loop import Loop, Source
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.qos import SERVICE_QOS
from hit_rfgm_ros.dds.topics import Part
from hit_rfgm_ros.dds.wire import CallId, call_id, decode_call, encode
from hit_rfgm_ros.messages.definitions import MessageError
from hit_rfgm_ros.nodes.host import Fields, QoS

_REPLY_WAIT = 0.1  # s that a reply waits for its reader to be discovered
_RETRY = 0.005  # s
_MOST_WAITING = 100  # replies
_POLL = 0.005  # s between two looks for a server


class Server(Part):
    """Answers the requests of one service."""

    def __init__(
        self,
        participant: Participant,
        loop: Loop,
        name: str,
        service: str,
        callback: Callable[[Any], Fields],
        qos: QoS = SERVICE_QOS,
    ) -> None:
        self.name = name
        self._definitions = participant.definitions
        self._loop = loop
        self._service = service
        self._callback = callback
        self.reader, self.writer = participant.service_pair(name, service, qos)
        self._met: set[int] = set()
        self._waiting = 0
        self._source = Source(self.reader, self._answer, f'service {name}')
        loop.add(self._source)

    def release(self) -> None:
        """Stop answering."""
        self._loop.remove(self._source)
        binding.delete(self.writer)

    def _answer(self, data: bytes, info: Any) -> None:
        request = decode_call(self._definitions, f'{self._service}_Request', data)
        reply = encode(
            self._definitions,
            f'{self._service}_Response',
            self._callback(request),
            call_id(data).packed(),
        )
        self._send(reply, info.publication_handle, time.monotonic() + _REPLY_WAIT)

    def _send(self, reply: bytearray, client: int, deadline: float) -> None:
        """Send when the client's reader of replies is known; until then a reply would be lost."""
        if self._source.closed:
            return
        here = self._reader_of(client)
        if here is None:
            return
        if here:
            if not binding.write(self.writer, reply):
                raise DdsError('a reply was dropped: its client is too slow')
            return
        if time.monotonic() > deadline or self._waiting >= _MOST_WAITING:
            raise DdsError(
                f'a reply was dropped: its client could not be reached within {_REPLY_WAIT} s'
            )
        # The loop goes on meanwhile: images must not wait for a client.
        self._waiting += 1
        self._loop.later(
            _RETRY, lambda: self._retry(reply, client, deadline), f'service {self.name}'
        )

    def _retry(self, reply: bytearray, client: int, deadline: float) -> None:
        self._waiting -= 1
        self._send(reply, client, deadline)

    def _reader_of(self, client: int) -> bool | None:
        """Whether the reader of a client is matched; None if the client is gone."""
        if client in self._met:
            return True
        seen = self.reader.get_matched_publication_data(client)
        if seen is None:
            return None
        identity = binding.user_data(seen).get('clientid')
        if identity is not None and not any(
            binding.user_data(self.writer.get_matched_subscription_data(reader)).get('clientid')
            == identity
            for reader in self.writer.get_matched_subscriptions()
        ):
            return False
        self._met &= {binding.unsigned(item) for item in self.reader.get_matched_publications()}
        self._met.add(client)
        return True


class _Pending:
    """A request that waits for its reply."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.reply: Any = None
        self.error: Exception | None = None


class DdsClient(Part):
    """Calls one service; may be used from any thread but the host's own."""

    def __init__(self, participant: Participant, loop: Loop, name: str, service: str) -> None:
        self.name = name
        self._definitions = participant.definitions
        self._loop = loop
        self._service = service
        self.writer, self.reader = participant.client_pair(name, service, SERVICE_QOS)
        self._id = binding.unsigned(self.writer.get_instance_handle())
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._source = Source(self.reader, self._take, f'client of {name}')
        loop.add(self._source)

    def wait(self, timeout: float) -> bool:
        """Wait until a server is there; False if none came in ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not self._server_is_there():
            if time.monotonic() >= deadline or self._source.closed:
                return False
            time.sleep(_POLL)
        return True

    def call(self, fields: Fields, timeout: float) -> Any:
        """Send a request and wait for the answer.

        Raises:
            TimeoutError: if no server was there, or it gave no answer, in ``timeout`` seconds.
            RuntimeError: if called in a callback of the host, which could never end.
            MessageError: if the fields do not fit the type, or the answer is damaged.
            DdsError: if the request could not be sent.
        """
        if self._loop.inside:
            raise RuntimeError(
                f'{self.name} was called in a callback of the same node, whose thread would have '
                f'to receive the answer; call it in a thread of your own'
            )
        deadline = time.monotonic() + timeout
        if not self.wait(timeout):
            raise TimeoutError(f'no server of {self.name} within {timeout:g} s')
        number = next(self._numbers)
        pending = self._pending[number] = _Pending()
        try:
            call = CallId(self._id, number).packed()
            request = encode(self._definitions, f'{self._service}_Request', fields, call)
            if not binding.write(self.writer, request):
                raise DdsError(f'{self.name}: the request was dropped, the server is too slow')
            if not pending.done.wait(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f'{self.name} gave no answer within {timeout:g} s')
        finally:
            del self._pending[number]
        if pending.error is not None:
            raise pending.error
        return pending.reply

    def release(self) -> None:
        """Stop listening; calls under way time out."""
        self._loop.remove(self._source)
        binding.delete(self.writer)

    def _take(self, data: bytes, _info: Any) -> None:
        call = call_id(data)
        # Replies to other clients come here too.
        pending = self._pending.get(call.number) if call.client == self._id else None
        if pending is None:
            return
        try:
            pending.reply = decode_call(self._definitions, f'{self._service}_Response', data)
        except MessageError as error:
            pending.error = error
        pending.done.set()

    def _server_is_there(self) -> bool:
        requests = self.writer.get_matched_subscriptions()
        replies = self.reader.get_matched_publications()
        if not (requests and replies):
            return False
        readers = {self._server_id(self.writer.get_matched_subscription_data(item))
                   for item in requests} - {''}  # fmt: skip
        writers = {self._server_id(self.reader.get_matched_publication_data(item))
                   for item in replies}  # fmt: skip
        return bool(readers & writers) if readers else True

    @staticmethod
    def _server_id(seen: Any) -> str:
        return binding.user_data(seen).get('serviceid', '')
