"""Reads the tensors of PyTorch files (``.pth.tar``, ``.pth``, ``.pt``, ``.bin``) without PyTorch.

Nothing in the file is executed: see `hit_rfgm_ros.weights.pickle_reader`. Official HiT checkpoints
hold, beside the network, pickled objects of the training code; these are passed over. Both forms
of ``torch.save`` are read, the zip archive (since torch 1.6) and the older stream of pickles; and
safetensors files, so that callers need not care.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from math import prod
import mmap
from pathlib import Path
import struct
from typing import Any, BinaryIO, Literal
import zipfile
import zlib

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.pickle_reader import StorageRecord, TensorRecord, read_pickle
import numpy as np
from safetensors import SafetensorError
import safetensors.numpy

MAX_FILE_BYTES = 2**32
MAX_TENSOR_BYTES = 2**31  # of all tensors together
MAX_TENSORS = 20_000

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_WRAPPERS = ('net', 'model', 'state_dict')
_DTYPES = {
    'FloatStorage': 'f4',
    'DoubleStorage': 'f8',
    'HalfStorage': 'f2',
    'BFloat16Storage': 'u2',  # widened to float32 by _tensor
    'LongStorage': 'i8',
    'IntStorage': 'i4',
    'ShortStorage': 'i2',
    'CharStorage': 'i1',
    'ByteStorage': 'u1',
    'BoolStorage': '?',
}
_BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a zip feature that zipfile does not know
    RuntimeError,  # encrypted
    EOFError,
    struct.error,
    OverflowError,
    ValueError,
    KeyError,
    OSError,
)
Reader = Callable[[str, int], bytes]  # key of a storage, bytes wanted -> its bytes


def read_state_dict(path: str | Path) -> dict[str, Array]:
    """Read the tensors of a checkpoint.

    Args:
        path: a file made by ``torch.save`` of a state dict, or of a dict that holds one under
            ``net``, ``model`` or ``state_dict``; or a safetensors file.

    Returns:
        Arrays by key, in the file's order; a ``module.`` prefix on all keys is removed. bfloat16
        becomes float32, every other type stays.

    Raises:
        WeightsError: if the file is missing, damaged, no checkpoint, or too large.
    """
    path = Path(path)
    if path.is_dir():
        raise WeightsError(f'{path} is a folder, expected a checkpoint file')
    try:
        with path.open('rb') as file:
            return _read(file, path)
    except FileNotFoundError as error:
        raise WeightsError(f'{path} does not exist; expected a checkpoint file') from error
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error}') from error
    except WeightsError as error:
        raise WeightsError(f'{path}: {error}') from error


def _read(file: BinaryIO, path: Path) -> dict[str, Array]:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsError(f'{size} bytes are more than any checkpoint of this package has')
    head = file.read(16)
    file.seek(0)
    if head[:4] == b'PK\x03\x04':
        return _read_zip(file, size)
    if head[:1] == b'\x80':
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream:
            return _read_legacy(stream)
    if head[8:9] == b'{':
        return _read_safetensors(file.read())
    raise WeightsError(
        'neither a PyTorch checkpoint (zip or legacy form of torch.save) nor a safetensors file'
    )


def _read_safetensors(data: bytes) -> dict[str, Array]:
    try:
        return safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f'damaged or truncated safetensors file ({error})') from error


def _read_zip(file: BinaryIO, size: int) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_archive(archive, size)
    except _BAD_ARCHIVE as error:
        raise WeightsError(f'damaged or truncated zip archive ({error})') from error


def _read_archive(archive: zipfile.ZipFile, size: int) -> dict[str, Array]:
    members = {info.filename: info for info in archive.infolist()}
    # torch.save only stores. Compression, or parts that overlap, would be a zip bomb.
    stored = all(
        info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
        for info in members.values()
    )
    if not stored or sum(info.file_size for info in members.values()) > size:
        raise WeightsError('the zip archive is compressed or overlaps, torch.save writes neither')
    roots = [name[: -len('data.pkl')] for name in members if name.split('/')[1:] == ['data.pkl']]
    if len(roots) != 1:
        raise WeightsError('a zip archive, but not one of torch.save: it has no data.pkl')
    root = roots[0]
    order = archive.read(f'{root}byteorder') if f'{root}byteorder' in members else b'little'
    content = read_pickle(BytesIO(archive.read(f'{root}data.pkl')))

    def read(key: str, wanted: int) -> bytes:
        if f'{root}data/{key}' not in members:
            raise WeightsError(f'the numbers of storage {key!r} are missing')
        return archive.read(f'{root}data/{key}')

    return _tensors(_state_dict(content), read, '>' if order == b'big' else '<')


def _read_legacy(stream: mmap.mmap) -> dict[str, Array]:
    """Five pickles (magic, version, system, content, keys of storages), then the storages."""
    if read_pickle(stream) != _LEGACY_MAGIC:
        raise WeightsError('a pickle, but not one of torch.save')
    version, system = read_pickle(stream), read_pickle(stream)
    little = isinstance(system, dict) and system.get('little_endian') is True
    if version != 1001 or not little:
        raise WeightsError('an unknown old form of torch.save; load and save it with torch >= 1.6')
    storages: dict[str, StorageRecord] = {}
    state = _state_dict(read_pickle(stream, storages))
    keys = read_pickle(stream)
    places = _legacy_places(stream, keys, storages)

    def read(key: str, wanted: int) -> bytes:
        if key not in places:
            raise WeightsError(f'the numbers of storage {key!r} are missing')
        return stream[places[key] : places[key] + wanted]

    return _tensors(state, read, '<')


def _legacy_places(
    stream: mmap.mmap, keys: Any, storages: dict[str, StorageRecord]
) -> dict[str, int]:
    """Where each storage's numbers begin: they lie one after the other, each behind its count."""
    places: dict[str, int] = {}
    start = stream.tell()
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, str) or key not in storages or start > len(stream):
            break  # what follows cannot be found; reading it will say that it is missing
        places[key] = start + 8
        count = int.from_bytes(stream[start : start + 8], 'little')
        start += 8 + count * _dtype(storages[key]).itemsize
    return places


