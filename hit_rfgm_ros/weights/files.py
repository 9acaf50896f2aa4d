"""Weights files of this package: safetensors, official key names, metadata as strings.

A file holds arrays and text, nothing that could run. Metadata: ``model``, ``format_version``, and
as far as known ``source``, ``source_sha256``, ``authors``, ``licence``, ``data``, ``card``,
``calibration`` (JSON) and ``options`` (JSON: the model's options that are not the default).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
import hashlib
import json
import os
from pathlib import Path

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.options import config_from_metadata
from hit_rfgm_ros.weights.spec import check_state, is_computed
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT_VERSION = '1'
MAX_FILE_BYTES = 2**31
_FLOATS = (np.float16, np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of one model, and where they came from.

    Attributes:
        model: name as in `list_models`.
        tensors: arrays under official keys, as stored (fp16 or fp32), without index tables and
            counters.
        metadata: the file's strings.
        sha256: of the file; empty for weights that lie in no file.
        path: the file; None for weights that lie in none.
    """

    model: str
    tensors: dict[str, Array]
    metadata: dict[str, str]
    sha256: str = ''
    path: Path | None = None

    @property
    def config(self) -> ModelConfig:
        """The configuration that these weights were made for."""
        return config_from_metadata(self.model, self.metadata, str(self.path or self.model))

    @property
    def dtypes(self) -> str:
        """Types of the arrays, ``float16`` for one; several are joined by commas."""
        return ', '.join(sorted({array.dtype.name for array in self.tensors.values()}))


def read_weights(path: str | Path, model: str | None = None) -> Weights:
    """Read a weights file and check that it is whole and fits its model.

    Args:
        path: a safetensors file made by this package.
        model: the model that the caller wants; None takes the file's.

    Raises:
        WeightsError: if the file is missing, damaged, of another format or made for another
            model, or if its tensors do not fit its model.
    """
    path = Path(path)
    data = _read_bytes(path)
    tensors, metadata = _parse(path, data)
    if metadata.get('part') == 'backbone':
        raise WeightsError(
            f'{path} holds a backbone only: training can start from it, '
            'tracking needs the weights of a whole model'
        )
    made_for = metadata.get('model', '')
    if not made_for:
        raise WeightsError(
            f'{path} does not say which model it is for (no "model" in its metadata); '
            'weights are made by: hit-rfgm weights import FILE --model M --out F'
        )
    if model is not None and made_for != model:
        raise WeightsError(f'{path} was made for {made_for}, but {model} was asked for')
    weights = Weights(made_for, tensors, metadata, hashlib.sha256(data).hexdigest(), path)
    _check(weights, str(path))
    return weights


def write_weights(
    path: str | Path,
    model: str,
    tensors: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
) -> Weights:
    """Write a weights file; a reader sees the old file or the new one, never half of one.

    Args:
        path: where to write; the folder must exist.
        model: name as in `list_models`.
        tensors: fp16, fp32 or fp64 arrays under official keys; index tables and counters are
            left out.
        metadata: strings; see the head of this module.

    Returns:
        What `read_weights` would return.

    Raises:
        WeightsError: if a key is missing, surplus or misshapen, a number is not finite, or the
            file cannot be written.
    """
    path = Path(path)
    # order='C': save() writes an array's memory as it lies
    kept = {
        key: np.asarray(array, order='C') for key, array in tensors.items() if not is_computed(key)
    }
    texts = {**(metadata or {}), 'model': model, 'format_version': FORMAT_VERSION}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise WeightsError(f'metadata {name!r} must be a string, got {type(text).__name__}')
    weights = Weights(model, kept, texts)
    _check(weights, 'the state dict to write')
    check_finite(weights, 'the state dict to write')
    data = _serialise(kept, texts)
    write_atomically(path, data)
    return replace(weights, sha256=hashlib.sha256(data).hexdigest(), path=path)


