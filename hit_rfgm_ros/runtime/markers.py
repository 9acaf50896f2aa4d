"""Markers that RViz's Camera display draws over the targets of the live image.

That display puts a virtual camera of matrix P where the real one is, without distortion, and shows
the image behind the scene as it comes. So a marker lies on its target, at any depth, if P projects
it onto the box's pixels; this holds for raw images too, whose true direction is another one: that
is what `camera.CameraModel.bearing` tells.
"""

from __future__ import annotations

import math

from hit_rfgm_ros.runtime.camera import CameraModel
from hit_rfgm_ros.runtime.reports import FrameReport, Marker, TargetReport, TargetState
from hit_rfgm_ros.runtime.target_look import COLORS, name_of, state_of
import numpy as np
from numpy.typing import NDArray

_LINE = 3.0 / 640  # of the image's width
_LETTERS = 16.0 / 640
LABELS = '/label'  # after the namespace of the rectangles, ids are those of the targets in both


def markers(report: FrameReport, camera: CameraModel, ns: str, depth: float) -> list[Marker]:
    """A rectangle and a text for each target.

    Args:
        report: one processed image.
        camera: of images of this size, see `CameraModel.for_image`.
        ns: namespace of the rectangles; that of the texts has `LABELS` appended.
        depth: metres along the optical axis.

    Returns:
        Two markers per target, none for boxes that are not finite. Both are under the header of
        the image that the box belongs to.
    """
    made = []
    edges = camera.rays(np.array([[0.0, 0.0], [report.image_width, 0.0]]))
    width = depth * float(np.ptp(edges[:, 0]))  # of the image at that depth, metres
    for target in report.targets:
        if all(math.isfinite(value) for value in target.box):
            made += _pair(target, camera, ns, depth, width)
    return made


def _pair(
    target: TargetReport, camera: CameraModel, ns: str, depth: float, width: float
) -> list[Marker]:
    x, y, across, down = target.box
    corners = [(x, y), (x + across, y), (x + across, y + down), (x, y + down), (x, y)]
    strip = camera.points_at(np.array(corners), depth)
    letters = _LETTERS * width
    place = camera.points_at(np.array([[x + 0.5 * across, y]]), depth)
    place[:, 1] -= letters  # a text is centred on its place
    red, green, blue = (value / 255 for value in COLORS[target.state])
    color = (red, green, blue, 0.4 if target.state is TargetState.LOST else 1.0)
    text = f'{name_of(target)}  {state_of(target)}'
    return [
        Marker(target.header, ns, target.id, 'LINE_STRIP', _points(strip), color, _LINE * width),
        Marker(
            target.header,
            ns + LABELS,
            target.id,
            'TEXT_VIEW_FACING',
            _points(place),
            color,
            letters,
            text,
        ),
    ]


def _points(points: NDArray[np.float64]) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in points)
