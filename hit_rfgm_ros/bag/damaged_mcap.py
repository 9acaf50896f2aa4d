"""An MCAP file without its end: record after record, as far as it goes.

The index of an MCAP file is at its end; a recording that was cut off has none. The format:
https://mcap.dev/spec
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
import struct
import sys
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

from hit_rfgm_ros.bag.parts import Record, Topic, merged, qos_of
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.optional import require

MAGIC = b'\x89MCAP0\r\n'
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 3, 4, 5, 6, 15
_ZSTD = 'compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd'


class _Channel(NamedTuple):
    schema: int
    topic: str
    metadata: dict[str, str]


class _Cut(Exception):  # noqa: N818  # the end of what can be read, passed on as a line of text
    """The file ends, or is broken, here."""


class DamagedMcap:
    """`Source`: what an MCAP file without an end still holds."""

    def __init__(self, path: Path) -> None:
        """Look through the file once.

        Raises:
            BagError: if it is no MCAP file, or holds no topic.
        """
        self.path = path
        self.damage: list[str] = []
        self._schemas: dict[int, tuple[str, str]] = {}
        self._channels: dict[int, _Channel] = {}
        counts = Counter(channel for channel, _, _ in self._messages())
        self.topics = merged(
            self._topic(channel, counts[number]) for number, channel in self._channels.items()
        )
        if not self.topics:
            raise BagError(f'nothing of {path} can be read: {"; ".join(self.damage) or "empty"}')

    def records(self, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        """See `Source`; in the order of the file."""
        wanted = set(keys)
        self.damage.clear()
        for number, stamp, data in self._messages():
            channel = self._channels.get(number)
            if channel is None:
                continue
            key = (channel.topic, self._schemas.get(channel.schema, ('', ''))[0])
            if key in wanted:
                yield Record(key, stamp, data)

    def close(self) -> None:
        """See `Source`; the file is open only while it is read."""

    def _topic(self, channel: _Channel, count: int) -> Topic:
        name, definition = self._schemas.get(channel.schema, ('', ''))
        metadata = channel.metadata
        qos = qos_of(metadata.get('offered_qos_profiles', ''))
        return Topic(
            channel.topic, name, count, definition, metadata.get('topic_type_hash', ''), qos
        )

    def _messages(self) -> Iterator[tuple[int, int, bytes]]:
        """Channel, stamp and data of every message; the rest is taken note of on the way."""
        with self.path.open('rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BagError(f'{self.path} is no MCAP file: it does not begin with its mark')
            try:
                for kind, length, content in _records(file, self.path.stat().st_size):
                    if kind == _DATA_END:
                        return
                    yield from self._inside(kind, length, content)
            except _Cut as cut:
                self.damage.append(f'{self.path.name}: {cut}')

    def _inside(self, kind: int, length: int, content: bytes) -> Iterator[tuple[int, int, bytes]]:
        if kind != _CHUNK:
            yield from self._take(kind, content)
            return
        try:
            inner = _unpacked(content)
            for inner_kind, _, inner_content in _records(BytesIO(inner), len(inner)):
                yield from self._take(inner_kind, inner_content)
        except _Cut as cut:  # a broken chunk does not spoil the next one
            if len(content) == length:  # else whoever reads the file tells of the cut
                self.damage.append(f'{self.path.name}: in a chunk: {cut}')

    def _take(self, kind: int, content: bytes) -> Iterator[tuple[int, int, bytes]]:
        if kind == _MESSAGE:
            number, _, stamp, _ = _numbers('<HIQQ', content)
            yield number, stamp, content[22:]
        elif kind == _SCHEMA:
            (number,) = _numbers('<H', content)
            name, place = _text(content, 2)
            _, place = _text(content, place)
            definition, _ = _text(content, place)
            self._schemas[number] = (name, definition)
        elif kind == _CHANNEL:
            number, schema = _numbers('<HH', content)
            topic, place = _text(content, 4)
            _, place = _text(content, place)
            self._channels[number] = _Channel(schema, topic, _map(content, place))


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Kind, length and content of every record; the content of a last chunk may be shorter.

    Raises:
        _Cut: where the bytes end within a record.
    """
    while True:
        place = file.tell()
        head = file.read(9)
        if not head:
            if isinstance(file, BytesIO):
                return
            raise _Cut(f'it ends at byte {place}, without the end of a recording')
        if len(head) < 9:
            raise _Cut(f'it is cut off at byte {place}')
        kind, length = struct.unpack('<BQ', head)
        content = file.read(min(length, size))
        if len(content) == length:
            yield kind, length, content
            continue
        if kind == _CHUNK:
            yield kind, length, content
        raise _Cut(f'it is cut off in the record at byte {place}')


def _unpacked(content: bytes) -> bytes:
    """The records of a chunk.

    Raises:
        _Cut: if they are packed and incomplete, or damaged.
    """
    _, _, size, checksum = _numbers('<QQQI', content)
    packing, place = _text(content, 28)
    (length,) = _numbers('<Q', content, place)
    packed = content[place + 8 : place + 8 + length]
    if not packing:
        if len(packed) == size and checksum and crc32(packed) != checksum:
            raise _Cut('wrong checksum, left out')
        return packed
    if len(packed) < length:
        raise _Cut('packed and incomplete, left out')
    unpack, errors = _unpacker(packing)
    try:
        unpacked: bytes = unpack(packed)
    except errors as error:
        raise _Cut(f'cannot be unpacked, left out: {error}') from error
    if len(unpacked) != size or (checksum and crc32(unpacked) != checksum):
        raise _Cut('wrong checksum, left out')
    return unpacked


def _unpacker(packing: str) -> tuple[Any, tuple[type[Exception], ...]]:
    if packing == 'zstd':
        zstd = require(_ZSTD, extra='bag', purpose='packed bags')
        return zstd.decompress, (zstd.ZstdError, ValueError, EOFError)
    if packing == 'lz4':
        lz4 = require('lz4.frame', extra='bag', purpose='packed bags')
        return lz4.decompress, (RuntimeError, ValueError, EOFError)
    raise _Cut(f'packed in an unknown way ({packing!r}), left out')


def _numbers(layout: str, content: bytes, place: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, content, place)
    except struct.error as error:
        raise _Cut('a record is too short') from error


def _text(content: bytes, place: int) -> tuple[str, int]:
    """A text with its length before it, and the place after it."""
    (length,) = _numbers('<I', content, place)
    end = place + 4 + length
    if end > len(content):
        raise _Cut('a record is too short')
    return content[place + 4 : end].decode('utf-8', 'replace'), end


def _map(content: bytes, place: int) -> dict[str, str]:
    (length,) = _numbers('<I', content, place)
    end = min(place + 4 + length, len(content))
    place += 4
    found = {}
    while place < end:
        key, place = _text(content, place)
        found[key], place = _text(content, place)
    return found
