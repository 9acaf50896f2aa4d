"""Scores against cases worked out by hand."""

from hit_rfgm_ros.errors import MetricError, SurplusResultError
from hit_rfgm_ros.metrics.one_pass import one_pass_scores
import numpy as np
import pytest


def test_perfect_track_has_twenty_of_twenty_one_thresholds() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 5, 10, 10]])
    scores = one_pass_scores(boxes, boxes)
    assert scores.auc == pytest.approx(20 / 21)
    assert scores.precision == 1
    assert scores.mean_overlap == 1


def test_overlap_at_a_threshold_does_not_count() -> None:
    truth = np.array([[0.0, 0, 10, 10]] * 2)
    half = np.array([[0.0, 0, 10, 10], [0, 0, 5, 10]])  # overlap 0.5: above 0, 0.05, ... 0.45
    assert one_pass_scores(half, truth).auc == pytest.approx((20 + 10) / 2 / 21)


def test_the_first_frame_counts_with_the_given_box() -> None:
    truth = np.array([[0.0, 0, 10, 10]] * 2)
    clipped = np.array([[0.0, 0, 9, 9], [0, 0, 10, 10]])
    assert one_pass_scores(clipped, truth).mean_overlap == 1


def test_absent_frames_are_left_out() -> None:
    truth = np.array([[0.0, 0, 10, 10], [np.nan] * 4, [0, 0, 10, 10]])
    found = np.array([[0.0, 0, 10, 10], [90, 90, 1, 1], [0, 0, 10, 10]])
    assert one_pass_scores(found, truth).mean_overlap == 1


def test_centre_twenty_pixels_off_is_precise() -> None:
    truth = np.array([[0.0, 0, 10, 10]] * 4)
    found = np.array([[0.0, 0, 10, 10], [20, 0, 10, 10], [20.1, 0, 10, 10], [30, 0, 10, 10]])
    assert one_pass_scores(found, truth).precision == 0.5


def test_unusable_input_is_refused() -> None:
    with pytest.raises(SurplusResultError, match='2 predicted boxes for 1 frames'):
        one_pass_scores(np.zeros((2, 4)), np.ones((1, 4)))
    with pytest.raises(MetricError, match='no frame'):
        one_pass_scores(np.zeros((1, 4)), np.full((1, 4), np.nan))
