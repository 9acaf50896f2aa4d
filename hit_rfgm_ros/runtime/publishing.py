"""Sends what was found in an image, with bearings where the camera is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hit_rfgm_ros.runtime.camera import CameraError, CameraModel, is_rectified
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.outputs import Outputs
from hit_rfgm_ros.runtime.report import frame_report
from hit_rfgm_ros.runtime.reports import Bearing, CameraInfo, Picture, TargetReport
from hit_rfgm_ros.types import Box


class Publishing:
    """Makes reports and hands them to the outputs."""

    def __init__(self, desk: Desk, outputs: Outputs) -> None:
        self._desk = desk
        self._outputs = outputs
        self._model: CameraModel | None = None
        self._info: CameraInfo | None = None

    def take_camera_info(self, info: CameraInfo) -> None:
        """Take a calibration; one that cannot be used is named once, and there are no bearings."""
        desk = self._desk
        if not desk.params.publish_bearing:
            return
        if self._info is not None and info.agrees_with(self._info):
            return
        self._info, self._model = info, None
        rectified = is_rectified(desk.topic)
        try:
            self._model = CameraModel(info, rectified=rectified)
        except CameraError as error:
            desk.calibration = f'not usable: {error}'
            desk.notes.once('camera_info', f'no bearings on {desk.topic}: {error}')
        else:
            kind = 'rectified' if rectified else info.model or 'raw'
            desk.calibration = f'{info.width}x{info.height}, {kind}'

    def send(self, frame: Frame, picture: Picture, targets: Sequence[TargetReport]) -> None:
        """Send the targets of an image."""
        desk = self._desk
        with desk.lock:
            dropped = desk.intake.dropped
        report = frame_report(
            frame, targets, clock=desk.clock, dropped=dropped, bearing=self._bearing(frame)
        )
        with desk.stages.time('publish'):
            self._outputs.report(report, picture)
        with desk.lock:
            desk.outputs.add(desk.clock.monotonic())
            desk.ages.add(report.age)

    def _bearing(self, frame: Frame) -> Callable[[Box], Bearing | None] | None:
        if self._model is None or not self._desk.params.publish_bearing:
            return None
        try:
            return self._model.for_image(frame.width, frame.height).bearing
        except CameraError as error:
            self._desk.notes.once('camera_info size', f'no bearings: {error}')
            return None
