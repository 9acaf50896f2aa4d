"""The files of an evaluation: boxes, what was said beside them, and what was run.

``OUT/<tracker>/<sequence>.txt`` is written last: where it lies, that sequence is done. Files of
other people's trackers are read as well, with commas, tabs or blanks between the numbers, also
where got10k has put them: ``<sequence>/<sequence>_001.txt``.
"""

from __future__ import annotations

from collections.abc import Mapping
import csv
from dataclasses import dataclass
import io
import json
import math
import os
from pathlib import Path
import re
from typing import Any
from uuid import uuid4

from hit_rfgm_ros.data.sequences import read_rows
from hit_rfgm_ros.errors import DatasetError, EvaluationError
from hit_rfgm_ros.types import FloatArray, TrackState
import numpy as np

FRAMES_HEADER = ('frame', 'confidence', 'state', 'latency_ms', 'after_ms')
DATASET_FILE = 'dataset.json'
SUMMARY_FILE = 'summary.json'
RUN_FILE = 'run.json'


@dataclass(frozen=True, eq=False)
class FrameNotes:
    """What a tracker said and took beside its boxes; all of one length.

    Attributes:
        confidence: (L,) NaN where none was given.
        states: of each frame, None where none was given.
        latency_ms: (L,) of start or update alone, NaN where the tracker did not run.
        after_ms: (L,) of what was done once the box was out, NaN where nothing was.
    """

    confidence: FloatArray
    states: tuple[TrackState | None, ...]
    latency_ms: FloatArray
    after_ms: FloatArray

    def __len__(self) -> int:
        return len(self.states)

    @property
    def seconds(self) -> FloatArray:
        """(L,) latency in seconds, 0 where the tracker did not run."""
        return np.nan_to_num(self.latency_ms) / 1000


def write_sequence(folder: Path, sequence: str, boxes: FloatArray, notes: FrameNotes) -> None:
    """Write the files of one sequence, the boxes last.

    Args:
        folder: of the tracker.
        sequence: its name.
        boxes: (L, 4) x, y, width, height.
        notes: of the same length.

    Raises:
        OSError: if they cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(FRAMES_HEADER)
    for index, state in enumerate(notes.states):
        writer.writerow(
            (
                index,
                _number(notes.confidence[index], 6),
                '' if state is None else state.value,
                _number(notes.latency_ms[index], 3),
                _number(notes.after_ms[index], 3),
            )
        )
    write_text(folder / 'frames' / f'{sequence}.csv', text.getvalue())
    write_text(folder / f'{sequence}.txt', format_boxes(boxes))


def format_boxes(boxes: FloatArray) -> str:
    """(L, 4) boxes as lines of x,y,width,height with three decimals."""
    return ''.join(','.join(f'{value:.3f}' for value in box) + '\n' for box in boxes.tolist())


def read_boxes(path: Path) -> FloatArray:
    """Read a file of boxes as float64 (M, 4); NaN is let through.

    Raises:
        EvaluationError: if there is none, or a line is not four numbers.
    """
    try:
        return read_rows(path)
    except DatasetError as error:
        raise EvaluationError(str(error)) from error


def read_frames(path: Path) -> FrameNotes:
    """Read what lies beside the boxes of a sequence.

    Raises:
        EvaluationError: if it is no such file; the line at fault is named.
    """
    columns: list[tuple[float, TrackState | None, float, float]] = []
    try:
        with path.open(encoding='utf-8', newline='') as file:
            for index, row in enumerate(csv.DictReader(file)):
                if int(row['frame']) != index:
                    raise ValueError(f'expected frame {index}')
                columns.append(
                    (
                        _value(row['confidence']),
                        TrackState(row['state']) if row['state'] else None,
                        _value(row['latency_ms']),
                        _value(row.get('after_ms')),
                    )
                )
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f'{path} cannot be read: {error}') from error
    except (KeyError, ValueError, TypeError) as error:
        raise EvaluationError(
            f'{path}, line {len(columns) + 2}: {error}; expected the columns '
            f'{",".join(FRAMES_HEADER)}'
        ) from error
    confidence, states, latency, after = zip(*columns) if columns else ((), (), (), ())
    return FrameNotes(np.array(confidence), tuple(states), np.array(latency), np.array(after))


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of one.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Machines that share the folder may have processes of one number.
    temporary = path.with_name(f'.{path.name}.{uuid4().hex}.tmp')
    try:
        with temporary.open('w', encoding='utf-8', newline='\n') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name without the content
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON likewise; NaN is refused, for no other language reads it."""
    text = json.dumps(content, indent=1, allow_nan=False)
    # Lists of numbers, of curves for one, stand in a line.
    text = re.sub(r'\[[^][{}"]*\]', lambda found: ' '.join(found[0].split()), text)
    write_text(path, text + '\n')


