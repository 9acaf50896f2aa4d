"""Where a camera's calibration comes from: a file of ROS's camera_calibration, or a guess."""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.reports import CameraInfo, Header
import numpy as np
from numpy.typing import NDArray
import yaml


def pinhole(width: int, height: int, fov: float) -> CameraInfo:
    """A camera without distortion that looks at the middle of its image.

    Args:
        width, height: of the image, pixels.
        fov: horizontal field of view, degrees.
    """
    focal = 0.5 * width / math.tan(math.radians(fov) / 2)
    k = np.array([[focal, 0, 0.5 * width], [0, focal, 0.5 * height], [0, 0, 1]])
    p = np.concatenate([k, np.zeros((3, 1))], axis=1)
    return CameraInfo(Header(), width, height, 'plumb_bob', (0.0,) * 5, k, np.eye(3), p)


def read_calibration(url: str) -> CameraInfo:
    """Read a YAML file as camera_calibration and camera_info_manager write it.

    Args:
        url: path, or ``file://`` and an absolute path.

    Raises:
        ConfigError: if it cannot be read or something in it is missing.
    """
    path = _path(url)
    try:
        found = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'camera_info_url: {path} cannot be read: {error}') from error
    if not isinstance(found, Mapping):
        raise ConfigError(f'camera_info_url: {path} is no calibration file')
    try:
        return CameraInfo(
            Header(),
            int(found['image_width']),
            int(found['image_height']),
            str(found.get('distortion_model', 'plumb_bob')),
            tuple(float(value) for value in found['distortion_coefficients']['data']),
            _matrix(found, 'camera_matrix', (3, 3)),
            _matrix(found, 'rectification_matrix', (3, 3)),
            _matrix(found, 'projection_matrix', (3, 4)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f'camera_info_url: {path} is no calibration file as camera_calibration writes it; '
            f'what is wrong: {error}'
        ) from error


def _path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == 'file':
        return Path(unquote(parts.path))
    if parts.scheme and '://' in url:
        raise ConfigError(
            f'camera_info_url must be a path or file:///path; got {url!r}: give the path of the '
            f'file itself'
        )
    return Path(url).expanduser()


def _matrix(found: Mapping[str, Any], name: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    values = np.array(found[name]['data'], np.float64)
    if values.size != shape[0] * shape[1] or not np.isfinite(values).all():
        raise ValueError(f'{name} must hold {shape[0]}x{shape[1]} finite numbers')
    return values.reshape(shape)
