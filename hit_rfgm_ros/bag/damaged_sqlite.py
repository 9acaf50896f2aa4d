"""An sqlite3 file of a bag that was cut off: row after row, as far as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
import sqlite3
from urllib.parse import quote

from hit_rfgm_ros.bag.parts import Record, Topic, merged, qos_of
from hit_rfgm_ros.errors import BagError


class DamagedSqlite:
    """`Source`: what an sqlite3 file still holds."""

    def __init__(self, path: Path) -> None:
        """Look through the file once.

        Raises:
            BagError: if it is no bag, or its table of topics is lost.
        """
        self.path = path
        self.damage: list[str] = []
        self._keys: dict[int, tuple[str, str]] = {}
        with closing(self._connect()) as connection:
            try:
                self.topics = self._topics(connection)
            except sqlite3.Error as error:
                raise BagError(f'nothing of {path} can be read: {error}') from error

    def records(self, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        """See `Source`; in the order of writing."""
        wanted = set(keys)
        self.damage.clear()
        with closing(self._connect()) as connection:
            for number, stamp, data in self._rows(connection):
                key = self._keys.get(number)
                if key in wanted:
                    yield Record(key, stamp, bytes(data))

    def close(self) -> None:
        """See `Source`; the file is open only while it is read."""

    def _connect(self) -> sqlite3.Connection:
        place = quote(str(self.path.absolute()))
        connection = sqlite3.connect(f'file:{place}?mode=ro&immutable=1', uri=True)
        # Without it sqlite refuses a file that is shorter than its first page says.
        connection.execute('PRAGMA writable_schema=ON')
        return connection

    def _topics(self, connection: sqlite3.Connection) -> list[Topic]:
        known = [row[1] for row in connection.execute('PRAGMA table_info(topics)')]
        extras = ('offered_qos_profiles', 'type_description_hash')
        columns = [name if name in known else "''" for name in extras]
        rows = connection.execute(f'SELECT id, name, type, {", ".join(columns)} FROM topics')
        topics = {
            number: Topic(name, kind, 0, '', digest, qos_of(qos))
            for number, name, kind, qos, digest in rows
        }
        self._keys = {number: topic.key for number, topic in topics.items()}
        definitions = self._definitions(connection)
        counts = dict.fromkeys(topics, 0)
        for number, _, _ in self._rows(connection):
            if number in counts:
                counts[number] += 1
        return merged(
            topic._replace(messages=counts[number], definition=definitions.get(topic.type, ''))
            for number, topic in topics.items()
        )

    def _definitions(self, connection: sqlite3.Connection) -> dict[str, str]:
        """Text by type; bags of older distributions have none."""
        query = 'SELECT topic_type, encoded_message_definition FROM message_definitions'
        try:
            return dict(connection.execute(query).fetchall())
        except sqlite3.Error:
            return {}

    def _rows(self, connection: sqlite3.Connection) -> Iterator[tuple[int, int, bytes]]:
        """Topic, stamp and data in the order of writing, until one cannot be read."""
        count, trouble = 0, ''
        query = 'SELECT topic_id, timestamp, data FROM messages NOT INDEXED'
        try:
            for row in connection.execute(query):
                count += 1
                yield row
        except sqlite3.Error as error:
            trouble = str(error)
        size, wanted = self.path.stat().st_size, self._wanted_size()
        if size < wanted:
            trouble = f'{size} of {wanted} bytes are there'
        if trouble:
            self.damage.append(f'{self.path.name}: cut off after {count} messages ({trouble})')

    def _wanted_size(self) -> int:
        """Bytes that the file should have, by its first page."""
        with self.path.open('rb') as file:
            head = file.read(32)
        page, pages = (int.from_bytes(part, 'big') for part in (head[16:18], head[28:32]))
        return pages * (page if page > 1 else 65536)
