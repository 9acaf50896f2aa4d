"""The decoding of score, size and offset maps into boxes."""

import math

from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.centre import decode, hann
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

SIDE = 16
CELLS = SIDE * SIDE


def maps(seed: int, batch: int = 1, side: int = SIDE) -> tuple[np.ndarray, ...]:
    """Random score, size and offset maps, float32."""
    rng = np.random.default_rng(seed)
    cells = side * side
    return (
        rng.uniform(1e-4, 1, (batch, cells)).astype(np.float32),
        rng.uniform(0, 1, (batch, 2, cells)).astype(np.float32),
        rng.normal(0, 1, (batch, 2, cells)).astype(np.float32),
    )


def test_the_window_is_the_outer_product_of_two_hann_windows() -> None:
    window = hann(SIDE).reshape(SIDE, SIDE)
    line = [0.5 * (1 - math.cos(2 * math.pi * k / 17)) for k in range(1, 17)]
    assert window.dtype == np.float64
    assert np.allclose(window, np.outer(line, line), atol=1e-15)
    assert np.array_equal(window, window.T)
    assert np.allclose(window, window[::-1, ::-1], atol=1e-15)
    assert window.argmax() in (7 * 16 + 7, 7 * 16 + 8, 8 * 16 + 7, 8 * 16 + 8)
    assert window.min() > 0  # the border is damped, never excluded


def test_the_window_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match='read-only'):
        hann(SIDE)[0] = 1


@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 4),
    side=st.sampled_from([4, 8, 16]),
    windowed=st.booleans(),
)
def test_each_row_is_read_at_its_own_best_cell(
    seed: int, batch: int, side: int, windowed: bool
) -> None:
    score, size, offset = maps(seed, batch, side)
    found = decode(score, size, offset, hann(side) if windowed else None)
    for b in range(batch):
        response = score[b].astype(np.float64) * (hann(side) if windowed else 1)
        best = int(response.argmax())
        row, column = divmod(best, side)
        assert found.cell[b] == best
        assert found.score[b] == score[b, best]  # not weighed by the window
        assert found.boxes[b].tolist() == [
            (column + float(offset[b, 0, best])) / side,
            (row + float(offset[b, 1, best])) / side,
            float(size[b, 0, best]),
            float(size[b, 1, best]),
        ]
    assert found.boxes.dtype == np.float64


@given(cells=st.sets(st.integers(0, CELLS - 1), min_size=1))
def test_of_equal_cells_the_first_is_taken(cells: set[int]) -> None:
    score, size, offset = maps(0)
    score[:] = 0.1
    score[0, list(cells)] = 0.7
    assert decode(score, size, offset).cell[0] == min(cells)


def test_the_window_decides_between_a_high_border_and_a_lower_middle() -> None:
    score, size, offset = maps(1)
    score[:] = 1e-4
    score[0, 0], score[0, 8 * SIDE + 8] = 0.9, 0.5
    assert decode(score, size, offset).cell[0] == 0
    windowed = decode(score, size, offset, hann(SIDE))
    assert windowed.cell[0] == 8 * SIDE + 8
    assert windowed.score[0] == np.float32(0.5)


def test_each_row_may_have_its_own_window() -> None:
    score, size, offset = maps(1, 2)
    score[:] = 1e-4
    score[:, 0], score[:, 8 * SIDE + 8] = 0.9, 0.5
    windows = np.stack([hann(SIDE), np.ones(CELLS)])
    assert decode(score, size, offset, windows).cell.tolist() == [8 * SIDE + 8, 0]


def test_bad_numbers_are_passed_on() -> None:
    score, size, offset = maps(2, 2)
    score[1, 5] = np.nan
    found = decode(score, size, offset, hann(SIDE))
    assert np.isfinite(found.boxes[0]).all()
    assert np.isnan(found.score[1])


@pytest.mark.parametrize(
    ('score', 'size', 'offset'),
    [
        ((1, 255), (1, 2, 255), (1, 2, 255)),
        ((256,), (2, 256), (2, 256)),
        ((1, 256), (1, 256, 2), (1, 2, 256)),
        ((2, 256), (2, 2, 256), (1, 2, 256)),
        ((1, 0), (1, 2, 0), (1, 2, 0)),
    ],
)
def test_maps_that_do_not_fit_are_refused(
    score: tuple[int, ...], size: tuple[int, ...], offset: tuple[int, ...]
) -> None:
    with pytest.raises(GeometryError, match='map'):
        decode(np.zeros(score), np.zeros(size), np.zeros(offset))


def test_a_window_of_another_size_is_refused() -> None:
    with pytest.raises(GeometryError, match='window'):
        decode(*maps(0), hann(8))
