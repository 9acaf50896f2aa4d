"""Runs from anchors, their failures, and the expected average overlap."""

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.vot_multistart import (
    Run,
    SequenceRuns,
    anchor_runs,
    judge_run,
    multistart_scores,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

IMAGE = (100, 100)
TARGET, FAR = (10.0, 10.0, 20.0, 20.0), (70.0, 70.0, 20.0, 20.0)


def run(hits: list[bool], truth: np.ndarray | None = None) -> Run:
    predicted = np.array([TARGET if hit else FAR for hit in hits])
    where = np.array([TARGET] * len(hits)) if truth is None else truth
    return judge_run(predicted, where, IMAGE)


def test_runs_go_forward_and_back_from_anchors() -> None:
    runs = anchor_runs(np.array([1, 0, -1, 1, np.nan, -0.5]))
    expected = [[0, 1, 2, 3, 4, 5], [3, 4, 5], [2, 1, 0], [5, 4, 3, 2, 1, 0]]
    assert [frames.tolist() for frames in runs] == expected
    with pytest.raises(MetricError, match='no anchor'):
        anchor_runs(np.zeros(4))


def test_a_run_fails_at_the_first_of_ten_failing_frames() -> None:
    failed = run([True] * 15 + [False] * 10 + [True] * 5)
    assert (failed.progress, failed.failed) == (15, True)
    assert failed.overlaps.tolist() == [0] + [1] * 14 + [0] * 15
    held = run([True] * 15 + [False] * 9 + [True] * 6)
    assert (held.progress, held.failed) == (30, False)


def test_the_anchor_itself_counts_as_a_failing_frame() -> None:
    assert run([True] + [False] * 9 + [True] * 10).progress == 0
    assert run([True] + [False] * 8 + [True] * 10).progress == 19


def test_ten_percent_overlap_still_fails() -> None:
    truth = np.array([TARGET] * 20)
    tenth = np.array([(10.0, 10.0, 20.0, 2.0)] * 20)
    assert judge_run(tenth, truth, IMAGE).progress == 0
    more = np.array([(10.0, 10.0, 20.0, 3.0)] * 20)
    assert judge_run(more, truth, IMAGE).progress == 20


def test_a_frame_without_truth_breaks_the_streak() -> None:
    truth = np.array([TARGET] * 22)
    hits = [True] + [False] * 21
    truth[9] = np.nan
    truth[19] = 0
    assert run(hits, truth).progress == 22


def test_accuracy_and_robustness_by_hand() -> None:
    first = SequenceRuns(40, [run([True] * 15 + [False] * 25), run([True] * 20)])
    second = SequenceRuns(60, [run([True] * 10)])
    scores = multistart_scores([first, second], (2, 8))
    assert scores.accuracy == pytest.approx((14 + 19 + 9) / (15 + 20 + 10))
    assert scores.robustness == pytest.approx((40 * 35 / 60 + 60 * 1) / 100)


def test_a_tracker_that_fails_everywhere_has_no_accuracy() -> None:
    scores = multistart_scores([SequenceRuns(20, [run([False] * 20)])])
    assert (scores.accuracy, scores.robustness, scores.eao) == (0, 0, 0)


def test_expected_average_overlap_as_the_toolkit_gives_it() -> None:
    runs = [Run(np.array([1, 0.8, 0.6, 0.4]), 4), Run(np.array([1, 0.5, 0, 0]), 2)]
    scores = multistart_scores([SequenceRuns(4, runs)], (2, 6))
    expected = [0, 0.65, 0.475, 0.383333, 0.166667, 0.125]
    assert scores.curve == pytest.approx(expected, abs=5e-7)
    assert scores.eao == pytest.approx(np.mean(expected[2:]), abs=5e-7)
    assert scores.eao_supported == 1
    split = multistart_scores([SequenceRuns(4, [one]) for one in runs], (2, 6))
    assert split.curve.tolist() == scores.curve.tolist()


def test_short_sequences_leave_the_interval_unsupported() -> None:
    scores = multistart_scores([SequenceRuns(200, [run([True] * 200)])])
    assert scores.eao_supported == pytest.approx((200 - 115) / (755 - 115))
    assert scores.eao == pytest.approx(scores.eao_supported)  # 1 where supported, else 0
    assert len(scores.curve) == 755


@given(st.lists(st.lists(st.booleans(), min_size=2, max_size=40), min_size=1, max_size=5))
def test_scores_stay_in_bounds(hits: list[list[bool]]) -> None:
    runs = [run(one) for one in hits]
    assert all(0 <= one.progress <= len(one.overlaps) for one in runs)
    assert all(one.overlaps[one.progress :].sum() == 0 for one in runs)
    scores = multistart_scores([SequenceRuns(len(hits[0]), runs)], (1, 30))
    for value in (scores.accuracy, scores.robustness, scores.eao, scores.eao_supported):
        assert 0 <= value <= 1


def test_unusable_input_is_refused() -> None:
    with pytest.raises(MetricError, match='at least one run'):
        multistart_scores([SequenceRuns(20, [])])
    with pytest.raises(MetricError, match='got 9 to 9'):
        multistart_scores([SequenceRuns(20, [run([True] * 20)])], (9, 9))
