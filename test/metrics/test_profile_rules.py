"""What is refused, what is scored although something is missing, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

from hit_rfgm_ros.errors import (
    MetricError,
    MismatchedResultError,
    MissingResultError,
    SurplusResultError,
)
from hit_rfgm_ros.metrics.agreement import overlap_edges, overlap_pixels
from hit_rfgm_ros.metrics.judged import Judged, check_names
from hit_rfgm_ros.metrics.profiles import PROFILES, get_profile, score
from hit_rfgm_ros.metrics.scores import KEYS
import numpy as np
from numpy.typing import NDArray
import pytest

BOX = (10.0, 20.0, 40.0, 30.0)


def still(frames: int) -> NDArray[np.float64]:
    return np.array([BOX] * frames).reshape(-1, 4)


def judged(boxes: int, frames: int = 5, name: str = 'bag') -> Judged:
    return Judged(
        name, still(frames), still(boxes), visible=np.ones(frames, bool), size=(200, 150)
    )


@pytest.mark.parametrize('profile', PROFILES)
def test_missing_boxes_are_an_error(profile: str) -> None:
    with pytest.raises(MissingResultError, match='bag: 3 predicted boxes for 5 frames'):
        score(profile, [judged(3)])


@pytest.mark.parametrize('profile', PROFILES)
def test_surplus_boxes_are_an_error(profile: str) -> None:
    with pytest.raises(SurplusResultError, match='bag: 7 predicted boxes for 5 frames'):
        score(profile, [judged(7)])


@pytest.mark.parametrize('profile', PROFILES)
def test_a_sequence_without_result_is_an_error(profile: str) -> None:
    with pytest.raises(MissingResultError, match='bag: 0 predicted boxes for 5 frames'):
        score(profile, [judged(0)])


@pytest.mark.parametrize(
    ('profile', 'auc', 'note'),
    [
        ('visible', 60 * 20 / 21, 'the 2 missing counted as lost'),
        ('pytracking', 60 * 20 / 21, 'the 2 missing taken as boxes of zeros'),
        ('ostrack', 60 * 20 / 21, 'the 2 missing taken as boxes of zeros'),
        ('otb', 100 * 20 / 21, 'the 2 missing left out'),
        ('got10k_lasot', 100 * 20 / 21, 'the 2 missing left out'),
        ('trackingnet', 60, 'the 2 missing never counted as right'),
    ],
)
def test_short_results_are_scored_if_allowed_and_noted(
    profile: str, auc: float, note: str
) -> None:
    scores = score(profile, [judged(3)], allow_incomplete=True)
    assert scores.values['auc'] == pytest.approx(auc, abs=1e-5)
    assert scores.notes == (f'bag: 3 predicted boxes for 5 frames, {note}',)


@pytest.mark.parametrize('profile', ['visible', 'pytracking', 'ostrack', 'lasot', 'got10k_lasot'])
def test_long_results_are_cut_if_allowed_and_noted(profile: str) -> None:
    scores = score(profile, [judged(7)], allow_incomplete=True)
    assert scores.values == score(profile, [judged(5)]).values
    assert scores.notes == ('bag: 7 predicted boxes for 5 frames, the surplus ones cut off',)


@pytest.mark.parametrize('profile', ['otb', 'pysot', 'got10k', 'got10k_otb', 'vot'])
def test_long_results_are_errors_where_the_tool_refuses_them(profile: str) -> None:
    with pytest.raises(SurplusResultError, match='Run the sequence again'):
        score(profile, [judged(7)], allow_incomplete=True)


def test_pytracking_leaves_a_sequence_without_result_out() -> None:
    scores = score('pytracking', [judged(0), judged(5, name='coke')], allow_incomplete=True)
    assert [one.name for one in scores.sequences] == ['coke']
    assert scores.frames == 5
    assert 'bag: no result, left out' in scores.notes
    with pytest.raises(MetricError, match='no frame of 1 sequences'):
        score('pytracking', [judged(0)], allow_incomplete=True)


def test_trackingnet_counts_the_first_frame_of_a_sequence_without_result() -> None:
    scores = score('trackingnet', [judged(0)], allow_incomplete=True)
    assert scores.printed['coverage'] == '20.0'
    assert scores.sequences[0].curves['success'][1][10] == pytest.approx(20)


def test_names_of_sequences_must_be_those_of_the_data_set() -> None:
    check_names(['bag', 'coke'], ['coke', 'bag'])
    with pytest.raises(MissingResultError, match=r'2 of 3 sequences have no result \(bag, goat\)'):
        check_names(['bag', 'coke', 'goat'], ['coke'])
    with pytest.raises(
        SurplusResultError, match=r'1 of 2 results belong to no sequence .*\(goat\)'
    ):
        check_names(['bag'], ['bag', 'goat'])


def test_many_names_are_cut_short() -> None:
    with pytest.raises(MissingResultError, match=r'\(s0, s1, s2, s3, s4, \.\.\.\)'):
        check_names([f's{number}' for number in range(9)], [])


def test_a_sequence_comes_once() -> None:
    with pytest.raises(MetricError, match='bag: comes twice'):
        score('visible', [judged(5), judged(5)])


def test_no_sequence_is_an_error() -> None:
    with pytest.raises(MetricError, match='no frame of 0 sequences'):
        score('visible', [])


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(
        MetricError, match=r"no profile 'lasor'; there are visible, pytracking, .*"
    ):
        get_profile('lasor')


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('predicted', np.zeros((5, 5)), r'bag: predicted has shape \(5, 5\)'),
        ('truth', np.zeros(5), r'bag: truth has shape \(5,\)'),
        ('visible', np.ones(4, bool), r'visible has shape \(4,\), but truth has 5 rows'),
        ('cover', np.ones((5, 1)), r'cover has shape \(5, 1\)'),
        ('seconds', np.ones(6), r'seconds has shape \(6,\), but predicted has 5 rows'),
    ],
)
def test_shapes_that_do_not_belong_together(
    field: str, value: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(MismatchedResultError, match=message):
        replace(judged(5), **{field: value})


def test_ground_truth_must_say_something() -> None:
    with pytest.raises(MetricError, match='bag: no frame'):
        Judged('bag', np.empty((0, 4)), np.empty((0, 4)))
    with pytest.raises(MetricError, match='infinite'):
        Judged('bag', np.full((1, 4), np.inf), still(1))
    kept_back = still(5)
    kept_back[1:] = np.nan
    for profile in PROFILES:
        with pytest.raises(MetricError, match='no frame but the first has ground truth'):
            score(profile, [replace(judged(5), truth=kept_back)])


@pytest.mark.parametrize('profile', ['visible', 'pytracking', 'ostrack', 'vot'])
@pytest.mark.parametrize('row', [(np.nan, 0, 1, 1), (0, 0, -1, 1)])
def test_broken_boxes_are_refused(profile: str, row: tuple[float, ...]) -> None:
    boxes = still(5)
    boxes[3] = row
    with pytest.raises(MetricError, match='bag: the predicted box of frame 3 is'):
        score(profile, [replace(judged(5), predicted=boxes)])


@pytest.mark.parametrize(
    ('profile', 'right'), [('lasot', 5), ('otb', 4), ('pysot', 4), ('trackingnet', 4)]
)
def test_a_box_of_nan_counts_as_wrong_or_is_the_one_before(profile: str, right: int) -> None:
    boxes = still(5)
    boxes[3] = np.nan
    _, values = score(profile, [replace(judged(5), predicted=boxes)]).curves['success']
    assert values[10] == pytest.approx(20 * right)


def test_got10k_makes_no_average_of_nan() -> None:
    boxes = still(5)
    boxes[3] = np.nan
    with pytest.raises(MetricError, match='bag: a predicted box holds a NaN'):
        score('got10k', [replace(judged(5), predicted=boxes)])


def test_an_empty_box_is_the_one_before_only_where_there_is_truth() -> None:
    truth, boxes = still(5), still(5)
    boxes[1] = (60, 60, 40, 30)
    boxes[2:4, 2] = 0
    everywhere = score('pytracking', [replace(judged(5), predicted=boxes)], kind='uav')
    truth[2] = np.nan
    broken = score('pytracking', [replace(judged(5), truth=truth, predicted=boxes)], kind='uav')
    assert everywhere.values['op50'] == broken.values['op50'] == pytest.approx(40)
    assert everywhere.sequences[0].values['ao'] == pytest.approx(40)
    assert broken.sequences[0].values['ao'] == pytest.approx(50)


@pytest.mark.parametrize('profile', ['got10k', 'vot'])
def test_the_size_of_the_pictures_is_needed(profile: str) -> None:
    with pytest.raises(MetricError, match=r'bag: .* its width and height are needed'):
        score(profile, [replace(judged(5), size=None)])


def test_lasot_needs_its_flags_or_says_that_there_are_none() -> None:
    blind = [replace(judged(5), visible=None)]
    with pytest.raises(MetricError, match='needs the flags of hidden frames'):
        score('pytracking', blind, kind='lasot')
    notes = score('lasot', blind, kind='lasot').notes
    assert notes == ('no flags of hidden frames: no frame is taken as hidden',)


@pytest.mark.parametrize('profile', ['pytracking', 'ostrack', 'pysot'])
def test_flags_of_sets_whose_flags_the_tool_does_not_know_change_nothing(profile: str) -> None:
    hidden = replace(judged(5), visible=np.array([1, 1, 0, 0, 1], bool))
    for kind in ('nfs', 'otb', 'folder'):
        assert score(profile, [hidden], kind=kind).values == score(profile, [judged(5)]).values


def test_hidden_frames_of_lasot_ext_count_as_precise_in_pytracking() -> None:
    hidden = replace(judged(5), visible=np.array([1, 1, 0, 0, 1], bool))
    lasot = score('pytracking', [hidden], kind='lasot')
    extension = score('pytracking', [hidden], kind='lasot_ext')
    assert lasot.values['precision'] == extension.values['precision'] == pytest.approx(60)
    assert lasot.values['normalized_precision'] == pytest.approx(60)
    assert extension.values['normalized_precision'] == pytest.approx(100)


def test_got10k_without_labels_takes_frames_with_a_box_as_covered() -> None:
    truth = still(5)
    truth[2] = np.nan
    scores = score('got10k', [replace(judged(5), truth=truth)])
    assert scores.sequences[0].scored_frames == 3
    assert scores.notes == ('no labels of cover: frames with a true box are taken as covered',)


def test_got10k_says_the_speed_as_a_mean_of_rates() -> None:
    seconds = np.array([0, 0.5, 0.25, np.nan, 0.25])
    scores = score('got10k', [replace(judged(5), seconds=seconds)])
    assert float(scores.printed['speed_fps']) == pytest.approx((2 + 4 + 4) / 3)


def test_lasot_leaves_out_a_sequence_whose_curve_is_zero() -> None:
    away = still(5)
    away[1:, 0] = 500
    hidden = np.array([0, 1, 1, 1, 1], bool)
    lost = replace(judged(5, name='lost'), predicted=away, visible=hidden)
    scores = score('lasot', [judged(5), lost])
    assert scores.values['auc'] == pytest.approx(100 * 20 / 21)


def test_a_perfect_box_may_exceed_one_from_pixel_to_pixel_but_not_from_edge_to_edge() -> None:
    chance = np.random.default_rng(0)
    boxes = chance.uniform(1, 300, (1000, 4))
    assert (overlap_pixels(boxes, boxes) > 1).any()
    assert (overlap_edges(boxes, boxes) <= 1).all()


@pytest.mark.parametrize('profile', PROFILES)
def test_every_profile_answers_under_the_same_keys(profile: str) -> None:
    scores = score(profile, [judged(5)])
    assert tuple(scores.values) == KEYS
    there = {key for key, value in scores.values.items() if value is not None}
    assert there == set(PROFILES[profile].keys)
    assert set(scores.printed) >= set(PROFILES[profile].printed)
    assert (scores.profile, scores.form, scores.kind) == (profile, 'float', 'folder')
    assert (scores.frames, scores.sequences[0].frames) == (5, 5)


def test_the_judged_boxes_are_left_as_they_are() -> None:
    one = judged(5)
    one.predicted[0] = 0
    before = one.predicted.copy()
    for profile in PROFILES:
        score(profile, [one], truncate=True)
    np.testing.assert_array_equal(one.predicted, before)


def test_frames_without_truth_that_a_tool_divides_by_are_told() -> None:
    truth = np.array([[1, 2, 3, 4], [np.nan] * 4, [1, 2, 3, 4.0]])
    judged = [Judged('a', truth, np.full((3, 4), 2.0))]
    note = '1 frames without ground truth stay in the number of frames'
    assert note in score('otb', judged).notes
    assert score('visible', judged).notes == ()
