"""Curves, errors and AUROC of a confidence, against sums done by hand."""

from hit_rfgm_ros.errors import MetricError, MismatchedResultError
from hit_rfgm_ros.metrics.reliability import (
    auroc,
    equal_count_edges,
    find_good,
    judge_confidence,
    reliability_curve,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

CONFIDENCE = np.array([0.1, 0.15, 0.6, 0.65, 0.65, 1.0])
GOOD = np.array([False, True, True, False, True, True])
SAMPLES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_curve_by_hand() -> None:
    curve = reliability_curve(CONFIDENCE, GOOD, np.array([0, 0.5, 0.6, 1]))
    assert curve.counts.tolist() == [2, 0, 4]  # 0.6 is in the upper bin, 1 in the last
    assert curve.confidence == pytest.approx([0.125, np.nan, 0.725], nan_ok=True)
    assert curve.good == pytest.approx([0.5, np.nan, 0.75], nan_ok=True)
    assert curve.expected_error == pytest.approx((2 * 0.375 + 4 * 0.025) / 6)
    assert curve.maximum_error == pytest.approx(0.375)


def test_scores_by_hand() -> None:
    scores = judge_confidence(CONFIDENCE, GOOD)
    assert scores.brier == pytest.approx(np.mean([0.01, 0.7225, 0.16, 0.4225, 0.1225, 0]))
    # four good against two bad: 0.1 loses to all, 0.65 ties once, beats 0.15 and 0.6, loses to 1
    assert scores.auroc == pytest.approx((4 + 1.5) / 8)
    assert (scores.frames, scores.good_frames) == (6, 4)
    assert scores.equal_width.counts.tolist() == [0, 2, 0, 0, 0, 0, 3, 0, 0, 1]


def test_absent_frames_count_as_wrong_and_a_half_is_not_good() -> None:
    assert find_good(np.array([0.51, 0.5, 0.0, np.nan])).tolist() == [True, False, False, False]


def test_a_sure_and_right_tracker_has_no_error() -> None:
    scores = judge_confidence(np.array([0.0, 1, 1]), np.array([False, True, True]))
    assert scores.brier == scores.equal_width.expected_error == 0
    assert scores.equal_width.maximum_error == scores.equal_count.maximum_error == 0
    assert scores.auroc == 1


def test_boxes_of_one_kind_have_no_auroc() -> None:
    assert judge_confidence(np.array([0.2, 0.3]), np.array([True, True])).auroc is None


def test_bins_of_equal_count() -> None:
    confidence = np.arange(1, 101) / 200
    curve = reliability_curve(confidence, confidence > 0.2, equal_count_edges(confidence, 4))
    assert curve.counts.tolist() == [25, 25, 25, 25]


def test_equal_confidences_share_a_bin() -> None:
    confidence = np.array([0.5] * 9 + [0.7])
    curve = reliability_curve(confidence, confidence > 0.6, equal_count_edges(confidence, 5))
    assert curve.counts.tolist() == [9, 1]
    assert curve.good.tolist() == [0, 1]


@settings(max_examples=100)
@given(SAMPLES, st.integers(1, 20))
def test_properties_of_curves(samples: list[tuple[float, bool]], bins: int) -> None:
    confidence, good = (np.array(values) for values in zip(*samples))
    scores = judge_confidence(confidence, good, bins=bins)
    for curve in (scores.equal_width, scores.equal_count):
        assert (np.diff(curve.edges) > 0).all()
        assert curve.edges[[0, -1]].tolist() == [0, 1]
        assert curve.counts.sum() == len(confidence)
        filled = curve.counts > 0
        mean = (curve.counts[filled] * curve.confidence[filled]).sum() / len(confidence)
        assert mean == pytest.approx(confidence.mean())
        assert 0 <= curve.expected_error <= curve.maximum_error + 1e-12 <= 1 + 1e-9
        # no binning hides the gap between mean confidence and share of good boxes
        assert curve.expected_error >= abs(confidence.mean() - good.mean()) - 1e-9
    assert len(scores.equal_width.counts) == bins
    assert len(scores.equal_count.counts) <= bins


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_share_of_ordered_pairs(samples: list[tuple[int, bool]]) -> None:
    good = [s for s, label in samples if label]
    bad = [s for s, label in samples if not label]
    scores, labels = map(list, zip(*samples))
    if not good or not bad:
        with pytest.raises(MetricError, match='good and bad'):
            auroc(np.array(scores), np.array(labels))
        return
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert auroc(np.array(scores), np.array(labels)) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize('value', [np.nan, -0.1, 1.5])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(MetricError, match=r'in \[0, 1\].*at place 1 '):
        judge_confidence(np.array([0.5, value]), np.array([True, False]))


def test_unusable_input_is_refused() -> None:
    with pytest.raises(MetricError, match='at least one frame'):
        judge_confidence(np.zeros(0), np.zeros(0, bool))
    with pytest.raises(MismatchedResultError, match='2 confidences, but 1'):
        judge_confidence(np.zeros(2), np.zeros(1, bool))
