"""Image messages in and out: checked by their header first, decoded only when they are used."""

from __future__ import annotations

from difflib import get_close_matches

import cv2
from hit_rfgm_ros.runtime import compressed
from hit_rfgm_ros.runtime.encodings import ENCODINGS, REFUSED, Encoding
from hit_rfgm_ros.runtime.image_error import MAX_PIXELS, MIN_SIDE, ImageError, check_size
from hit_rfgm_ros.runtime.reports import IncomingImage, Picture
from hit_rfgm_ros.types import ImageU8
import numpy as np

__all__ = [
    'ENCODINGS',
    'MAX_PIXELS',
    'MIN_SIDE',
    'ImageError',
    'check_image',
    'decode',
    'encode',
]

# What `encode` writes: channels in order, bytes of a value.
_WRITTEN = {
    'rgb8': ('rgb', 1),
    'bgr8': ('bgr', 1),
    'rgba8': ('rgba', 1),
    'bgra8': ('bgra', 1),
    'mono8': ('', 1),
    '8UC1': ('', 1),
    '8UC3': ('bgr', 1),
    'rgb16': ('rgb', 2),
    'bgr16': ('bgr', 2),
    'mono16': ('', 2),
}


def check_image(image: IncomingImage) -> tuple[int, int]:
    """Check an image message by its header alone; nothing is allocated or decoded.

    Args:
        image: raw, or JPEG or PNG if `IncomingImage.compressed` is set.

    Returns:
        Width and height in pixels.

    Raises:
        ImageError: naming what is wrong; `ImageError.kind` is the short key of it.
    """
    if image.compressed:
        return compressed.read_size(image.encoding, image.data)
    encoding = _find(image.encoding)
    width, height, step = image.width, image.height, image.step
    check_size(width, height)
    least = encoding.min_step(width)
    if step < least:
        raise ImageError(
            'step',
            f'step is {step} bytes, but a row of {width} pixels {image.encoding} has {least}: '
            'the camera driver fills in a wrong step or encoding',
        )
    needed = step * encoding.rows(height)
    if image.data.size < needed:
        raise ImageError(
            'data',
            f'the message has {image.data.size} bytes, but {width}x{height} {image.encoding} '
            f'with a step of {step} has {needed}: it was cut off, or its header is wrong',
        )
    return width, height


def decode(image: IncomingImage) -> Picture:
    """Turn an image message into a picture of 8 bit.

    A picture from rgb8, bgr8, mono8, 8UC1 and 8UC3 is a view of the message, also where its rows
    are padded; the others are copies.

    Raises:
        ImageError: as `check_image`, and for compressed data that is damaged.
    """
    width, height = check_image(image)
    if image.compressed:
        return compressed.decode(image.encoding, image.data)
    encoding = ENCODINGS[image.encoding]
    rows = encoding.rows(height)
    data = image.data[: rows * image.step].reshape(rows, image.step)
    return encoding.convert(data, width, height, image.big_endian)


def encode(pixels: ImageU8, color: str, encoding: str) -> ImageU8:
    """Lay a picture out as the data of a raw image message.

    Args:
        pixels: (H, W, 3) or (H, W) uint8.
        color: ``rgb`` or ``bgr``, of no meaning for (H, W).
        encoding: rgb8, bgr8, mono8 or another interleaved one; 16 bits are little endian.

    Returns:
        (H, step) uint8 without padding; a view of ``pixels`` where nothing has to be changed.

    Raises:
        ImageError: of kind ``encoding``, if it is none of those.
    """
    if encoding not in _WRITTEN:
        raise ImageError(
            'encoding',
            f'images are written as {", ".join(_WRITTEN)}; got {_shown(encoding)}',
        )
    order, depth = _WRITTEN[encoding]
    source = 'gray' if pixels.ndim == 2 else color
    if source != (order or 'gray'):
        code = getattr(cv2, f'COLOR_{source.upper()}2{(order or "gray").upper()}')
        pixels = np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    if depth == 2:
        pixels = (pixels.astype('<u2') * np.uint16(257)).astype('<u2').view(np.uint8)
    return np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)


def _find(name: str) -> Encoding:
    found = ENCODINGS.get(name)
    if found is not None:
        return found
    if name in REFUSED:
        raise ImageError('encoding', f'the encoding {name} {REFUSED[name]}')
    near = get_close_matches(name[:40], ENCODINGS, n=1)
    hint = f'did you mean {near[0]}?' if near else f'accepted are {", ".join(ENCODINGS)}'
    raise ImageError('encoding', f'the encoding {_shown(name)} is unknown; {hint}')


def _shown(text: str) -> str:
    """A text from outside, cut so that a log line stays a line."""
    return repr(text if len(text) <= 40 else text[:37] + '...')
