"""Which trackers, sequences and frames a report looks at closely; the page tells these rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.evaluation.report_data import Entry, Material
from hit_rfgm_ros.metrics.absence import find_absent
from hit_rfgm_ros.types import BoolArray, FloatArray
from hit_rfgm_ros.viz.course import spells
import numpy as np

FAILED_OVERLAP = 0.1  # below it the box is not on the target
FRAMES = 6  # of a film strip
CLOSELY = 2  # trackers, where none are named
WORST, ABSENT = 8, 8  # sequences of all these trackers together


class KeyFrame(NamedTuple):
    """A frame of a film strip.

    Attributes:
        place: its index.
        words: why it is shown.
    """

    place: int
    words: str


def choose_trackers(material: Material, names: Iterable[str] = ()) -> tuple[Entry, ...]:
    """Trackers to be looked at closely.

    Args:
        material: of the report.
        names: of those wanted; without any, the best models of ours, or the best of all.

    Raises:
        ConfigError: if there is no scored tracker of such a name.
    """
    by_name = {entry.name: entry for entry in material.entries}
    for name in names:
        if name not in by_name:
            raise ConfigError(f'no scored tracker {name!r}; there are {", ".join(by_name)}')
    if names:
        return tuple(by_name[name] for name in dict.fromkeys(names))
    own_pace = [entry for entry in material.entries if entry.parent is None]
    ours = [entry for entry in own_pace if entry.run.get('about', {}).get('kind') == 'model']
    return tuple((ours or own_pace or list(material.entries))[:CLOSELY])


def worst_sequences(material: Material, entry: Entry, count: int) -> list[str]:
    """Sequences with the lowest scores of a tracker, the worst first."""
    scores = {
        name: values[material.key]
        for name, values in entry.scores.get('sequences', {}).items()
        if values.get(material.key) is not None
    }
    return sorted(scores, key=lambda name: (scores[name], name))[:count]


def share(count: int, trackers: Sequence[Entry]) -> int:
    """How many of so many sequences fall to each tracker."""
    return max(count // max(len(trackers), 1), 1)


def key_frames(overlap: FloatArray) -> list[KeyFrame]:
    """Six frames that tell how a tracker failed, in order; fewer of a shorter sequence.

    The given frame; the last one before the longest failure, its first one, middle and last one;
    the first frame after it. A failure is a run of frames with the target in which the overlap is
    below 0.1; frames without the target do not end it. A tracker that never fails is shown where
    its overlap is lowest. What is left of the six goes into the longest stretches between.

    Args:
        overlap: (L,) with the truth, NaN where the target is absent.
    """
    seen = np.flatnonzero(~np.isnan(overlap))
    if not len(seen):
        return [KeyFrame(0, 'given box')]
    first, last = _longest_run(overlap[seen] < FAILED_OVERLAP)
    failed = last > first
    if not failed:
        later = seen[1:] if len(seen) > 1 else seen  # the given box is always right
        first = int(np.searchsorted(seen, later[np.argmin(overlap[later])]))
        last = first + 1
    wanted = [KeyFrame(0, 'given box')]
    if first > 0:
        wanted.append(
            KeyFrame(int(seen[first - 1]), 'before it' if failed else 'the frame before')
        )
    wanted.append(KeyFrame(int(seen[first]), 'failure begins' if failed else 'lowest overlap'))
    if failed and last - first > 2:
        wanted.append(KeyFrame(int(seen[(first + last) // 2]), 'in the middle of it'))
    if failed and last - first > 1:
        wanted.append(KeyFrame(int(seen[last - 1]), 'its last frame'))
    if last < len(seen):
        wanted.append(KeyFrame(int(seen[last]), 'after it' if failed else 'the frame after'))
    frames: dict[int, KeyFrame] = {}
    for one in wanted:
        frames.setdefault(one.place, one)
    return _fill(sorted(frames.values()), len(overlap))


def _fill(frames: list[KeyFrame], length: int) -> list[KeyFrame]:
    """Up to `FRAMES` frames, each further one in the middle of the longest stretch left out."""
    while len(frames) < min(FRAMES, length):
        stops = [*(frame.place for frame in frames), length]
        widest = int(np.argmax(np.diff(stops)))
        place = (stops[widest] + stops[widest + 1]) // 2
        frames.insert(widest + 1, KeyFrame(place, 'between' if place < stops[-2] else 'later'))
    return frames


def absent_sequences(material: Material, count: int) -> list[str]:
    """Sequences with the most frames without the target, in the order of the data set."""
    absent = {
        name: int(find_absent(sequence.boxes, sequence.visible).sum())
        for name, sequence in material.sequences.items()
        if not sequence.first_only
    }
    most = sorted((name for name in absent if absent[name]), key=lambda name: -absent[name])
    chosen = set(most[:count])
    return [name for name in absent if name in chosen]


def _longest_run(flags: BoolArray) -> tuple[int, int]:
    """First and one past the last place of the longest run of true flags; (0, 0) without any."""
    return max(spells(flags), key=lambda run: run[1] - run[0], default=(0, 0))
