"""Features, raw score, fitted probability and their measure of quality."""

import json
from typing import Any

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.metrics.reliability import auroc
from hit_rfgm_ros.trackers.confidence import UNCALIBRATED, Calibration, fit_calibration
from hit_rfgm_ros.trackers.corner_features import FEATURES, features, raw_score
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

GRID, CELLS = 16, 256


def one_cell(column: int, row: int) -> np.ndarray:
    grid = np.zeros((GRID, GRID))
    grid[row, column] = 1
    return grid.ravel()


def seen(tl: np.ndarray, br: np.ndarray, correlation: np.ndarray, box: Any) -> dict[str, float]:
    values = features(tl[None], br[None], correlation[None], np.array([box], np.float32))
    assert values.shape == (1, len(FEATURES))
    return dict(zip(FEATURES, values[0].tolist()))


def score(named: dict[str, float]) -> float:
    return float(raw_score(np.array([list(named.values())]))[0])


def test_two_sure_corners() -> None:
    named = seen(one_cell(6, 6), one_cell(10, 10), one_cell(8, 8), (0.5, 0.5, 0.25, 0.25))
    assert named['mass_mean'] == named['mass_min'] == 1
    assert named['offset'] == 0
    assert named['entropy'] == pytest.approx(0, abs=1e-12)
    assert named['contrast'] == named['prominence'] == pytest.approx(255**0.5, abs=0.01)
    assert named['level'] == pytest.approx(np.log(2 - 1 / 256))
    assert named['distance'] == 0
    assert named['size'] == pytest.approx(0, abs=1e-7)
    assert named['aspect'] == 0
    assert score(named) == 1


def test_maps_that_know_nothing() -> None:
    flat = np.full(CELLS, 1 / CELLS)
    center = 7.5 / GRID
    named = seen(flat, flat, np.zeros(CELLS), (center, center, 0.01, 0.01))
    assert named['entropy'] == pytest.approx(1)
    assert named['mass_min'] < 0.07
    assert named['contrast'] == named['prominence'] == named['level'] == 0
    assert score(named) < 0.02


def test_a_corner_torn_between_two_places_is_unsure() -> None:
    torn = 0.5 * one_cell(2, 6) + 0.5 * one_cell(10, 6)
    named = seen(torn, one_cell(10, 10), one_cell(8, 8), (0.5, 0.5, 0.25, 0.25))
    assert named['mass_min'] == 0  # nothing lies at the expectation, in the middle
    assert named['mass_mean'] == 0.5
    assert named['offset'] == 4
    assert named['entropy'] == pytest.approx(np.log(2) / np.log(CELLS) / 2)
    assert score(named) == 0


def test_mass_counts_the_cells_next_to_the_expectation() -> None:
    near = 0.5 * one_cell(6, 6) + 0.3 * one_cell(7, 7) + 0.2 * one_cell(12, 6)
    named = seen(near, one_cell(10, 10), one_cell(8, 8), (0.5, 0.5, 0.25, 0.25))
    assert named['mass_min'] == pytest.approx(0.8)


def test_correlation_elsewhere_than_the_box() -> None:
    named = seen(one_cell(6, 6), one_cell(10, 10), one_cell(3, 12), (0.5, 0.5, 0.25, 0.25))
    assert named['contrast'] < 0 < named['prominence']
    assert named['distance'] == pytest.approx((25 + 16) ** 0.5)


def test_size_and_aspect_are_relative_to_the_usual_ones() -> None:
    corners = one_cell(4, 6), one_cell(12, 10)
    named = seen(*corners, one_cell(8, 8), (0.5, 0.5, 0.5, 0.25))
    assert named['size'] == pytest.approx(np.log(2) / 2)
    assert named['aspect'] == pytest.approx(np.log(2))


