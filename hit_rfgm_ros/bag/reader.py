"""A bag as one stream of records, also if the recording was cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
import logging
from pathlib import Path
import struct
from typing import Any

from hit_rfgm_ros.bag.damaged_mcap import DamagedMcap
from hit_rfgm_ros.bag.damaged_sqlite import DamagedSqlite
from hit_rfgm_ros.bag.parts import Record, Source, Topic, merged, rosbags
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.optional import require

_log = logging.getLogger(__name__)

STORAGES = {'.mcap': 'mcap', '.db3': 'sqlite3'}


class WholeBag:
    """`Source`: a bag, or one file of it, that rosbags can open."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            BagError: if rosbags cannot.
        """
        self.path = path
        self.damage: list[str] = []
        self._troubles = _troubles()
        try:
            self._reader = rosbags('rosbag2').Reader(path)
            self._reader.open()
        except self._troubles as error:
            raise BagError(f'{path}: {_line(error)}') from error
        self.topics = merged(
            Topic(
                item.topic,
                item.msgtype,
                item.msgcount,
                item.msgdef.data,
                item.digest,
                tuple(item.ext.offered_qos_profiles),
            )
            for item in self._reader.connections
        )

    def records(self, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        """See `Source`; in the order of recording."""
        wanted = set(keys)
        chosen = [
            item for item in self._reader.connections if (item.topic, item.msgtype) in wanted
        ]
        if not chosen:
            return
        messages = self._reader.messages(chosen)
        while True:
            try:
                connection, stamp, data = next(messages)
            except StopIteration:
                return
            except self._troubles as error:
                self.damage.append(f'{self.path.name}: {_line(error)}')
                return
            yield Record((connection.topic, connection.msgtype), stamp, bytes(data))

    def close(self) -> None:
        """See `Source`."""
        with suppress(*self._troubles):
            self._reader.close()


class Bag:
    """A bag that was opened; use it in a ``with`` statement.

    Attributes:
        path: of its folder or file.
        storage: ``mcap`` or ``sqlite3``.
        topics: one per name and type.
    """

    def __init__(self, path: Path, storage: str, sources: list[Source]) -> None:
        self.path = path
        self.storage = storage
        self.topics = merged(topic for source in sources for topic in source.topics)
        self._sources = sources

    @property
    def damage(self) -> list[str]:
        """What could not be read so far, a line per file; empty while all could."""
        return [line for source in self._sources for line in source.damage]

    def records(self, topics: Iterable[Topic] | None = None) -> Iterator[Record]:
        """All messages, or those of some topics, file by file in the order of recording."""
        keys = [topic.key for topic in (self.topics if topics is None else topics)]
        for source in self._sources:
            yield from source.records(keys)

    def close(self) -> None:
        """Close the files."""
        for source in self._sources:
            source.close()

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_bag(path: str | Path) -> Bag:
    """Open a folder that ``ros2 bag record`` made, or one .mcap or .db3 file.

    Where the recording was cut off, or its metadata.yaml is missing, the files are read as far as
    they go; see `Bag.damage`.

    Raises:
        BagError: if there is no bag, or nothing of it can be read.
        MissingDependencyError: if rosbags is not installed.
    """
    path = Path(path)
    files = _files(path)
    storage = STORAGES.get(files[0].suffix, '') if files else ''
    try:
        whole = WholeBag(path)
    except BagError:
        if not files:
            raise
        if path.is_dir() and not (path / 'metadata.yaml').exists():
            _log.warning(
                '%s has no metadata.yaml, the recording was not ended; its last messages may '
                'be missing',
                path,
            )
        return Bag(path, storage, [_open_file(file) for file in files])
    return Bag(path, storage or _storage_of(path), [whole])


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BagError(
            f'{path} does not exist; give the folder of a bag, or an .mcap or .db3 file'
        )
    if path.is_file():
        if path.suffix not in STORAGES:
            raise BagError(
                f'{path} is no bag of ROS 2: those are folders with a metadata.yaml, or .mcap or '
                f'.db3 files; bags of ROS 1 must be converted first (rosbags-convert)'
            )
        return [path]
    files = [file for file in path.iterdir() if file.suffix in STORAGES]
    if not files and not (path / 'metadata.yaml').is_file():
        raise BagError(f'the folder {path} holds no bag: neither metadata.yaml nor .mcap nor .db3')
    return sorted(files, key=_number)


def _number(file: Path) -> tuple[int, str]:
    """Files of a long recording end in _0, _1, ... _10."""
    _, _, number = file.stem.rpartition('_')
    return (int(number) if number.isdecimal() else 0, file.name)


def _open_file(file: Path) -> Source:
    try:
        return WholeBag(file)
    except BagError:
        return DamagedMcap(file) if file.suffix == '.mcap' else DamagedSqlite(file)


def _storage_of(path: Path) -> str:
    """Of a folder whose files are packed as a whole (.mcap.zstd)."""
    packed = [file.name for file in path.iterdir()]
    return 'sqlite3' if any('.db3' in name for name in packed) else 'mcap'


def _troubles() -> tuple[type[Exception], ...]:
    """All that rosbags and what it stands on raise for files that are not in order."""
    reader = rosbags('rosbag2')
    sqlite: Any = require('apsw', extra='bag', purpose='bags')
    zstd = rosbags('rosbag2.reader').zstd
    return (
        reader.ReaderError,
        sqlite.Error,
        zstd.ZstdError,
        struct.error,
        OSError,
        EOFError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    )


def _line(error: BaseException) -> str:
    return ' '.join(str(error).split()) or type(error).__name__
