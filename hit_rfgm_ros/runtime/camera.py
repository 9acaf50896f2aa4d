"""A calibrated camera: directions of boxes, and points that lie on the live image.

Two ways lead from pixels to space, and they serve different ends. `CameraModel.bearing` asks where
a target is: for a raw image its distortion is removed by K and D. `CameraModel.points_at` asks
where to put a marker so that RViz draws it over the target: RViz projects by P without distortion
onto whatever image it shows, so the way back is P alone, for raw images too.

Box coordinates go into K and P as they are.
"""

from __future__ import annotations

from dataclasses import replace
import math

from hit_rfgm_ros.runtime.lens import CameraError, Lens, lens_of
from hit_rfgm_ros.runtime.reports import Bearing, CameraInfo
from hit_rfgm_ros.types import Box
import numpy as np
from numpy.typing import NDArray

__all__ = ['CameraError', 'CameraModel', 'is_rectified']

Floats = NDArray[np.float64]


class CameraModel:
    """Directions from one camera.

    Attributes:
        info: the calibration.
        rectified: whether the images are rectified, see `is_rectified`.
    """

    def __init__(self, info: CameraInfo, *, rectified: bool) -> None:
        """Take over a calibration.

        Raises:
            CameraError: if it is none (all zero), has impossible values or an unknown distortion.
        """
        self.info = info
        self.rectified = rectified
        raw, projection = _matrix(info.k, 'K', (3, 3)), _matrix(info.p, 'P', (3, 4))
        flat = raw if projection is None else projection
        seen = flat if rectified else raw
        if flat is None or seen is None:
            raise CameraError(
                'the camera is not calibrated, its camera_info is zero: calibrate it, or switch '
                'publish_bearing and publish_markers off'
            )
        self._flat, self._seen = flat, seen
        # The right camera of a stereo pair stands beside the origin of its frame.
        aside = np.zeros(2) if projection is None else projection[:2, 3]
        self._aside = aside / (flat[0, 0], flat[1, 1])
        self._lens = Lens() if rectified else lens_of(info.model, info.d)
        self._turn = np.eye(3) if rectified else _rotation(info.r)

    def for_image(self, width: int, height: int) -> CameraModel:
        """The same camera for images of another size, see `scaled`.

        Raises:
            CameraError: as `scaled`.
        """
        if (width, height) == (self.info.width, self.info.height):
            return self
        return CameraModel(self.scaled(width, height), rectified=self.rectified)

    def scaled(self, width: int, height: int) -> CameraInfo:
        """The calibration for the same picture in another size.

        A region of interest and binning are taken into account first. A calibration without a
        size fits every image.

        Raises:
            CameraError: if the image's sides have another ratio.
        """
        info = self.info
        if not info.width or not info.height or (info.width, info.height) == (width, height):
            return replace(info, width=width, height=height, binning=(0, 0), roi=(0, 0, 0, 0))
        left, top, across, down = _region(info)
        if abs(width - height * across / down) > 1 and abs(height - width * down / across) > 1:
            raise CameraError(
                f'the camera_info is for images of {across:g}x{down:g} pixels, but this one has '
                f'{width}x{height}: let the driver publish the calibration of this resolution'
            )
        columns, rows = max(info.binning[0], 1), max(info.binning[1], 1)
        to_image = np.diag([width / across / columns, height / down / rows, 1.0])
        to_image[:2, 2] = -left * to_image[0, 0], -top * to_image[1, 1]
        return replace(
            info,
            width=width,
            height=height,
            k=to_image @ info.k,
            p=to_image @ info.p,
            binning=(0, 0),
            roi=(0, 0, 0, 0),
        )

    def bearing(self, box: Box) -> Bearing | None:
        """Direction and angular size of a box in the optical frame, distortion removed.

        A raw image's rays are turned by R, so that they agree with those of the rectified one.

        Args:
            box: in pixels of an image of this size.

        Returns:
            None where the box lies beyond what the distortion model describes.
        """
        x, y, (cx, cy) = box.x, box.y, box.center
        middles = [(cx, cy), (x, cy), (x + box.width, cy), (cx, y), (cx, y + box.height)]
        with np.errstate(all='ignore'):  # a box at infinity
            rays = self._lens.directions(_normalised(np.array(middles), self._seen))
        if not np.isfinite(rays).all():
            return None
        center, left, right, top, bottom = rays @ self._turn.T
        return Bearing(
            (float(center[0]), float(center[1]), float(center[2])),
            _angle(left, right),
            _angle(top, bottom),
        )

    def rays(self, points: Floats) -> Floats:
        """Directions by P (by K where P is zero), without distortion.

        Args:
            points: (N, 2) pixels.

        Returns:
            (N, 3) with z = 1.
        """
        flat = _normalised(np.asarray(points, np.float64), self._flat)
        return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)

    def points_at(self, points: Floats, depth: float) -> Floats:
        """Points in space that P projects onto these pixels.

        Args:
            points: (N, 2) pixels.
            depth: metres along the optical axis.

        Returns:
            (N, 3) metres in the optical frame.
        """
        placed = depth * self.rays(points)
        placed[:, :2] -= self._aside
        return placed


def is_rectified(topic: str) -> bool:
    """Whether a topic carries rectified images by its name, as image_proc gives it.

    ``/left/image_rect`` and ``/left/image_rect_color/compressed`` do, ``/rect/image_raw`` does
    not.
    """
    parts = [part for part in topic.split('/') if part]
    if len(parts) > 1 and parts[-1] == 'compressed':
        parts.pop()
    return bool(parts) and 'rect' in parts[-1]


def _matrix(given: Floats, name: str, shape: tuple[int, int]) -> Floats | None:
    """Check K or P; None if it is all zero or not there."""
    matrix = np.asarray(given, np.float64)
    if not matrix.any():
        return None
    if matrix.shape != shape or not np.isfinite(matrix).all():
        raise CameraError(f'{name} of the camera_info is no finite matrix of {shape}')
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise CameraError(
            f'{name} of the camera_info has the focal lengths {matrix[0, 0]:g} and '
            f'{matrix[1, 1]:g}; they must be positive'
        )
    return matrix


def _rotation(given: Floats) -> Floats:
    turn = np.asarray(given, np.float64)
    if not turn.any():
        return np.eye(3)
    if turn.shape != (3, 3) or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3):
        raise CameraError('R of the camera_info is no rotation: calibrate the camera again')
    return turn


def _region(info: CameraInfo) -> tuple[float, float, float, float]:
    """Offset of the image on the sensor, and the sizes after binning that it would have."""
    left, top, across, down = info.roi
    if not across or not down:
        left, top, across, down = 0, 0, info.width, info.height
    columns, rows = (max(count, 1) for count in info.binning)
    return left, top, across / columns, down / rows


def _normalised(points: Floats, matrix: Floats) -> Floats:
    """(N, 2) pixels -> without the principal point, over the focal lengths."""
    return np.asarray((points - matrix[:2, 2]) / (matrix[0, 0], matrix[1, 1]), np.float64)


def _angle(one: Floats, other: Floats) -> float:
    """Between two unit vectors, also where they nearly agree."""
    return 2 * math.atan2(float(np.linalg.norm(one - other)), float(np.linalg.norm(one + other)))
