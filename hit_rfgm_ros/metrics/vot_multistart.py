"""Accuracy, robustness and expected average overlap of VOT2020 to VOT2022 (toolkit 0.9.0).

A tracker is started at several anchors of a sequence and runs to its end without a reset.

`hit-rfgm eval --dataset vot` takes its numbers from the toolkit itself and uses nothing of this.
These functions are for Python: the same measures on tracks that were made elsewhere, and the proof
that our reading of the toolkit is right, for a test runs both on the same tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.vot import is_empty, vot_overlaps, without_start
from hit_rfgm_ros.types import BoolArray, FloatArray, IntArray
import numpy as np

FAILED_OVERLAP = 0.1  # a frame at or below it is a failing one
FAILED_FRAMES = 10  # so many failing frames in a row end a run
EAO_INTERVAL = (115, 755)  # lengths that VOT2020 to VOT2022 average over


def anchor_runs(anchors: FloatArray) -> list[IntArray]:
    """Frames that each run of a multistart experiment passes through, in its order.

    Args:
        anchors: (L,) above 0: a run starts there and goes to the last frame; below 0: a run goes
            back to the first frame; else none. Forward runs come first.

    Raises:
        MetricError: if there is no anchor.
    """
    forward = [np.arange(start, len(anchors)) for start in np.flatnonzero(anchors > 0)]
    backward = [np.arange(start, -1, -1) for start in np.flatnonzero(anchors < 0)]
    if not forward and not backward:
        raise MetricError('the sequence has no anchor, so no run starts in it')
    return forward + backward


@dataclass(frozen=True, eq=False)
class Run:
    """One run from an anchor.

    Attributes:
        overlaps: (n,) from the anchor on, 0 there and from a failure on.
        progress: frames before the first of ten failing frames in a row; n where there are none.
    """

    overlaps: FloatArray
    progress: int

    @property
    def failed(self) -> bool:
        """Whether the run ended in a failure."""
        return self.progress < len(self.overlaps)


def judge_run(predicted: FloatArray, truth: FloatArray, size: tuple[int, int] | None) -> Run:
    """Judge one run; frames with an empty truth are no failing ones.

    Args:
        predicted, truth: (n, 4) in the order in which the run passed the frames.
        size: width and height of the image.

    Raises:
        MetricError: see `vot_overlaps`.
    """
    overlaps = vot_overlaps(without_start(predicted), truth, size)
    streak, progress = 0, len(overlaps)
    for frame, failing in enumerate((overlaps <= FAILED_OVERLAP) & ~is_empty(truth)):
        streak = streak + 1 if failing else 0
        if streak == FAILED_FRAMES:
            progress = frame + 1 - FAILED_FRAMES
            break
    overlaps[progress:] = 0
    return Run(overlaps, progress)


@dataclass(frozen=True, eq=False)
class SequenceRuns:
    """All runs in one sequence of ``length`` frames."""

    length: int
    runs: Sequence[Run]


@dataclass(frozen=True, eq=False)
class MultistartScores:
    """Of a data set, in [0, 1].

    Attributes:
        accuracy: mean overlap before failures; sequences weigh by their frames before failures.
        robustness: share of frames before failures; sequences weigh by their length.
        eao: expected average overlap, the mean of `curve` over the interval.
        eao_supported: share of the interval that at least one run says something about; elsewhere
            the curve is 0, so below 1 the sequences are too short for `eao` to mean much.
        curve: (high,) expected average overlap by run length, 0 to high - 1.
    """

    accuracy: float
    robustness: float
    eao: float
    eao_supported: float
    curve: FloatArray


def multistart_scores(
    sequences: Sequence[SequenceRuns], interval: tuple[int, int] = EAO_INTERVAL
) -> MultistartScores:
    """Accuracy, robustness and EAO (VOT2020 to VOT2022).

    Args:
        sequences: with all their runs.
        interval: first and last run length to average the curve over. The toolkit's curve ends one
            before the last, so that one is not in the mean.

    Raises:
        MetricError: if a sequence has no run or the interval is empty.
    """
    low, high = interval
    if not 0 <= low < high:
        raise MetricError(f'the interval must rise from at least 0, got {low} to {high}')
    if not sequences or not all(len(sequence.runs) for sequence in sequences):
        raise MetricError('multistart scores need at least one run in every sequence')
    progress = np.array([sum(run.progress for run in one.runs) for one in sequences], np.float64)
    frames = np.array([sum(len(run.overlaps) for run in one.runs) for one in sequences])
    lengths = np.array([sequence.length for sequence in sequences], np.float64)
    runs = [run for sequence in sequences for run in sequence.runs]
    overlap = sum(float(run.overlaps.sum()) for run in runs)
    curve, supported = _eao_curve(runs, high)
    return MultistartScores(
        accuracy=overlap / float(progress.sum()) if progress.any() else 0.0,
        robustness=float((progress / frames * lengths).sum() / lengths.sum()),
        eao=float(curve[low:].mean()),
        eao_supported=float(supported[low:].mean()),
        curve=curve,
    )


def _eao_curve(runs: Sequence[Run], high: int) -> tuple[FloatArray, BoolArray]:
    """Mean over all runs of their mean overlap in frames 1 to j, for j below ``high``.

    A run that ended well says nothing about j at or above its length; a failed one goes on with
    overlap 0, where the toolkit divides by j - 1 instead of j.
    """
    total, count = np.zeros(high), np.zeros(high)
    for run in runs:
        sums = np.cumsum(run.overlaps[1:])
        reached = min(len(run.overlaps), high)
        total[1:reached] += sums[: reached - 1] / np.arange(1, reached)
        count[1:reached] += 1
        if run.failed:
            total[reached:] += sums[-1] / (np.arange(reached, high) - 1)
            count[reached:] += 1
    return total / np.maximum(count, 1), count > 0
