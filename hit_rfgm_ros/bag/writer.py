"""A bag that is written: what the old one held, and what was found out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
import shutil
import sqlite3
from typing import Any

from hit_rfgm_ros.bag.parts import Topic, rosbags
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.messages.definitions import Definitions

# Of metadata.yaml; newer ones write quality of service in a way that Humble does not know.
_VERSION = 8
_UNKNOWN_HASH = 'RIHS01_' + 64 * '0'
_TROUBLES = (OSError, sqlite3.Error)


class BagWriter:
    """A new bag; `finish` makes it readable, whatever happened before."""

    def __init__(self, path: Path, storage: str, definitions: Definitions) -> None:
        """Make the folder.

        Args:
            path: of the folder, which must not exist.
            storage: ``mcap`` or ``sqlite3``.
            definitions: of the messages that are added.

        Raises:
            BagError: if there is something already, or it cannot be made.
        """
        self.path = path
        self._definitions = definitions
        self._connections: dict[tuple[str, str], Any] = {}
        plugin = rosbags('rosbag2').StoragePlugin[storage.upper()]
        if path.exists():
            raise BagError(f'{path} exists already; take another name')
        try:
            self._writer = rosbags('rosbag2').Writer(path, version=_VERSION, storage_plugin=plugin)
            self._writer.open()
        except _TROUBLES as error:
            raise BagError(f'{path} cannot be written: {error}') from error

    def copy_topic(self, topic: Topic) -> None:
        """Announce a topic of another bag, with its type as stored there."""
        known = topic.type in self._definitions
        definition, digest = topic.definition, topic.hash
        if known and not (definition and digest):
            typestore = self._definitions.typestore
            definition = definition or typestore.generate_msgdef(topic.type, ros_version=2)[0]
            digest = digest or self._definitions.hash(topic.type)
        self._connections[topic.key] = self._writer.add_connection(
            topic.name,
            topic.type,
            msgdef=definition,
            rihs01=digest or _UNKNOWN_HASH,
            offered_qos_profiles=topic.qos,
        )

    def add_topic(self, name: str, type_name: str) -> tuple[str, str]:
        """Announce a topic of our own, reliable and volatile; returns its key."""
        self._connections[name, type_name] = self._writer.add_connection(
            name,
            type_name,
            typestore=self._definitions.typestore,
            offered_qos_profiles=[_reliable()],
        )
        return name, type_name

    def write(self, key: tuple[str, str], stamp: int, data: bytes) -> None:
        """Append a message.

        Args:
            key: of a topic that was announced.
            stamp: time of recording, nanoseconds.
            data: CDR.

        Raises:
            BagError: if the disk is full, for one.
        """
        try:
            self._writer.write(self._connections[key], stamp, data)
        except _TROUBLES as error:
            raise BagError(f'{self.path} cannot be written: {error}') from error

    def write_fields(self, key: tuple[str, str], stamp: int, fields: Mapping[str, Any]) -> None:
        """Append a message given by its fields; as `write`."""
        self.write(key, stamp, self._definitions.serialize(key[1], fields))

    def finish(self) -> None:
        """Write the index and metadata.yaml.

        Raises:
            BagError: if that is not possible.
        """
        try:
            self._writer.close()
        except _TROUBLES as error:
            with suppress(*_TROUBLES):
                self._writer.abort()
            raise BagError(f'{self.path} cannot be finished: {error}') from error

    def discard(self) -> None:
        """Remove the folder that was made."""
        with suppress(*_TROUBLES):
            self._writer.abort()
        shutil.rmtree(self.path, ignore_errors=True)


def _reliable() -> Any:
    parts = rosbags('interfaces')
    endless = parts.QosTime(0, 0)
    return parts.Qos(
        parts.QosHistory.KEEP_LAST,
        10,
        parts.QosReliability.RELIABLE,
        parts.QosDurability.VOLATILE,
        endless,
        endless,
        parts.QosLiveliness.SYSTEM_DEFAULT,
        endless,
        False,
    )
