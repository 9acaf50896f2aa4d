"""What holds for any boxes under every tool's rules."""

from __future__ import annotations

from fractions import Fraction

from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.profiles import PROFILES, score
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

STRICT = (
    'visible',
    'pytracking',
    'ostrack',
    'otb',
    'lasot',
    'pysot',
    'got10k_otb',
    'got10k_lasot',
)
FLOAT32 = ('pytracking', 'ostrack')
FOUR_TIMES = 4  # coordinates are quarters of pixels: exact in every tool's form
corners = st.integers(1, 600)
sides = st.integers(8, 400)
quarters = st.tuples(corners, corners, sides, sides)
anywhere = st.tuples(*[st.floats(0.25, 500)] * 4)
profiles = st.sampled_from(sorted(PROFILES))


def boxes(rows: list[tuple[float, ...]]) -> NDArray[np.float64]:
    return np.array(rows, float).reshape(-1, 4) / FOUR_TIMES


def judged(name: str, truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Judged:
    return Judged(name, truth, predicted, cover=np.full(len(truth), 8), size=(320, 240))


tracks = st.lists(st.tuples(quarters, quarters), min_size=2, max_size=8).map(
    lambda pairs: (boxes([first for first, _ in pairs]), boxes([second for _, second in pairs]))
)
sets = st.lists(tracks, min_size=1, max_size=5).map(
    lambda pairs: [judged(f's{number}', *pair) for number, pair in enumerate(pairs)]
)


@given(st.lists(quarters, min_size=2, max_size=8), st.sampled_from(STRICT))
def test_a_perfect_track_reaches_twenty_of_twenty_one(
    rows: list[tuple[float, ...]], profile: str
) -> None:
    scores = score(profile, [judged('a', boxes(rows), boxes(rows))])
    assert scores.values['auc'] == pytest.approx(100 * 20 / 21, abs=1e-5)
    assert scores.values['precision'] == 100


@given(
    st.lists(anywhere, min_size=2, max_size=8),
    st.sampled_from(['visible', 'pysot', 'got10k_otb', 'got10k_lasot']),
)
def test_where_the_overlap_is_limited_to_one_this_holds_for_any_floats(
    rows: list[tuple[float, ...]], profile: str
) -> None:
    found = score(profile, [judged('a', np.array(rows), np.array(rows))]).values['auc']
    assert found == pytest.approx(100 * 20 / 21)


@given(sets, profiles)
def test_the_order_of_the_sequences_does_not_matter(one: list[Judged], profile: str) -> None:
    there, back = score(profile, one), score(profile, one[::-1])
    for key, value in there.values.items():
        assert back.values[key] == (None if value is None else pytest.approx(value, abs=1e-4))


@given(sets, profiles)
def test_values_are_percentages_and_curves_go_one_way(one: list[Judged], profile: str) -> None:
    scores = score(profile, one)
    assert all(value is None or 0 <= value <= 100.0001 for value in scores.values.values())
    # torch adds the first 32 columns in another order than the others, in float32, and rounds
    # at each sequence, so that equal columns may differ in the last places.
    rounding = 2 * len(one) * np.spacing(np.float32(100)) if profile in FLOAT32 else 0
    for name, (limits, values) in scores.curves.items():
        steps = np.diff(values)
        assert len(limits) == len(values)
        back = steps.max() if name == 'success' else -steps.min()
        assert back <= rounding


@given(sets, profiles)
def test_truncation_of_whole_numbers_changes_nothing(one: list[Judged], profile: str) -> None:
    whole = [judged(i.name, i.truth, np.floor(i.predicted)) for i in one]
    cut = score(profile, one, truncate=True)
    assert cut.form == 'truncated'
    assert (
        cut.values == score(profile, whole).values == score(profile, whole, truncate=True).values
    )


@given(sets, profiles)
def test_a_single_sequence_has_the_scores_of_its_data_set(one: list[Judged], profile: str) -> None:
    scores = score(profile, one[:1])
    assert scores.sequences[0].values == scores.values


@given(tracks, st.integers(0, 8))
def test_a_frame_without_truth_says_nothing_under_visible(
    track: tuple[NDArray[np.float64], NDArray[np.float64]], place: int
) -> None:
    truth, predicted = track
    place = 1 + place % (len(truth) - 1)
    longer = judged(
        'a', np.insert(truth, place, np.nan, axis=0), np.insert(predicted, place, 1, axis=0)
    )
    without = score('visible', [judged('a', truth, predicted)])
    assert score('visible', [longer]).values == without.values


@given(tracks)
def test_visible_agrees_with_fractions(
    track: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    truth, predicted = track
    overlaps = [Fraction(1)]
    for a, b in zip(truth[1:].tolist(), predicted[1:].tolist()):
        x, y, w, h, p, q, v, u = map(Fraction, (*a, *b))
        wide = max(Fraction(0), min(x + w, p + v) - max(x, p))
        high = max(Fraction(0), min(y + h, q + u) - max(y, q))
        overlaps.append(wide * high / (w * h + v * u - wide * high))
    hits = sum(overlap > Fraction(k, 20) for overlap in overlaps for k in range(21))
    expected = 100 * hits / 21 / len(truth)
    near = any((overlap * 20).denominator == 1 and overlap < 1 for overlap in overlaps)
    if not near:  # at a threshold the last bit decides
        assert score('visible', [judged('a', truth, predicted)]).values['auc'] == pytest.approx(
            expected
        )
