"""A box drawn with the mouse, whatever the window: geometry, freezing, keys. No toolkit here."""

from __future__ import annotations

from dataclasses import dataclass
import threading

import cv2
from hit_rfgm_ros.runtime.reports import Header
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

HELP = 'drag a box    Enter: take it    r: again    Esc: leave'
SMALLEST = 2.0  # pixels of the image; less is a click, not a box
_STRIP = 28  # rows below the picture for the line of help
_LARGEST = (1280, 800)  # window, pixels
_READABLE = 640  # pixels; smaller pictures are enlarged to about this width


@dataclass(frozen=True)
class View:
    """How an image is scaled to a window. Both count from the top left corner, edges not centres.

    Attributes:
        width, height: of the image, pixels.
        scale: window pixels per image pixel.
    """

    width: int
    height: int
    scale: float

    @classmethod
    def fit(cls, width: int, height: int, largest: tuple[int, int] = _LARGEST) -> View:
        """Shrink a large image to fit, enlarge a tiny one by a whole number."""
        scale = min(largest[0] / width, largest[1] / height, 1.0)
        if scale == 1.0:
            scale = float(max(1, min(_READABLE // width, largest[1] // height)))
        return cls(width, height, scale)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture in the window."""
        return max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))

    def box(self, one: tuple[float, float], other: tuple[float, float]) -> Box:
        """The box in image pixels between two places in the window, cut at the image's edges."""
        (x1, x2), (y1, y2) = (
            sorted(min(max(place[axis] / self.scale, 0.0), float(most)) for place in (one, other))
            for axis, most in ((0, self.width), (1, self.height))
        )
        return Box(x1, y1, x2 - x1, y2 - y1)

    def corners(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        """Top left and bottom right corner of a box in the window."""
        left, top, right, bottom = (
            round(self.scale * value)
            for value in (box.x, box.y, box.x + box.width, box.y + box.height)
        )
        return (left, top), (right, bottom)


class Selection:
    """The live image until the mouse goes down; then that image stands still with its stamp.

    Images come from one thread, mouse, keys and drawing from another.

    Attributes:
        box: in image pixels, None if there is none yet.
        outcome: None while it goes on, then ``taken`` or ``left``.
    """

    def __init__(self, box: Box | None = None) -> None:
        """Begin, with a box to confirm if there is one."""
        self.box = box
        self.outcome: str | None = None
        self._given = box
        self._lock = threading.Lock()
        self._newest: tuple[Header, ImageU8] | None = None
        self._shown: tuple[Header, ImageU8] | None = None
        self._start: tuple[float, float] | None = None
        self._frozen = False

    def offer(self, header: Header, picture: ImageU8) -> None:
        """Give the newest image, (H, W, 3) uint8 RGB; from any thread."""
        with self._lock:
            self._newest = (header, picture)

    @property
    def header(self) -> Header | None:
        """Header of the image that is shown."""
        return self._shown[0] if self._shown else None

    @property
    def view(self) -> View | None:
        """How the shown image is scaled."""
        if self._shown is None:
            return None
        height, width = self._shown[1].shape[:2]
        return View.fit(width, height)

    def press(self, x: float, y: float) -> None:
        """Mouse down in the window."""
        self._frozen, self._start, self.box = True, (x, y), None

    def move(self, x: float, y: float) -> None:
        """Mouse moved while it is down."""
        view = self.view
        if self._start is None or view is None:
            return
        box = view.box(self._start, (x, y))
        self.box = box if min(box.width, box.height) >= SMALLEST else None

    def release(self, x: float, y: float) -> None:
        """Mouse up; a mere click lets the image run again."""
        self.move(x, y)
        self._start = None
        if self.box is None:
            self.again()

    def again(self) -> None:
        """Forget the box and show live images."""
        self.box, self._start, self._frozen = self._given, None, False

    def key(self, name: str) -> None:
        """A key: ``enter``, ``space``, ``escape`` or a letter."""
        if name in ('enter', 'space') and self.box is not None and self._start is None:
            self.outcome = 'taken'
        elif name in ('escape', 'q'):
            self.outcome = 'left'
        elif name == 'r':
            self.again()

    def render(self) -> ImageU8 | None:
        """Draw the window, (rows, columns, 3) uint8 RGB; None before the first image."""
        with self._lock:
            if not self._frozen:
                self._shown = self._newest
        view = self.view
        if self._shown is None or view is None:
            return None
        shrinks = view.scale < 1
        picture = cv2.resize(
            self._shown[1],
            view.size,
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST,
        )
        strip = np.full((_STRIP, picture.shape[1], 3), 24, np.uint8)
        canvas = np.concatenate([picture, strip])
        if self.box is not None:
            first, second = view.corners(self.box)
            for color, thickness in (((0, 0, 0), 4), ((72, 214, 150), 2)):
                cv2.rectangle(canvas, first, second, color, thickness)
        _write(canvas, self._text())
        return np.asarray(canvas, np.uint8)

    def _text(self) -> str:
        if self.box is None:
            return HELP
        box = ', '.join(f'{value:.0f}' for value in self.box)
        return f'{box}    Enter: take it    r: again    Esc: leave'


def _write(canvas: ImageU8, text: str) -> None:
    """The line of help, as large as fits."""
    rows, columns = canvas.shape[:2]
    (length, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    size = 0.5 * min(1.0, (columns - 12) / length)
    cv2.putText(
        canvas,
        text,
        (6, rows - 9),
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (225, 228, 232),
        1,
        cv2.LINE_AA,
    )