def _state_dict(content: Any) -> dict[str, TensorRecord]:
    """The records of the network's tensors in what a checkpoint holds."""
    if not isinstance(content, dict):
        raise WeightsError('its content is no dictionary, so it holds no state dict')
    for name in _WRAPPERS:
        if isinstance(content.get(name), dict):
            content = content[name]
            break
    tensors = {key: value for key, value in content.items() if isinstance(value, TensorRecord)}
    others = [_shown(key) for key in content if key not in tensors]
    if not tensors:
        raise WeightsError(
            f'no state dict, neither at the top nor under {", ".join(_WRAPPERS)}; '
            f'it holds: {", ".join(others[:10]) or "nothing"}'
        )
    if others or not all(isinstance(key, str) for key in tensors):
        raise WeightsError(
            f'{len(others)} entries of the state dict are no plain tensors '
            f'(first: {", ".join(others[:3])})'
        )
    if len(tensors) > MAX_TENSORS:
        raise WeightsError(f'{len(tensors)} tensors are more than any network of this package has')
    if all(key.startswith('module.') for key in tensors):
        tensors = {key[len('module.') :]: value for key, value in tensors.items()}
    return tensors


def _shown(key: Any) -> str:
    return key[:80] if isinstance(key, str) else f'a key of type {type(key).__name__}'


def _dtype(storage: StorageRecord) -> np.dtype[Any]:
    if storage.kind not in _DTYPES:
        raise WeightsError(f'numbers of type {storage.kind[:80]} are not supported')
    return np.dtype(_DTYPES[storage.kind])


def _tensors(
    state: dict[str, TensorRecord], read: Reader, order: Literal['<', '>']
) -> dict[str, Array]:
    total = sum(prod(record.shape) * _dtype(record.storage).itemsize for record in state.values())
    if total > MAX_TENSOR_BYTES:
        raise WeightsError(
            f'its tensors take {total} bytes, more than any network of this package'
        )
    blocks: dict[str, bytes] = {}
    tensors = {}
    for key, record in state.items():
        storage = record.storage
        if storage.key not in blocks:
            wanted = storage.count * _dtype(storage).itemsize
            blocks[storage.key] = read(storage.key, wanted)
        tensors[key] = _tensor(key, record, blocks[storage.key], order)
    return tensors


def _tensor(key: str, record: TensorRecord, block: bytes, order: Literal['<', '>']) -> Array:
    """Cut one tensor out of its block; the record is checked against the block here."""
    dtype = _dtype(record.storage).newbyteorder(order)
    count = prod(record.shape)
    last = record.offset + sum((n - 1) * step for n, step in zip(record.shape, record.stride))
    held = min(record.storage.count, len(block) // dtype.itemsize)
    if count and (last >= held or count > held):
        raise WeightsError(
            f'{key} has shape {record.shape}, more than the {held} numbers of its storage: '
            'the file is damaged or truncated'
        )
    if not count:
        return np.zeros(record.shape, dtype.newbyteorder('='))
    view = np.ndarray(
        record.shape,
        dtype,
        buffer=block,
        offset=record.offset * dtype.itemsize,
        strides=[step * dtype.itemsize for step in record.stride],
    )
    array = np.array(view, dtype.newbyteorder('='), order='C')
    if record.storage.kind == 'BFloat16Storage':  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
