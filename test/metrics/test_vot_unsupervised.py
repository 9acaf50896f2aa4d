"""One sequence without restarts: what is tracked, missed, imagined and noticed."""

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.vot_unsupervised import Once, judge_once, unsupervised_scores
import numpy as np
import pytest

IMAGE = (100, 100)
TARGET, HALF, FAR = (10.0, 10.0, 20.0, 20.0), (10.0, 10.0, 10.0, 20.0), (70.0, 70.0, 20.0, 20.0)
NOTHING = (np.nan,) * 4


def judge(unknown: list[int] | None = None) -> Once:
    """Five frames with the target, eleven without it."""
    truth = np.array([TARGET] * 5 + [NOTHING] * 11)
    predicted = np.array([TARGET, TARGET, HALF, FAR, NOTHING] + [NOTHING] * 8 + [FAR] * 3)
    flags = None if unknown is None else np.isin(np.arange(16), unknown)
    return judge_once(predicted, truth, IMAGE, unknown=flags)


def test_one_sequence_by_hand() -> None:
    assert judge() == Once(
        frames=16,
        accuracy=pytest.approx(1.5 / 6),  # frames with a box, but the first
        quality=pytest.approx((1.5 + 8) / 16),
        tracked_overlap=pytest.approx(1.5 / 3),  # with 0 of the first frame
        tracked=2,
        drifted=1,
        missed=2,  # the first frame is one
        hallucinated=3,
        noticed=8,
    )


def test_unknown_frames_are_left_out() -> None:
    judged = judge([3, 15])
    assert judged.drifted == 0
    assert judged.hallucinated == 2
    assert judged.accuracy == pytest.approx(1.5 / 4)
    assert judged.quality == pytest.approx(9.5 / 14)


def test_the_first_frame_is_never_looked_at() -> None:
    truth = np.array([TARGET] * 3)
    other = truth.copy()
    other[0] = FAR
    assert judge_once(truth, truth, IMAGE) == judge_once(other, truth, IMAGE)


def test_data_set_by_hand() -> None:
    truth = np.array([TARGET] * 4)
    both = [judge(), judge_once(truth, truth, IMAGE)]
    scores = unsupervised_scores(both)
    assert scores.accuracy == pytest.approx((16 * 0.25 + 4 * 1) / 20)
    assert scores.quality == pytest.approx((9.5 / 16 + 3 / 4) / 2)
    assert scores.tracked_overlap == pytest.approx((1.5 / 3 + 3 / 4) / 2)
    assert scores.robustness == pytest.approx((2 / 5 + 3 / 4) / 2)
    assert scores.not_reported_error == pytest.approx((2 / 5 + 1 / 4) / 2)
    assert scores.drift_rate_error == pytest.approx((1 / 5 + 0) / 2)
    assert scores.absence_detection_quality == pytest.approx(8 / 11)


def test_ten_absent_frames_are_too_few_to_judge_detection() -> None:
    truth = np.array([TARGET] + [NOTHING] * 10)
    assert unsupervised_scores([judge_once(truth, truth, IMAGE)]).absence_detection_quality is None
    truth = np.array([TARGET] + [NOTHING] * 11)
    assert unsupervised_scores([judge_once(truth, truth, IMAGE)]).absence_detection_quality == 1


def test_a_sequence_without_target_has_no_robustness() -> None:
    nothing = np.array([NOTHING] * 12)
    scores = unsupervised_scores([judge_once(nothing, nothing, IMAGE)])
    assert scores.robustness is scores.drift_rate_error is scores.not_reported_error is None
    with pytest.raises(MetricError, match='at least one sequence'):
        unsupervised_scores([])
