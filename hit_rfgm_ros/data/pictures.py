"""Frames from a video file, a folder of pictures, a camera or a composed scene, one at a time."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
import re
import time
from typing import NamedTuple, Protocol

import cv2
from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.types import ImageU8
import numpy as np

PICTURES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
_DEFAULT_FPS = 30.0


class Frame(NamedTuple):
    """One frame of a source.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        stamp: seconds since the source's first frame.
        number: of the frame in the source, from 0.
    """

    image: ImageU8
    stamp: float
    number: int


class Source(Protocol):
    """Where frames come from."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def fps(self) -> float:
        """Frames per second, as far as known."""

    @property
    def length(self) -> int | None:
        """Number of frames, None if it is not known."""

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Frames from number ``start`` on.

        Raises:
            FrameError: if a frame cannot be read.
        """


def open_source(given: str | Path, *, fps: float | None = None) -> Source:
    """Open a video file, a folder of pictures, a camera, or a composed scene.

    Args:
        given: path; a camera's number as text, or its device file; ``scene:PRESET[:SEED]``.
        fps: frames per second of a folder, or instead of what a video says; None takes the
            video's or scene's own, 30 for a folder.

    Raises:
        FrameError: if there is nothing of that name, or it holds no frames.
        ConfigError: if there is no scene of that name.
    """
    if str(given).startswith('scene:'):
        from hit_rfgm_ros.data.scene_source import SceneSource

        return SceneSource(str(given), fps)
    path = Path(given)
    if path.is_dir():
        return FolderSource(path, fps or _DEFAULT_FPS)
    if path.is_file():
        return VideoSource(path, fps)
    if str(given).isdecimal():
        return CameraSource(int(str(given)), fps)
    if path.is_char_device() or re.fullmatch(r'/dev/video\d+', str(given)):
        return CameraSource(str(given), fps)
    raise FrameError(
        f'{given} does not exist; expected a video file, a folder of pictures, the number of a '
        f'camera (0 is the first), or scene:demo'
    )


class FolderSource:
    """Pictures of one folder in natural order: 2.jpg before 10.jpg."""

    def __init__(self, folder: Path, fps: float) -> None:
        self.name = str(folder)
        self.fps = fps
        found = (path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        self._paths = sorted(found, key=natural_key)
        if not self._paths:
            raise FrameError(f'{folder} holds no pictures; expected files {" ".join(PICTURES)}')
        self.length: int | None = len(self._paths)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """See `Source.frames`."""
        check_start(self.name, start, self.length)
        size: tuple[int, ...] = ()
        for index in range(start, len(self._paths)):
            picture = cv2.imread(str(self._paths[index]), cv2.IMREAD_COLOR)
            if picture is None:
                raise FrameError(
                    f'{self._paths[index]} is no readable picture; replace it or take it out'
                )
            if size and picture.shape != size:
                raise FrameError(
                    f'{self._paths[index]} is {_size(picture.shape)} pixels, those before it are '
                    f'{_size(size)}; the pictures of one video have one size'
                )
            size = picture.shape
            yield Frame(_to_rgb(picture), index / self.fps, index)


class VideoSource:
    """A video file; frames are evenly spaced in time."""

    def __init__(self, path: Path, fps: float | None) -> None:
        self.name = str(path)
        capture = self._open()
        try:
            own = capture.get(cv2.CAP_PROP_FPS)
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        finally:
            capture.release()
        # Some containers say nothing, or nonsense, about rate and length.
        self.fps = fps or (float(own) if 0 < own <= 1000 else _DEFAULT_FPS)
        self.length: int | None = count if count > 0 else None

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """See `Source.frames`."""
        check_start(self.name, start, self.length)
        capture = self._open()
        try:
            # Skipped one by one: seeking is not exact in every container.
            for _ in range(start):
                if not capture.grab():
                    raise FrameError(f'{self.name} has fewer than {start} frames')
            index = start
            while True:
                ok, picture = capture.read()
                if not ok:
                    break
                yield Frame(_to_rgb(picture), index / self.fps, index)
                index += 1
        finally:
            capture.release()
        if index == start:
            raise FrameError(f'{self.name} holds no readable frame from number {start} on')

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name)
        if not capture.isOpened():
            capture.release()
            raise FrameError(
                f'{self.name} is no video that OpenCV can read here; convert it to .mp4 or .avi, '
                f'or to a folder of pictures'
            )
        return capture


class CameraSource:
    """A camera of this machine; stamps are the times at which frames arrive."""

    length: int | None = None

    def __init__(self, device: int | str, fps: float | None) -> None:
        """Name the camera by its number or device file; it is opened when frames are read."""
        self.name = f'camera {device}'
        self._device = device
        self._given_fps = fps
        self.fps = fps or _DEFAULT_FPS

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """See `Source.frames`; the first ``start`` frames are thrown away."""
        capture = cv2.VideoCapture(self._device)
        try:
            if not capture.isOpened():
                raise FrameError(
                    f'{self.name} cannot be opened; check that it is plugged in, free, and that '
                    f'this user may use it (ls -l /dev/video*)'
                )
            began: float | None = None
            index = 0
            while True:
                ok, picture = capture.read()
                if not ok:
                    raise FrameError(f'{self.name} stopped giving frames after {index}')
                now = time.monotonic()
                began = now if began is None else began
                if index >= start:
                    yield Frame(_to_rgb(picture), now - began, index)
                index += 1
        finally:
            capture.release()


def natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Key that sorts numbers within names by their value."""
    parts = re.findall(r'\d+|\D+', path.name)
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower())
        for part in parts
    ]


def check_start(name: str, start: int, length: int | None) -> None:
    """Refuse a first frame that a source does not have."""
    if start < 0 or (length is not None and start >= length):
        most = '' if length is None else f' to {length - 1}'
        raise FrameError(f'{name} has the frames 0{most}; there is none with number {start}')


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]}x{shape[0]}'


def _to_rgb(picture: object) -> ImageU8:
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_BGR2RGB), np.uint8)
