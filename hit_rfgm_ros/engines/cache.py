"""Finished graphs in the user's cache folder: checked before use, written whole or not at all.

Only graphs that were accepted (see `engines.agreement`) are kept, so a graph found here needs no
second check. OpenVINO's compiled form is not kept: reading it back takes as long as compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import hashlib
import json
import logging
import os
from pathlib import Path
import time
from typing import BinaryIO

import platformdirs

MAGIC = b'HITRFGM1'
MAX_FOLDER_BYTES = 2 * 2**30
LARGE_BYTES = 100 * 10**6  # a file of this size is told of
LOCK_SECONDS = 300.0  # then the graphs are built without waiting any longer

Graphs = dict[str, bytes]
# `fetch`, perhaps bound to a folder.
Fetch = Callable[[str, Mapping[str, str], Callable[[], Graphs]], Graphs]

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """The folder of this package in the user's cache."""
    return Path(platformdirs.user_cache_path('hit_rfgm_ros'))


def fetch(
    name: str,
    key: Mapping[str, str],
    build: Callable[[], Graphs],
    folder: Path | None = None,
    *,
    rebuild: bool = False,
) -> Graphs:
    """Graphs from the cache, or built and put there.

    A damaged file is set aside as ``.bad`` and rebuilt. A folder that cannot be used is a warning:
    the graphs are built in memory.

    Args:
        name: begins the file's name, for people.
        key: everything that changes the graphs.
        build: makes and accepts them; whatever it raises is passed on and nothing is kept.
        folder: where; None is `cache_folder`.
        rebuild: build even if they are there, and replace them.
    """
    folder = cache_folder() if folder is None else folder
    try:
        make_private(folder)
    except OSError as error:
        _log.warning('graphs are not cached: %s cannot be used (%s)', folder, error)
        return build()
    path = folder / f'{name}-{_digest(key)[:16]}.graphs'
    found = None if rebuild else _read(path, key)
    if found is not None:
        return found
    with locked(folder / 'lock'):
        # Another process may have built it meanwhile.
        found = None if rebuild else _read(path, key)
        if found is None:
            found = build()
            _write(path, key, found)
    return found


def _digest(key: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()


def make_private(folder: Path) -> None:
    """Make a folder and keep it ours alone: what lies in it is run, or decides what a robot sees.

    Raises:
        OSError: if it cannot be made or used, or is another user's.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, 'getuid') and folder.stat().st_uid != os.getuid():
        raise PermissionError(f'it belongs to another user (uid {folder.stat().st_uid})')
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError('it is not writable')


@contextmanager
def locked(path: Path, *, seconds: float | None = None) -> Iterator[None]:
    """Keep other processes from building at the same time; the lock ends with its process.

    Args:
        path: of the file that is locked.
        seconds: to wait for another process, then it goes on without; None is `LOCK_SECONDS`.
    """
    try:
        file = path.open('wb')
    except OSError as error:
        _log.warning('building without a lock: %s', error)
        yield
        return
    with file:
        end = time.monotonic() + (LOCK_SECONDS if seconds is None else seconds)
        while not _try_lock(file):
            if time.monotonic() > end:
                _log.warning('building although another process holds %s', path)
                break
            time.sleep(0.05)
        yield


def _try_lock(file: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:  # not a POSIX system: two processes may both build, nothing worse
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path, key: Mapping[str, str]) -> Graphs | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning('%s cannot be read and is built anew: %s', path, error)
        return None
    graphs = _unpack(data, key)
    try:
        if graphs is None:
            path.replace(path.with_suffix('.bad'))
            _log.warning('%s was damaged: set aside as .bad and built anew', path)
        else:
            os.utime(path)  # the least recently used are removed first
    except OSError as error:
        _log.debug('%s: %s', path, error)
    return graphs


def _pack(key: Mapping[str, str], graphs: Graphs) -> list[bytes]:
    sizes = {name: len(graph) for name, graph in graphs.items()}
    header = json.dumps({'key': dict(key), 'sizes': sizes}).encode()
    parts = [len(header).to_bytes(4, 'little'), header, *graphs.values()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [MAGIC, digest.digest(), *parts]


def _unpack(data: bytes, key: Mapping[str, str]) -> Graphs | None:
    """The graphs, or None where a byte is wrong or missing."""
    body = memoryview(data)[len(MAGIC) + 32 :]
    if data[: len(MAGIC)] != MAGIC:
        return None
    if hashlib.sha256(body).digest() != data[len(MAGIC) : len(MAGIC) + 32]:
        return None
    start = 4 + int.from_bytes(body[:4], 'little')
    header = json.loads(bytes(body[4:start]))
    if header['key'] != dict(key):
        return None
    graphs = {}
    for name, size in header['sizes'].items():
        graphs[name] = bytes(body[start : start + size])
        start += size
    return graphs


def _write(path: Path, key: Mapping[str, str], graphs: Graphs) -> None:
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with temporary.open('wb') as file:
            file.writelines(_pack(key, graphs))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        size = path.stat().st_size
        if size >= LARGE_BYTES:
            _log.info(
                '%s takes %.0f MB; the folder is kept below %.0f MB',
                path,
                size / 1e6,
                MAX_FOLDER_BYTES / 1e6,
            )
        _bound(path.parent, keep=path)
    except OSError as error:
        _log.warning('%s cannot be written, tracking goes on without it: %s', path, error)
    finally:
        _remove(temporary)


def _bound(folder: Path, keep: Path) -> None:
    """Remove the least recently used files until the folder is small enough."""
    files = [path for path in folder.iterdir() if path.suffix in ('.graphs', '.bad')]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in files:
        total += path.stat().st_size
        if total > MAX_FOLDER_BYTES and path != keep:
            _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug('%s cannot be removed: %s', path, error)
