"""What a bag is made of: topics and records; and the libraries that read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from hit_rfgm_ros.optional import require


class Topic(NamedTuple):
    """A topic of a bag.

    Attributes:
        name: ``/camera/image_raw`` for one.
        type: ``sensor_msgs/msg/Image`` for one.
        messages: how many there are.
        definition: text of the type as stored in the bag, empty if there is none.
        hash: type hash, empty if it is not known.
        qos: rosbags' `Qos` of its publishers.
    """

    name: str
    type: str
    messages: int
    definition: str = ''
    hash: str = ''
    qos: tuple[Any, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells topics of a bag apart."""
        return self.name, self.type


class Record(NamedTuple):
    """A message of a bag.

    Attributes:
        key: of its `Topic`.
        stamp: when it was recorded, nanoseconds.
        data: CDR with its header of 4 bytes.
    """

    key: tuple[str, str]
    stamp: int
    data: bytes


class Source(Protocol):
    """A bag, or one file of it.

    Attributes:
        topics: in the order of the file.
        damage: what could not be read, empty while all could; grows while it is read.
    """

    topics: list[Topic]
    damage: list[str]

    def records(self, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        """The messages of some topics; what cannot be read is noted in `damage`."""

    def close(self) -> None:
        """Close the files."""


def merged(topics: Iterable[Topic]) -> list[Topic]:
    """One topic per name and type; the counts are added up."""
    found: dict[tuple[str, str], Topic] = {}
    for topic in topics:
        known = found.get(topic.key)
        if known is None:
            found[topic.key] = topic
            continue
        found[topic.key] = topic._replace(
            messages=known.messages + topic.messages,
            definition=known.definition or topic.definition,
            hash=known.hash or topic.hash,
            qos=tuple(dict.fromkeys((*known.qos, *topic.qos))),
        )
    return list(found.values())


def rosbags(module: str) -> Any:
    """A part of the library that knows the format."""
    return require(f'rosbags.{module}', extra='bag', purpose='bags')


def qos_of(text: Any) -> tuple[Any, ...]:
    """`Qos` (rosbags) of the YAML that a bag stores; none where it cannot be read."""
    try:
        return tuple(rosbags('rosbag2.metadata').parse_qos(text))
    except (rosbags('rosbag2').ReaderError, KeyError, TypeError, ValueError):
        return ()
