"""Features of RFGM's score map."""

from hit_rfgm_ros.metrics.reliability import auroc
from hit_rfgm_ros.trackers.centre_features import FEATURES, features
from hit_rfgm_ros.trackers.confidence import Calibration, fit_calibration
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

GRID, CELLS = 16, 256


def peak(column: float, row: float, height: float, width: float = 1.0) -> np.ndarray:
    """A score map with one bell on a low ground."""
    rows, columns = np.mgrid[:GRID, :GRID]
    bell = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / (2 * width**2))
    return np.maximum(height * bell, 1e-4).ravel()


def seen(score: np.ndarray, box: tuple[float, ...] = (0.5, 0.5, 0.25, 0.25)) -> dict[str, float]:
    values = features(score[None], np.array([box]), np.array([score.argmax()]))
    assert values.shape == (1, len(FEATURES))
    return dict(zip(FEATURES, values[0].tolist()))


def test_a_higher_peak_is_seen_as_such() -> None:
    values = [seen(peak(8, 8, height))['peak'] for height in (0.1, 0.5, 0.9)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(0.0)


def test_a_second_peak_is_a_rival_and_a_neighbour_is_not() -> None:
    alone = peak(4, 4, 0.8)
    assert seen(alone)['rival'] < 0.2
    assert seen(np.maximum(alone, peak(12, 11, 0.6)))['rival'] == pytest.approx(0.75)
    assert seen(np.maximum(alone, peak(5, 5, 0.7)))['rival'] < 0.3


def test_a_higher_peak_elsewhere_is_a_rival_above_one() -> None:
    """The window chose the middle, the map itself would not."""
    score = np.maximum(peak(8, 8, 0.3), peak(1, 1, 0.6))
    values = features(score[None], np.array([[0.5, 0.5, 0.25, 0.25]]), np.array([8 * 16 + 8]))
    assert dict(zip(FEATURES, values[0]))['rival'] == pytest.approx(2.0)


def test_a_blurred_map_has_less_mass_and_more_spread() -> None:
    sharp, blurred = seen(peak(8, 8, 0.8, 0.7)), seen(peak(8, 8, 0.8, 4.0))
    assert sharp['mass'] > 0.95 > 0.5 > blurred['mass']
    assert sharp['spread'] < blurred['spread'] < 1.0
    flat = seen(np.full(CELLS, 0.2))
    assert flat['spread'] == pytest.approx(1.0)
    assert flat['mass'] == pytest.approx(9 / CELLS)  # the first cell is in a corner


def test_size_and_shape_are_measured_from_the_usual_ones() -> None:
    assert seen(peak(8, 8, 0.8))['size'] == pytest.approx(0.0)
    larger = seen(peak(8, 8, 0.8), (0.5, 0.5, 0.5, 0.25))
    assert larger['size'] == pytest.approx(0.5 * np.log(2))
    assert larger['aspect'] == pytest.approx(np.log(2))


@given(
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    where=st.integers(0, CELLS - 1),
    best=st.integers(0, CELLS - 1),
)
def test_a_number_that_is_not_finite_shows(bad: float, where: int, best: int) -> None:
    score = np.full(CELLS, 0.1)
    score[best], score[where] = 0.7, bad
    values = features(score[None], np.array([[0.5, 0.5, 0.25, 0.25]]), np.array([best]))
    assert not np.isfinite(values).all()


@given(seed=st.integers(0, 2**32 - 1), batch=st.integers(1, 5), side=st.sampled_from([4, 8, 16]))
def test_each_row_is_judged_alone(seed: int, batch: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.uniform(1e-4, 1 - 1e-4, (batch, side * side)).astype(np.float32)
    boxes = rng.uniform(0.01, 1, (batch, 4))
    cell = score.argmax(1)
    together = features(score, boxes, cell)
    assert np.isfinite(together).all()
    for k in range(batch):
        alone = features(score[k : k + 1], boxes[k : k + 1], cell[k : k + 1])
        assert alone[0] == pytest.approx(together[k], abs=1e-12)


def test_a_fit_tells_clear_peaks_from_doubtful_ones() -> None:
    rng = np.random.default_rng(3)
    rows, labels = [], []
    for k in range(200):
        good = k % 2 == 0
        height = rng.uniform(0.5, 0.95) if good else rng.uniform(0.2, 0.7)
        score = peak(*rng.uniform(3, 12, 2), height, rng.uniform(0.8, 1.2))
        if not good:
            score = np.maximum(score, peak(*rng.uniform(3, 12, 2), 0.9 * height, 1.5))
        rows.append(list(seen(score).values()))
        labels.append(good)
    values = np.array(rows)
    fitted = fit_calibration(values, labels, features=FEATURES)
    assert auroc(fitted.probability(values), labels) > 0.95
    assert auroc(fitted.probability(values), labels) > auroc(values[:, 0], labels)
    assert Calibration.from_json(fitted.to_json()) == fitted
