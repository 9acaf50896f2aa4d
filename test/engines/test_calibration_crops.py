"""Crops for measuring ranges: of the right sizes, repeatable, never without a picture in them."""

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.engines.calibration_crops import random_crops
from hypothesis import given
from hypothesis import strategies as st
import numpy as np


def test_there_is_one_pair_per_picture_and_the_seed_decides_it(small: HiTConfig) -> None:
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (90, 160, 3), np.uint8) for _ in range(3)]
    first = list(random_crops(pictures, small))
    again = list(random_crops(pictures, small))
    assert [(a.shape, b.shape) for a, b in first] == [((128, 128, 3), (64, 64, 3))] * 3
    assert all(np.array_equal(a, b) for one, two in zip(first, again) for a, b in zip(one, two))
    other = list(random_crops(pictures, small, seed=1))
    assert not np.array_equal(first[0][0], other[0][0])


@given(height=st.integers(16, 200), width=st.integers(16, 200), seed=st.integers(0, 2**32 - 1))
def test_no_crop_misses_the_picture(height: int, width: int, seed: int) -> None:
    picture = np.full((height, width, 3), 255, np.uint8)
    config = get_model_config('hit_tiny')
    ((search, template),) = random_crops([picture], config, seed)
    assert search.any()
    assert template.any()
