"""What a report is made of: scores, what was run, and the data set's truth and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import ConfigError, DatasetError, EvaluationError
from hit_rfgm_ros.evaluation.results import DATASET_FILE, SUMMARY_FILE, FrameNotes, Results
from hit_rfgm_ros.evaluation.run import DEFAULT_FPS
from hit_rfgm_ros.evaluation.summary import REAL_TIME
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.metrics.absence import find_absent
from hit_rfgm_ros.metrics.scores import KEYS
from hit_rfgm_ros.types import BoolArray, FloatArray
from hit_rfgm_ros.viz.report_lines import Line, lines_of
import numpy as np

_NEEDED = ('dataset', 'profile', 'form', 'sequences', 'frames', 'trackers')


@dataclass(frozen=True)
class Entry:
    """One tracker.

    Attributes:
        name: of the tracker.
        scores: its part of ``summary.json``.
        run: its ``run.json``; empty for trackers of others.
        parent: the tracker of which this is a run in real time, else None.
        line: how it is drawn.
    """

    name: str
    scores: Mapping[str, Any]
    run: Mapping[str, Any]
    parent: str | None
    line: Line


@dataclass(frozen=True, eq=False)
class Course:
    """One tracker in one sequence.

    Attributes:
        entry: the tracker.
        sequence: with its truth and pictures.
        fps: frames per second.
        boxes: (L, 4) of the tracker.
        notes: beside them, None for trackers of others.
    """

    entry: Entry
    sequence: Sequence
    fps: float
    boxes: FloatArray
    notes: FrameNotes | None

    @property
    def absent(self) -> BoolArray:
        """(L,) frames without the target."""
        return find_absent(self.sequence.boxes, self.sequence.visible)

    @property
    def overlap(self) -> FloatArray:
        """(L,) intersection over union with the truth, NaN where the target is absent."""
        overlap = np.nan_to_num(iou_arrays(self.boxes, self.sequence.boxes))
        return np.where(self.absent, np.nan, overlap)


@dataclass(eq=False)
class Material:
    """All of it.

    Attributes:
        results: the files of the evaluation.
        summary, dataset: contents of ``summary.json`` and ``dataset.json``.
        entries: trackers, best first, runs in real time behind theirs.
        key: the score that the report goes by.
        sequences: by name; empty where the data set is not at hand.
        reasons: why sequences were left out, by name.
        without: why the data set is not at hand; empty where it is.
        remarks: what could not be shown, filled while the report is made.
    """

    results: Results
    summary: Mapping[str, Any]
    dataset: Mapping[str, Any]
    entries: tuple[Entry, ...]
    key: str
    sequences: Mapping[str, Sequence] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    without: str = ''
    remarks: list[str] = field(default_factory=list)

    def scored_sequences(self) -> tuple[str, ...]:
        """Names of the sequences that any tracker has scores of, in the data set's order."""
        names = dict.fromkeys(
            name for entry in self.entries for name in entry.scores.get('sequences', {})
        )
        order = {name: place for place, name in enumerate(self.dataset.get('sequences', {}))}
        return tuple(sorted(names, key=lambda name: (order.get(name, len(order)), name)))

    def frames(self, sequence: str) -> int | None:
        """Frames of a sequence, None if nothing says."""
        frames: int | None = self.dataset.get('sequences', {}).get(sequence, {}).get('frames')
        return frames

    def course(self, entry: Entry, sequence: str) -> Course | None:
        """A tracker's boxes in a sequence; None, and a remark, where they do not fit.

        Raises:
            EvaluationError: if a file of results is damaged.
        """
        there = self.sequences.get(sequence)
        if there is None or there.first_only:
            return None
        name = entry.name
        if sequence not in self.results.sequences(name):
            self.remarks.append(f'{sequence}: {name} has no boxes; how it went is not shown')
            return None
        boxes, notes = self.results.boxes(name, sequence), self.results.frames(name, sequence)
        rows = {len(boxes), len(boxes if notes is None else notes)}
        if rows != {len(there)}:
            count = next(iter(rows - {len(there)}))
            self.remarks.append(
                f'{sequence}: {name} has {count} rows of results for {len(there)} frames; how it '
                f'went is not shown'
            )
            return None
        return Course(entry, there, there.fps or DEFAULT_FPS, boxes, notes)


