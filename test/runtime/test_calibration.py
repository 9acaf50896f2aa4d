"""Calibration files of ROS's camera_calibration, and the camera that is assumed without one."""

import math
from pathlib import Path
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.calibration import pinhole, read_calibration
import numpy as np
import pytest
import yaml

K = [600.0, 0.0, 320.0, 0.0, 610.0, 240.0, 0.0, 0.0, 1.0]
R = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
P = [590.0, 0.0, 321.0, 0.0, 0.0, 600.0, 241.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [0.1, -0.2, 0.001, 0.002, 0.0]


def written() -> dict[str, Any]:
    """What the calibrator writes."""
    return {
        'image_width': 640,
        'image_height': 480,
        'camera_name': 'front',
        'camera_matrix': {'rows': 3, 'cols': 3, 'data': K},
        'distortion_model': 'plumb_bob',
        'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': D},
        'rectification_matrix': {'rows': 3, 'cols': 3, 'data': R},
        'projection_matrix': {'rows': 3, 'cols': 4, 'data': P},
    }


@pytest.mark.parametrize('prefix', ['', 'file://'])
def test_a_file_is_read_whole(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / 'front camera.yaml'
    path.write_text(yaml.safe_dump(written()))
    info = read_calibration(prefix + str(path))
    assert (info.width, info.height, info.model, info.d) == (640, 480, 'plumb_bob', tuple(D))
    np.testing.assert_array_equal(info.k.ravel(), K)
    np.testing.assert_array_equal(info.r.ravel(), R)
    np.testing.assert_array_equal(info.p.ravel(), P)


@pytest.mark.parametrize('missing', ['image_width', 'camera_matrix', 'projection_matrix'])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    values = written()
    del values[missing]
    (tmp_path / 'c.yaml').write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=missing):
        read_calibration(str(tmp_path / 'c.yaml'))


@pytest.mark.parametrize('text', ['', '- 1\n', 'a: [', '\x00', 'image_width: 640\n'])
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / 'c.yaml').write_text(text)
    with pytest.raises(ConfigError, match=r'c\.yaml'):
        read_calibration(str(tmp_path / 'c.yaml'))


def test_a_matrix_of_another_size_is_refused(tmp_path: Path) -> None:
    values = written()
    values['camera_matrix']['data'] = K[:8]
    (tmp_path / 'c.yaml').write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match='camera_matrix must hold 3x3'):
        read_calibration(str(tmp_path / 'c.yaml'))


def test_other_urls_are_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match='give the path of the file itself'):
        read_calibration('package://camera/front.yaml')


def test_the_pinhole_sees_its_field_of_view() -> None:
    info = pinhole(640, 480, 90.0)
    left = np.linalg.inv(info.k) @ (0.0, 240.0, 1.0)
    assert math.degrees(math.atan2(-left[0], left[2])) == pytest.approx(45)
    np.testing.assert_array_equal(info.p[:, :3], info.k)
    assert not any(info.d)
