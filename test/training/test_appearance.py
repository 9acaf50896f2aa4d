"""Appearance changes are bounded, repeatable, and leave borders black."""

from random import Random

from hit_rfgm_ros.training.appearance import Appearance
import numpy as np
import pytest


@pytest.fixture(scope='module')
def appearance() -> Appearance:
    return Appearance()


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (64, 64, 3), np.uint8), rng.integers(0, 256, (32, 32, 3), np.uint8)


def test_no_strength_changes_nothing_but_the_share_of_grey(appearance: Appearance) -> None:
    search, template = _pictures()
    grey = 0
    for seed in range(400):
        a, b = appearance.change([search, template], Random(seed), 0.0)
        if np.array_equal(a, search):
            assert np.array_equal(b, template)
        else:
            assert (np.ptp(a, axis=-1) == 0).all()
            assert (np.ptp(b, axis=-1) == 0).all()
            grey += 1
    assert 5 <= grey <= 40  # 5 % of 400


def test_same_generator_same_change(appearance: Appearance) -> None:
    search, template = _pictures()
    for seed in range(20):
        first = appearance.change([search, template], Random(seed), 1.0)
        second = appearance.change([search, template], Random(seed), 1.0)
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_pictures_keep_shape_and_stay_recognisable(appearance: Appearance) -> None:
    ramp = np.arange(64, dtype=np.uint8)[None, :, None] * np.uint8(3) + np.uint8(30)
    search = np.ascontiguousarray(np.broadcast_to(ramp, (64, 64, 3)))
    template = np.ascontiguousarray(search[:32, :32])
    for seed in range(200):
        a, b = appearance.change([search, template], Random(seed), 1.0)
        assert a.shape == search.shape
        assert b.shape == template.shape
        assert a.dtype == b.dtype == np.uint8
        row, column = a.mean(axis=(0, 2)), search.mean(axis=(0, 2))
        assert np.corrcoef(row, column)[0, 1] > 0.9


def test_black_stays_nearly_black(appearance: Appearance) -> None:
    search, template = np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    means = [
        appearance.change([search, template], Random(seed), 1.0)[0].mean() for seed in range(100)
    ]
    assert np.median(means) == 0
    assert max(means) < 6  # noise alone
