"""From a data set and trackers to jobs, and the note of the data set beside the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import replace
from pathlib import Path
import re
from typing import Any

from hit_rfgm_ros.data.datasets.registry import Dataset
from hit_rfgm_ros.errors import ConfigError, EvaluationError
from hit_rfgm_ros.evaluation.contender import OWN_TIME, ContenderSpec
from hit_rfgm_ros.evaluation.identity import check_spec
from hit_rfgm_ros.evaluation.results import DATASET_FILE, Results, write_json
from hit_rfgm_ros.evaluation.run import Pace
from hit_rfgm_ros.evaluation.worker import Job


def make_jobs(
    out: Path, dataset: Dataset, specs: Iterable[ContenderSpec], paces: Many[Pace | None]
) -> list[Job]:
    """All jobs, tracker by tracker.

    Args:
        out: folder of the evaluation.
        dataset: opened.
        specs: of the trackers.
        paces: None for the common evaluation, others for runs in real time.

    Raises:
        ConfigError: if names of trackers cannot be those of folders, or come twice.
        EvaluationError: if results of another tracker lie there under such a name.
    """
    jobs = []
    names: Counter[str] = Counter()
    for spec in specs:
        if not re.fullmatch(r'[\w.+-]+', spec.name) or spec.name.startswith('.'):
            raise ConfigError(
                f'{spec.name!r} cannot be the name of a folder of results: letters, digits and '
                f'. + - _'
            )
        for pace in paces:
            timed = spec if pace is None else with_own_time(spec)
            own = [Job(timed, pace, sequence, out) for sequence in dataset.sequences]
            names[own[0].tracker] += 1
            check_spec(own[0].folder, timed)
            jobs += own
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ConfigError(f'two trackers have the name {twice[0]}; give each its own')
    return jobs


def with_own_time(spec: ContenderSpec) -> ContenderSpec:
    """The same tracker, reckoning with the times of the frames if it can."""
    if spec.kind != 'model':
        return spec
    return replace(spec, options={**spec.options, OWN_TIME: True})


def record_dataset(out: Path, dataset: Dataset, root: Path) -> None:
    """Write ``dataset.json``, or add to the one that lies there.

    Raises:
        EvaluationError: if the results there are those of another data set.
    """
    there = read_dataset(out)
    sequences: dict[str, dict[str, Any]] = dict(there.get('sequences', {}))
    if there and there.get('name') != dataset.name:
        raise EvaluationError(
            f'{out} holds results on {there.get("name")}, not on {dataset.name}; take another '
            f'--out'
        )
    for sequence in dataset.sequences:
        frames = sequences.get(sequence.name, {}).get('frames', len(sequence))
        if frames != len(sequence):
            raise EvaluationError(
                f'{out}: {sequence.name} had {frames} frames when it was run and has '
                f'{len(sequence)} now; take another --out'
            )
        sequences[sequence.name] = {'frames': len(sequence), 'fps': sequence.fps}
    content = {
        'name': dataset.name,
        'kind': dataset.kind,
        'root': str(root.resolve()),
        'sequences': sequences,
        'skipped': list(dataset.skipped),
    }
    if content != there:
        write_json(out / DATASET_FILE, content)


def read_dataset(out: Path) -> dict[str, Any]:
    """``dataset.json``, empty where there is none."""
    return Results(out).dataset() if (out / DATASET_FILE).is_file() else {}


def common_fps(dataset: Dataset, default: float) -> float | None:
    """Frames per second that all sequences have, None if they differ."""
    rates = {sequence.fps or default for sequence in dataset.sequences}
    return rates.pop() if len(rates) == 1 else None
