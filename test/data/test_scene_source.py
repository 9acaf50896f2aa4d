"""Composed scenes by name, as a source like any other."""

from pathlib import Path

from hit_rfgm_ros.data.pictures import CameraSource, open_source
from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.errors import ConfigError, FrameError
import numpy as np
import pytest


def test_a_scene_by_name_is_that_scene() -> None:
    source, scene = open_source('scene:easy:3'), compose_scene('easy', seed=3)
    assert (source.name, source.fps, source.length) == ('scene:easy:3', scene.fps, len(scene))
    frames = source.frames(5)
    for number in (5, 6):
        frame = next(frames)
        assert (frame.number, frame.stamp) == (number, number / scene.fps)
        np.testing.assert_array_equal(frame.image, scene.frame(number))


def test_without_a_seed_it_is_the_first_one() -> None:
    frame = next(open_source('scene:easy').frames())
    np.testing.assert_array_equal(frame.image, compose_scene('easy', seed=0).frame(0))


def test_another_rate_changes_the_stamps_only() -> None:
    frame = next(open_source('scene:easy', fps=10.0).frames(20))
    assert frame.stamp == 2.0
    np.testing.assert_array_equal(frame.image, compose_scene('easy').frame(20))


@pytest.mark.parametrize(
    ('name', 'error', 'words'),
    [
        ('scene:', ConfigError, 'known scenes: '),
        ('scene:eesy', ConfigError, "did you mean 'easy'"),
        ('scene:easy:-1', FrameError, 'is no number'),
    ],
)
def test_a_wrong_name_is_refused(name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        open_source(name)


def test_a_start_behind_the_end_is_refused() -> None:
    with pytest.raises(FrameError, match='has the frames 0 to 179'):
        next(open_source('scene:easy').frames(180))


def test_a_device_file_is_a_camera(tmp_path: Path) -> None:
    for given in ('0', '/dev/video3', '/dev/null'):
        assert isinstance(open_source(given), CameraSource)
    with pytest.raises(FrameError, match='does not exist'):
        open_source(tmp_path / 'video3')