def read_material(out: Path, root: Path | None = None) -> Material:
    """Read the folder of an evaluation, and list the data set that it was made on.

    Args:
        out: the folder.
        root: of the data set; None takes what the evaluation recorded, and goes on without
            pictures where these are gone.

    Raises:
        EvaluationError: if there is nothing to report, or a file is damaged.
        DatasetError: if ``root`` is not the data set.
    """
    results = Results(out)
    summary = _read_summary(results)
    dataset = results.dataset() if (out / DATASET_FILE).is_file() else {}
    if not isinstance(dataset.get('sequences', {}), dict):
        raise EvaluationError(f'{out / DATASET_FILE} is not what hit-rfgm eval writes')
    if dataset and dataset.get('name') != summary['dataset']:
        raise EvaluationError(
            f'{out / SUMMARY_FILE} is on {summary["dataset"]}, {out / DATASET_FILE} on '
            f'{dataset.get("name")}; run hit-rfgm eval again'
        )
    key = _main_key(summary['trackers'].values())
    material = Material(results, summary, dataset, _entries(results, summary, key), key)
    _add_pictures(material, root)
    return material


def _read_summary(results: Results) -> dict[str, Any]:
    path = results.out / SUMMARY_FILE
    if not path.is_file():
        raise EvaluationError(
            f'{path} does not exist; run hit-rfgm eval --out {results.out} first'
        )
    summary = results.summary()
    if summary.get('kind') == 'vot':
        raise EvaluationError(
            f'{path} is of the VOT toolkit, which has a page of its own: see docs/vot.md'
        )
    missing = [name for name in _NEEDED if name not in summary]
    if missing:
        raise EvaluationError(f'{path} lacks {", ".join(missing)}; run hit-rfgm eval again')
    trackers = summary['trackers']
    if not isinstance(trackers, dict) or not all(isinstance(e, dict) for e in trackers.values()):
        raise EvaluationError(f'{path}: trackers are not what hit-rfgm eval writes; run it again')
    if not trackers:
        refused = [f'{name}: {reason}' for name, reason in summary.get('refused', {}).items()]
        why = f' ({"; ".join(refused)})' if refused else ''
        raise EvaluationError(f'{path} holds no scored tracker{why}')
    return summary


def _main_key(trackers: Iterable[Mapping[str, Any]]) -> str:
    """The first score that the tool of the profile has."""
    there = [key for key in ('auc', 'ao', *KEYS) if any(e.get(key) is not None for e in trackers)]
    return there[0] if there else 'auc'


def _entries(results: Results, summary: Mapping[str, Any], key: str) -> tuple[Entry, ...]:
    trackers = summary['trackers']
    best = sorted(trackers, key=lambda name: _descending(trackers[name].get(key)))
    parents = {
        name: parent
        for name in best
        if (parent := name.rpartition(REAL_TIME)[0]) in trackers and REAL_TIME not in parent
    }
    lines = lines_of(best, parents)
    order = [
        one
        for name in best
        if name not in parents
        for one in (name, *(child for child in best if parents.get(child) == name))
    ]
    return tuple(
        Entry(name, trackers[name], results.run(name), parents.get(name), lines[name])
        for name in order
    )


def _descending(score: float | None) -> float:
    return 1.0 if score is None else -score


def _add_pictures(material: Material, root: Path | None) -> None:
    """List the data set; where it was not asked for by its root, it may be missing."""
    place = root or material.dataset.get('root')
    if not place:
        material.without = f'{DATASET_FILE} does not say where the data set lies'
        return
    try:
        material.sequences, material.reasons = _list_sequences(material, Path(place))
    except (DatasetError, ConfigError) as error:
        if root is not None:
            raise DatasetError(str(error)) from error
        material.without = str(error)


def _list_sequences(material: Material, root: Path) -> tuple[dict[str, Sequence], dict[str, str]]:
    """Scored sequences by name, and what is wrong with broken ones.

    Raises:
        DatasetError: if this is not the data set that was evaluated.
    """
    wanted = material.scored_sequences()
    names = [*wanted, *material.summary.get('skipped', ())]
    opened = open_dataset(material.summary['dataset'], root, sequences=names, on_broken='skip')
    there = {one.name: one for one in opened.sequences if one.name in wanted}
    for name, sequence in there.items():
        frames = material.frames(name)
        if frames is not None and frames != len(sequence):
            raise DatasetError(
                f'{root}: {name} had {frames} frames when it was run and has {len(sequence)} '
                f'now; these are not the pictures that were evaluated'
            )
    return there, dict(zip(opened.skipped, opened.reasons))