def test_a_batch_is_its_rows() -> None:
    rng = np.random.default_rng(0)
    maps = rng.dirichlet(np.ones(CELLS), (3, 5))
    boxes = rng.uniform(0.1, 0.6, (5, 4))
    whole = features(maps[0], maps[1], maps[2], boxes)
    for row in range(5):
        part = slice(row, row + 1)
        alone = features(maps[0][part], maps[1][part], maps[2][part], boxes[part])
        np.testing.assert_allclose(whole[part], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('where', range(4))
def test_numbers_that_are_not_finite_are_worth_nothing(bad: float, where: int) -> None:
    inputs = [
        np.full((2, CELLS), 1 / CELLS),
        np.full((2, CELLS), 1 / CELLS),
        np.ones((2, CELLS)),
        np.full((2, 4), 0.25),
    ]
    inputs[where][0, 0] = bad
    values = features(*inputs)
    assert not np.isfinite(values[0].sum())
    assert np.isfinite(values[1]).all()
    for judged in (raw_score(values), Calibration((0.1,) * len(FEATURES)).probability(values)):
        assert judged[0] == 0
        assert judged[1] > 0


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float64, (2, CELLS), elements=st.floats(0, 1)),
    arrays(np.float64, CELLS, elements=st.floats(-1e6, 1e6)),
    arrays(np.float64, 4, elements=st.floats(-3, 3)),
)
def test_every_score_is_in_0_1(maps: np.ndarray, correlation: np.ndarray, box: Any) -> None:
    maps = (maps + 1e-9) / (maps + 1e-9).sum(1, keepdims=True)
    named = seen(maps[0], maps[1], correlation, box)
    assert np.isfinite(list(named.values())).all()
    assert 0 <= score(named) <= 1


def samples(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, the true slopes and labels drawn from the logistic function."""
    rng = np.random.default_rng(1)
    values = rng.normal(3.0, rng.uniform(0.5, 5, len(FEATURES)), (count, len(FEATURES)))
    slopes = rng.normal(0, 0.6, len(FEATURES))
    chance = 1 / (1 + np.exp(-(values - 3.0) @ slopes))
    return values, slopes, rng.uniform(size=count) < chance


def test_fit_finds_the_slopes_and_is_calibrated() -> None:
    values, slopes, good = samples()
    calibration = fit_calibration(values, good, ridge=0.0)
    np.testing.assert_allclose(calibration.weights, slopes, atol=0.15)
    chance = calibration.probability(values)
    assert chance.mean() == pytest.approx(good.mean(), abs=1e-6)  # a property of the optimum
    for low in np.arange(0, 1, 0.2):
        part = (chance >= low) & (chance < low + 0.2)
        assert good[part].mean() == pytest.approx(chance[part].mean(), abs=0.06)
    assert auroc(chance, good) > 0.9


def test_balanced_fit_gives_both_classes_the_same_weight() -> None:
    values, _, good = samples()
    rare = ~good | (np.arange(len(good)) % 10 == 0)
    chance = fit_calibration(values[rare], good[rare], balanced=True).probability(values[rare])
    assert chance[good[rare]].mean() == pytest.approx(1 - chance[~good[rare]].mean(), abs=0.02)


def test_fit_of_separable_classes_ends() -> None:
    values = np.zeros((20, len(FEATURES)))
    values[10:, 0] = 1
    calibration = fit_calibration(values, np.arange(20) >= 10)
    assert calibration.probability(values)[[0, -1]] == pytest.approx([0, 1], abs=0.1)


@pytest.mark.parametrize('good', [np.ones(4), np.zeros(4)], ids=['all-good', 'all-bad'])
def test_fit_needs_both_classes(good: np.ndarray) -> None:
    with pytest.raises(WeightsError, match='good and of bad'):
        fit_calibration(np.zeros((4, len(FEATURES))), good)


def test_calibration_survives_its_json() -> None:
    values, _, good = samples(200)
    made = fit_calibration(values, good, lost_below=0.1, size_damping=0.2, size_factor=0.9)
    assert made.fitted
    assert Calibration.from_json(made.to_json()) == made
    assert not UNCALIBRATED.fitted


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        pytest.param({'weights': [1.0]}, 'fit it again', id='too-few-weights'),
        pytest.param({'features': ['other']}, 'fit it again', id='other-features'),
        pytest.param({'bias': float('nan')}, 'unusable numbers', id='nan'),
        pytest.param({'size_factor': 0.0}, 'unusable numbers', id='factor-zero'),
        pytest.param({'size_damping': 2.0}, 'size_damping', id='damping'),
        pytest.param({'lost_below': -1.0}, 'lost_below', id='threshold'),
        pytest.param({'surprise': 1.0}, 'surprise', id='unknown-name'),
        pytest.param({'bias': 'x'}, 'no usable calibration', id='text'),
    ],
)
def test_unusable_calibrations_are_refused(change: dict[str, Any], message: str) -> None:
    values = json.loads(Calibration().to_json())
    with pytest.raises(WeightsError, match=message):
        Calibration.from_json(json.dumps({**values, **change}))


@pytest.mark.parametrize('text', ['', '{', '3', '[1]', 'null'])
def test_text_that_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(WeightsError, match='calibration'):
        Calibration.from_json(text)