def plain(value: Any) -> Any:
    """The same for JSON: lists for arrays, None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        EvaluationError: if it is missing or none.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise EvaluationError(f'{path} cannot be read: {error}; mend or remove it') from error
    if not isinstance(content, dict):
        raise EvaluationError(f'{path} holds no JSON object; mend or remove it')
    return content


class Results:
    """The folder that ``hit-rfgm eval --out`` writes.

    Attributes:
        out: the folder.
    """

    def __init__(self, out: Path | str) -> None:
        self.out = Path(out)

    def trackers(self) -> tuple[str, ...]:
        """Names of the trackers that have boxes here, sorted."""
        if not self.out.is_dir():
            return ()
        folders = (path for path in self.out.iterdir() if not path.name.startswith('.'))
        return tuple(sorted(path.name for path in folders if _box_files(path)))

    def sequences(self, tracker: str) -> tuple[str, ...]:
        """Names of the sequences that a tracker has boxes of, sorted."""
        return tuple(sorted(_box_files(self.out / tracker)))

    def boxes(self, tracker: str, sequence: str) -> FloatArray:
        """(M, 4) boxes of a tracker; see `read_boxes`."""
        folder = self.out / tracker
        path = folder / f'{sequence}.txt'
        nested = folder / sequence / f'{sequence}_001.txt'
        return read_boxes(nested if nested.is_file() and not path.is_file() else path)

    def frames(self, tracker: str, sequence: str) -> FrameNotes | None:
        """What lies beside them; None where there is nothing (trackers of others)."""
        path = self.out / tracker / 'frames' / f'{sequence}.csv'
        return read_frames(path) if path.is_file() else None

    def is_done(self, tracker: str, sequence: str, frames: int) -> bool:
        """Whether the boxes of a sequence lie here, one per frame.

        Raises:
            EvaluationError: if the file is malformed.
        """
        path = self.out / tracker / f'{sequence}.txt'
        try:
            return path.is_file() and len(read_boxes(path)) == frames
        except EvaluationError as error:
            raise EvaluationError(f'{error}; remove it, and it is written again') from error

    def run(self, tracker: str) -> dict[str, Any]:
        """What a tracker is and where it ran; empty for trackers of others."""
        path = self.out / tracker / RUN_FILE
        return read_json(path) if path.is_file() else {}

    def dataset(self) -> dict[str, Any]:
        """The data set: name, root, kind, sequences with their numbers of frames."""
        return read_json(self.out / DATASET_FILE)

    def summary(self) -> dict[str, Any]:
        """The scores of the last evaluation."""
        return read_json(self.out / SUMMARY_FILE)


def _box_files(folder: Path) -> set[str]:
    """Names of sequences with boxes: NAME.txt, or NAME/NAME_001.txt as got10k writes it."""
    flat = {path.stem for path in folder.glob('*.txt') if not path.name.startswith('.')}
    nested = {path.parent.name for path in folder.glob('*/*_001.txt')}
    return flat | {name for name in nested if (folder / name / f'{name}_001.txt').is_file()}


def _number(value: float, digits: int) -> str:
    return f'{value:.{digits}f}' if math.isfinite(value) else ''


def _value(text: str | None) -> float:
    return float(text) if text else math.nan
