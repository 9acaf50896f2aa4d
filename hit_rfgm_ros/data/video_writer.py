"""Writes a video file that is readable whatever happens while it is written."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2
from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.types import ImageU8

CODECS = {'.mp4': 'mp4v', '.m4v': 'mp4v', '.mov': 'mp4v', '.avi': 'MJPG', '.mkv': 'mp4v'}


class VideoWriter:
    """A video file of frames of one size; use it in a ``with`` statement.

    The file is made with the first frame, and finished when the statement is left, by an error
    or Ctrl-C as well.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        """Check the name; nothing is written yet.

        Args:
            path: with one of the suffixes of `CODECS`.
            fps: frames per second.

        Raises:
            FrameError: if the suffix is not known.
        """
        self.path = Path(path)
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, ...] = ()
        if self.path.suffix.lower() not in CODECS:
            raise FrameError(
                f'{path}: unknown kind of video {self.path.suffix!r}; '
                f'name it with one of {" ".join(CODECS)}'
            )

    def write(self, frame: ImageU8) -> None:
        """Append one frame, (H, W, 3) uint8 RGB.

        Raises:
            FrameError: if the size differs from the first frame's, or the file cannot be made.
        """
        if self._writer is None:
            self._writer = self._open(frame)
        if frame.shape != self._shape:
            raise FrameError(
                f'{self.path}: a frame of shape {frame.shape} after frames of {self._shape}'
            )
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file; done twice it does nothing."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _open(self, frame: ImageU8) -> cv2.VideoWriter:
        height, width = frame.shape[:2]
        # Four letters in one number; OpenCV's own name for this changed between versions.
        code = int.from_bytes(CODECS[self.path.suffix.lower()].encode(), 'little')
        writer = cv2.VideoWriter(str(self.path), code, self._fps, (width, height))
        if not writer.isOpened():
            writer.release()
            raise FrameError(
                f'{self.path} cannot be written as a video of {width}x{height} at {self._fps:g} '
                f'frames/s; check the folder, or take a name ending in .avi'
            )
        self._shape = frame.shape
        return writer

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
