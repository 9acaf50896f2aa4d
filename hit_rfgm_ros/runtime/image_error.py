"""The error of an image message that cannot be used, and the sizes that are accepted."""

from __future__ import annotations

from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.geometry.boxes import PAPER_MARGIN

MAX_PIXELS = 1 << 26  # 67 megapixels; a header that claims more is refused before any allocation
MIN_SIDE = int(PAPER_MARGIN)  # pixels; the trackers take nothing smaller


class ImageError(FrameError):
    """An image message cannot be used.

    Attributes:
        kind: short key of the cause, for counting and for logging each cause once:
            ``encoding``, ``size``, ``step``, ``data``, ``format``, ``truncated`` or ``corrupt``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def check_size(width: int, height: int) -> None:
    """Refuse sizes that no tracker can use or no machine should allocate.

    Raises:
        ImageError: of kind ``size``, with the size and the bound.
    """
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            'size',
            f'the image is {width}x{height} pixels, it must be at least {MIN_SIDE}x{MIN_SIDE}: '
            'check width and height that the camera driver fills in',
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            'size',
            f'the image claims {width}x{height} pixels, more than the {MAX_PIXELS} accepted: '
            'lower the resolution of the camera',
        )
