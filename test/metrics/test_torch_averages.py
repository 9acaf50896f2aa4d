"""Means in float32 are torch's to the last bit."""

from __future__ import annotations

from hit_rfgm_ros.metrics import thresholds
from hit_rfgm_ros.metrics.averages import mean_curve, mean_value, share
import numpy as np
import pytest

torch = pytest.importorskip('torch')


@pytest.mark.parametrize('sequences', [1, 3, 4, 17, 63, 64, 65, 100, 180, 257, 280, 511])
@pytest.mark.parametrize('steps', [21, 51])
def test_means_over_sequences_and_thresholds(sequences: int, steps: int) -> None:
    chance = np.random.default_rng(sequences)
    frames = chance.integers(20, 3000, sequences)
    counts = (chance.random((sequences, steps)) * frames[:, None]).astype(np.int64)
    curves = np.stack([share(row, int(n), 'torch') for row, n in zip(counts, frames)])
    expected = torch.tensor(counts).float() / torch.tensor(frames)[:, None]
    np.testing.assert_array_equal(curves, expected.numpy())
    curve = expected[:, None].mean(0) * 100.0
    np.testing.assert_array_equal(mean_curve(curves, 'torch'), curve[0].numpy())
    if steps == 21:
        assert mean_value(curves, 'torch') == curve.mean(-1).item()


def test_thresholds_of_torch() -> None:
    found = torch.arange(0.0, 1.05, 0.05, dtype=torch.float64)
    assert found.tolist() == list(thresholds.TWENTIETHS_TORCH)


def test_a_step_of_a_twentieth_is_one_bit_too_far_in_places() -> None:
    exact = np.array(thresholds.TWENTIETHS_DIVIDED)
    for steps, places in (
        (thresholds.TWENTIETHS, [3, 6, 7, 12, 14, 17, 19]),
        (thresholds.TWENTIETHS_TORCH, [3, 6, 7, 12, 13, 14, 15, 17, 19]),
    ):
        off = (np.array(steps) - exact) / np.spacing(exact)
        assert np.flatnonzero(off).tolist() == places
        assert set(off[places]) == {1}
