"""Precision, recall and F over thresholds of confidence."""

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.metrics.long_term import (
    LongTermTrack,
    confidence_thresholds,
    long_term_scores,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

IMAGE = (100, 100)
TARGET, HALF, FAR = (10.0, 10.0, 20.0, 20.0), (10.0, 10.0, 10.0, 20.0), (70.0, 70.0, 20.0, 20.0)
NOTHING = (np.nan,) * 4


def track(
    predicted: list[tuple[float, ...]], truth: list[tuple[float, ...]], confidence: list[float]
) -> LongTermTrack:
    return LongTermTrack(
        'car-1', np.array(predicted), np.array(truth), np.array(confidence), IMAGE
    )


def test_one_sequence_by_hand() -> None:
    scores = long_term_scores(
        [
            track(
                [TARGET, TARGET, TARGET, HALF],
                [TARGET, TARGET, NOTHING, TARGET],
                [1, 0.9, 0.2, 0.5],
            )
        ]
    )
    # overlaps 0 (the start), 1, 0 (nothing there), 0.5; the target is in three frames
    assert scores.thresholds.tolist() == [np.inf, 1, 0.9, 0.5, 0.2, -np.inf]
    assert scores.precisions == pytest.approx([1, 0, 1 / 2, 1.5 / 3, 1.5 / 4, 1.5 / 4])
    assert scores.recalls == pytest.approx([0, 0, 1 / 3, 1.5 / 3, 1.5 / 3, 1.5 / 3])
    assert (scores.precision, scores.recall, scores.threshold) == pytest.approx((0.5, 0.5, 0.5))
    assert scores.f_score == pytest.approx(0.5)


def test_sequences_weigh_the_same() -> None:
    good = track([TARGET] * 9, [TARGET] * 9, [0.5] * 9)
    bad = track([FAR] * 3, [TARGET] * 3, [0.5] * 3)
    scores = long_term_scores([good, bad])
    assert scores.precision == scores.recall == pytest.approx((8 / 9 + 0) / 2)


def test_a_confidence_that_knows_absence_wins() -> None:
    predicted = [TARGET] * 12
    truth = [TARGET] * 6 + [NOTHING] * 6
    knows = long_term_scores([track(predicted, truth, [0.9] * 6 + [0.1] * 6)])
    blind = long_term_scores([track(predicted, truth, [0.9] * 12)])
    assert knows.f_score == pytest.approx(5 / 6)
    assert blind.f_score == pytest.approx(2 * (5 / 12) * (5 / 6) / (5 / 12 + 5 / 6))


def test_a_hundred_thresholds_of_many_frames() -> None:
    thresholds = confidence_thresholds(np.arange(1.0, 201))
    assert len(thresholds) == 100
    assert thresholds[[0, 1, -2, -1]].tolist() == [np.inf, 198, 2, -np.inf]
    assert len(confidence_thresholds(np.arange(98.0))) == 100


def test_a_missing_first_confidence_is_zero() -> None:
    row = ([TARGET] * 3, [TARGET] * 3)
    with_zero = long_term_scores([track(*row, [0, 0.5, 0.6])])
    without = long_term_scores([track(*row, [np.nan, 0.5, 0.6])])
    assert with_zero.precisions.tolist() == without.precisions.tolist()


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from([TARGET, HALF, FAR]), st.booleans(), st.integers(0, 9)),
        min_size=2,
        max_size=150,
    )
)
def test_the_best_threshold_is_found(frames: list[tuple[tuple[float, ...], bool, int]]) -> None:
    predicted = [box for box, _, _ in frames]
    truth = [
        TARGET if seen or not number else NOTHING for number, (_, seen, _) in enumerate(frames)
    ]
    confidence = [float(value) for _, _, value in frames]
    scores = long_term_scores([track(predicted, truth, confidence)])
    overlaps = {TARGET: 1.0, HALF: 0.5, FAR: 0.0}
    gain = [
        overlaps[box] if number and truth[number] is TARGET else 0
        for number, box in enumerate(predicted)
    ]
    for threshold, precision, recall in zip(scores.thresholds, scores.precisions, scores.recalls):
        spoken = [value for value, sure in zip(gain, confidence) if sure >= threshold]
        assert precision == pytest.approx(np.mean(spoken) if spoken else 1)
        assert recall == pytest.approx(sum(spoken) / sum(box is TARGET for box in truth))
    assert (np.diff(scores.recalls) >= -1e-12).all()


def test_a_tracker_without_confidence_cannot_take_part() -> None:
    with pytest.raises(MetricError, match='car-1: frame 2 has no finite confidence'):
        long_term_scores([track([TARGET] * 3, [TARGET] * 3, [1, 0.5, np.nan])])


def test_unusable_input_is_refused() -> None:
    with pytest.raises(MismatchedResultError, match='2 boxes and 3 confidences for 3 frames'):
        long_term_scores([track([TARGET] * 2, [TARGET] * 3, [1, 1, 1])])
    with pytest.raises(MetricError, match='no frame shows the target'):
        long_term_scores([track([TARGET] * 2, [NOTHING] * 2, [1, 1])])
    with pytest.raises(MetricError, match='at least one sequence'):
        long_term_scores([])
