"""From result files to ``summary.json``: the scores of all trackers by the rules of a tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
import re
from typing import Any

from hit_rfgm_ros.data.datasets.registry import Dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import DatasetError, EvaluationError, MetricError
from hit_rfgm_ros.evaluation.judging import Played, judge
from hit_rfgm_ros.evaluation.results import RUN_FILE, FrameNotes, Results, plain
from hit_rfgm_ros.metrics.judged import Judged, check_names
from hit_rfgm_ros.metrics.profiles import score
from hit_rfgm_ros.metrics.scores import KEYS, DatasetScores
from hit_rfgm_ros.types import FloatArray
import numpy as np

REAL_TIME = '@'  # between the name of a tracker and the rule that it was run by
# What other tools write beside the boxes of a sequence.
_BESIDE = re.compile(r'_(time|confidence|all_boxes|all_scores|object_presence_scores)$')


@dataclass(frozen=True)
class Rules:
    """How results are scored.

    Attributes:
        profiles: names of `metrics.profiles.PROFILES`; the first one is that of the summary.
        truncate: cut the decimals of boxes off, as the papers' files of integers do.
        allow_incomplete: score what is missing as the tool of the profile does.
        whole: the data set is all that there is, so that other results are surplus.
    """

    profiles: tuple[str, ...]
    truncate: bool = False
    allow_incomplete: bool = False
    whole: bool = True


def summarize(
    results: Results, dataset: Dataset, rules: Rules, trackers: Iterable[str] | None = None
) -> dict[str, Any]:
    """Score trackers; one that cannot be scored is left out and named under ``refused``.

    Args:
        results: of the evaluation.
        dataset: whose sequences count.
        rules: how.
        trackers: their names; None takes all that have results.

    Returns:
        What ``summary.json`` holds, ready for JSON.
    """
    sizes = {sequence.name: _size(sequence) for sequence in dataset.sequences}
    scored: dict[str, Any] = {}
    further: dict[str, dict[str, Any]] = {name: {} for name in rules.profiles[1:]}
    refused: dict[str, str] = {}
    for tracker in results.trackers() if trackers is None else trackers:
        try:
            entry, others = _score_tracker(results, tracker, dataset, rules, sizes)
        except (MetricError, EvaluationError) as error:
            refused[tracker] = str(error)
            continue
        scored[tracker] = entry
        for profile, values in others.items():
            further[profile][tracker] = values
    _add_real_time(scored)
    content: dict[str, Any] = plain(
        {
            'dataset': dataset.name,
            'kind': dataset.kind,
            'profile': rules.profiles[0],
            'form': 'truncated' if rules.truncate else 'float',
            'sequences': len(dataset.sequences),
            'frames': sum(len(sequence) for sequence in dataset.sequences),
            'skipped': list(dataset.skipped),
            'trackers': scored,
            'profiles': further,
            'refused': refused,
        }
    )
    return content


def check_rules(dataset: Dataset, rules: Rules) -> None:
    """Find out whether a data set can be scored by these rules before anything is run.

    Raises:
        MetricError: if not; the first sequence at fault is named.
    """
    if not has_truth(dataset):
        return
    perfect = [
        Judged(
            sequence.name,
            sequence.boxes,
            np.where(np.isfinite(sequence.boxes), sequence.boxes, 1.0),
            sequence.visible,
            sequence.cover,
            (10**6, 10**6),  # none is outside
        )
        for sequence in dataset.sequences
    ]
    for profile in rules.profiles:
        score(profile, perfect, kind=dataset.kind)


def has_truth(dataset: Dataset) -> bool:
    """Whether there is ground truth beyond the first frames; else a server keeps it."""
    return not any(sequence.first_only for sequence in dataset.sequences)


def _score_tracker(
    results: Results,
    tracker: str,
    dataset: Dataset,
    rules: Rules,
    sizes: Mapping[str, tuple[int, int] | None],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Entry of a tracker by the first profile, and its numbers by the others."""
    _check_sequences(results, tracker, dataset, rules)
    found = set(results.sequences(tracker))
    boxes: dict[str, FloatArray] = {
        sequence.name: (
            results.boxes(tracker, sequence.name) if sequence.name in found else np.empty((0, 4))
        )
        for sequence in dataset.sequences
    }
    notes = {one.name: _notes(results, tracker, one) for one in dataset.sequences}
    played = [
        Played(one, sizes[one.name], boxes[one.name], notes[one.name])
        for one in dataset.sequences
        if len(boxes[one.name]) == len(one)
    ]
    truth = has_truth(dataset)
    entry: dict[str, Any] = dict.fromkeys(KEYS)
    if truth:
        judged = [
            _judged(one, boxes[one.name], sizes[one.name], notes[one.name])
            for one in dataset.sequences
        ]
        scores = {profile: _score(profile, judged, dataset, rules) for profile in rules.profiles}
        entry = _numbers(scores[rules.profiles[0]])
    entry |= judge(played, truth=truth)
    entry['notes'] = [
        *entry.get('notes', ()),
        *_withheld(dataset),
        *_incomplete(len(played), len(dataset.sequences)),
        *entry.pop('unjudged'),
        *_places(results, tracker),
    ]
    entry.setdefault('sequences', {})
    for one in played:
        numbers = judge([one], truth=truth)
        del numbers['unjudged']
        entry['sequences'].setdefault(one.sequence.name, {}).update(numbers)
    others = {p: _numbers(scores[p]) for p in rules.profiles[1:]} if truth else {}
    return entry, others


