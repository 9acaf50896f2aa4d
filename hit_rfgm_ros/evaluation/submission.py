"""Archives for the servers of GOT-10k and TrackingNet, checked before they are kept.

Neither server says what is wrong with an archive: a sequence that is missing, short or misnamed
counts as not tracked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from hit_rfgm_ros.data.datasets.layout import some
from hit_rfgm_ros.data.datasets.registry import Dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.results import FrameNotes, Results, format_boxes
from hit_rfgm_ros.types import FloatArray
import numpy as np

_OLDEST = (1980, 1, 1, 0, 0, 0)  # that a zip can state: the same results give the same archive

Files = Callable[[str, FloatArray, FrameNotes | None], Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class Server:
    """What a server wants.

    Attributes:
        sequences: how many.
        files: gives name in the archive and text of each file of a sequence.
        boxes: name in the archive of a sequence's boxes.
        others: names of its other files.
    """

    sequences: int
    files: Files
    boxes: str
    others: tuple[str, ...] = ()


def _got10k_files(
    name: str, boxes: FloatArray, notes: FrameNotes | None
) -> Iterator[tuple[str, str]]:
    if notes is None:
        raise EvaluationError(
            f'{name}: the server of GOT-10k wants the time of each frame, which lies in '
            f'frames/{name}.csv; run the tracker with hit-rfgm eval'
        )
    yield f'{name}/{name}_001.txt', format_boxes(boxes)
    times = ''.join(f'{value:.8f}\n' for value in notes.seconds.tolist())
    yield f'{name}/{name}_time.txt', times


def _trackingnet_files(
    name: str, boxes: FloatArray, _notes: FrameNotes | None
) -> Iterator[tuple[str, str]]:
    yield f'{name}.txt', format_boxes(boxes)


SERVERS: Mapping[str, Server] = {
    'got10k_test': Server(180, _got10k_files, '{0}/{0}_001.txt', ('{0}/{0}_time.txt',)),
    'trackingnet': Server(511, _trackingnet_files, '{0}.txt'),
}


def server_of(dataset: Dataset) -> Server:
    """What the server of a data set wants.

    Raises:
        EvaluationError: if there is none, or the data set is not whole.
    """
    if dataset.name not in SERVERS:
        raise EvaluationError(
            f'{dataset.name} has its ground truth published and no server; submissions are for '
            f'{" and ".join(SERVERS)}'
        )
    server = SERVERS[dataset.name]
    if len(dataset.sequences) != server.sequences:
        raise EvaluationError(
            f'the server of {dataset.name} wants all {server.sequences} sequences, these are '
            f'{len(dataset.sequences)}'
        )
    _check_suffixes([sequence.name for sequence in dataset.sequences])
    return server


def write_submission(path: Path, results: Results, tracker: str, dataset: Dataset) -> None:
    """Write the archive of one tracker; it only gets its name once it was checked.

    Args:
        path: ends in ``.zip``.
        results: of the evaluation.
        tracker: its name there.
        dataset: one of `SERVERS`, whole.

    Raises:
        EvaluationError: if anything is missing or wrong; it is named, and nothing is written.
    """
    if path.suffix != '.zip':
        raise EvaluationError(f'{path}: the name of a submission ends in .zip')
    server = server_of(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with ZipFile(temporary, 'w', ZIP_DEFLATED) as archive:
            for sequence in dataset.sequences:
                boxes = _boxes(results, tracker, sequence)
                notes = results.frames(tracker, sequence.name)
                for name, text in server.files(sequence.name, boxes, notes):
                    archive.writestr(ZipInfo(name, _OLDEST), text, ZIP_DEFLATED)
        check_submission(temporary, dataset)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_submission(path: Path, dataset: Dataset) -> None:
    """Open an archive and check that it is what the server wants.

    Args:
        path: of the archive, of whatever origin.
        dataset: one of `SERVERS`, whole.

    Raises:
        EvaluationError: naming what is missing, surplus or wrong.
    """
    server = server_of(dataset)
    try:
        with ZipFile(path) as archive:
            names = [sequence.name for sequence in dataset.sequences]
            templates = (server.boxes, *server.others)
            expected = {template.format(name) for name in names for template in templates}
            _check_names(path, expected, archive.namelist())
            for sequence in dataset.sequences:
                name = sequence.name
                boxes = _columns(path, archive, server.boxes.format(name), ',', 4, len(sequence))
                _check_boxes(f'{path}: {name}', boxes, sequence)
                for template in server.others:
                    _columns(path, archive, template.format(name), None, 1, len(sequence))
    except (BadZipFile, OSError) as error:
        raise EvaluationError(f'{path} is no archive that can be read: {error}') from error


def _boxes(results: Results, tracker: str, sequence: Sequence) -> FloatArray:
    boxes = results.boxes(tracker, sequence.name)
    _check_boxes(f'{results.out / tracker / sequence.name}.txt', boxes, sequence)
    return boxes


def _check_boxes(where: str, boxes: FloatArray, sequence: Sequence) -> None:
    if len(boxes) != len(sequence):
        raise EvaluationError(f'{where} has {len(boxes)} boxes for {len(sequence)} frames')
    wrong = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < 0).any(axis=1)
    if wrong.any():
        frame = int(wrong.argmax())
        raise EvaluationError(
            f'{where}, frame {frame}: {boxes[frame].tolist()} is no box of finite numbers'
        )


def _check_names(path: Path, expected: set[str], found: Many[str]) -> None:
    files = [name for name in found if not name.endswith('/')]
    for words, names in (
        ('lacks', expected.difference(files)),
        ('holds, and should not,', set(files) - expected),
    ):
        if names:
            raise EvaluationError(f'{path} {words} {len(names)} files: {some(sorted(names))}')
    if len(files) != len(expected):
        raise EvaluationError(f'{path} holds a file twice')


def _check_suffixes(names: Many[str]) -> None:
    """TrackingNet's server finds a sequence by names that end alike, and then takes neither."""
    known = set(names)
    for name in names:
        for start in range(1, len(name)):
            if name[start:] in known:
                raise EvaluationError(
                    f'{name} ends in the name of another sequence, {name[start:]}: the server '
                    f'would score neither'
                )


def _columns(
    path: Path, archive: ZipFile, name: str, separator: str | None, columns: int, rows: int
) -> FloatArray:
    lines = archive.read(name).decode('utf-8', 'replace').splitlines()
    try:
        values = np.array([[float(part) for part in line.split(separator)] for line in lines])
    except ValueError as error:
        raise EvaluationError(f'{path}: {name} is no table of numbers: {error}') from error
    if values.shape != (rows, columns):
        raise EvaluationError(
            f'{path}: {name} has the shape {values.shape}, expected {rows} lines of {columns}'
        )
    return values
