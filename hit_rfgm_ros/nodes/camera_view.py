"""The calibration of the camera as the outputs of a node need it: for images of any size."""

from __future__ import annotations

import logging
from typing import NamedTuple

from hit_rfgm_ros.runtime.camera import CameraError, CameraModel
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.reports import CameraInfo

_SIZES = 8  # of images that a camera is remembered for


class CameraView:
    """Keeps the last calibration; may be used from any thread."""

    def __init__(self, log: logging.Logger) -> None:
        self._notes = Notes(log)
        self._known: _Known | None = None

    def take(self, info: CameraInfo, *, rectified: bool) -> None:
        """Take over a calibration; one that comes with every image costs next to nothing."""
        known = self._known
        if known is None or not info.agrees_with(known.info) or rectified != known.rectified:
            self._known = _Known(info, rectified, {})

    def forget(self) -> None:
        """Know nothing again."""
        self._known = None

    def model(self, width: int, height: int) -> CameraModel | None:
        """The camera of images of this size; None if it is not known, or not usable (logged)."""
        known = self._known
        if known is None:
            return None
        if (width, height) not in known.models:
            if len(known.models) >= _SIZES:
                known.models.clear()
            known.models[width, height] = self._make(known, width, height)
        return known.models.get((width, height))

    def _make(self, known: _Known, width: int, height: int) -> CameraModel | None:
        try:
            return CameraModel(known.info, rectified=known.rectified).for_image(width, height)
        except CameraError as error:
            self._notes.once(str(error), str(error))
            return None


class _Known(NamedTuple):
    info: CameraInfo
    rectified: bool
    models: dict[tuple[int, int], CameraModel | None]  # by the size of the images