def _check_sequences(results: Results, tracker: str, dataset: Dataset, rules: Rules) -> None:
    """Refuse results that lack sequences or belong to none.

    Raises:
        MissingResultError, SurplusResultError: with the names.
    """
    expected = {sequence.name for sequence in dataset.sequences}
    found = set(results.sequences(tracker)) - set(dataset.skipped)
    found = {name for name in found if name in expected or not _is_beside(name, found)}
    if not rules.whole:
        found &= expected
    if rules.allow_incomplete:
        expected &= found
    check_names(expected, found)


def _is_beside(name: str, found: set[str]) -> bool:
    bare = _BESIDE.sub('', name)
    return bare != name and bare in found


def _notes(results: Results, tracker: str, sequence: Sequence) -> FrameNotes | None:
    notes = results.frames(tracker, sequence.name)
    if notes is not None and len(notes) != len(sequence):
        raise EvaluationError(
            f'{results.out / tracker / "frames" / sequence.name}.csv has {len(notes)} rows for '
            f'{len(sequence)} frames; remove it, or run the sequence again'
        )
    return notes


def _withheld(dataset: Dataset) -> list[str]:
    """Why there are no scores, where the ground truth is not published."""
    withheld = sum(sequence.first_only for sequence in dataset.sequences)
    if not withheld:
        return []
    return [
        f'no scores: a server keeps the truth of {withheld} of {len(dataset.sequences)} sequences'
    ]


def _incomplete(played: int, sequences: int) -> list[str]:
    """What must be known of all but the scores where results are incomplete."""
    if played == sequences:
        return []
    return [f'speed, absence and confidence: of {played} complete results of {sequences}']


def _places(results: Results, tracker: str) -> list[str]:
    """What must be known of the latencies."""
    run = results.run(tracker)
    places = [run, *run.get('resumed', [])]
    side_by_side = {place.get('workers', {}).get('jobs', 1) for place in places}
    notes = []
    if max(side_by_side) > 1:
        notes.append(f'latencies: up to {max(side_by_side)} processes ran side by side')
    if len(places) > 1:
        notes.append(f'latencies: of {len(places)} machines or settings, see {RUN_FILE}')
    return notes


def _judged(
    sequence: Sequence,
    boxes: FloatArray,
    size: tuple[int, int] | None,
    notes: FrameNotes | None,
) -> Judged:
    seconds = notes.seconds if notes is not None and len(notes) == len(boxes) else None
    return Judged(
        sequence.name, sequence.boxes, boxes, sequence.visible, sequence.cover, size, seconds
    )


def _score(profile: str, judged: list[Judged], dataset: Dataset, rules: Rules) -> DatasetScores:
    return score(
        profile,
        judged,
        kind=dataset.kind,
        truncate=rules.truncate,
        allow_incomplete=rules.allow_incomplete,
    )


def _numbers(scores: DatasetScores) -> dict[str, Any]:
    return {
        **scores.values,
        'printed': scores.printed,
        'notes': scores.notes,
        'curves': _curves(scores.curves),
        'scored_frames': sum(one.scored_frames for one in scores.sequences),
        'sequences': {
            one.name: {
                **one.values,
                'frames': one.frames,
                'scored_frames': one.scored_frames,
                'curves': _curves(one.curves),
            }
            for one in scores.sequences
        },
    }


def _curves(curves: Mapping[str, tuple[FloatArray, Any]]) -> dict[str, Any]:
    return {
        name: {'thresholds': thresholds, 'values': values}
        for name, (thresholds, values) in curves.items()
    }


def _add_real_time(scored: dict[str, Any]) -> None:
    """Tell with each tracker what it reached in real time."""
    for name, entry in scored.items():
        tracker, _, rule = name.rpartition(REAL_TIME)
        if tracker in scored:
            numbers = {key: entry[key] for key in KEYS}
            scored[tracker].setdefault('realtime', {})[rule] = numbers


def _size(sequence: Sequence) -> tuple[int, int] | None:
    try:
        return sequence.image_size()
    except DatasetError:
        return None


def without(dataset: Dataset, names: Iterable[str]) -> Dataset:
    """The data set without sequences that turned out to be broken."""
    left_out = set(names)
    kept = tuple(one for one in dataset.sequences if one.name not in left_out)
    return replace(dataset, sequences=kept, skipped=(*dataset.skipped, *sorted(left_out)))