def write_backbone(path: Path, model: str, tensors: Mapping[str, Array], source: Path) -> int:
    """Write a backbone alone, made of another network's file, for training to start from.

    Args:
        path: where to write.
        model: whose backbone it is.
        tensors: under the model's keys.
        source: the file that they came from.

    Returns:
        The number of tensors written.

    Raises:
        WeightsError: if the file cannot be written.
    """
    metadata = {
        'part': 'backbone',
        'model': model,
        'source': source.name,
        'source_sha256': file_sha256(source),
    }
    write_atomically(path, save(dict(tensors), metadata=metadata))
    return len(tensors)


def verify(path: str | Path, *, model: str | None = None, sha256: str | None = None) -> Weights:
    """Read a weights file and check its hash and that every number is finite.

    Raises:
        WeightsError: as `read_weights`, or if the hash differs or a value is not finite.
    """
    weights = read_weights(path, model)
    if sha256 is not None and weights.sha256 != sha256.lower():
        raise WeightsError(
            f'{path} has sha256 {weights.sha256}, expected {sha256}: it was changed or damaged; '
            'get it again'
        )
    check_finite(weights, str(path))
    return weights


def check_finite(weights: Weights, source: str) -> None:
    """Refuse weights with a NaN or an infinite number, by name.

    Raises:
        WeightsError: naming the first such tensor.
    """
    bad = [key for key, array in weights.tensors.items() if not np.isfinite(array).all()]
    if bad:
        raise WeightsError(
            f'{source}: {len(bad)} tensors hold NaN or infinite numbers (first: {bad[0]}); '
            'the weights are unusable'
        )


def float32_tensors(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The arrays as float32, whatever they are stored as."""
    return {key: array.astype(np.float32) for key, array in weights.tensors.items()}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of one.

    Raises:
        WeightsError: if it cannot be written.
    """
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WeightsError(f'{path} cannot be written: {error.strerror}') from error
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _serialise(tensors: dict[str, Array], texts: dict[str, str]) -> bytes:
    """Safetensors bytes; the same weights and texts always give the same bytes.

    The library writes metadata in random order, so they are put into the header here: 8 bytes of
    length, then JSON filled up with spaces to a multiple of 8.
    """
    data = save(tensors)
    end = 8 + int.from_bytes(data[:8], 'little')
    header = {'__metadata__': dict(sorted(texts.items())), **json.loads(data[8:end])}
    text = json.dumps(header, separators=(',', ':'), ensure_ascii=False).encode()
    text += b' ' * (-len(text) % 8)
    return len(text).to_bytes(8, 'little') + text + data[end:]


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise WeightsError(f'{path} is a folder, expected a weights file (.safetensors)')
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise WeightsError(f'{path} has {size} bytes, more than any model of this package')
        return path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(f'{path} does not exist; expected a weights file') from error
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error.strerror}') from error


def _parse(path: Path, data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    if data[:2] in (b'PK', b'\x80\x02'):
        raise WeightsError(
            f'{path} is a PyTorch file, not a weights file of this package; import it first: '
            f'hit-rfgm weights import {path.name} --model M --out M.safetensors'
        )
    try:
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f'{path} is damaged, truncated or no safetensors file ({error}); get it again'
        ) from error
    # load() has checked the header: its length in 8 bytes, then JSON.
    length = int.from_bytes(data[:8], 'little')
    metadata = json.loads(data[8 : 8 + length]).get('__metadata__') or {}
    return {key: array for key, array in tensors.items() if not is_computed(key)}, metadata


def _check(weights: Weights, source: str) -> None:
    config = config_from_metadata(weights.model, weights.metadata, source)
    check_state({key: array.shape for key, array in weights.tensors.items()}, config, source)
    for key, array in weights.tensors.items():
        if array.dtype not in _FLOATS:
            raise WeightsError(
                f'{source}: {key} is {array.dtype.name}, expected float16, float32 or float64'
            )
