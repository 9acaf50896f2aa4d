"""Messages to bytes and back: CDR as ROS 2 puts it on the wire, images without a detour."""

from __future__ import annotations

from functools import cache
import struct
from typing import Any, NamedTuple

from hit_rfgm_ros.dds.types import is_flat
from hit_rfgm_ros.messages.definitions import Definitions, MessageError
from hit_rfgm_ros.nodes.host import Fields

LARGEST_CALL = 1 << 20  # bytes of a request or reply
LARGEST_NESTED = 4 << 20  # bytes of a message with lists of messages or texts

_HEADER = b'\x00\x01\x00\x00'  # CDR, little endian
_HEADER_SIZE = 4


class CallId(NamedTuple):
    """What stands before each request and reply.

    Attributes:
        client: chosen by the client, the same in all its requests.
        number: of the request.
    """

    client: int
    number: int

    def packed(self) -> bytes:
        """16 bytes; so the alignment of what follows is that of a message alone."""
        return struct.pack('<Qq', self.client, self.number)


def encode(
    definitions: Definitions, type_name: str, fields: Fields, prefix: bytes = b''
) -> bytearray:
    """Bytes of a message, ready to be written.

    Arrays of numbers are copied once, as a whole.

    Args:
        definitions: that know the type.
        type_name: ``package/msg/Name`` or ``package/srv/Name_Request``.
        fields: values; missing ones take the default of their type.
        prefix: `CallId.packed` of a request or reply.

    Raises:
        MessageError: if a field is unknown or a value does not fit.
    """
    message = definitions.from_fields(type_name, fields)
    store = definitions.typestore
    layout = store.get_msgdef(type_name)
    try:
        size = _HEADER_SIZE + len(prefix) + layout.getsize_cdr(0, message, store)
        data = bytearray(-(-size // 4) * 4)
        start = _HEADER_SIZE + len(prefix)
        data[:start] = _HEADER + prefix
        layout.serialize_cdr_le(memoryview(data)[start:], 0, message, store)
    except (struct.error, ValueError, TypeError, AttributeError) as error:
        raise MessageError(f'a {type_name} cannot be sent: {error}') from error
    return data


def decode(definitions: Definitions, type_name: str, data: bytes) -> Any:
    """The message in bytes; its arrays of numbers are views of them.

    Raises:
        MessageError: if the bytes are no such message, or so many that reading them would take
            long.
    """
    if len(data) > LARGEST_NESTED and not _flat(definitions, type_name):
        raise MessageError(
            f'a {type_name} of {len(data)} bytes is not read; at most {LARGEST_NESTED} are'
        )
    return definitions.deserialize(type_name, data)


def call_id(data: bytes) -> CallId:
    """What stands before a request or reply.

    Raises:
        MessageError: if there is too little for it.
    """
    if len(data) < _HEADER_SIZE + 16:
        raise MessageError(f'a request or reply has at least 20 bytes; got {len(data)}')
    order = '<' if data[1] & 1 else '>'
    return CallId(*struct.unpack_from(f'{order}Qq', data, _HEADER_SIZE))


def decode_call(definitions: Definitions, type_name: str, data: bytes) -> Any:
    """The request or reply in bytes, without its `call_id`.

    Raises:
        MessageError: as `decode`; at most `LARGEST_CALL` bytes are read.
    """
    if len(data) > LARGEST_CALL:
        raise MessageError(
            f'a {type_name} of {len(data)} bytes is not read; at most {LARGEST_CALL} are'
        )
    return definitions.deserialize(type_name, data[:_HEADER_SIZE] + data[_HEADER_SIZE + 16 :])


@cache
def _flat(definitions: Definitions, type_name: str) -> bool:
    return is_flat(definitions, type_name)
