"""JPEG and PNG messages: the header is read before anything is decoded.

What the data are decides, never the message's ``format``: drivers fill that in as they like. The
colours are those of the file. A file is taken only as a whole: OpenCV fills what is missing of a
JPEG with grey and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import NamedTuple
import zlib

import cv2
from hit_rfgm_ros.runtime.encodings import stretch
from hit_rfgm_ros.runtime.image_error import ImageError, check_size
from hit_rfgm_ros.runtime.reports import Picture
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np

_PNG = b'\x89PNG\r\n\x1a\n'
_JPEG = b'\xff\xd8\xff'
_OTHERS = (
    (0, b'II*\x00', 'TIFF'),
    (0, b'MM\x00*', 'TIFF'),
    (8, b'WEBP', 'WebP'),
    (4, b'ftyp', 'AVIF or HEIF'),
    (0, b'GIF8', 'GIF'),
    (0, b'BM', 'BMP'),
    (0, b'\xff\x0a', 'JPEG XL'),
    (0, b'\x00\x00\x00\x0cj', 'JPEG 2000 or JPEG XL'),
    (0, b'\x00\x00\x00\x01', 'H.264 or H.265'),
    (0, b'\x00\x00\x01', 'H.264, H.265 or MPEG'),
)
_ADVICE = 'let the camera driver send jpeg or png, or take the raw topic'

# A marker of JPEG; 0xff 0x00 and 0xff 0xd0 to 0xd7 are part of the coded data.
_MARKER = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]', re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive, Huffman coded
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
# Coded data for each place where a scan can be cut: within an interval or before its mark.
_MORE = b''.join(bytes(range(1, 250)) + bytes([0xFF, 0xD0 + i]) for i in range(8))
_MAX_SCANS = 64  # progressive files have about ten; many more only cost time

_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_MAX_DEFLATE = 1032  # bytes that one byte of a deflate stream can become at most


class _Head(NamedTuple):
    """What the header of a file says.

    Attributes:
        kind: JPEG or PNG.
        width, height: pixels.
        grey: no colour.
        depth: bits of a value.
        least: bytes that a picture of this size needs at the very least.
    """

    kind: str
    width: int
    height: int
    grey: bool
    depth: int
    least: int


def read_size(form: str, data: ImageU8) -> tuple[int, int]:
    """Read width and height from the header; nothing is decoded or allocated.

    Args:
        form: the ``format`` of the message.
        data: (N,) uint8, the file.

    Raises:
        ImageError: of kind ``data`` (empty), ``format`` (neither JPEG nor PNG, or a variant that
            no camera sends), ``size``, ``truncated`` or ``corrupt``.
    """
    head = _read_head(form, np.ascontiguousarray(data).data)
    return head.width, head.height


def decode(form: str, data: ImageU8) -> Picture:
    """Decode a whole JPEG or PNG file; its orientation tag is ignored.

    A file with transparency loses it. Of 16 bits the high byte counts; where `form` says 16UC1,
    which has no scale, the values are stretched from the smallest to the largest.

    Raises:
        ImageError: as `read_size`, and if the file is cut off or damaged.
    """
    view = np.ascontiguousarray(data).data
    head = _read_head(form, view)
    (_check_jpeg if head.kind == 'JPEG' else _check_png)(view)
    # The orientation tag would turn the picture against the camera's calibration.
    flags = cv2.IMREAD_IGNORE_ORIENTATION
    flags |= cv2.IMREAD_GRAYSCALE if head.grey else cv2.IMREAD_COLOR
    if head.grey and head.depth == 16:
        flags |= cv2.IMREAD_ANYDEPTH
    pixels = _imdecode(view, flags)
    if pixels is None or pixels.shape[:2] != (head.height, head.width):
        raise _corrupt(f'the {head.kind} does not decode')
    if head.kind == 'JPEG' and _was_filled(view, flags, pixels):
        raise ImageError('truncated', 'the JPEG is cut off: the data of its scan end too early')
    if pixels.dtype == np.uint16:
        pixels = stretch(pixels) if form.startswith('16UC1') else np.right_shift(pixels, 8)
    return Picture(pixels.astype(np.uint8, copy=False), 'bgr')


def _imdecode(view: memoryview, flags: int) -> Array | None:
    try:
        return cv2.imdecode(np.frombuffer(view, np.uint8), flags)
    except cv2.error:
        return None


def _was_filled(view: memoryview, flags: int, pixels: Array) -> bool:
    """Whether a JPEG's coded data ended before its last block, which then is medium grey.

    More data before the end marker are ignored after a whole scan and change one that was cut;
    only a cut within the very last block of pixels goes unseen.
    """
    if (pixels[-1, -1] != 128).any():
        return False
    *_, (_, _, place) = _jpeg_segments(view)
    found = _MARKER.search(view, place)
    end = found.start() if found else len(view)
    longer = b''.join((view[:end], _MORE, view[end:]))
    again = _imdecode(memoryview(longer), flags)
    return again is None or not np.array_equal(again, pixels)


def _read_head(form: str, view: memoryview) -> _Head:
    if 'compresseddepth' in form[:80].lower():
        raise ImageError(
            'format', 'compressedDepth is a depth image and no picture: track a colour image'
        )
    if not len(view):
        raise ImageError('data', 'the compressed image is empty')
    start = bytes(view[:32])
    if start.startswith(_JPEG):
        head = _jpeg_head(view)
    elif start.startswith(_PNG):
        head = _png_head(view)
    else:
        raise ImageError('format', _other(form, start))
    check_size(head.width, head.height)
    if len(view) < head.least:
        raise ImageError(
            'truncated',
            f'{len(view)} bytes cannot hold a {head.kind} of {head.width}x{head.height} pixels: '
            'it was cut off, or its header is wrong',
        )
    return head


def _other(form: str, start: bytes) -> str:
    shown = repr(form if len(form) <= 40 else form[:37] + '...')
    for place, magic, name in _OTHERS:
        if start[place : place + len(magic)] == magic:
            return f'the compressed image is {name} (its format says {shown}); {_ADVICE}'
    return (
        f'the compressed image is neither JPEG nor PNG: it begins with {start[:8].hex()} '
        f'(its format says {shown}); {_ADVICE}'
    )


def _jpeg_head(view: memoryview) -> _Head:
    for marker, start, end in _jpeg_segments(view):
        if marker in _OTHER_FRAMES:
            raise ImageError(
                'format', f'the JPEG is lossless, hierarchical or arithmetic coded; {_ADVICE}'
            )
        if marker == _START_OF_SCAN:
            break
        if marker in _FRAMES:
            return _jpeg_frame(view[start:end])
    raise _corrupt('the JPEG has no frame header')


def _jpeg_frame(frame: memoryview) -> _Head:
    count = frame[5] if len(frame) > 5 else 0
    if len(frame) != 6 + 3 * count:
        raise _corrupt('the frame header of the JPEG has a wrong length')
    depth = frame[0]
    height, width = int.from_bytes(frame[1:3], 'big'), int.from_bytes(frame[3:5], 'big')
    if depth != 8 or count not in (1, 3):
        colors = 'CMYK' if count == 4 else f'{count} channels'
        raise ImageError(
            'format', f'the JPEG has {depth} bits and {colors}; 8 bits, grey or colour, is taken'
        )
    factors = [(frame[7 + 3 * i] >> 4, frame[7 + 3 * i] & 15) for i in range(count)]
    if not all(1 <= factor <= 4 for pair in factors for factor in pair):
        raise _corrupt('the JPEG has sampling factors out of range')
    across, down = (max(values) for values in zip(*factors))
    # Each block of 8 x 8 takes a bit at the very least.
    blocks = sum(_up(width * h, 8 * across) * _up(height * v, 8 * down) for h, v in factors)
    return _Head('JPEG', width, height, count == 1, depth, blocks // 8)


def _check_jpeg(view: memoryview) -> None:
    """Walk to the end of the file: all that OpenCV needs must be there.

    JPEG has no checksum, so data that is damaged but whole cannot be told from a picture.
    """
    scans = sum(marker == _START_OF_SCAN for marker, _, _ in _jpeg_segments(view))
    if scans == 0:
        raise _corrupt('the JPEG has no scan')
    if scans > _MAX_SCANS:
        raise ImageError('format', f'the JPEG has {scans} scans, at most {_MAX_SCANS} are taken')


def _jpeg_segments(view: memoryview) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment, up to the end marker."""
    place = 2
    while True:
        found = _MARKER.search(view, place)
        if found is None:
            raise ImageError('truncated', 'the JPEG is cut off: its end marker is missing')
        marker, start = view[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return
        if marker == 0x01:
            place = start
            continue
        length = int.from_bytes(view[start : start + 2], 'big')
        if length < 2:
            raise _corrupt('a segment of the JPEG has no length')
        place = start + length
        if place > len(view):
            raise ImageError('truncated', 'the JPEG is cut off inside its headers')
        yield marker, start + 2, place


def _png_head(view: memoryview) -> _Head:
    name, start, _ = next(_png_chunks(view))
    if name != b'IHDR' or len(view) < start + 13:
        raise _corrupt('the PNG does not begin with its header')
    width, height = (int.from_bytes(view[start + i : start + i + 4], 'big') for i in (0, 4))
    depth, color, packing, filters, interlace = view[start + 8 : start + 13]
    if depth not in _PNG_DEPTHS.get(color, ()) or packing or filters or interlace > 1:
        raise _corrupt('the header of the PNG has impossible values')
    least = width * height * _PNG_CHANNELS[color] * depth // 8 // _MAX_DEFLATE
    return _Head('PNG', width, height, color in (0, 4), depth, least)


def _check_png(view: memoryview) -> None:
    for name, _, _ in _png_chunks(view):
        if name == b'acTL':
            raise ImageError('format', f'the PNG is animated; {_ADVICE}')


def _png_chunks(view: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, up to the last one; checksums are checked."""
    place = len(_PNG)
    while True:
        length = int.from_bytes(view[place : place + 4], 'big')
        name, start = bytes(view[place + 4 : place + 8]), place + 8
        end = start + length
        place = end + 4
        if place > len(view):
            raise ImageError('truncated', 'the PNG is cut off')
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(view[end:place], 'big'):
            raise _corrupt('a checksum of the PNG is wrong')
        yield name, start, end
        if name == b'IEND':
            return


def _corrupt(what: str) -> ImageError:
    return ImageError('corrupt', f'{what}: the image was damaged on its way or by its sender')


def _up(value: int, size: int) -> int:
    return -(-value // size)
