"""Folders as ``hit-rfgm eval`` leaves them, of trackers that need not be run.

``make_evaluation(out, root, {'name': Said(...)})`` writes results and scores of trackers that
follow the truth of the data set in ``root`` more or less well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.evaluation.plan import record_dataset
from hit_rfgm_ros.evaluation.results import (
    RUN_FILE,
    SUMMARY_FILE,
    FrameNotes,
    Results,
    write_json,
    write_sequence,
)
from hit_rfgm_ros.evaluation.summary import Rules, summarize
from hit_rfgm_ros.types import TrackState
import numpy as np


@dataclass(frozen=True)
class Said:
    """A tracker.

    Attributes:
        drift: pixels that its box slips per frame.
        confidence, states, latency: whether it gives these.
        kind: of tracker, in its run.json.
    """

    drift: float = 0.0
    confidence: bool = True
    states: bool = True
    latency: bool = True
    kind: str = 'model'


def make_evaluation(
    out: Path,
    root: Path,
    trackers: Mapping[str, Said],
    *,
    profiles: Sequence[str] = ('visible',),
    dataset: str = 'folder',
    sequences: Sequence[str] | None = None,
) -> None:
    """Write results of trackers, dataset.json and summary.json."""
    opened = open_dataset(dataset, root, sequences=sequences)
    record_dataset(out, opened, root)
    for number, (name, said) in enumerate(trackers.items()):
        for sequence in opened.sequences:
            boxes = np.array(sequence.boxes)
            for index in range(1, len(boxes)):  # where there is no truth, stay
                if not np.isfinite(boxes[index]).all():
                    boxes[index] = boxes[index - 1]
            boxes[:, 0] += said.drift * np.arange(len(boxes))
            write_sequence(out / name, sequence.name, boxes, _notes(said, len(boxes), number))
        about = {'kind': said.kind, 'model': name, 'backend': 'onnxruntime', 'versions': {}}
        machine = {'cpu': 'A processor', 'cores': 2, 'system': 'Linux'}
        run = {'about': about, 'machine': machine, 'workers': {'jobs': 1, 'threads': 1}}
        write_json(out / name / RUN_FILE, {**run, 'date': '2026-01-02T03:04:05+00:00'})
    summary = summarize(Results(out), opened, Rules(tuple(profiles), whole=sequences is None))
    write_json(out / SUMMARY_FILE, summary)


def _notes(said: Said, frames: int, number: int) -> FrameNotes:
    nothing = np.full(frames, np.nan)
    confidence = np.linspace(0.95, 0.05 + 0.1 * number, frames)
    states = [TrackState.TRACKING if c > 0.5 else TrackState.LOST for c in confidence]
    confidence[0] = np.nan
    latency = np.linspace(4.0, 6.0, frames) * (1 + number)
    return FrameNotes(
        confidence if said.confidence else nothing,
        (None, *states[1:]) if said.states else (None,) * frames,
        latency if said.latency else nothing,
        nothing,
    )
